"""The log over HTTP: officers ask, with a reason, and each question is a record."""

from typing import Any

import httpx
import pytest

from tests.support.house import NO, order
from tests.support.web import Web, is_error

WHY = {"reason_code": "access_request", "ticket": "T-1"}


def records(web: Web, **query: Any) -> httpx.Response:
    return web.client.get(
        "/v1/audit/records",
        params=WHY | query,
        headers=web.bearer("compliance", "compliance"),
    )


def subject(web: Web, value: str, **body: Any) -> httpx.Response:
    web.house.core.log.sequence(web.house.core.database)
    identifier = {"namespace": "user_id", "value": value}
    return web.client.post(
        "/v1/audit/subject",
        params=WHY,
        json={"identifier": identifier} | body,
        headers=web.bearer("compliance", "compliance"),
    )


def test_opening_payloads_without_a_reason_is_denied_and_recorded(web: Web) -> None:
    answer = web.client.get(
        "/v1/audit/records",
        params={"open_payload": True},
        headers=web.bearer("compliance", "compliance"),
    )
    body = answer.json()
    assert (answer.status_code, body["code"]) == (403, "gate.reason_missing")
    last = web.records("audit.query", "denied")[-1]
    assert last["id"] == body["record"]


def test_a_caller_who_may_not_ask_is_denied_and_recorded(web: Web) -> None:
    answer = web.client.get(
        "/v1/audit/records",
        params=WHY,
        headers=web.bearer("segmentation", "segmentation"),
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "gate.role")
    last = web.records("audit.query", "denied")[-1]
    assert last["id"] == answer.json()["record"]


def test_a_page_says_what_it_rests_on_and_the_next_one_goes_on(both: Web) -> None:
    for number in range(7):
        both.batch([order(f"page-{number}", user="u1")])
    both.publish()
    first = records(both, kind="event.ingest", limit=3).json()
    assert len(first["records"]) == 3
    assert first["complete"] is False
    found = first["records"]
    page = first
    while not page["complete"]:
        page = records(
            both,
            kind="event.ingest",
            limit=3,
            after=page["next"],
            until_index=first["size"],
        ).json()
        found += page["records"]
    indexes = [record["index"] for record in found]
    assert len(indexes) == 7
    assert len(set(indexes)) == 7
    assert all(record["payload"] is None for record in found)
    assert page["record"]


def test_who_touched_a_person_names_the_bulk_pull(both: Web) -> None:
    both.batch([order("who-1", user="u-who"), order("who-2", user="u-other")])
    pulled = both.client.get(
        "/v1/releases/rfm", headers=both.bearer("segmentation", "segmentation")
    )
    assert pulled.status_code == 200
    pull = pulled.headers["access-record"]
    answer = subject(both, "u-who", open_payload=True).json()
    kinds = {record["envelope"]["kind"]: record for record in answer["records"]}
    assert kinds["release.pull"]["id"] == pull
    # Alone in its class, so the person was part of the pull by being left out.
    assert kinds["release.pull"]["roles"] == ["withheld"]
    assert kinds["release.pull"]["payload"]["client"]
    again = subject(both, "u-who").json()
    looks = [r for r in again["records"] if r["envelope"]["kind"] == "audit.query"]
    assert [look["id"] for look in looks] == [answer["record"]]
    nobody = subject(both, "never-seen").json()
    assert nobody["records"] == []
    assert set(nobody) == set(answer)


def test_a_denial_shows_up_in_the_persons_line(both: Web) -> None:
    both.batch([order("line", user="u-line", preferences=NO)])
    asked = both.client.post(
        "/v1/consent/query",
        json={"identifier": {"namespace": "user_id", "value": "u-line"}},
        headers=both.bearer("consent_manager", "service"),
    )
    line = subject(both, "u-line").json()["records"]
    assert asked.json()["record"] in {record["id"] for record in line}


BAD_QUERIES: list[dict[str, str]] = [
    {"kind": "no.such.kind"},
    {"outcome": "maybe"},
    {"limit": "0"},
    {"limit": "1001"},
    {"limit": "-1"},
    {"limit": "many"},
    {"limit": "9" * 30},
    {"after": "-1"},
    {"after": "9" * 30},
    {"after": "x"},
    {"until_index": "9" * 20},
    {"since": "yesterday"},
    {"since": "2026-11-25T12:00:00"},
    {"since": "0001-01-01T00:00:00+14:00"},
    {"until": "9" * 400},
    {"open_payload": "perhaps"},
]


@pytest.mark.parametrize("query", BAD_QUERIES)
def test_a_question_that_cannot_be_read_is_refused(
    web: Web, query: dict[str, str]
) -> None:
    assert is_error(records(web, **query), 400, "request.invalid")


ODD_QUERIES: list[dict[str, str]] = [
    {"purpose": "\0"},
    {"release": "x" * 2_000},
    {"recipient": "' OR 1=1 --"},
    {"reason": "\u00e9\u0000"},
    {"policy": "zz"},
    {"client": "c_\0"},
    {"client": "x" * 2_000},
    {"since": "1970-01-01T00:00:00Z"},
    {"until": "9999-12-31T23:59:59-14:00"},
    {"after": str((1 << 62) - 1)},
    {"until_index": "0"},
]


def test_odd_filters_find_nothing_or_all_and_break_nothing(both: Web) -> None:
    both.batch([order("odd", user="u1")])
    for query in ODD_QUERIES:
        answer = records(both, **query)
        assert answer.status_code == 200, query
    officer = both.bearer("compliance", "compliance")
    raw = "/v1/audit/records?reason_code=x&purpose=%ff%fe&client=%00&release=%e4"
    odd = [(b"User-Agent", b"\xff" * 600), (b"X-Forwarded-For", b"\xe9,,")]
    headers = [*odd, (b"Authorization", officer["Authorization"].encode())]
    assert both.client.get(raw, headers=headers).status_code == 200
    for name in ("reason_code", "ticket", "purpose_of_access"):
        for value in ("\0", "x" * 5_000, "\ud55c\uad6d\uc5b4"):
            answer = records(both, **{name: value})
            assert answer.status_code in (200, 403), (name, value[:5])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"identifier": "u1"},
        {"identifier": {"namespace": "user_id", "value": "u1"}, "limit": 0},
        {"identifier": {"namespace": "user_id", "value": "u1"}, "limit": 2**70},
        {"identifier": {"namespace": "user_id", "value": "u1"}, "after": -5},
        {"identifier": {"namespace": "user_id", "value": "u1"}, "after": 2**70},
        {"identifier": {"namespace": "user_id", "value": "u1"}, "kind": "x"},
        {"identifier": {"namespace": "user_id", "value": "u1"}, "since": "2026-01-01"},
        {"identifier": {"namespace": "user_id", "value": "u1"}, "extra": 1},
    ],
)
def test_a_question_about_a_person_of_another_shape_is_refused(
    web: Web, body: dict[str, object]
) -> None:
    answer = web.client.post(
        "/v1/audit/subject",
        params=WHY,
        json=body,
        headers=web.bearer("compliance", "compliance"),
    )
    assert is_error(answer, 400, "request.invalid")


def test_payloads_are_sealed_until_somebody_opens_them(web: Web) -> None:
    web.batch([order("sealed", user="u1")])
    shut = records(web, kind="event.ingest").json()["records"][-1]
    assert (shut["payload"], shut["payload_state"]) == (None, "sealed")
    opened = records(web, kind="event.ingest", open_payload="true").json()
    assert opened["records"][-1]["payload_state"] == "open"
    whys = {r["payload"].get("reason_code") for r in web.records("audit.query")}
    assert "access_request" in whys
