"""What can go wrong in front of an estimator, grouped by who must act.

Messages hold counts, names of columns and codes, never a value of a row.
"""

from enum import StrEnum
from typing import ClassVar

from cdp.kernel import CdpError


class GrantReason(StrEnum):
    """Why a frame may not be used. Stable: it stands in reports."""

    ABSENT = "segments.grant.absent"
    EXPIRED = "segments.grant.expired"
    PURPOSE = "segments.grant.purpose"
    DOMAIN = "segments.grant.domain"
    CONTENT = "segments.grant.content"
    COLUMN_MISSING = "segments.grant.column_missing"
    COLUMN_TYPE = "segments.grant.column_type"


class GrantError(CdpError):
    """The caller: the grant does not cover this use; ``reason`` says why."""

    code: ClassVar[str] = "segments.grant"

    def __init__(self, reason: GrantReason, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason


class TooLittleDataError(CdpError):
    """The caller: too few rows for clusters that mean anything; use RFM, or force."""

    code: ClassVar[str] = "segments.too_little_data"
