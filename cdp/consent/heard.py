"""A signal as it counts for one handle: what the fold hears.

The ledger says which signals count for a handle and with which of their verdicts; here
is what is left of one, as plain values, for the fold runs for every event that decides.

Instants are microseconds UTC, as the ledger keeps them.
"""

from typing import Final

import msgspec

# Later than every instant: open-ended, as a number that compares.
OPEN: Final = (1 << 63) - 1


class Heard(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A signal as it counts for one handle; the masks hold what counts there.

    ``starts_at`` is when its denials come into force: the earlier of its two times.
    ``is_checked``: it was checked that a guardian spoke.
    """

    seq: int
    handle: int
    rank: int
    kind: int
    source: int
    carrier: str
    jurisdiction: str
    grants: int
    denies: int
    ends: int
    unreadable: int
    grants_at: int
    denies_at: int
    starts_at: int
    recorded_at: int
    evidence: str | None = None
    notice: str | None = None
    actor: str = "self"
    is_checked: bool = False
