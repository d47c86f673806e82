"""What the page offers for each purpose: the state, the two answers, and their terms.

- A purpose that rests on consent, or may be objected to, has two answers of equal
  weight. One that is required has none.
- No answer is chosen beforehand, and one press answers one purpose: separate consents
  are never bundled. Only the no may be given to all at once.
- A yes is offered only where it would count: with a notice of today where the law wants
  one, and not to somebody who needs a guardian. A no is always offered.
- A personalisation level says yes to several purposes, so above zero it is offered only
  where the law does not want them one by one, and no notice is asked for.

Pure.

Source: consent rules R13, R15, R17, R18; PIPA 16(3), 22(1), 22(5); GDPR 7(2) to 7(4).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

import msgspec

from cdp.console.when import Language
from cdp.gate import Offer, Preference, PreferenceState
from cdp.policy import Policy, Purpose, Told

UNKNOWN: Final = "unknown"
LEVELS: Final = range(4)

_GUARDIAN: Final = "consent.guardian"
_SIGNAL: Final = "consent.gpc"
_ASKED: Final = frozenset({"consent", "opt_out"})


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One purpose as the page shows it.

    Args:
        ground: the type of basis where the person is.
        notice: the key of the text of today that covers it, and ``told`` its words.
        offers_yes: whether a yes would count.
        after_signal: the browser opted out; whoever says yes is told so first (R6).
    """

    purpose: str
    title: str
    ground: str
    state: Preference
    notice: str | None
    told: Told | None
    offers_yes: bool
    needs_guardian: bool
    after_signal: bool

    @property
    def anchor(self) -> str:
        """The id of its part of the page."""
        return "p-" + self.purpose.replace(".", "-")

    @property
    def asks(self) -> bool:
        """Whether it rests on the person's answer; else they may object."""
        return self.ground in _ASKED


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """How personal the person wants it: what holds, and what may be pressed."""

    now: int
    offered: tuple[int, ...]


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page: what a person decides, and what needs no consent.

    Args:
        required: the title of each purpose without a choice, with its ground.
        level: None where no purpose has a level.
        usable_until: when the visit ends.
    """

    offered: tuple[Choice, ...]
    required: tuple[tuple[str, str], ...]
    level: Level | None
    zone: str
    usable_until: datetime


def offered_purposes(policy: Policy) -> tuple[str, ...]:
    """Return the purposes about which a person decides, in the order of their keys."""
    return tuple(
        key for key, purpose in sorted(policy.purposes.items()) if not purpose.required
    )


def offered_levels(policy: Policy, offer: Offer) -> tuple[int, ...]:
    """Return the levels that may be pressed; none where no purpose has one."""
    leveled = _leveled(policy)
    if not leveled:
        return ()
    is_bundle = offer.separates or not offer.closed.isdisjoint(leveled)
    return (0,) if is_bundle else tuple(LEVELS)


def choices_of(
    policy: Policy,
    state: PreferenceState,
    language: Language,
    *,
    usable_until: datetime,
) -> Choices:
    """Put what stands together with what the policy of today says about it."""
    offer = state.offer
    levels = offered_levels(policy, offer)
    return Choices(
        offered=tuple(_offered(policy, state, language)),
        required=tuple(
            (purpose.title.text(language), _ground(purpose, offer.place))
            for _, purpose in sorted(policy.purposes.items())
            if purpose.required
        ),
        level=Level(now=_level(policy, state), offered=levels) if levels else None,
        zone=policy.jurisdictions[offer.place].zone,
        usable_until=usable_until,
    )


def _offered(
    policy: Policy, state: PreferenceState, language: Language
) -> Iterator[Choice]:
    offer = state.offer
    for key in offered_purposes(policy):
        purpose, stands = policy.purposes[key], state.preferences[key]
        shown = offer.notices[key]
        needs_guardian = stands.reason == _GUARDIAN
        yield Choice(
            purpose=key,
            title=purpose.title.text(language),
            ground=_ground(purpose, offer.place),
            state=stands,
            notice=shown,
            told=policy.notices[shown].purposes.get(key) if shown else None,
            offers_yes=key not in offer.closed and not needs_guardian,
            needs_guardian=needs_guardian,
            after_signal=stands.reason == _SIGNAL,
        )


def _leveled(policy: Policy) -> Mapping[str, int]:
    return {
        key: purpose.level
        for key, purpose in policy.purposes.items()
        if purpose.level is not None
    }


def _level(policy: Policy, state: PreferenceState) -> int:
    """Return the highest level up to which everything is open."""
    closed = [
        level
        for key, level in _leveled(policy).items()
        if not state.preferences[key].granted
    ]
    return min(closed, default=len(LEVELS)) - 1


def _ground(purpose: Purpose, place: str) -> str:
    basis = purpose.basis_in(place)
    return "" if basis is None else basis.type
