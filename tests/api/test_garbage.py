"""Whatever is posted, the service answers, and never with a failure of its own."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.house import YES, consent, order
from tests.support.web import Web

PATHS = ["/v1/batch", "/v1/b", "/v1/import", "/v1/m"] + [
    f"/v1/{name}"
    for kind in ("track", "identify", "page", "screen", "group", "alias")
    for name in (kind, kind[0])
]

ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    -0.0,
    2**53,
    2**63,
    2**64,
    -(2**63) - 1,
    10**400,
    1e308,
    5e-324,
    float("nan"),
    float("inf"),
    -float("inf"),
    "",
    " ",
    "0",
    "null",
    "x" * 600,
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "\U0001f600",
    "\u202e\ufeff",
    "9" * 400,
    "1e999",
    "2026-11-25T12:00:00Z",
    "2026-11-25",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999999-23:59",
    "2026-W48-3",
    "2026-11-25T12:00:60Z",
    "900101-1234567",
    "a@b.example",
    "+82 10-1234-5678",
    "0a1b2c3d-0000-4000-8000-00000000abcd",
    "::1",
    "999.999.999.999",
    "http://[::1",
    "https://a.example/%ff?q#f",
    "//",
    [],
    {},
    [[]],
    [None],
    [{}],
    [0, "a", None, {}],
    {"": ""},
    {"a": {"b": {"c": []}}},
    {"\0": 1},
    {"id": "x"},
    {"category": ["a"]},
    [{"category": {"x": 1}, "price": "many"}],
    {"categoryPreferences": {"Advertising": True}},
    {"categoryPreferences": {"Advertising": "conflict"}},
    {"categoryPreferences": [True]},
    {"categoryPreferences": {"x" * 5_000: True}},
]

PLACES: list[tuple[str, ...]] = [
    ("type",),
    ("event",),
    ("name",),
    ("messageId",),
    ("userId",),
    ("anonymousId",),
    ("previousId",),
    ("groupId",),
    ("timestamp",),
    ("originalTimestamp",),
    ("sentAt",),
    ("receivedAt",),
    ("writeKey",),
    ("channel",),
    ("integrations",),
    ("_metadata",),
    ("traits",),
    ("traits", "email"),
    ("traits", "phone"),
    ("traits", "age_band"),
    ("traits", "household_size"),
    ("traits", "kids_count"),
    ("traits", "rrn"),
    ("traits", "address"),
    ("traits", "address", "region"),
    ("context",),
    ("context", "ip"),
    ("context", "consent"),
    ("context", "consent", "categoryPreferences"),
    ("context", "consent", "categoryPreferences", "Advertising"),
    ("context", "device"),
    ("context", "device", "id"),
    ("context", "externalIds"),
    ("context", "library"),
    ("context", "page"),
    ("context", "page", "url"),
    ("context", "traits"),
    ("context", "traits", "email"),
    ("properties",),
    ("properties", "revenue"),
    ("properties", "coupon_count"),
    ("properties", "currency"),
    ("properties", "store_id"),
    ("properties", "campaign_id"),
    ("properties", "channel"),
    ("properties", "query"),
    ("properties", "products"),
    ("properties", "products", "category"),
    ("properties", "unknown"),
    ("unknown",),
]


def put(item: dict[str, Any], place: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return the item with ``value`` at ``place``, whatever stood on the way."""
    found = copy.deepcopy(item)
    inner = found
    for step in place[:-1]:
        if not isinstance(inner.get(step), dict):
            inner[step] = {}
        inner = inner[step]
    inner[place[-1]] = value
    return found


@pytest.mark.parametrize(
    "kind", ["track", "identify", "page", "screen", "group", "alias"]
)
def test_every_odd_value_at_every_place_costs_at_most_its_event(
    web: Web, kind: str
) -> None:
    base = order("odd", user="u-odd") | {
        "type": kind,
        "groupId": "g1",
        "previousId": "u-old",
    }
    # What the kinds share is tried with one of them.
    step = 1 if kind == "track" else 7
    items = [
        put(base | {"messageId": f"{kind} {place} {number}"}, place, value)
        for at, place in enumerate(PLACES)
        for number, value in enumerate(ODD)
        if (at + number) % step == 0
    ]
    for start in range(0, len(items), 1_000):
        part = items[start : start + 1_000]
        answer = web.batch(part)
        assert answer.status_code == 200, answer.text
        assert answer.json()["receivedEvents"] == len(part)
    single = [put(base, place, ODD[-1]) for place in PLACES]
    for item in single[::5]:
        assert web.post(f"/v1/{kind}", item).status_code in (200, 401)


def test_every_odd_value_in_an_envelope_is_answered(web: Web) -> None:
    good = order("envelope", user="u-odd")
    for key in ("sentAt", "context", "integrations", "writeKey", "api_key", "batch"):
        for value in ODD:
            body = {"batch": [good]} | {key: value}
            answer = web.post("/v1/batch", body)
            assert answer.status_code in (200, 400, 401), (key, value)


scalars = st.sampled_from(ODD)
keys = st.sampled_from(sorted({step for place in PLACES for step in place} | {"batch"}))
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5)
    ),
    max_leaves=12,
)
items = st.dictionaries(keys, values, max_size=8)
bodies = st.one_of(
    items,
    st.builds(lambda batch, rest: rest | {"batch": batch}, st.lists(items), items),
    values,
)


@st.composite
def garbage(draw: st.DrawFn) -> bytes:
    """JSON-ish bytes: often JSON, often with a few bytes cut, doubled or changed."""
    raw = bytearray(json.dumps(draw(bodies)).encode())
    for _ in range(draw(st.integers(0, 3))):
        if not raw:
            break
        at = draw(st.integers(0, len(raw) - 1))
        match draw(st.sampled_from(["cut", "change", "insert", "drop"])):
            case "cut":
                del raw[at:]
            case "change":
                raw[at] = draw(st.sampled_from(b'"\\{}[],:\x00\x1f\x80\xff0eNu'))
            case "insert":
                raw[at:at] = draw(
                    st.sampled_from([b"\\", b'"', b"\xc3", b"NaN", b"[" * 70])
                )
            case _:
                del raw[at]
    return bytes(raw)


@given(
    body=garbage(),
    path=st.sampled_from(PATHS),
    gpc=st.sampled_from([None, "1", "\u00e9"]),
)
@settings(max_examples=250)
def test_garbage_is_answered_on_every_route(
    web: Web, body: bytes, path: str, gpc: str | None
) -> None:
    headers = {} if gpc is None else {"Sec-GPC": gpc}
    answer = web.post(path, body, headers=headers)
    assert answer.status_code < 500, (path, body)
    if answer.status_code != 200:
        assert set(answer.json()) == {"code", "message"}


@given(
    body=garbage(),
    path=st.sampled_from(
        ["/v1/consent", "/v1/consent/query", "/v1/consent/explain", "/v1/audit/subject"]
    ),
)
@settings(max_examples=100)
def test_garbage_is_answered_by_the_doors_too(web: Web, body: bytes, path: str) -> None:
    if path == "/v1/audit/subject":
        bearer = web.bearer("compliance", "compliance")
    else:
        bearer = web.bearer("consent_manager", "service")
    answer = web.client.post(path, content=body, headers=bearer)
    assert answer.status_code < 500, (path, body)


identifiers = st.fixed_dictionaries(
    {
        "namespace": st.sampled_from(["user_id", "email", "phone", "device", "cookie"]),
        "value": st.sampled_from([v for v in ODD if isinstance(v, str)]),
    },
    optional={
        "source": st.sampled_from(["", "shop", "x" * 600, "\ud800"]),
        "region": st.sampled_from(["KR", "XX", "", "kr", "\0", "\U0001f600"]),
    },
)


@given(identifier=identifiers, purpose=st.sampled_from(["analytics", "service", "\0"]))
@settings(max_examples=150)
def test_no_identifier_is_too_odd_to_ask_about_or_to_decide_for(
    web: Web, identifier: dict[str, str], purpose: str
) -> None:
    bearer = web.bearer("consent_manager", "service")
    for path, more in (
        ("/v1/consent", {"purposes": {purpose: "deny"}}),
        ("/v1/consent/query", {"purpose": purpose}),
        ("/v1/consent/explain", {"purpose": purpose}),
    ):
        content = json.dumps({"identifier": identifier} | more).encode()
        answer = web.client.post(path, content=content, headers=bearer)
        assert answer.status_code < 500, (path, content)


def test_after_all_that_an_ordinary_event_is_taken(web: Web) -> None:
    event = order("ordinary", user="u-ordinary", context=consent(YES))
    assert web.batch([event]).json()["ok"] is True
    web.publish()
    assert web.house.core.log.verify(web.house.core.database).ok
