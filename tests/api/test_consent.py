"""Consent over HTTP: a decision is taken down, asked for, explained; all recorded."""

import re
from pathlib import Path
from typing import Any, get_args

import httpx
import msgspec
import pytest
from msgspec.structs import fields

from cdp.api.consent import StatementBody
from cdp.consent import Standard
from tests.support.house import order
from tests.support.web import Web, is_error

PERSON = {"namespace": "user_id", "value": "u-consent"}


def post(
    web: Web,
    path: str,
    body: object,
    *,
    role: str = "consent_manager",
    purpose: str = "service",
) -> httpx.Response:
    return web.client.post(path, json=body, headers=web.bearer(role, purpose))


def decide(web: Web, value: str, **purposes: str) -> httpx.Response:
    identifier = {"namespace": "user_id", "value": value}
    body = {"identifier": identifier, "purposes": purposes}
    return post(web, "/v1/consent", body)


def state(web: Web, value: str, purpose: str) -> dict[str, Any]:
    answer = post(
        web,
        "/v1/consent/query",
        {
            "identifier": {"namespace": "user_id", "value": value},
            "purpose": purpose,
        },
    )
    assert answer.status_code == 200, answer.text
    [found] = answer.json()["states"]
    return dict(found)


def test_a_decision_is_taken_down_asked_for_and_explained(both: Web) -> None:
    kept = decide(both, "u-consent", analytics="grant", segmentation="deny").json()
    assert kept["states"]["analytics"]["granted"] is True
    assert kept["states"]["segmentation"]["granted"] is False
    assert kept["states"]["segmentation"]["reason"] == "consent.denied"
    [record] = both.records("consent.change")
    assert record["id"] == kept["record"]
    assert state(both, "u-consent", "analytics")["granted"] is True
    denied = state(both, "u-consent", "segmentation")
    assert (denied["granted"], denied["reason"]) == (False, "consent.denied")
    explained = post(
        both,
        "/v1/consent/explain",
        {"identifier": PERSON, "purpose": "segmentation"},
    ).json()
    assert explained["winner"]["grants"] is False
    assert explained["state"]["reason"] == "consent.denied"
    assert len(both.records("consent.read")) == 3


def test_a_decision_binds_the_events_that_come_after(both: Web) -> None:
    decide(both, "u-bind", linking="deny", analytics="deny", segmentation="deny")
    event = order("bind", user="u-bind", preferences=None)
    [error] = both.batch([event]).json()["errors"]
    assert error["code"] == "ingest.consent_missing"
    assert both.inbox() == 0


def test_somebody_unknown_gets_the_answer_of_somebody_silent(web: Web) -> None:
    body = {"identifier": {"namespace": "user_id", "value": "never-seen"}}
    before = web.stored()
    answer = post(web, "/v1/consent/query", body).json()
    assert {item["purpose"] for item in answer["states"]} == set(
        web.house.core.in_force.policy.purposes
    )
    consented = {
        item["purpose"]: item["reason"]
        for item in answer["states"]
        if not item["granted"]
    }
    assert set(consented.values()) == {"consent.never_asked"}
    after = web.stored()
    assert after["identifier"] == before["identifier"]


def test_a_past_state_is_answered_from_what_was_known_then(web: Web) -> None:
    decide(web, "u-past", analytics="grant")
    body = {
        "identifier": {"namespace": "user_id", "value": "u-past"},
        "purpose": "analytics",
        "known_at": "2026-11-25T11:59:59Z",
    }
    [found] = post(web, "/v1/consent/query", body).json()["states"]
    assert found["reason"] == "consent.never_asked"


def test_a_client_without_the_role_is_denied_and_recorded(web: Web) -> None:
    before = web.stored()
    decision = {"identifier": PERSON, "purposes": {"analytics": "grant"}}
    answer = post(
        web, "/v1/consent", decision, role="segmentation", purpose="segmentation"
    )
    body = answer.json()
    assert (answer.status_code, body["code"]) == (403, "gate.role")
    last = web.records("consent.change", "denied")[-1]
    assert last["id"] == body["record"]
    assert web.stored()["consent_signal"] == before["consent_signal"]
    query = {"identifier": PERSON, "purpose": "analytics"}
    for path in ("/v1/consent/query", "/v1/consent/explain"):
        answer = post(web, path, query, role="operator", purpose="operations")
        assert (answer.status_code, answer.json()["code"]) == (403, "gate.role")


@pytest.mark.parametrize("path", ["/v1/consent/query", "/v1/consent/explain"])
def test_a_purpose_that_does_not_exist_is_404_and_recorded(web: Web, path: str) -> None:
    answer = post(web, path, {"identifier": PERSON, "purpose": "world.domination"})
    assert (answer.status_code, answer.json()["code"]) == (404, "gate.unknown")
    last = web.records("consent.read", "denied")[-1]
    assert last["id"] == answer.json()["record"]
    assert "world" not in str(last)


def with_(**more: object) -> dict[str, object]:
    return {"identifier": PERSON, "purposes": {"analytics": "grant"}} | more


UNREADABLE: list[object] = [
    None,
    [],
    "text",
    {},
    {"purposes": {"analytics": "grant"}},
    with_(identifier="u1"),
    with_(identifier={"namespace": "user_id"}),
    with_(identifier={"namespace": "user_id", "value": 5}),
    with_(identifier=PERSON | {"more": 1}),
    with_(purposes={"analytics": "maybe"}),
    with_(purposes={"analytics": True}),
    with_(purposes=["analytics"]),
    with_(more=1),
    with_(actor="robot"),
    with_(evidence="hearsay"),
    with_(decided_at="yesterday"),
    with_(decided_at="2026-11-25T11:00:00"),
    with_(notice=""),
    with_(notice="x" * 129),
    with_(notice="a\0b"),
    with_(level=4),
    with_(level=-1),
    with_(level="high"),
    with_(age=-1),
    with_(age=151),
    with_(age=13.5),
    with_(statement="1YNN"),
    with_(statement={"standard": "tcf"}),
    with_(statement={"value": "1"}),
    with_(statement={"standard": "telepathy", "value": "1"}),
    with_(statement={"standard": "tcf", "value": "x", "more": 1}),
    with_(proof={"method": "sorcery"}),
    with_(proof={"guardian_check": "trust_me"}),
    with_(proof={"form": "a\0b"}),
    with_(proof={"agent": "x" * 1_025}),
    with_(proof={"more": 1}),
    with_(form="settings-3"),
]


@pytest.mark.parametrize("body", UNREADABLE)
def test_a_decision_of_another_shape_is_refused(web: Web, body: object) -> None:
    web.bearer("consent_manager", "service")  # signing in is a record of its own
    before = web.stored()
    answer = post(web, "/v1/consent", body)
    assert is_error(answer, 400, "request.invalid")
    assert web.stored() == before


TC = {"standard": "tcf", "value": "CO"}
UNFIT: list[tuple[dict[str, object], str]] = [
    ({"identifier": PERSON}, "consent.invalid"),
    (with_(purposes={}), "consent.invalid"),
    (with_(level=1), "consent.invalid"),
    (with_(statement=TC), "consent.invalid"),
    (
        {"identifier": PERSON, "statement": {"standard": "tcf", "value": None}},
        "consent.invalid",
    ),
    (with_(purposes={"analytics": "remind"}), "consent.invalid"),
    (with_(purposes={"world.domination": "deny"}), "consent.unknown_purpose"),
    (with_(purposes={"world.domination": "grant"}), "consent.unknown_purpose"),
    (
        with_(purposes={"analytics": "grant", "x" * 500: "deny"}),
        "consent.unknown_purpose",
    ),
    (with_(jurisdiction="Atlantis"), "consent.invalid"),
    (with_(decided_at="2026-11-25T12:00:01Z"), "consent.future"),
    (with_(decided_at="1969-12-31T23:59:59Z"), "consent.invalid"),
    (with_(actor="guardian"), "consent.guardian_unverified"),
    (with_(notice="Atlantis"), "consent.unknown_notice"),
    (with_(identifier={"namespace": "shoe", "value": "x"}), "consent.invalid"),
    (with_(identifier={"namespace": "user_id", "value": ""}), "consent.invalid"),
    (
        with_(identifier={"namespace": "user_id", "value": "anonymous"}),
        "consent.invalid",
    ),
    (with_(identifier={"namespace": "user_id", "value": "x" * 513}), "consent.invalid"),
    (
        with_(identifier={"namespace": "email", "value": "no address"}),
        "consent.invalid",
    ),
    (
        with_(identifier={"namespace": "phone", "value": "12", "region": "XX"}),
        "consent.invalid",
    ),
    (with_(identifier={"namespace": "user_id", "value": "a\0b"}), "consent.invalid"),
]


@pytest.mark.parametrize(("body", "code"), UNFIT)
def test_a_decision_that_cannot_be_kept_is_refused_and_counted(
    web: Web, body: dict[str, object], code: str
) -> None:
    before = web.stored()
    counted = refused_at_the_desk(web).get(code, 0)
    answer = post(web, "/v1/consent", body)
    assert is_error(answer, 422, code)
    assert "x" * 500 not in answer.text
    assert "Atlantis" not in answer.text
    assert refused_at_the_desk(web)[code] == counted + 1
    after = web.stored()
    assert after.pop("ingest_count") <= before.pop("ingest_count") + 1
    for table in ("audit_queue", "audit_record"):  # who looked at the counts
        after.pop(table)
        before.pop(table)
    assert after == before


def refused_at_the_desk(web: Web) -> dict[str, int]:
    """What an operator is shown of refused decisions, by code."""
    operator = web.bearer("operator", "operations")
    seen = web.client.get("/v1/ingest/refused", headers=operator).json()
    return {
        line["code"]: line["n"]
        for line in seen["refused"]
        if line["source"] == "(desk)"
    }


def test_a_raw_statement_is_kept_told_and_counted(both: Web) -> None:
    person = {"namespace": "user_id", "value": "u-raw"}
    good = {"standard": "rudderstack", "value": {"allowedConsentIds": ["Analytics"]}}
    body = {"identifier": person, "statement": good, "jurisdiction": "EU"}
    kept = post(both, "/v1/consent", body).json()
    assert (kept["problem"], kept["remarks"]) == (None, [])
    before = both.stored()
    other = {"namespace": "user_id", "value": "u-raw-2"}
    broken = {"standard": "tcf", "value": "CO"}
    answer = post(both, "/v1/consent", {"identifier": other, "statement": broken})
    told = answer.json()
    assert answer.status_code == 200
    assert told["problem"].startswith("tcf.")
    assert not any(state["granted"] for state in told["states"].values())
    assert both.stored()["consent_signal"] == before["consent_signal"] + 1
    operator = both.bearer("operator", "operations")
    seen = both.client.get("/v1/ingest/refused", headers=operator).json()["dropped"]
    assert {
        "source": "(desk)",
        "rule": f"consent.{told['problem']}",
        "path": "/statement",
        "n": 1,
    } in seen


def test_a_decision_brings_its_proof(both: Web) -> None:
    body = {
        "identifier": {"namespace": "user_id", "value": "u-proof"},
        "purposes": {"analytics": "deny"},
        "age": 13,
        "proof": {
            "form": "settings-3",
            "method": "website",
            "address": "203.0.113.77",
            "agent": "probe/1.0",
        },
    }
    answer = post(both, "/v1/consent", body)
    assert answer.status_code == 200, answer.text
    state = answer.json()["states"]["analytics"]
    assert {"granted", "reason", "rule", "valid_to"} <= set(state)
    assert {"reconfirm_due", "no_ask_before"} <= set(state)
    assert "203.0.113.77" not in answer.text


def test_the_standards_on_the_wire_are_those_of_the_room() -> None:
    field = next(one for one in fields(StatementBody) if one.name == "standard")
    assert set(get_args(field.type)) == {one.value for one in Standard}


def examples() -> list[dict[str, Any]]:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "send-consent.md"
    found = re.findall(
        r"^```json\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL
    )
    return [msgspec.json.decode(body) for body in found]


@pytest.mark.parametrize("number", range(len(examples())))
def test_the_examples_of_the_page_are_taken(web: Web, number: int) -> None:
    example = examples()[number]
    if "identifier" in example:
        answer = post(web, "/v1/consent", example)
        assert answer.status_code == 200, answer.text
        assert answer.json()["problem"] is None
        assert answer.json()["remarks"] == []
        return
    before = web.stored()
    event = example | {"messageId": f"page-{number}"}
    assert web.batch([event]).json()["receivedEvents"] == 1
    after = web.stored()
    assert after["consent_signal"] > before["consent_signal"]
    rows = web.house.rows("SELECT unreadable FROM consent_signal")
    assert rows[-1] == (0,)


@pytest.mark.parametrize(
    "instant", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z"]
)
def test_the_edges_of_time_break_no_question(both: Web, instant: str) -> None:
    decide(both, "u-edge", analytics="grant")
    for path in ("/v1/consent/query", "/v1/consent/explain"):
        for name in ("valid_at", "known_at"):
            body = {
                "identifier": {"namespace": "user_id", "value": "u-edge"},
                "purpose": "analytics",
                name: instant,
            }
            assert post(both, path, body).status_code == 200
    early = with_(decided_at="0001-01-01T00:00:00+14:00")
    assert post(both, "/v1/consent", early).status_code in (200, 422)


@pytest.mark.parametrize(
    "path", ["/v1/consent", "/v1/consent/query", "/v1/consent/explain"]
)
def test_a_body_that_is_not_json_is_refused(web: Web, path: str) -> None:
    bearer = web.bearer("consent_manager", "service")
    deep = b'{"identifier":' * 50_000
    broken = b'{"identifier":{"namespace":"user_id","value":"\xff"}}'
    bodies = (b"", b"{", b"\xff\xfe", b"not json", deep, broken, b'{"a":"\\ud800"}')
    for body in bodies:
        answer = web.client.post(path, content=body, headers=bearer)
        assert is_error(answer, 400, "request.invalid"), body[:20]
