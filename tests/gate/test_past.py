"""What was told once is told again, whatever came after: law 7 of consent.

Between the two questions the policy changes, people are merged and parted, and older
decisions arrive.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.consent import Carrier, Verdict
from cdp.gate import ConsentAnswer, ConsentExplained, Granted, Subject
from cdp.kernel import Handle
from cdp.policy import Policy
from cdp.policy.bundle import make_policy
from tests.gate.conftest import Worlds
from tests.gate.world import NOON, World, look

ANNA = Subject(namespace="user_id", value="anna")
COOKIE = Subject(namespace="cookie", value="cookie-number-1")
DAY = timedelta(days=1)


def shown(ruling: Any) -> Any:
    assert isinstance(ruling, Granted), ruling
    return ruling.value


def with_purpose(policy: Policy, **changes: Any) -> Policy:
    """Return the policy with another ``segmentation``; another version."""
    purposes = {
        **policy.purposes,
        "segmentation": msgspec.structs.replace(
            policy.purposes["segmentation"], **changes
        ),
    }
    documents: list[Any] = [
        *policy.jurisdictions.values(),
        *policy.datasets.values(),
        *policy.roles.values(),
        *policy.recipients.values(),
        *policy.releases.values(),
        *purposes.values(),
        policy.identity,
    ]
    return make_policy(documents, [], policy.features)


def without_segmentation(policy: Policy) -> Policy:
    documents: list[Any] = [
        *policy.jurisdictions.values(),
        *policy.datasets.values(),
        *policy.roles.values(),
        *(it for key, it in policy.purposes.items() if key != "segmentation"),
        policy.identity,
    ]
    return make_policy(documents, [], policy.features)


class Told:
    """Everything that was told, and how to ask for it again."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answers: list[tuple[Subject, ConsentAnswer]] = []
        self.reasons: list[tuple[Subject, ConsentExplained]] = []

    def ask(self, *subjects: Subject, **question: Any) -> None:
        """Ask now, and a little later nobody remembers the answer."""
        for who in subjects:
            doors = self.world.doors
            self.answers.append((who, shown(doors.consent_query(look(), who))))
            explained = doors.consent_explain(look(), who, about="segmentation")
            if isinstance(explained, Granted):
                self.reasons.append((who, explained.value))
        self.world.clock.advance(timedelta(microseconds=1))

    def is_told_again(self) -> None:
        """Ask each question of then again, at its own instants."""
        doors = self.world.doors_under(self.world.rules)
        for who, told in self.answers:
            at: dict[str, Any] = {"valid_at": told.valid_at, "known_at": told.known_at}
            again = shown(doors.consent_query(look(), who, **at))
            assert comparable(again) == comparable(told)
        for who, why in self.reasons:
            at = {"valid_at": why.valid_at, "known_at": why.known_at}
            again = shown(
                doors.consent_explain(look(), who, about="segmentation", **at)
            )
            assert comparable(again) == comparable(why)


def comparable(told: Any) -> Any:
    """Return an answer without what every look has of its own."""
    return msgspec.structs.replace(told, record="", watermark=0)


def test_a_later_policy_does_not_decide_the_past(world: World) -> None:
    anna = world.handle("anna")
    world.say(anna, Verdict.GRANT)
    told = Told(world)
    told.ask(ANNA)
    first = world.rules.policy
    assert told.answers[0][1].policy == first.version
    world.clock.advance(40 * DAY)
    world.apply(with_purpose(first, max_age={"KR": "P1M"}))
    told.ask(ANNA)
    states = [answer.states[-1] for _, answer in told.answers]
    assert [(it.granted, it.reason) for it in states] == [
        (True, None),
        (False, "consent.expired"),
    ]
    assert told.answers[1][1].policy != first.version
    told.is_told_again()
    # What was decided then, as we know it now, is under the rules of now.
    now = world.clock.now()
    seen = shown(
        world.doors.consent_query(
            look(), ANNA, about="segmentation", valid_at=NOON + DAY, known_at=now
        )
    )
    assert seen.states[0].valid_to < now
    assert seen.policy == world.rules.policy.version


def test_a_purpose_that_is_no_more_is_still_known_to_the_past(
    worlds: Worlds,
) -> None:
    world = worlds()
    world.say(world.handle("anna"), Verdict.GRANT)
    told = Told(world)
    told.ask(ANNA)
    then = world.clock.now()
    world.clock.advance(DAY)
    world.apply(without_segmentation(world.rules.policy))
    ask = world.doors.consent_explain
    now = ask(look(), ANNA, about="segmentation")
    assert not isinstance(now, Granted)
    again = shown(ask(look(), ANNA, about="segmentation", known_at=then))
    assert again.state.granted
    told.is_told_again()


def test_a_purpose_that_is_new_was_unknown_before(
    worlds: Worlds,
) -> None:
    world = worlds()
    world.handle("anna")
    first = world.rules.policy
    world.apply(without_segmentation(first))
    world.clock.advance(DAY)
    then = world.clock.now()
    world.clock.advance(DAY)
    world.apply(with_purpose(first, max_age={"KR": "P1M"}))
    seen = shown(
        world.doors.consent_query(look(), ANNA, about="segmentation", known_at=then)
    )
    assert seen.states[0].reason == "consent.unknown_scope"


def test_before_the_first_policy_nobody_was_asked(
    worlds: Worlds,
) -> None:
    world = worlds()
    world.say(world.handle("anna"), Verdict.GRANT)
    seen = shown(world.doors.consent_query(look(), ANNA, known_at=NOON - 90 * DAY))
    assert {it.reason for it in seen.states} == {"consent.never_asked"}
    assert seen.policy == ""


def test_merging_and_parting_later_change_no_answer(world: World) -> None:
    anna, cookie = world.handle("anna"), world.handle("cookie-number-1", "cookie")
    told = Told(world)
    world.say(anna, Verdict.GRANT)
    told.ask(ANNA, COOKIE)
    world.clock.advance(DAY)
    world.link(anna, cookie)
    told.ask(ANNA, COOKIE)
    world.clock.advance(DAY)
    world.say(cookie, Verdict.DENY)
    told.ask(ANNA, COOKIE)
    world.clock.advance(DAY)
    world.unlink(anna, cookie)
    told.ask(ANNA, COOKIE)
    opened = [
        (who.value, it.granted)
        for who, answer in told.answers
        for it in answer.states
        if it.purpose == "segmentation"
    ]
    cookie_name = COOKIE.value
    assert opened == [
        ("anna", True),
        (cookie_name, False),
        ("anna", True),
        (cookie_name, False),
        ("anna", False),
        (cookie_name, False),
        ("anna", True),
        (cookie_name, False),
    ]
    told.is_told_again()


def test_a_link_between_two_signals_is_seen_by_the_past(world: World) -> None:
    """It carries no signal of its own; the profile of then is known all the same."""
    anna, cookie = world.handle("anna"), world.handle("cookie-number-1", "cookie")
    world.say(cookie, Verdict.DENY)
    world.say(anna, Verdict.GRANT)
    world.clock.advance(DAY)
    before = world.clock.now()
    world.clock.advance(DAY)
    world.link(anna, cookie)
    after = world.clock.now()
    world.clock.advance(DAY)
    world.unlink(anna, cookie)
    ask = world.doors.consent_query
    at = [
        shown(ask(look(), ANNA, about="segmentation", known_at=known)).states[0]
        for known in (before, after, None)
    ]
    assert [(it.granted, it.conflict) for it in at] == [
        (True, False),
        (False, True),
        (True, False),
    ]


def test_a_late_arrival_changes_no_answer(world: World) -> None:
    anna = world.handle("anna")
    told = Told(world)
    world.say(anna, Verdict.GRANT)
    world.clock.advance(10 * DAY)
    told.ask(ANNA)
    for verdict in (Verdict.DENY, Verdict.GRANT):
        world.say(anna, verdict, carrier=Carrier.SEGMENT, late=5 * DAY)
        told.ask(ANNA)
    told.is_told_again()


def test_a_clock_that_is_set_back_hides_nothing_that_is_on_record(
    worlds: Worlds,
) -> None:
    world = worlds()
    anna = world.handle("anna")
    world.say(anna, Verdict.GRANT)
    world.say(anna, Verdict.DENY)
    told = Told(world)
    told.ask(ANNA)
    world.clock.advance(-DAY)
    seen = shown(world.doors.consent_query(look(), ANNA, about="segmentation"))
    assert seen.states[0].reason == "consent.withdrawn"
    assert seen.known_at > world.clock.now()
    told.is_told_again()


Step = Callable[[World, tuple[Handle, Handle]], object]
WHO = st.integers(0, 1)


def said(who: int, verdict: Verdict, days: int) -> Step:
    carrier = Carrier.SEGMENT if days else Carrier.API
    return lambda world, people: world.say(
        people[who], verdict, carrier=carrier, late=days * DAY
    )


def another_policy(months: int, part: str) -> Step:
    return lambda world, _: world.apply(
        with_purpose(
            world.rules.policy, max_age={"KR": f"P{months}M"}, silent_part=part
        )
    )


STEPS = st.one_of(
    st.builds(
        said, WHO, st.sampled_from([Verdict.GRANT, Verdict.DENY]), st.integers(0, 60)
    ),
    st.builds(another_policy, st.integers(1, 2), st.sampled_from(["default", "deny"])),
    st.just(lambda world, people: world.link(*people)),
    st.just(lambda world, people: world.unlink(*people)),
    st.builds(
        lambda days: lambda world, _: world.clock.advance(timedelta(days=days)),
        st.integers(0, 40),
    ),
)


@settings(max_examples=settings().max_examples // 25)
@given(history=st.lists(STEPS, min_size=3, max_size=6))
def test_what_was_told_is_told_again_after_any_history(
    worlds: Worlds, history: list[Step]
) -> None:
    world = worlds()
    people = world.handle("anna"), world.handle("cookie-number-1", "cookie")
    told = Told(world)
    for step in history:
        world.clock.advance(timedelta(seconds=1))
        step(world, people)
        told.ask(ANNA, COOKIE)
    told.is_told_again()


@pytest.mark.parametrize("intent", ["use", "send", "ask"])
def test_an_answer_says_what_it_was_asked_for(worlds: Worlds, intent: str) -> None:
    world = worlds()
    world.say(world.handle("anna"), Verdict.GRANT)
    seen = shown(
        world.doors.consent_query(look(), ANNA, about="segmentation", intent=intent)
    )
    (state,) = seen.states
    assert seen.intent == intent
    assert state.title
    assert state.source
    # Segments are sent to nobody; who said yes may be asked anything.
    assert state.granted is (intent != "send")
