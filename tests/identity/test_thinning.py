"""Repeats are left out, and leaving them out changes nothing."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.identity import Evidence, Observation, Trust, resolve
from cdp.identity.thinning import Stored, month_of, thin
from cdp.kernel import Handle, to_micros
from tests.identity.graphs import Graph, graphs

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)


def seen(at: datetime = NOON, **changes: object) -> Observation:
    observation = Observation(
        anchor=Handle(1),
        other=Handle(2),
        source=1,
        trust=Trust.CLAIMED,
        event_key=b"a",
        ordinal=0,
        observed_at=at,
        basis="consent",
    )
    return msgspec.structs.replace(observation, **changes)


def stored(each: Observation, ended_at: datetime | None = None) -> Stored:
    return Stored(
        a=each.anchor,
        b=each.other,
        source=each.source,
        trust=each.trust,
        basis=each.basis,
        rename=each.rename,
        month=month_of(each.observed_at),
        observed=to_micros(each.observed_at),
        event_key=each.event_key,
        ordinal=each.ordinal,
        ended=None if ended_at is None else to_micros(ended_at),
    )


LATER = NOON + timedelta(hours=1)
NEXT_MONTH = NOON + timedelta(days=1)


def test_a_repeat_of_the_same_month_is_left_out() -> None:
    assert thin([seen(LATER)], [stored(seen())]).repeated == 1


def test_a_repeat_within_one_batch_is_left_out_whatever_its_order() -> None:
    first, last = seen(), seen(LATER, event_key=b"b")
    assert thin([first, last], []).kept == [first]
    assert thin([last, first], []).kept == [first]
    assert thin([last, first], []).repeated == 1


def test_an_earlier_observation_that_comes_later_is_kept() -> None:
    assert thin([seen()], [stored(seen(LATER))]).kept == [seen()]


@pytest.mark.parametrize(
    "other",
    [
        seen(NEXT_MONTH),
        seen(LATER, source=2),
        seen(LATER, trust=Trust.VERIFIED),
        seen(LATER, basis="contract"),
        seen(LATER, rename=True),
        seen(LATER, other=Handle(3)),
    ],
)
def test_what_differs_in_more_than_its_time_is_kept(other: Observation) -> None:
    assert thin([other], [stored(seen())]).kept == [other]


def test_both_orders_of_a_pair_are_one_pair() -> None:
    turned = seen(LATER, anchor=Handle(2), other=Handle(1))
    assert thin([turned], [stored(seen())]).repeated == 1


def test_a_handle_is_not_evidence_with_itself() -> None:
    assert thin([seen(other=Handle(1))], []).kept == []


def test_ended_evidence_never_returns_but_new_evidence_ties_again() -> None:
    ended = stored(seen(), ended_at=LATER)
    assert thin([seen()], [ended]).late == 1
    assert thin([seen(LATER, event_key=b"b")], [ended]).late == 1
    new = seen(LATER + timedelta(microseconds=1))
    assert thin([new], [ended]).kept == [new]


def test_the_last_end_of_a_pair_counts() -> None:
    rows = [stored(seen(), ended_at=end) for end in (NEXT_MONTH, LATER)]
    assert thin([seen(LATER + timedelta(minutes=1))], rows).late == 1


@given(graphs(), st.integers(0, 24))
def test_thinning_changes_no_result(graph: Graph, cut: int) -> None:
    def thinned(some: tuple[Evidence, ...], rows: list[Stored]) -> list[Observation]:
        observations = [
            Observation(
                anchor=each.a,
                other=each.b,
                source=each.source,
                trust=each.trust,
                event_key=each.event_key,
                ordinal=each.ordinal,
                # Two months, so that some repeats are of another one.
                observed_at=NOON + timedelta(hours=8 * each.observed),
                basis="consent",
                rename=each.rename,
            )
            for each in some
        ]
        return thin(observations, rows).kept

    first = thinned(graph.evidence[:cut], [])
    kept = first + thinned(graph.evidence[cut:], [stored(each) for each in first])
    keys = {each.event_key for each in kept}
    some = [each for each in graph.evidence if each.event_key in keys]
    apart, handles, rules = graph.apart, graph.handles, graph.rules
    assert resolve(some, apart, handles, rules) == resolve(
        graph.evidence, apart, handles, rules
    )
