from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.kernel import to_micros
from cdp.policy import (
    Extracted,
    Minimizer,
    Policy,
    compile_minimizer,
    load,
    purpose_mask,
)
from tests.policy.conftest import SMALL, Folder
from tests.policy.test_lint import RECENCY

AT = datetime(2026, 11, 25, 10, 11, 12, tzinfo=UTC)
RRN = "960121-1234567"


@pytest.fixture(scope="module")
def minimizer(shop: Policy, bits: dict[str, int]) -> Minimizer:
    return compile_minimizer(shop, "shop_events", bits)


def extract(
    minimizer: Minimizer, item: dict[str, Any], address: str | None = None
) -> Extracted:
    return minimizer.extract(
        item, occurred_at=AT, client_address=address, zone="Asia/Seoul"
    )


ORDER: dict[str, Any] = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "order-1",
    "timestamp": "2026-11-25T10:11:12Z",
    "anonymousId": "9f1c5d5e-9b1a-4f0e-8f5e-3c2a1b0d9e8f",
    "userId": "u-1",
    "integrations": {"All": True},
    "context": {
        "consent": {"categoryPreferences": {"Advertising": True}},
        "library": {"name": "tracker", "version": "1"},
        "device": {"id": "device-1"},
        "page": {"url": "https://shop.example/basket/9?coupon=x", "title": "Basket"},
    },
    "properties": {
        "revenue": 12.34,
        "coupon_count": 1,
        "store_id": "367",
        "channel": "online",
        "currency": "USD",
        "products": [
            {"product_id": "1", "category": "YOGURT", "price": 1.5},
            {"product_id": "2", "category": None},
            {"product_id": "3", "category": "CHEESE"},
            {"product_id": "4", "category": 7},
        ],
    },
}


def test_an_order_of_the_shop_keeps_what_the_dataset_names(
    minimizer: Minimizer,
) -> None:
    found = extract(minimizer, ORDER)
    assert found.values == {
        "occurred_at": to_micros(datetime(2026, 11, 25, 10, tzinfo=UTC)),
        "name": "order",
        "revenue": 123400,
        "coupon_count": 1,
        "store": "367",
        "channel": "online",
        "currency": "USD",
        "categories": ["YOGURT", "CHEESE"],
        "page": "shop.example/basket",
    }
    assert found.identifiers == [
        ("cookie", "9f1c5d5e-9b1a-4f0e-8f5e-3c2a1b0d9e8f"),
        ("user_id", "u-1"),
        ("device", "device-1"),
    ]
    assert found.dropped == [
        ("unknown_field", "context.page.title"),
        ("unknown_field", "properties.products[].product_id"),
        ("unknown_field", "properties.products[].price"),
        ("type", "properties.products[].category"),
    ]
    assert found.event == "keep"


def test_an_introduction_keeps_bands_and_no_contact(minimizer: Minimizer) -> None:
    traits = {
        "email": "household.1@mail.example",
        "age_band": "35-44",
        "income_band": "Under 15K",
        "household_size": "5+",
        "kids_count": "2",
        "birthday": "1987-03-04",
    }
    found = extract(minimizer, {"type": "identify", "userId": 7, "traits": traits})
    assert found.values == {
        "occurred_at": to_micros(datetime(2026, 11, 25, 10, tzinfo=UTC)),
        "age_band": "35-44",
        "income_band": "under 35K",
        "household_size": "5+",
        "kids_count": "some",
    }
    assert found.identifiers == [("user_id", 7), ("email", "household.1@mail.example")]
    assert found.dropped == [("unknown_field", "traits.birthday")]


def test_identifiers_keep_the_order_of_the_wire(minimizer: Minimizer) -> None:
    first = {"traits": {"email": "a@shop.kr"}, "userId": "u", "anonymousId": "c"}
    second = dict(reversed(first.items()))
    names = [
        [name for name, _ in extract(minimizer, i).identifiers] for i in (first, second)
    ]
    assert names == [["email", "user_id", "cookie"], ["cookie", "user_id", "email"]]


def test_the_first_path_of_a_column_wins_wherever_it_stands(
    minimizer: Minimizer,
) -> None:
    context = {"context": {"traits": {"age_band": "65+"}}}
    traits = {"traits": {"age_band": "19-24"}}
    assert extract(minimizer, context | traits).values["age_band"] == "19-24"
    assert extract(minimizer, traits | context).values["age_band"] == "19-24"
    assert extract(minimizer, context).values["age_band"] == "65+"
    broken = {"traits": {"age_band": "ancient"}}
    assert extract(minimizer, broken | context).values["age_band"] == "65+"


def test_the_address_of_the_socket_stands_in_and_is_cut(minimizer: Minimizer) -> None:
    assert extract(minimizer, {}, "198.51.100.7").values["network"] == "198.51.100.0/24"
    sent = {"context": {"ip": "203.0.113.9"}}
    assert (
        extract(minimizer, sent, "198.51.100.7").values["network"] == "203.0.113.0/24"
    )
    broken = {"context": {"ip": "somewhere"}}
    found = extract(minimizer, broken, "198.51.100.7")
    assert "network" not in found.values
    assert found.dropped == [("type", "context.ip")]
    assert extract(minimizer, {"context": None}, "::1").values["network"] == "::/48"


def test_days_begin_in_the_jurisdiction(folder: Folder) -> None:
    small = load(folder(SMALL), features=RECENCY)
    own = compile_minimizer(small, "visits", {"research": 0, "linking": 62})
    late = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
    starts = [
        own.extract({}, occurred_at=late, client_address=None, zone=zone).values
        for zone in ("Asia/Seoul", "UTC")
    ]
    assert starts == [
        {"occurred_at": to_micros(datetime(2026, 11, 24, 15, tzinfo=UTC))},
        {"occurred_at": to_micros(datetime(2026, 11, 24, tzinfo=UTC))},
    ]
    assert own.identifier_masks == {"user_id": 1 << 62}


def test_an_event_may_be_dropped_by_its_name(folder: Folder) -> None:
    text = SMALL.replace(
        "[{hierarchy: {name: regions, to: sido}}]",
        "[{map: {values: {A: a}, other: drop_event}}]",
    ).replace("region: {hierarchy: {name: regions, to: area}}, ", "")
    small = load(folder(text), features=RECENCY)
    own = compile_minimizer(small, "visits", {"research": 0, "linking": 1})
    assert extract(own, {"traits": {"region": "B"}}).event == "drop"
    assert extract(own, {"traits": {"region": "A"}}).event == "keep"


def test_a_denied_field_is_counted_and_never_read(minimizer: Minimizer) -> None:
    found = extract(minimizer, {"traits": {"rrn": {"any": "thing"}}})
    assert found.dropped == [("deny", "traits.rrn")]


def test_a_registration_number_is_refused_wherever_it_stands(
    minimizer: Minimizer,
) -> None:
    item = {
        "userId": RRN,
        "anonymousId": 9601211234567,
        "event": f"Order {RRN}",
        "properties": {
            "store_id": f"store {RRN}",
            "coupon_count": 9601211234567,
            "revenue": 9601211234567,
            "query": f"who is {RRN}",
            "products": [{"category": RRN}],
            "rrn": RRN,
        },
        "traits": {"email": f"{RRN}@mail.example", RRN: 1},
    }
    found = extract(minimizer, item)
    assert set(found.values) == {"occurred_at"}
    assert found.identifiers == []
    assert "960121" not in repr(found.dropped)
    assert [path for rule, path in found.dropped if rule == "detect.KR_RRN"] == [
        "userId",
        "anonymousId",
        "event",
        "properties.store_id",
        "properties.coupon_count",
        "properties.revenue",
        "properties.products[].category",
        "traits.email",
    ]


@pytest.mark.parametrize(
    "key",
    ["kim@mail.example", "010-1234-5678", "x" * 41, "김철수", "a b", "id12345", ""],
)
def test_a_key_that_could_be_a_value_is_not_repeated(
    minimizer: Minimizer, key: str
) -> None:
    found = extract(minimizer, {"properties": {key: 1}, key: 2})
    assert found.dropped == [("unknown_field", "properties.*"), ("unknown_field", "*")]


def test_a_wrong_shape_is_dropped_and_the_event_goes_on(minimizer: Minimizer) -> None:
    item = {
        "userId": ["u"],
        "anonymousId": True,
        "properties": "text",
        "context": {"device": "d", "page": []},
        "traits": {"age_band": {"a": 1}},
    }
    found = extract(minimizer, item)
    assert set(found.values) == {"occurred_at"}
    assert found.identifiers == []
    assert dict.fromkeys(rule for rule, _ in found.dropped) == {"type": None}
    assert [path for _, path in found.dropped] == [
        "userId",
        "anonymousId",
        "properties",
        "context.device",
        "context.page",
        "traits.age_band",
    ]


def test_a_stripped_event_holds_no_address_and_no_free_text(
    minimizer: Minimizer,
) -> None:
    values = extract(minimizer, ORDER, "203.0.113.9").values
    assert set(minimizer.strip(values)) == {
        "occurred_at",
        "name",
        "channel",
        "currency",
    }


def test_free_text_is_stripped_even_where_its_purpose_needs_nobody(
    folder: Folder,
) -> None:
    text = SMALL.replace(
        "scope: {recipients", "needs_identity: false\nscope: {recipients"
    )
    text = text.replace(
        "  number: {from",
        "  note: {from: note, type: text, category: user.content, purposes: [research],"
        " why: x}\n  net: {from: context.ip, type: ip, category: user.device,"
        " purposes: [research], why: x}\n  number: {from",
    )
    own = compile_minimizer(
        load(folder(text), features=RECENCY), "visits", {"research": 0, "linking": 1}
    )
    item = {"note": "n", "properties": {"amount": 3}, "traits": {"region": "Nowon"}}
    values = extract(own, item, "203.0.113.9").values
    assert set(values) == {"occurred_at", "note", "net", "amount", "region"}
    assert set(own.strip(values)) == {"occurred_at", "amount", "region"}


def test_a_column_is_kept_when_one_of_its_purposes_is_usable(
    minimizer: Minimizer, bits: dict[str, int]
) -> None:
    values = extract(minimizer, ORDER).values
    assert minimizer.keep(values, 0) == {}
    only = minimizer.keep(values, purpose_mask(["segmentation"], bits))
    assert "categories" in only
    assert "store" not in only
    assert minimizer.keep(values, (1 << 63) - 1) == values


# Few keys and few values, so that declared paths are hit often and by the wrong things.
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 2**64),
    st.floats(),
    st.sampled_from(["", "19-24", "Order Completed", RRN, "secret", "203.0.113.9"]),
)
KEYS = """
    properties traits context userId email age_band event products category revenue ip
    query device id page url other
"""
keys = st.sampled_from(KEYS.split())
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.dictionaries(keys, inner, max_size=5), st.lists(inner, max_size=3)
    ),
    max_leaves=20,
)
items = st.dictionaries(keys, trees, max_size=6)


@given(items)
def test_any_item_gives_only_declared_columns_of_their_type(
    minimizer: Minimizer, item: dict[str, Any]
) -> None:
    found = extract(minimizer, item, "203.0.113.9")
    types: dict[str, type | tuple[type, ...]] = {
        "text": str,
        "decimal": int,
        "int": int,
        "timestamp": int,
    }
    schema = {column.name: column.type for column in minimizer.dataset.schema}
    for name, value in found.values.items():
        kind = schema[name]
        if kind.startswith("list["):
            assert value
            assert all(isinstance(one, types[kind[5:-1]]) for one in value)
        else:
            assert isinstance(value, types[kind])
    assert "960121" not in repr(found)
    assert {name for name, _ in found.identifiers} <= set(minimizer.identifier_masks)


@given(items, st.integers(0, 511), st.integers(0, 511))
def test_taking_a_purpose_away_never_adds_a_column(
    minimizer: Minimizer, item: dict[str, Any], one: int, other: int
) -> None:
    values = extract(minimizer, item).values
    less = minimizer.keep(values, one & other)
    more = minimizer.keep(values, one)
    assert less.items() <= more.items() or less.keys() <= more.keys()
    assert minimizer.keep(less, one & other) == less


@given(items)
def test_what_no_field_names_is_never_kept(
    minimizer: Minimizer, item: dict[str, Any]
) -> None:
    plain = extract(minimizer, item)
    noisy = extract(
        minimizer,
        {**item, "unheard": {"of": "secret"}, "groupId": "g", "messageId": "m"},
    )
    assert noisy.values == plain.values
    assert noisy.identifiers == plain.identifiers
    extra = noisy.dropped[len(plain.dropped) :]
    assert extra == [("unknown_field", "unheard"), ("unknown_field", "groupId")]


def test_the_example_events_of_the_specification_never_fail(
    minimizer: Minimizer,
) -> None:
    import msgspec  # noqa: PLC0415 - only this test decodes

    path = (
        Path(__file__).parents[2].parent
        / "shared/data/segment_examples/segment_spec_events.jsonl"
    )
    if not path.exists():
        pytest.skip("the shared examples are not beside the project")
    for line in path.read_bytes().splitlines():
        event = msgspec.json.decode(line)["event"]
        if isinstance(event, dict):
            extract(minimizer, event)
