"""The laws of the gate, over histories drawn at random on real rooms.

The oracle knows nothing of the rooms: it folds the same history by hand, with the rule
that a denial anywhere in a person closes all of it, and otherwise each handle keeps its
last word.
"""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, TypeAlias, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.consent import Verdict
from cdp.gate import TOKEN, Answer
from cdp.kernel import Handle
from tests.gate.conftest import Worlds
from tests.gate.world import World

PEOPLE = 3
# A history takes a quarter of a second here, so a profile gets a part of its examples.
FEW = cast("settings", settings.default).max_examples // 20
VALUES = ("20s", "30s")


class Say(NamedTuple):
    who: int
    device: bool
    verdict: Verdict


class Visit(NamedTuple):
    who: int
    device: bool
    age: str | None
    closed: bool


class Link(NamedTuple):
    who: int


class Flush(NamedTuple):
    pass


Step: TypeAlias = Say | Visit | Link | Flush

who = st.integers(0, PEOPLE - 1)
verdicts = st.sampled_from([Verdict.GRANT, Verdict.GRANT, Verdict.DENY])
ages = st.sampled_from([*VALUES, None])
steps = st.one_of(
    st.builds(Say, who, st.booleans(), verdicts),
    st.builds(Visit, who, st.booleans(), ages, st.booleans()),
    st.builds(Visit, who, st.just(False), ages, st.just(False)),
    st.builds(Link, who),
    st.builds(Flush),
)
histories = st.lists(steps, max_size=14)


class Played(NamedTuple):
    world: World
    handles: dict[tuple[int, bool], Handle]


def play(world: World, history: Sequence[Step]) -> Played:
    handles = {
        (n, device): world.handle(
            f"{'device' if device else 'person'}-number-{n}",
            "cookie" if device else "user_id",
        )
        for n in range(PEOPLE)
        for device in (False, True)
    }
    for step in history:
        match step:
            case Say(n, device, verdict):
                world.say(handles[n, device], verdict)
            case Visit(n, device, age, closed):
                world.event(
                    handles[n, device],
                    {"revenue": Decimal(1)} | ({"age": age} if age else {}),
                    closed=["segmentation"] if closed else [],
                )
            case Link(n):
                world.link(handles[n, False], handles[n, True])
            case Flush():
                world.flush()
    return Played(world, handles)


class Expected(NamedTuple):
    orders: list[int]  # of each profile that is returned
    no_data: int
    refused: int  # by consent
    population: int


def oracle(history: Sequence[Step]) -> Expected:
    linked = {step.who for step in history if isinstance(step, Link)}
    said: dict[tuple[int, bool], Verdict] = {}
    visits: Counter[tuple[int, bool]] = Counter()
    for step in history:
        match step:
            case Say(n, device, verdict):
                said[n, device] = verdict
            case Visit(n, device, _, False):
                visits[n, device] += 1
            case _:
                pass
    profiles = [
        parts
        for n in range(PEOPLE)
        for parts in (
            [[(n, False), (n, True)]] if n in linked else [[(n, False)], [(n, True)]]
        )
    ]
    orders, no_data, refused = [], 0, 0
    for parts in profiles:
        words = {part: said.get(part) for part in parts}
        granted = [part for part, word in words.items() if word is Verdict.GRANT]
        if Verdict.DENY in words.values() or not granted:
            refused += 1
            continue
        count = sum(visits[part] for part in granted)
        if count:
            orders.append(count)
        else:
            no_data += 1
    return Expected(sorted(orders), no_data, refused, len(profiles))


def orders_of(answer: Answer) -> dict[bytes, int]:
    columns = answer.table.select([TOKEN, "orders"]).to_pydict()
    return dict(zip(columns[TOKEN], columns["orders"], strict=True))


@settings(max_examples=2 * FEW)
@given(history=histories)
def test_a_release_is_what_the_oracle_says(worlds: Worlds, history: list[Step]) -> None:
    answer = play(worlds(), history).world.answer("everybody")
    expected = oracle(history)
    assert sorted(orders_of(answer).values()) == expected.orders
    withheld = answer.grant.withheld
    assert withheld.get("gate.no_data", 0) == expected.no_data
    by_consent = [n for reason, n in withheld.items() if reason.startswith("consent.")]
    assert sum(by_consent) == expected.refused
    # Law 5: returned and withheld are everybody.
    assert answer.grant.rows + sum(withheld.values()) == expected.population


@settings(max_examples=FEW)
@given(history=histories, n=who, device=st.booleans(), dropped=st.integers(0, 13))
def test_denying_more_or_granting_less_never_enlarges(
    worlds: Worlds, history: list[Step], n: int, device: bool, dropped: int
) -> None:
    """Law 1, on the rows and on the events behind each of them."""
    played = play(worlds(), history)
    before = orders_of(played.world.answer("everybody"))
    played.world.say(played.handles[n, device], Verdict.DENY)
    after = orders_of(played.world.answer("everybody"))
    assert all(after[token] <= before.get(token, 0) for token in after)
    fewer = [
        step
        for place, step in enumerate(history)
        if place != dropped or not isinstance(step, Say) or step.verdict is Verdict.DENY
    ]
    without = oracle(fewer)
    whole = oracle(history)
    assert sum(without.orders) <= sum(whole.orders)
    again = play(worlds(), fewer).world.answer("everybody")
    assert sorted(orders_of(again).values()) == without.orders


@settings(max_examples=FEW)
@given(history=histories)
def test_the_same_request_at_the_same_watermark_gives_the_same_bytes(
    worlds: Worlds, history: list[Step]
) -> None:
    """Law 7, also across a flush and for a gate that has just started."""
    world = play(worlds(), history).world
    first = world.answer()
    again = world.answer()
    world.flush()
    world.gate = world.gate_under(world.rules)
    fresh = world.answer()
    assert first.grant.sha256 == again.grant.sha256 == fresh.grant.sha256
    assert first.grant.consent_watermark == fresh.grant.consent_watermark
    assert first.table.equals(again.table)
    assert first.table.equals(fresh.table)


@settings(max_examples=FEW)
@given(history=histories)
def test_nobody_denied_appears_and_no_class_below_k(
    worlds: Worlds, history: list[Step]
) -> None:
    """Law 1 after k, law 2 and law 5 for a release that suppresses."""
    world = play(worlds(), history).world
    everybody, few = world.answer("everybody"), world.answer("value")
    assert few.table.column_names == [TOKEN, "age", "income", "spent", "orders"]
    assert set(orders_of(few)) <= set(orders_of(everybody))
    classes = Counter(few.table.column("age").to_pylist())
    assert all(size >= 2 for size in classes.values())
    assert few.grant.rows + sum(few.grant.withheld.values()) == (
        everybody.grant.rows + sum(everybody.grant.withheld.values())
    )
