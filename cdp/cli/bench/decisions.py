"""How many consent decisions one process takes in a second.

- Made-up histories: each handle has one to six signals (uniform), seven grants in ten,
  of all kinds of sources, over the shop's scopes and three jurisdictions, one of which
  demands notices. One handle in twenty names an age; one person in twenty has two
  handles, nine times in ten of one jurisdiction.
- A decision is the whole value: winner, rule, notice and expiry are read from each. Who
  lost is named when asked, and costs what is printed apart.
- No decision is remembered: every one folds its signals again.
- The questions about one person come one after the other, as when a person is looked
  up. The same questions are taken in several rounds, slice by slice; each slice counts
  with its best round, for the machine may be shared. The median of whole rounds stands
  beside it.

Refuses: real data. Everything is drawn from a seed.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final

import msgspec
import numpy as np

from cdp.consent import (
    GPC,
    Actor,
    Age,
    Basis,
    Carrier,
    ChildNeeds,
    ChildRule,
    ConsentRules,
    Decision,
    Default,
    Denied,
    Granted,
    Heard,
    JurisdictionRule,
    Kind,
    NoticeRule,
    Period,
    ScopeRule,
    decide,
)
from cdp.kernel import to_micros

_HOUR: Final = 3_600_000_000
_START: Final = to_micros(datetime(2026, 1, 1, tzinfo=UTC))
_NOW: Final = to_micros(datetime(2026, 9, 1, tzinfo=UTC))
_PLACES: Final = ("KR", "EU", "US-CA")
_CARRIERS: Final = (
    (1, Carrier.API),
    (2, Carrier.PAGE),
    (3, Carrier.TCF),
    (4, Carrier.SEGMENT),
    (4, Carrier.SEGMENT),
    (5, Carrier.CONSENT_MODE),
)
_PURPOSES: Final = (
    "linking",
    "analytics",
    "segmentation",
    "advertising.share",
    "marketing.push",
    "marketing.push.night",
)
_SLICE: Final = 1_000
_PAIRED: Final = 20
_ALL: Final = (1 << len(_PURPOSES)) - 1


class DecisionsMeasured(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to.

    Args:
        per_second: decisions a second, each slice in its best round; ``median`` in the
            middle one of the whole rounds.
        with_losers_us: microseconds of one decision whose losers are all named.
        granted: share of the decisions that granted, in [0, 1].
        signals: mean number of signals a handle.
    """

    decisions: int
    rounds: int
    per_second: float
    median: float
    with_losers_us: float
    granted: float
    signals: float


class _Question(msgspec.Struct, frozen=True):
    handles: tuple[int, ...]
    ordinal: int


class _Made(msgspec.Struct, frozen=True):
    rules: ConsentRules
    heard: Mapping[int, Sequence[Heard]]
    known: Mapping[int, Sequence[str]]
    ages: Mapping[int, Age]
    questions: Sequence[_Question]


def measure(
    *, decisions: int = 100_000, rounds: int = 9, seed: int = 1
) -> DecisionsMeasured:
    """Take ``decisions`` decisions in every round, and time them slice by slice."""
    made = _make(decisions, seed)
    slices = [
        made.questions[start : start + _SLICE] for start in range(0, decisions, _SLICE)
    ]
    times = [[_timed(made, part) for part in slices] for _ in range(rounds)]
    named = [
        min(_timed_losers(made, part) for _ in range(3)) / len(part)
        for part in slices[:5]
    ]
    spoken = [len(said) for said in made.heard.values()]
    granted = sum(isinstance(_decided(made, it), Granted) for it in made.questions)
    return DecisionsMeasured(
        decisions=decisions,
        rounds=rounds,
        per_second=decisions / sum(map(min, zip(*times, strict=True))),
        median=decisions / statistics.median(map(sum, times)),
        with_losers_us=statistics.mean(named) * 1e6,
        granted=granted / decisions,
        signals=sum(spoken) / len(spoken),
    )


def _timed(made: _Made, questions: Sequence[_Question]) -> float:
    """Take each decision once and read it; return the seconds."""
    rules, heard, known, ages = made.rules, made.heard, made.known, made.ages
    started = time.perf_counter()
    for question in questions:
        decision = decide(
            question.handles, heard, known, question.ordinal, rules, _NOW, ages
        )
        # What a caller reads of a decision; losers are asked for apart.
        decision.rule  # noqa: B018 - reading is what is timed
        decision.winner  # noqa: B018 - reading is what is timed
        decision.notice  # noqa: B018 - reading is what is timed
        match decision:
            case Granted():
                decision.valid_to  # noqa: B018 - reading is what is timed
            case Denied():
                decision.reason  # noqa: B018 - reading is what is timed
    return time.perf_counter() - started


def _timed_losers(made: _Made, questions: Sequence[_Question]) -> float:
    """Take each decision and have its losers named; return the seconds."""
    started = time.perf_counter()
    for question in questions:
        len(_decided(made, question).losers)
    return time.perf_counter() - started


def _decided(made: _Made, question: _Question) -> Decision:
    return decide(
        question.handles,
        made.heard,
        made.known,
        question.ordinal,
        made.rules,
        _NOW,
        made.ages,
    )


def _make(decisions: int, seed: int) -> _Made:
    drawn = np.random.default_rng(seed)
    handles = max(2, decisions // len(_PURPOSES))
    heard: dict[int, list[Heard]] = {}
    known: dict[int, list[str]] = {}
    ages: dict[int, Age] = {}
    pick: Callable[[int], int] = lambda size: int(drawn.integers(size))  # noqa: E731 - a word for a call
    seq, place = 0, _PLACES[0]
    for handle in range(1, handles + 1):
        if not (_is_second(handle) and pick(10)):
            place = _PLACES[(0, 0, 0, 1, 1, 2)[pick(6)]]
        known[handle] = [place]
        if pick(20) == 0:
            ages[handle] = Age(date(1990 + pick(25), 6, 1), _START)
        said = heard[handle] = []
        for _ in range(1 + pick(6)):
            seq += 1
            said.append(_signal(seq, handle, place, pick))
    questions = []
    for number in range(decisions):
        handle = number // len(_PURPOSES) % handles + 1
        person: tuple[int, ...] = (handle,)
        if handle < handles and _is_second(handle + 1):
            person = (handle, handle + 1)
        questions.append(_Question(person, number % len(_PURPOSES)))
    return _Made(_rules(), heard, known, ages, questions)


def _is_second(handle: int) -> bool:
    """Whether a handle is the second one of the person before it."""
    return handle % _PAIRED == 0


def _signal(seq: int, handle: int, place: str, pick: Callable[[int], int]) -> Heard:
    rank, carrier = _CARRIERS[pick(len(_CARRIERS))]
    at = _START + pick(5_000) * _HOUR
    mask = (1 + pick(_ALL)) & _ALL
    # Of twenty signals fourteen grant, one ends, and five deny, one of them as GPC.
    said = ("grants",) * 14 + ("ends",) + ("denies",) * 4 + ("gpc",)
    what = said[pick(len(said))]
    return Heard(
        seq=seq,
        handle=handle,
        rank=rank,
        kind=(Kind.GPC if what == "gpc" else Kind.CHOICE).value,
        source=pick(2),
        carrier=carrier.value,
        jurisdiction=place,
        grants=mask if what == "grants" else 0,
        denies=mask if what in {"denies", "gpc"} else 0,
        ends=mask if what == "ends" else 0,
        unreadable=0,
        grants_at=at,
        denies_at=at,
        starts_at=at,
        recorded_at=at,
        notice=f"shop.{1 + pick(2)}" if place == "KR" or pick(2) else None,
        actor=Actor.SELF.value,
    )


def _rules() -> ConsentRules:
    asked = {"KR": Basis.CONSENT, "EU": Basis.CONSENT, "US-CA": Basis.OPT_OUT}
    ages = {"KR": Period.parse("P2Y"), "EU": Period.parse("P13M")}
    return ConsentRules(
        version="bench",
        scopes=tuple(
            ScopeRule(
                ordinal=ordinal,
                purpose=purpose,
                basis=asked,
                max_age=ages,
                gpc=GPC.DENY if ordinal in (2, 3) else GPC.IGNORE,
                reconfirm=(
                    {"KR": Period.parse("P2Y")} if purpose.startswith("mark") else {}
                ),
            )
            for ordinal, purpose in enumerate(_PURPOSES)
        ),
        jurisdictions={
            "KR": JurisdictionRule(
                key="KR",
                default=Default.OPT_IN,
                zone="Asia/Seoul",
                child=ChildRule(below=14, needs=ChildNeeds.GUARDIAN),
                needs_notice=True,
            ),
            "EU": JurisdictionRule(
                key="EU",
                default=Default.OPT_IN,
                zone="Europe/Brussels",
                child=ChildRule(below=16, needs=ChildNeeds.GUARDIAN),
            ),
            "US-CA": JurisdictionRule(
                key="US-CA",
                default=Default.OPT_OUT,
                zone="America/Los_Angeles",
                child=ChildRule(below=16, needs=ChildNeeds.OPT_IN, guardian_below=13),
                no_ask=Period.parse("P12M"),
            ),
        },
        notices={
            "shop.1": NoticeRule(
                key="shop.1", covers=dict.fromkeys(_PLACES, _ALL & ~0b1000)
            ),
            "shop.2": NoticeRule(key="shop.2", covers=dict.fromkeys(_PLACES, _ALL)),
        },
    )
