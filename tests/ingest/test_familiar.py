"""What is remembered of familiar faces changes nothing but the work."""

from collections import defaultdict
from datetime import timedelta
from typing import Any, cast

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cdp.gate import Subject
from cdp.ingest import PersonDecision
from cdp.kernel import FixedClock
from tests.ingest.test_desk import desk_of
from tests.support.house import NO, YES, House, order

COOKIES = [f"0a1b2c3d-0000-4000-8000-00000000000{n}" for n in range(2)]
PARTIAL = {"Functional": False, "Analytics": True, "Advertising": True}

events = st.fixed_dictionaries(
    {
        "user": st.sampled_from([None, "u1", "u2"]),
        "cookie": st.sampled_from([None, *COOKIES]),
        "preferences": st.sampled_from([YES, YES, YES, NO, PARTIAL, None]),
        "hours": st.integers(0, 3),
        # What else its context says, beside the categories or in their place.
        "more": st.sampled_from(
            [
                {},
                {},
                {"consentManagement": {"allowedConsentIds": sorted(YES)}},
                {"consentManagement": {"deniedConsentIds": sorted(NO)}},
                {"consent": {"consentMode": "G110"}},
                {"consent": {"categoryPreferences": {"Analytics": "broken"}}},
            ]
        ),
    }
)
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("post"),
            st.sampled_from(["shop", "web"]),
            st.lists(events, min_size=1, max_size=6),
        ),
        st.tuples(
            st.just("decide"),
            st.sampled_from(["u1", "u2"]),
            st.dictionaries(
                st.sampled_from(["segmentation", "linking"]),
                st.sampled_from(["grant", "deny"]),
                min_size=1,
            ),
        ),
        st.tuples(st.just("wait"), st.integers(1, 40), st.none()),
    ),
    min_size=2,
    max_size=8,
)


def play(house: House, history: list[Any]) -> list[object]:
    """Play a history; return what the senders were told."""
    clock = cast("FixedClock", house.clock)
    house.source("shop")
    house.source("web", kind="public", jurisdiction="US-CA")
    told: list[object] = []
    number = 0
    for kind, what, more in history:
        clock.advance(timedelta(minutes=1))
        if kind == "wait":
            clock.advance(timedelta(days=what))
        elif kind == "decide":
            house_decision = PersonDecision(
                subject=Subject(namespace="user_id", value=what), verdicts=more
            )
            told.append(desk_of(house).take(house_decision).states)
        else:
            batch = []
            for event in more:
                number += 1
                at = clock.now() - timedelta(hours=event["hours"])
                item = order(
                    f"m{number}",
                    user=event["user"],
                    cookie=event["cookie"],
                    preferences=event["preferences"],
                    timestamp=at.isoformat(),
                )
                item["context"] = item.get("context", {}) | event["more"]
                batch.append(item)
            told.append(house.post(what, batch))
    return told


def held(house: House) -> dict[str, object]:
    """What the store holds, with digests in place of random handles."""
    name = {
        row[0]: bytes(row[1])
        for row in house.rows("SELECT handle, digest FROM identifier")
    }
    parts = defaultdict(set)
    for handle, profile in house.rows(
        "SELECT handle, profile_id FROM member WHERE to_seq IS NULL"
    ):
        parts[bytes(profile)].add(name[handle])
    return {
        "profiles": sorted(sorted(part) for part in parts.values()),
        "evidence": sorted(
            (*sorted([name[a], name[b]]), *rest)
            for a, b, *rest in house.rows(
                "SELECT a, b, source, trust, observed_at, ended_at FROM evidence"
            )
        ),
        "signals": sorted(
            (name[anchor], *rest)
            for anchor, *rest in house.rows(
                "SELECT anchor, source, carrier, rank, grants, denies, unreadable, "
                "recorded_at FROM consent_signal "
                # What a split carries over hangs on a handle that chance picks.
                "WHERE carrier <> 'split'"
            )
        ),
        "relation": sorted(
            (name[handle], *rest)
            for handle, *rest in house.rows(
                "SELECT handle, scope, granted, own, reason, valid_to "
                "FROM consent_effective"
            )
        ),
        "inbox": [
            (name.get(handle), closed, at, msgspec.msgpack.decode(row))
            for handle, closed, at, row in house.rows(
                "SELECT handle, closed, occurred_at, row FROM lake_inbox "
                "ORDER BY seq, n"
            )
        ],
        "first_seen": sorted(
            (name[handle], seen)
            for handle, seen in house.rows("SELECT handle, first_seen FROM handle")
        ),
        "counts": sorted(house.rows("SELECT outcome, code, n FROM ingest_count")),
    }


@given(steps)
@settings(max_examples=25, phases=[Phase.explicit, Phase.generate])
def test_the_store_ends_the_same_with_and_without_a_memory(
    tmp_path_factory: pytest.TempPathFactory, history: list[Any]
) -> None:
    root = tmp_path_factory.mktemp("two")
    keen = House(root / "keen")
    dull = House(root / "dull", ring_of=keen, faces=0)
    try:
        assert play(keen, history) == play(dull, history)
        with_memory, without = held(keen), held(dull)
        for part, rows in with_memory.items():
            assert rows == without[part], part
    finally:
        keen.close()
        dull.close()


def test_a_known_visitor_costs_no_look_up_and_a_decision_ends_that(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    house = House(tmp_path_factory.mktemp("one"))
    for number in range(3):
        house.post("shop", [order(f"m{number}", user="u1", cookie=COOKIES[0])])
    cast("FixedClock", house.clock).advance(timedelta(minutes=1))
    decision = PersonDecision(
        subject=Subject(namespace="user_id", value="u1"),
        verdicts={"segmentation": "deny", "analytics": "deny", "linking": "deny"},
    )
    desk_of(house).take(decision)
    before = len(house.rows("SELECT * FROM lake_inbox WHERE handle IS NOT NULL"))
    answer = house.post("shop", [order("m9", user="u1", cookie=COOKIES[0])])
    after = len(house.rows("SELECT * FROM lake_inbox WHERE handle IS NOT NULL"))
    house.close()
    assert answer["errors"][0]["code"] == "ingest.consent_missing"
    assert (before, after) == (3, 3)
