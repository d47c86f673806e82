"""Google Consent Mode: ``gcd``, ``gcs``, and the two signals of GA4.

``gcd`` is two digits, then a letter and a digit for each of four signals, then a tail
of letters and digits that is read over. A letter says what was the default, and what an
update made of it (R10):

    l  nothing           m  update denies           u  default grants, update denies
    p  default denies    n  update grants           v  both grant
    t  default grants    q  both deny               r  default denies, update grants

``gcs`` is ``G1`` and one of ``0``, ``1``, ``-`` for ``ad_storage`` and
``analytics_storage``; it fills only what ``gcd`` left unset.

- A letter that is not in the table is an error: nothing is guessed.
- Not set is no information, never a grant.
- An object may name the four signals as the page's own call does, ``granted`` or
  ``denied``; a denial there and a grant in a string make a denial.

Source: Google does not document ``gcd``; the table is that on which five independent
decoders and one published list agree. GA4: the Measurement Protocol's ``consent``.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from cdp.consent.decoders.bits import MAX_CHARACTERS
from cdp.consent.decoders.listed import scopes_of, verdicts_of
from cdp.consent.errors import ConsentModeError, DecodeReason
from cdp.consent.reading import Reading, unreadable
from cdp.consent.rules import ConsentRules, ScopeRule

SIGNALS: Final = (
    "ad_storage",
    "analytics_storage",
    "ad_user_data",
    "ad_personalization",
)
_DIGITS: Final = frozenset("0123456789")
_ALPHABET: Final = frozenset(
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)
_HEADER: Final = 2  # characters
_PAIR: Final = 2  # characters of one signal
_GCS_PREFIX: Final = "G1"
_GCS_SIGNALS: Final = SIGNALS[:2]
_GA4_SIGNALS: Final = SIGNALS[2:]


class State(StrEnum):
    """What is set for one signal."""

    NOT_SET = "not_set"
    DENIED = "denied"
    GRANTED = "granted"


class SignalState(msgspec.Struct, frozen=True):
    """One signal of ``gcd``; None where the page never set that part."""

    effective: State
    default: State | None = None
    update: State | None = None


_NO, _YES = State.DENIED, State.GRANTED
LETTERS: Final[Mapping[str, SignalState]] = {
    "l": SignalState(State.NOT_SET),
    "p": SignalState(_NO, _NO),
    "q": SignalState(_NO, _NO, _NO),
    "t": SignalState(_YES, _YES),
    "r": SignalState(_YES, _NO, _YES),
    "m": SignalState(_NO, None, _NO),
    "n": SignalState(_YES, None, _YES),
    "u": SignalState(_NO, _YES, _NO),
    "v": SignalState(_YES, _YES, _YES),
}
_GCS: Final = {"0": _NO, "1": _YES, "-": State.NOT_SET}
_STATES: Final = {"granted": _YES, "denied": _NO}
_GA4_STATES: Final = {"GRANTED": _YES, "DENIED": _NO}


def decode_gcd(text: str) -> dict[str, SignalState]:
    """Return what a ``gcd`` value says of each of the four signals.

    Raises:
        ConsentModeError: it is malformed; ``where`` names the part.
    """
    _check(text, "gcd", _ALPHABET)
    end = _HEADER + _PAIR * len(SIGNALS)
    if not _DIGITS.issuperset(text[:_HEADER]):
        raise ConsentModeError(DecodeReason.VALUE, "gcd")
    if len(text) < end:
        raise ConsentModeError(DecodeReason.TRUNCATED, "gcd")
    found: dict[str, SignalState] = {}
    for place, name in enumerate(SIGNALS):
        start = _HEADER + _PAIR * place
        letter, digit = text[start], text[start + 1]
        state = LETTERS.get(letter)
        if state is None or digit not in _DIGITS:
            raise ConsentModeError(DecodeReason.VALUE, name)
        found[name] = state
    return found


def decode_gcs(text: str) -> dict[str, State]:
    """Return what a ``gcs`` value says of the two storage signals.

    Raises:
        ConsentModeError: it is malformed; ``where`` names the part.
    """
    _check(text, "gcs", _ALPHABET | {"-"})
    size = len(_GCS_PREFIX) + len(_GCS_SIGNALS)
    if not _GCS_PREFIX.startswith(text[: len(_GCS_PREFIX)]):
        raise ConsentModeError(DecodeReason.VALUE, "gcs")
    if len(text) < size:
        raise ConsentModeError(DecodeReason.TRUNCATED, "gcs")
    if len(text) > size:
        raise ConsentModeError(DecodeReason.TRAILING, "gcs")
    found: dict[str, State] = {}
    for name, letter in zip(_GCS_SIGNALS, text[len(_GCS_PREFIX) :], strict=True):
        if letter not in _GCS:
            raise ConsentModeError(DecodeReason.VALUE, name)
        found[name] = _GCS[letter]
    return found


def read_consent_mode(
    raw: object,
    rules: ConsentRules,
    place: str,  # noqa: ARG001 - every reader has the same arguments
    received_at: datetime,  # noqa: ARG001 - every reader has the same arguments
) -> Reading | None:
    """Read a ``gcd`` or ``gcs`` value, or an object of them; None says nothing.

    Args:
        raw: text, or ``{"gcd"?, "gcs"?, "ad_storage"?, ...}``.
    """
    match raw:
        case None:
            return None
        case str():
            parts: Mapping[object, object] = {_kind_of(raw): raw}
        case dict():
            parts = raw
        case _:
            return _unreadable("consent_mode.not_object", rules)
    try:
        states = _states_of(parts)
    except ConsentModeError as error:
        return _unreadable(f"consent_mode.{error.reason}", rules)
    return _reading(states, rules)


def read_ga4(
    raw: object,
    rules: ConsentRules,
    place: str,  # noqa: ARG001 - every reader has the same arguments
    received_at: datetime,  # noqa: ARG001 - every reader has the same arguments
    non_personalized_ads: object = None,
) -> Reading | None:
    """Read the ``consent`` of a GA4 request; None says nothing.

    Args:
        raw: ``{"ad_user_data"?, "ad_personalization"?}``, ``GRANTED`` or ``DENIED``;
            the other two signals cannot travel here.
        non_personalized_ads: of the same request; True denies the second signal.
    """
    if raw is None and non_personalized_ads is None:
        return None
    parts = {} if raw is None else raw
    if not isinstance(parts, dict):
        return _unreadable("ga4.not_object", rules)
    states: dict[str, State] = {}
    for name, value in parts.items():
        if name not in _GA4_SIGNALS:
            return _unreadable("ga4.signal_unknown", rules)
        if value is None:
            continue
        if not isinstance(value, str) or value not in _GA4_STATES:
            return _unreadable("ga4.value", rules)
        states[name] = _GA4_STATES[value]
    if non_personalized_ads is True:
        states["ad_personalization"] = State.DENIED
    elif non_personalized_ads not in (None, False):
        return _unreadable("ga4.value", rules)
    return _reading(states, rules)


def _check(text: object, where: str, alphabet: frozenset[str]) -> None:
    if not isinstance(text, str):
        raise ConsentModeError(DecodeReason.VALUE, where)
    if not text:
        raise ConsentModeError(DecodeReason.EMPTY, where)
    if len(text) > MAX_CHARACTERS:
        raise ConsentModeError(DecodeReason.TOO_LONG, where)
    if not alphabet.issuperset(text):
        raise ConsentModeError(DecodeReason.ALPHABET, where)


def _kind_of(text: str) -> str:
    return "gcs" if text.startswith("G") else "gcd"


def _states_of(parts: Mapping[object, object]) -> dict[str, State]:
    """Return what the parts come to: gcs fills what gcd left, a denial denies."""
    states: dict[str, State] = {}
    gcd, gcs = parts.get("gcd"), parts.get("gcs")
    if gcd is not None:
        for name, signal in decode_gcd(gcd).items():  # type: ignore[arg-type] # checked in there
            states[name] = signal.effective
    if gcs is not None:
        for name, state in decode_gcs(gcs).items():  # type: ignore[arg-type] # checked in there
            if states.get(name, State.NOT_SET) is State.NOT_SET:
                states[name] = state
    for key, value in parts.items():
        if key in ("gcd", "gcs") or value is None:
            continue
        if key not in SIGNALS or not isinstance(value, str) or value not in _STATES:
            where = key if key in SIGNALS else "object"
            raise ConsentModeError(DecodeReason.VALUE, str(where))
        if states.get(str(key)) is not State.DENIED:
            states[str(key)] = _STATES[value]
    return states


def _reading(states: Mapping[str, State], rules: ConsentRules) -> Reading:
    return Reading(
        verdicts=verdicts_of(
            rules.scopes,
            _listed,
            granted={name for name, state in states.items() if state is State.GRANTED},
            denied={name for name, state in states.items() if state is State.DENIED},
        )
    )


def _unreadable(problem: str, rules: ConsentRules) -> Reading:
    return unreadable(problem, scopes_of(rules.scopes, _listed))


def _listed(scope: ScopeRule) -> tuple[str, ...]:
    return scope.consent_mode
