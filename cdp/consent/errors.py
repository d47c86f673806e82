"""What goes wrong in the room, grouped by who must act.

- Operator: ``PeriodSyntaxError`` (a document of ``policies/`` holds an unreadable age).
- Us: ``InvalidSignalError`` (a caller built a signal that contradicts itself).
"""

from typing import ClassVar

from cdp.kernel import CdpError


class PeriodSyntaxError(CdpError):
    """An age is not an ISO 8601 period of years, months, weeks and days above zero."""

    code: ClassVar[str] = "consent.period"


class InvalidSignalError(CdpError):
    """A signal contradicts itself; nothing of its batch was appended."""

    code: ClassVar[str] = "consent.signal"
