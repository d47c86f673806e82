"""The paths and the content types of real trackers."""

import gzip
import json

import pytest

from tests.support.house import YES, consent, order
from tests.support.web import Web, is_error

CONTENT_TYPES = [
    "application/json",
    "text/plain",
    "text/plain;charset=UTF-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "application/msgpack",
    "nonsense",
]


def item(kind: str, message_id: str) -> dict[str, object]:
    return {
        "messageId": message_id,
        "userId": "u1",
        "anonymousId": None,
        "event": "Product Viewed",
        "groupId": "g1",
        "previousId": "u0",
        "context": consent(YES),
    }


@pytest.mark.parametrize(
    "kind", ["track", "identify", "page", "screen", "group", "alias"]
)
def test_a_single_event_goes_by_its_long_and_its_short_path(
    web: Web, kind: str
) -> None:
    before = web.inbox()
    for path in (kind, kind[0]):
        answer = web.post(f"/v1/{path}", item(kind, f"single {path}"))
        assert answer.content == (
            b'{"success":true,"ok":true,"receivedEvents":1,"okEvents":1,"errors":[]}'
        )
    assert web.inbox() == before + 2


def test_the_path_gives_the_type_and_another_one_is_refused(web: Web) -> None:
    same = web.post("/v1/page", item("page", "same") | {"type": "page"})
    assert same.json()["ok"] is True
    other = web.post("/v1/page", item("page", "other") | {"type": "track"}).json()
    assert other["okEvents"] == 0
    [error] = other["errors"]
    assert (error["code"], error["path"]) == ("ingest.unknown_type", "/type")


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/b", "/v1/import"])
@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_the_content_type_decides_nothing(
    web: Web, path: str, content_type: str
) -> None:
    body = {"batch": [order(f"{path} {content_type}", user="u1")]}
    plain = json.dumps(body).encode()
    before = web.inbox()
    headers = {"Content-Type": content_type}
    assert web.post(path, plain, headers=headers).json()["ok"] is True
    packed = gzip.compress(plain)
    assert web.post(path, packed, headers=headers).json()["ok"] is True
    assert web.inbox() == before + 1


def test_a_clients_own_metrics_are_not_read(web: Web) -> None:
    before = web.stored()
    for body in (b"", b"not json", b'{"series":[{"type":"Counter"}]}'):
        answer = web.post("/v1/m", body, source=None)
        assert answer.content == (
            b'{"success":true,"ok":true,"receivedEvents":0,"okEvents":0,"errors":[]}'
        )
        assert answer.headers["cache-control"] == "no-store"
    assert web.stored() == before


def test_the_answer_never_has_the_key_that_jitsu_acts_on(web: Web) -> None:
    answer = web.batch([order("jitsu", user="u1"), "bad"])
    assert "destinations" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"].startswith("application/json")


def test_a_batchs_context_merges_under_the_items_own(web: Web) -> None:
    silent = order("ctx-1", user="ctx", preferences=None)
    own = order("ctx-2", user="ctx", context={"library": {"name": "x"}})
    assert web.batch([silent, own], context=consent(YES)).json()["ok"] is True
    [(handles,)] = web.house.rows(
        "SELECT count(handle) FROM (SELECT handle FROM lake_inbox "
        "ORDER BY seq DESC, n DESC LIMIT 2) AS last"
    )
    assert handles == 2


def test_a_withdrawal_in_the_items_own_context_is_taken_whole(web: Web) -> None:
    no = {"Functional": False, "Analytics": False, "Advertising": False}
    item = order("ctx-3", user="ctx-no", preferences=no)
    answer = web.batch([item], context=consent(YES)).json()
    assert [error["code"] for error in answer["errors"]] == ["ingest.consent_missing"]


def test_sec_gpc_speaks_for_every_event_of_the_request(web: Web) -> None:
    web.house.source("us", jurisdiction="US-CA")
    items = [order(f"gpc-{n}", user=f"gpc-{n}", preferences=None) for n in range(3)]
    body = {"batch": items}
    assert web.post("/v1/batch", body, source="us", headers={"Sec-GPC": "1"}).is_success
    closed = web.house.rows(
        "SELECT closed FROM lake_inbox ORDER BY seq DESC, n DESC LIMIT 3"
    )
    bit = web.house.core.in_force.bits["segmentation"]
    assert all(row[0] >> bit & 1 for row in closed)


@pytest.mark.parametrize("value", ["", "0", "true", "1,1", "\u00e9", "x" * 9_000])
def test_an_odd_sec_gpc_breaks_nothing(web: Web, value: str) -> None:
    item = order(f"gpc {value[:9]}", user="gpc-odd")
    answer = web.post("/v1/batch", {"batch": [item]}, headers={"Sec-GPC": value})
    assert answer.status_code == 200


def test_a_public_key_is_told_nothing_about_consent(web: Web) -> None:
    web.house.source("public", kind="public")
    no = {"Functional": False, "Analytics": False, "Advertising": False}
    items = [
        order("p-1", user="p1"),
        order("p-2", user="p1", preferences=no, timestamp="2026-11-25T11:30:00Z"),
        order("p-3", user="p1", preferences=None),
        "bad",
    ]
    before = web.inbox()
    answer = web.batch(items, source="public").json()
    assert (answer["receivedEvents"], answer["okEvents"]) == (4, 3)
    assert [error["index"] for error in answer["errors"]] == [3]
    assert web.inbox() == before + 1


def test_a_request_that_was_taken_is_one_record_with_its_counts(web: Web) -> None:
    before = len(web.records("event.ingest"))
    web.batch([order("rec-1", user="u1"), order("rec-1", user="u1"), "bad"])
    records = web.records("event.ingest")
    assert len(records) == before + 1
    payload = records[-1]["payload"]
    assert payload["client"] == "source:shop"
    assert payload["counts"] == {
        "events.received": 3,
        "events.accepted": 1,
        "events.deduplicated": 1,
        "refused.ingest.not_an_object": 1,
    }


def test_a_slash_at_the_end_is_the_same_path(web: Web) -> None:
    assert web.post("/v1/batch/", b'{"batch":[]}').status_code == 200
    assert is_error(web.post("/v1/batch//x", b'{"batch":[]}'), 404, "ingest.not_found")
