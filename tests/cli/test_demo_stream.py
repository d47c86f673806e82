"""The event stream of the demo: complete, in order, small, and the same every time."""

import re
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from cdp.cli.demo import retail
from cdp.cli.demo.people import Choice, Person, make_up
from cdp.cli.demo.stream import CHANGE_OF_MIND, ORDER, REDEMPTION, Outgoing, Stream

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MAX_EVENT_BYTES = 32 * 1024
# What the Segment client adds to an item, generously.
ENVELOPE_BYTES = 512


@pytest.fixture(scope="module")
def year() -> retail.Retail:
    """Some households: a whole year of events would fill a gigabyte."""
    return retail.read(retail.data_folder(), households=300)


@pytest.fixture(scope="module")
def people(year: retail.Retail) -> dict[int, Person]:
    return make_up(year.households)


@pytest.fixture(scope="module")
def events(year: retail.Retail, people: dict[int, Person]) -> list[Outgoing]:
    return list(Stream(year, people, NOW))


def name(outgoing: Outgoing) -> str:
    return str(outgoing.item.get("event", outgoing.item["type"]))


def orders(events: list[Outgoing]) -> list[dict[str, Any]]:
    return [e.item for e in events if name(e) == ORDER]


def test_the_whole_year_is_replayed_event_by_event() -> None:
    """Every basket, line, cent and redemption, once, in order, and small enough."""
    year = retail.read(retail.data_folder())
    people = make_up(year.households)
    encoder = msgspec.json.Encoder()
    names: Counter[str] = Counter()
    ids: set[str] = set()
    lines = cents = largest = most = 0
    first = last = None
    stream = Stream(year, people, NOW)
    for outgoing in stream:
        names[name(outgoing)] += 1
        ids.add(outgoing.item["messageId"])
        largest = max(largest, len(encoder.encode(outgoing.item)))
        assert last is None or last <= outgoing.at
        first, last = first or outgoing.at, outgoing.at
        if name(outgoing) == ORDER:
            said = outgoing.item["properties"]
            lines += len(said["products"])
            most = max(most, len(said["products"]))
            cents += round(said["revenue"] * 100)
    assert names[ORDER] == 155_848
    assert names[REDEMPTION] == 2_102
    assert names["identify"] == sum(len(p.cookies) for p in people.values())
    changing = {Choice.WITHDRAWS_ALL, Choice.WITHDRAWS_ADVERTISING, Choice.LATE}
    assert names[CHANGE_OF_MIND] == sum(p.choice in changing for p in people.values())
    assert len(ids) == sum(names.values()) == len(stream)
    assert (lines, most, cents) == (1_469_307, 161, 459_603_958)
    assert largest + ENVELOPE_BYTES < MAX_EVENT_BYTES
    assert first is not None
    assert last is not None
    assert timedelta(0) <= NOW - last < timedelta(weeks=1)
    assert NOW - first < timedelta(days=400)
    assert stream.shift % timedelta(weeks=1) == timedelta(0)


def test_the_time_on_the_wire_is_the_time_of_the_event(events: list[Outgoing]) -> None:
    text = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z")
    for outgoing in events:
        assert text.fullmatch(outgoing.item["timestamp"])
        assert datetime.fromisoformat(outgoing.item["timestamp"]) == outgoing.at


def test_the_stream_is_the_same_every_time(
    year: retail.Retail, people: dict[int, Person], events: list[Outgoing]
) -> None:
    again = Stream(year, people, NOW)
    for one, other in zip(again, events, strict=True):
        assert one.item == other.item


def test_an_order_has_the_fields_of_the_plan(events: list[Outgoing]) -> None:
    for item in orders(events)[::49]:
        assert set(item["properties"]) == {
            "revenue",
            "coupon_count",
            "products",
            "store_id",
            "channel",
            "currency",
        }
        for product in item["properties"]["products"]:
            assert set(product) <= {
                "product_id",
                "category",
                "department",
                "brand",
                "quantity",
                "price",
            }


def test_an_event_says_what_its_household_says_at_that_time(
    events: list[Outgoing],
) -> None:
    changed: set[int] = set()
    for person, _, item in events:
        if name(Outgoing(person, NOW, item)) == CHANGE_OF_MIND:
            changed.add(person.household)
        before, after = (person.preferences(second_half=h) for h in (False, True))
        says = after if person.household in changed else before
        consent = item["context"].get("consent")
        assert consent == (None if says is None else {"categoryPreferences": says})


def test_a_household_is_introduced_before_it_does_anything(
    events: list[Outgoing],
) -> None:
    seen: set[int] = set()
    for outgoing in events:
        if outgoing.person.household in seen:
            continue
        seen.add(outgoing.person.household)
        # Those who change their mind before they ever buy say so first.
        assert name(outgoing) in {"identify", CHANGE_OF_MIND}
    assert len(seen) == 300


def test_an_event_carries_identifiers_of_its_household_alone(
    events: list[Outgoing],
) -> None:
    for person, _, item in events:
        assert item["anonymousId"] in person.cookies
        assert item.get("userId") in {None, person.user_id}
        device = item["context"].get("device", {"id": person.device})["id"]
        assert device == person.device
        assert item.get("traits", {"email": person.email})["email"] == person.email


def test_demographics_are_the_published_ones_and_ride_on_identify_alone(
    year: retail.Retail, events: list[Outgoing]
) -> None:
    for person, _, item in events:
        if item["type"] != "identify":
            assert "traits" not in item
            continue
        known = year.demographics.get(person.household)
        bands = {k: v for k, v in item["traits"].items() if k != "email"}
        published = msgspec.structs.asdict(known) if known else {}
        assert bands == {k: v for k, v in published.items() if v is not None}


def test_nothing_is_built_before_it_is_asked_for(
    year: retail.Retail, people: dict[int, Person]
) -> None:
    """Without products no order can be built; the introduction before it can."""
    stream = iter(Stream(msgspec.structs.replace(year, products=[]), people, NOW))
    assert name(next(stream)) == "identify"
    with pytest.raises(IndexError):
        list(stream)


def test_building_and_encoding_keeps_up_with_the_service(
    year: retail.Retail, people: dict[int, Person]
) -> None:
    """The bar is 5,000 a second on one core; it reaches several times that."""
    encoder = msgspec.json.Encoder()
    began = time.perf_counter()
    for count, outgoing in enumerate(Stream(year, people, NOW), start=1):
        encoder.encode(outgoing.item)
        if count == 20_000:
            break
    assert 20_000 / (time.perf_counter() - began) > 5_000
