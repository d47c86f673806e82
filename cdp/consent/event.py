"""One event against what stands: a statement on an event narrows that event (R4).

- What is usable is the lesser of the standing decision and the event's own statement; a
  grant on the event counts once it is in the ledger, never by itself.
- ``closed`` travels with the event for good: the purposes that the event itself denies,
  and those that a signal denied when it was collected (R11). Silence closes nothing:
  the standing decision is taken when the data are read.

Pure. Masks are over the ordinals of the scopes.
"""

from collections.abc import Iterable

import msgspec

from cdp.consent.signals import Verdicts


class Stand(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What stands for a handle now, all scopes at once, as masks.

    ``granted``: open inside its profile. ``closed``: denied by a signal of the profile.
    ``own_granted``, ``own_denied``: what the handle came to by itself, without its
    mates; linking is asked of these, for a profile must not decide what makes it.
    ``until``: when the first grant begins or runs out, in microseconds; None is never.
    """

    granted: int = 0
    closed: int = 0
    own_granted: int = 0
    own_denied: int = 0
    until: int | None = None


class EventStand(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one event may be used for now, and what it is closed for, for good."""

    usable: int
    closed: int


def narrow(stand: Stand, statements: Iterable[Verdicts] = ()) -> EventStand:
    """Return the lesser of what stands for the anchor and what the event says (R4).

    Args:
        stand: of the anchor's handle, or ``Stand(granted=rules.default_mask(places))``
            for one that has no handle yet.
        statements: every statement on the event, the unreadable ones' too.
    """
    said = 0
    for verdicts in statements:
        said |= verdicts.closes
    return EventStand(usable=stand.granted & ~said, closed=stand.closed | said)
