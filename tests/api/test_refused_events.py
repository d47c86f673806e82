"""One bad event in a good batch: it is refused by index, and the rest is stored."""

from typing import Any

import pytest

from cdp.ingest import read_counts
from tests.support.house import NO, YES, consent, order
from tests.support.web import Web

TOO_LARGE = {"type": "page", "messageId": "b", "userId": "u1", "name": "x" * 33_000}

BAD: dict[str, tuple[object, str, str]] = {
    "text": ("text", "not_an_object", ""),
    "number": (7, "not_an_object", ""),
    "null": (None, "not_an_object", ""),
    "list": ([order("b")], "not_an_object", ""),
    "no type": ({"messageId": "b"}, "unknown_type", "/type"),
    "unknown type": ({"type": "merge"}, "unknown_type", "/type"),
    "type in capitals": ({"type": "Track"}, "unknown_type", "/type"),
    "type that is a number": ({"type": 1}, "unknown_type", "/type"),
    "type that is a list": ({"type": ["track"]}, "unknown_type", "/type"),
    "the house's own type": ({"type": "consent"}, "unknown_type", "/type"),
    "too large": (TOO_LARGE, "event_too_large", ""),
    "track without name": ({"type": "track"}, "missing_event", "/event"),
    "track of blanks": ({"type": "track", "event": " "}, "missing_event", "/event"),
    "track of a number": ({"type": "track", "event": 5}, "missing_event", "/event"),
    "group without group": (
        {"type": "group", "userId": "u1"},
        "missing_group",
        "/groupId",
    ),
    "alias without the old": (
        {"type": "alias", "userId": "u1"},
        "missing_alias",
        "/previousId",
    ),
    "alias without the new": (
        {"type": "alias", "previousId": "u1"},
        "missing_alias",
        "/userId",
    ),
    "consent without its object": (
        {"type": "track", "event": "Segment Consent Preference Updated"},
        "missing_consent",
        "/context/consent",
    ),
    "identify of nobody": ({"type": "identify"}, "missing_identifier", ""),
    "identify of a placeholder": (
        {"type": "identify", "userId": "anonymous", "anonymousId": "null"},
        "missing_identifier",
        "",
    ),
    "group of nobody": (
        {"type": "group", "groupId": "g1", "context": consent(YES)},
        "missing_identifier",
        "",
    ),
    "older than it may be kept": (
        order("b", user="u1", timestamp="2024-11-25T11:59:59Z"),
        "too_old",
        "/timestamp",
    ),
    "a denial": (order("b", user="denier", preferences=NO), "consent_missing", ""),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_event_is_refused_alone(web: Web, name: str) -> None:
    bad, code, path = BAD[name]
    if isinstance(bad, dict):
        bad = bad | {"messageId": f"bad {name}"}
    before = web.stored()
    first = order(f"{name} 1", user="good-1")
    second = order(f"{name} 2", user="good-2")
    answer = web.batch([first, bad, second])
    assert answer.status_code == 200
    body = answer.json()
    [error] = body.pop("errors")
    assert body == {"success": True, "ok": False, "receivedEvents": 3, "okEvents": 2}
    assert list(error) == ["index", "messageId", "code", "path", "message"]
    assert (error["index"], error["code"], error["path"]) == (1, f"ingest.{code}", path)
    assert error["message"]
    if isinstance(bad, dict) and code != "event_too_large":
        assert error["messageId"] == f"bad {name}"
    after = web.stored()
    assert after["lake_inbox"] == before["lake_inbox"] + 2
    assert after["ingest_seen"] == before["ingest_seen"] + 2
    assert after["lake_quarantine"] == before["lake_quarantine"]


def test_broken_utf_8_stays_in_its_event(web: Web) -> None:
    before = web.inbox()
    good = b'{"type":"page","messageId":"u-1","userId":"u1","context":{"consent":' + (
        b'{"categoryPreferences":{"Functional":true,"Analytics":true}}}}'
    )
    body = b'{"batch":[' + good + b',{"type":"page","name":"\xff\xfe"}]}'
    answer = web.post("/v1/batch", body).json()
    assert [error["code"] for error in answer["errors"]] == ["ingest.invalid_utf8"]
    assert web.inbox() == before + 1


def test_an_empty_batch_is_ok(web: Web) -> None:
    before = web.stored()
    answer = web.batch([])
    assert answer.content == (
        b'{"success":true,"ok":true,"receivedEvents":0,"okEvents":0,"errors":[]}'
    )
    after = web.stored()
    assert after.pop("audit_record") == before.pop("audit_record") + 1
    assert after == before


FINE: dict[str, dict[str, Any]] = {
    "a field that no policy names": {"favourite": "blue"},
    "a wrong type where a policy names a field": {"properties": {"revenue": "many"}},
    "an object where text is expected": {"userId": {"a": 1}},
    "a list where an object is expected": {"properties": [1, 2]},
    "text where an object is expected": {"context": "text", "properties": "text"},
    "a number that no column holds": {"properties": {"coupon_count": 10**30}},
    "a number that no double holds": {"properties": {"revenue": 10**400}},
    "an identifier that is a placeholder": {"anonymousId": "[object Object]"},
    "an identifier of 513 bytes": {"anonymousId": "x" * 513},
    "an identifier that is a number": {"anonymousId": 1234567890},
    "an identifier that is true": {"anonymousId": True},
    "a message id of 257 bytes": {"messageId": "y" * 257},
    "a message id that is a number": {"messageId": 5},
    "no message id": {"messageId": None},
    "U+0000 in text and in keys": {"properties": {"quer\0y": "a\0b", "query": "\0"}},
    "half a surrogate pair": {"properties": {"query": "\ud83d"}},
    "the other half": {"properties": {"query": "\ude00"}},
    "a resident registration number": {"properties": {"query": "900101-1234567"}},
    "no time": {"timestamp": None},
    "an unreadable time": {"timestamp": "yesterday"},
    "a time that is a number": {"timestamp": 1_764_072_000},
    "the first instant there is": {"timestamp": "0001-01-01T00:00:00+14:00"},
    "the last instant there is": {"timestamp": "9999-12-31T23:59:59-12:00"},
    "a time of the future": {"timestamp": "2027-01-01T00:00:00Z"},
    "sent before it happened": {"sentAt": "2020-01-01T00:00:00Z"},
    "sent in the last year there is": {"sentAt": "9999-12-31T23:59:59Z"},
    "a name of 5,000 letters": {"event": "n" * 5_000},
}


@pytest.mark.parametrize("name", FINE)
def test_an_odd_event_costs_its_field_and_not_itself(web: Web, name: str) -> None:
    odd = order(f"fine {name}", user="u-fine") | FINE[name]
    kept = odd | {"userId": "u-fine"} if not isinstance(odd["userId"], str) else odd
    before = web.stored()
    answer = web.batch([kept, order(f"beside {name}", user="u-fine")])
    assert answer.status_code == 200, answer.text
    refused = [error["code"] for error in answer.json()["errors"]]
    assert refused in ([], ["ingest.too_old"])
    after = web.stored()
    landed = after["lake_inbox"] + after["lake_quarantine"]
    assert landed == before["lake_inbox"] + before["lake_quarantine"] + 2 - len(refused)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 5_000, "1e-999", "1E+400"])
def test_a_number_too_large_costs_its_field_and_not_the_event(
    web: Web, number: str
) -> None:
    body = (
        '{"batch":[{"type":"track","event":"Order Completed","userId":"u1",'
        f'"messageId":"n {number[:9]}","properties":{{"revenue":{number},"query":'
        f'"1e999 stays"}}}}]}}'
    )
    before = web.inbox()
    assert web.post("/v1/batch", body.encode()).json()["ok"] is True
    assert web.inbox() == before + 1


def test_bare_nan_and_infinity_do_not_cost_the_batch(web: Web) -> None:
    before = web.inbox()
    properties = {"revenue": float("nan"), "a": float("inf"), "b": [-float("inf")]}
    items = [
        order("nan-1", user="u1", properties=properties),
        order("nan-2", user="u1", event="NaN", properties={"query": "NaN Infinity"}),
    ]
    assert web.batch(items).json()["ok"] is True
    assert web.inbox() == before + 2


def test_a_byte_order_mark_is_read_over(web: Web) -> None:
    body = b"\xef\xbb\xbf" + b'{"batch":[]}'
    assert web.post("/v1/batch", body).status_code == 200


def test_the_same_batch_twice_is_kept_once(both: Web) -> None:
    items = [order(f"twice-{number}", user="u1") for number in range(5)]
    first = both.batch(items)
    kept = both.stored()
    second = both.batch(items, sentAt="2026-11-25T12:00:00Z")
    assert first.json() == second.json()
    assert second.json()["okEvents"] == 5
    after = both.stored()
    for table in ("lake_inbox", "ingest_seen", "identifier", "consent_signal"):
        assert after[table] == kept[table] > 0
    with both.house.core.database.snapshot() as connection:
        counts = read_counts(connection)["shop"]
    assert (counts.accepted, counts.deduplicated, counts.refused) == (5, 5, {})


def test_two_sources_do_not_suppress_each_other(web: Web) -> None:
    before = web.inbox()
    item = order("same-id", user="u1")
    assert web.batch([item]).json()["ok"] is True
    assert web.batch([item], source="another").json()["ok"] is True
    assert web.inbox() == before + 2


def test_what_was_refused_and_dropped_is_shown_to_operators_alone(web: Web) -> None:
    web.batch([{"type": "merge"}, order("shown", user="u1", favourite_colour=1)])
    answer = web.client.get(
        "/v1/ingest/refused", headers=web.bearer("operator", "operations")
    )
    body = answer.json()
    assert "ingest.unknown_type" in {line["code"] for line in body["refused"]}
    assert ("unknown_field", "favourite_colour") in {
        (line["rule"], line["path"]) for line in body["dropped"]
    }
    counts = web.client.get(
        "/v1/ingest/counts", headers=web.bearer("operator", "operations")
    )
    assert counts.json()["sources"]["shop"]["accepted"] > 0
    for path in ("/v1/ingest/refused", "/v1/ingest/counts"):
        denied = web.client.get(
            path, headers=web.bearer("segmentation", "segmentation")
        )
        assert (denied.status_code, denied.json()["code"]) == (403, "gate.role")
        assert web.client.get(path).status_code == 401
