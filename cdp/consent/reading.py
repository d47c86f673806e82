"""What a reader made of one statement: verdicts, when it was dated, what was odd.

A reading is data on its way to a signal. It never grants what it could not read:
``unreadable`` marks the scopes that the statement was about.

Refuses: the raw form; whoever carries the reading keeps that, sealed.
"""

from datetime import datetime

import msgspec

from cdp.consent.signals import Carrier, Dated, Verdicts


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One statement, read.

    Args:
        problem: why it could not be read, a closed dotted code such as
            ``tcf.truncated``; None when it could.
        remarks: what was read over, as closed dotted codes such as
            ``category.unknown``; counted by source, never a value.
        dated: the time the statement itself names, where its standard has one.
        decided_at: an instant the statement itself names, with the time of day.
        notice: the version of the notice it names.
        opts_out: it is an opt-out signal of a browser or its law (GPC); acts as R5.
        carrier: what it is where that is not what brought it: the TC string inside a
            GPP string.
    """

    verdicts: Verdicts = Verdicts()
    problem: str | None = None
    remarks: tuple[str, ...] = ()
    dated: Dated | None = None
    decided_at: datetime | None = None
    notice: str | None = None
    opts_out: bool = False
    carrier: Carrier | None = None

    @property
    def is_silent(self) -> bool:
        """Whether nothing is said, and nothing failed to be read."""
        return self.problem is None and self.verdicts.is_silent


def unreadable(problem: str, scopes: int) -> Reading:
    """Return the reading of a statement about ``scopes`` that did not decode."""
    return Reading(verdicts=Verdicts(unreadable=scopes), problem=problem)
