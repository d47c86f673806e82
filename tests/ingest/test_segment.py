"""Each item of a Segment request is read by itself, or refused by name."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.ingest.errors import (
    InvalidEnvelopeError,
    InvalidJSONError,
    TooManyEventsError,
)
from cdp.ingest.event import Event, Item, Refused
from cdp.ingest.segment import open_batch, open_single, read_items
from cdp.ingest.times import happened, is_in_range, parse_instant

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "segment_examples"


def read(*items: Any, **envelope: Any) -> list[Item]:
    body = json.dumps({"batch": list(items)} | envelope).encode()
    return read_items(open_batch(body), NOON)


def one(item: Any, **envelope: Any) -> Event:
    [found] = read(item, **envelope)
    assert isinstance(found, Event)
    return found


@pytest.mark.parametrize(
    ("item", "code", "path"),
    [
        ("text", "ingest.not_an_object", ""),
        ([], "ingest.not_an_object", ""),
        (None, "ingest.not_an_object", ""),
        ({}, "ingest.unknown_type", "/type"),
        ({"type": "delete"}, "ingest.unknown_type", "/type"),
        ({"type": 7}, "ingest.unknown_type", "/type"),
        ({"type": "track"}, "ingest.missing_event", "/event"),
        ({"type": "track", "event": "  "}, "ingest.missing_event", "/event"),
        ({"type": "track", "event": 7}, "ingest.missing_event", "/event"),
        ({"type": "group", "userId": "u"}, "ingest.missing_group", "/groupId"),
        ({"type": "alias", "userId": "u"}, "ingest.missing_alias", "/previousId"),
        ({"type": "alias", "previousId": "u"}, "ingest.missing_alias", "/userId"),
        (
            {"type": "track", "event": "Segment Consent Preference Updated"},
            "ingest.missing_consent",
            "/context/consent",
        ),
        (
            {"type": "track", "event": "x", "properties": {"a": "x" * 33_000}},
            "ingest.event_too_large",
            "",
        ),
    ],
)
def test_a_bad_item_is_refused_with_code_and_path(
    item: object, code: str, path: str
) -> None:
    [found] = read(item)
    assert isinstance(found, Refused)
    assert (found.code, found.path) == (code, path)


def test_broken_utf_8_in_one_item_stays_there() -> None:
    body = b'{"batch":[{"type":"track","event":"\xff"},{"type":"page"}]}'
    bad, good = read_items(open_batch(body), NOON)
    assert isinstance(bad, Refused)
    assert bad.code == "ingest.invalid_utf8"
    assert isinstance(good, Event)


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b'{"batch":[}', b"\xff\xfe"])
def test_what_is_no_json_is_refused_whole(body: bytes) -> None:
    with pytest.raises(InvalidJSONError):
        open_batch(body)


@pytest.mark.parametrize("body", [b"[]", b"7", b"{}", b'{"batch":{}}', b'"x"'])
def test_json_of_another_shape_is_refused_whole(body: bytes) -> None:
    with pytest.raises(InvalidEnvelopeError):
        open_batch(body)


def test_a_batch_has_a_limit() -> None:
    with pytest.raises(TooManyEventsError):
        read(*({"type": "page"} for _ in range(2_501)))


def test_bare_nan_costs_a_value_and_not_the_batch() -> None:
    body = b'{"batch":[{"type":"track","event":"x","properties":{"revenue":NaN}}]}'
    [found] = read_items(open_batch(body), NOON)
    assert isinstance(found, Event)
    assert found.item["properties"] == {"revenue": None}


def test_the_path_gives_the_type_and_another_one_is_refused() -> None:
    [found] = read_items(open_single(b'{"event":"x"}', "track"), NOON)
    assert isinstance(found, Event)
    [other] = read_items(open_single(b'{"event":"x","type":"page"}', "track"), NOON)
    assert isinstance(other, Refused)


def test_a_batchs_context_merges_under_the_items_own() -> None:
    found = one(
        {"type": "page", "context": {"a": 1, "consent": {"x": 1}}},
        context={"a": 2, "b": 3, "consent": {"y": 2}},
    )
    assert found.item["context"] == {"a": 1, "b": 3, "consent": {"x": 1}}
    assert found.consent == {"x": 1}


def test_an_item_without_an_id_is_named_by_its_bytes() -> None:
    first, second, other = read(
        {"type": "page", "name": "a"},
        {"type": "page", "name": "a"},
        {"type": "page", "name": "b", "messageId": "x" * 257},
    )
    assert first.message_id == second.message_id != other.message_id
    assert len(other.message_id) == 64


def test_the_time_of_sending_is_not_content() -> None:
    first = one({"type": "page", "messageId": "m", "sentAt": "2026-11-25T10:00:00Z"})
    again = one({"type": "page", "messageId": "m", "sentAt": "2026-11-25T11:00:00Z"})
    assert first.content == again.content


def test_u_0000_goes() -> None:
    found = one({"type": "track", "event": "a\0b", "properties": {"x\0": ["\0y"]}})
    assert found.item["event"] == "ab"
    assert found.item["properties"] == {"x": ["y"]}


@pytest.mark.parametrize(
    ("stated", "sent", "expected", "flag"),
    [
        (None, None, NOON, "no_time"),
        ("2026-11-25T11:00:00Z", None, NOON - timedelta(hours=1), "ok"),
        # The client's clock is ten years slow and right about the hour in between.
        (
            "2016-11-25T11:00:00Z",
            "2016-11-25T12:00:00Z",
            NOON - timedelta(hours=1),
            "ok",
        ),
        # Sent before it happened: at the moment of receipt.
        ("2026-11-25T11:00:05Z", "2026-11-25T11:00:00Z", NOON, "ok"),
        ("yesterday", "2026-11-25T11:00:00Z", NOON, "unparsable"),
        (7, None, NOON, "unparsable"),
    ],
)
def test_a_wrong_clock_only_says_how_long_ago(
    stated: object, sent: str | None, expected: datetime, flag: str
) -> None:
    assert happened(stated, parse_instant(sent), NOON) == (expected, flag)


@given(st.text(max_size=40) | st.datetimes().map(str) | st.integers() | st.none())
def test_no_stated_time_raises(stated: object) -> None:
    occurred, _ = happened(stated, NOON, NOON)
    assert occurred.tzinfo is not None
    is_in_range(occurred, NOON)


def test_the_range_of_a_time_is_400_days_back_and_5_minutes_ahead() -> None:
    assert is_in_range(NOON - timedelta(days=400), NOON)
    assert is_in_range(NOON + timedelta(minutes=5), NOON)
    assert not is_in_range(NOON - timedelta(days=400, seconds=1), NOON)
    assert not is_in_range(NOON + timedelta(minutes=5, seconds=1), NOON)


def test_every_published_example_is_read_or_refused_by_name() -> None:
    file = SHARED / "segment_spec_events.jsonl"
    if not file.exists():
        pytest.skip("the published examples are not beside this project")
    items = [json.loads(line)["event"] for line in file.read_text().splitlines()]
    found = read(*items)
    assert len(found) == len(items)
    codes = {item.code for item in found if isinstance(item, Refused)}
    assert codes <= {
        "ingest.unknown_type",
        "ingest.missing_alias",
        "ingest.missing_event",
        "ingest.missing_group",
    }
    assert sum(isinstance(item, Event) for item in found) >= 20
