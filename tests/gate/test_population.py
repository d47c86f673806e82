"""Columns of people: where everybody ends up, against a count by hand."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cdp.gate.population import (
    RETURNED,
    Population,
    Standing,
    account,
    places_of,
    usable,
)
from cdp.gate.relations import Numbers
from cdp.kernel import Seq

REASONS = {10: "consent.never_asked", 100: "consent.denied", 10_001: "gate.no_data"}
codes = st.sampled_from([10, 100])
# Each handle: its profile, whether it holds a live grant, and why not.
people = st.lists(st.tuples(st.integers(0, 4), st.booleans(), codes), max_size=12)


def columns(
    rows: list[tuple[int, bool, int]],
) -> tuple[Population, Standing, list[int]]:
    profiles = sorted({row[0] for row in rows})
    size = len(rows)
    population = Population(
        watermark=Seq(1),
        handles=np.arange(1, size + 1, dtype=np.int64),
        profiles=np.array([profiles.index(row[0]) for row in rows], dtype=np.int64),
        ordinals=np.arange(size, dtype=np.int64),
        ids=np.zeros((len(profiles), 16), dtype=np.uint8),
    )
    standing = Standing(
        granted=np.array([row[1] for row in rows], dtype=np.bool_),
        covers_past=np.zeros(size, dtype=np.bool_),
        codes=np.array([row[2] for row in rows], dtype=np.int64),
    )
    return population, standing, profiles


@given(people)
def test_a_profile_is_out_for_its_strongest_reason_or_in(
    rows: list[tuple[int, bool, int]],
) -> None:
    population, standing, profiles = columns(rows)
    places = places_of(population, standing)
    for place, profile in zip(places.tolist(), profiles, strict=True):
        mine = [row for row in rows if row[0] == profile]
        granted = any(row[1] for row in mine)
        assert place == (RETURNED if granted else max(row[2] for row in mine))
    assert usable(population, standing).num_rows == sum(row[1] for row in rows)


@given(people)
def test_returned_and_withheld_are_everybody(
    rows: list[tuple[int, bool, int]],
) -> None:
    population, standing, _ = columns(rows)
    places = places_of(population, standing)
    accounts = account(population, places, REASONS)
    assert accounts.returned + sum(accounts.withheld.values()) == population.size
    both = [*accounts.returned_ordinals.tolist(), *accounts.withheld_ordinals.tolist()]
    assert sorted(both) == population.ordinals.tolist()
    by_hand = Counter(REASONS[p] for p in places.tolist() if p != RETURNED)
    assert accounts.withheld == dict(by_hand)


def test_nothing_of_a_person_is_printed() -> None:
    population, standing, _ = columns([(0, True, 10), (1, False, 10)])
    accounts = account(population, places_of(population, standing), REASONS)
    assert repr(population) == "Population(watermark=1, size=2)"
    assert repr(standing) == "Standing(granted=1 of 2)"
    assert "returned=1" in repr(accounts)


@given(
    st.lists(st.dictionaries(st.integers(1, 20), st.just(0), max_size=6), max_size=5)
)
def test_numbers_are_kept_for_good(batches: list[dict[int, int]]) -> None:
    numbers = Numbers()
    given_: dict[int, int] = {}
    for batch in batches:
        wanted = np.array(sorted(batch), dtype=np.int64)
        found, missing = numbers.of(wanted)
        assert [n if n >= 0 else None for n in found.tolist()] == [
            given_.get(handle) for handle in wanted.tolist()
        ]
        assert set(missing.tolist()) == set(wanted.tolist()) - given_.keys()
        fresh = {handle: 100 + handle for handle in missing.tolist()}
        given_ |= fresh
        numbers.learn(missing, missing + 100)
