"""Which observations are kept: the earliest of each month, pair, sender and basis.

The result of resolution depends on the earliest observation of a pair, its retention on
the latest month; the rest is counted and left out.

- Ended evidence never returns: an observation made before its pair's evidence was ended
  is left out too, however late it arrives.
- Rows are not changed by what comes later: an earlier observation that arrives after a
  later one is kept beside it.

Source: the design page "Identity", section 3.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

import msgspec

from cdp.identity.evidence import Observation
from cdp.kernel import Handle, to_micros

Pair: TypeAlias = tuple[Handle, Handle]
_Key: TypeAlias = tuple[Pair, int, int, str, bool, int]
_Order: TypeAlias = tuple[int, bytes, int]

# Later than any instant a signed column can hold.
_NEVER: _Order = (1 << 63, b"", 0)


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A row of evidence, as far as thinning looks at it; times in microseconds."""

    a: Handle
    b: Handle
    source: int
    trust: int
    basis: str
    rename: bool
    month: int
    observed: int
    event_key: bytes
    ordinal: int
    ended: int | None


class Thinned(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be appended, and how much was left out for which reason."""

    kept: list[Observation]
    repeated: int
    late: int


def month_of(instant: datetime) -> int:
    """Return the number of a calendar month, in UTC."""
    return instant.year * 12 + instant.month - 1


def thin(observations: Sequence[Observation], stored: Iterable[Stored]) -> Thinned:
    """Leave out what is known already, what came too late, and pairs of one handle.

    Args:
        stored: every row, live or ended, of the pairs that were observed.
    """
    earliest: dict[_Key, _Order] = {}
    ended: dict[Pair, int] = {}
    for row in stored:
        pair = _pair(row.a, row.b)
        if row.ended is not None:
            ended[pair] = max(ended.get(pair, row.ended), row.ended)
            continue
        key = (pair, row.source, row.trust, row.basis, row.rename, row.month)
        order = (row.observed, row.event_key, row.ordinal)
        earliest[key] = min(earliest.get(key, order), order)
    kept: dict[_Key, Observation] = {}
    late = 0
    for each in observations:
        pair = _pair(each.anchor, each.other)
        observed = to_micros(each.observed_at)
        if observed <= ended.get(pair, observed - 1):
            late += 1
            continue
        month = month_of(each.observed_at)
        key = (pair, each.source, int(each.trust), each.basis, each.rename, month)
        order = (observed, each.event_key, each.ordinal)
        if each.anchor == each.other or earliest.get(key, _NEVER) <= order:
            continue
        earliest[key] = order
        kept[key] = each
    repeated = len(observations) - late - len(kept)
    return Thinned(kept=list(kept.values()), repeated=repeated, late=late)


def _pair(a: Handle, b: Handle) -> Pair:
    return (a, b) if a < b else (b, a)
