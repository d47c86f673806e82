"""What goes wrong in the room, grouped by who must act.

- Sender: ``SignalDecodeError`` and its kin (a consent string is not what its standard
  says). ``reason`` is closed; the message never holds a part of the string.
- Operator: ``PeriodSyntaxError`` (a document of ``policies/`` holds an unreadable age).
- Us: ``InvalidSignalError`` (a caller built a signal that contradicts itself).
- Whoever holds a receipt: ``BadConsentReceiptError`` (it does not verify).
"""

from enum import StrEnum
from typing import ClassVar

from cdp.kernel import CdpError


class PeriodSyntaxError(CdpError):
    """An age is not an ISO 8601 period of years, months, weeks and days above zero."""

    code: ClassVar[str] = "consent.period"


class InvalidSignalError(CdpError):
    """A signal contradicts itself; nothing of its batch was appended."""

    code: ClassVar[str] = "consent.signal"


class BadConsentReceiptError(CdpError):
    """A receipt is not what the holder of the key issued."""

    code: ClassVar[str] = "consent.receipt"


class DecodeReason(StrEnum):
    """What is wrong with a string that does not decode; closed."""

    EMPTY = "empty"
    ALPHABET = "alphabet"
    TOO_LONG = "too_long"
    TRUNCATED = "truncated"
    TRAILING = "trailing"
    VERSION = "version"
    NO_CORE = "no_core"
    SEGMENT_TYPE = "segment_type"
    DUPLICATE = "duplicate"
    RANGE = "range"
    VALUE = "value"
    COUNT = "count"


class SignalDecodeError(CdpError):
    """A string of a consent standard does not decode; it grants nothing.

    Args:
        reason: what is wrong, one of a closed set.
        where: the name of the segment, section or field; never a part of the string.
    """

    code: ClassVar[str] = "consent.decode"
    standard: ClassVar[str] = "string"

    def __init__(self, reason: DecodeReason, where: str = "") -> None:
        self.reason = reason
        self.where = where
        place = f" at {where}" if where else ""
        super().__init__(f"the {self.standard} string is malformed: {reason}{place}")


class TCStringError(SignalDecodeError):
    """A TC string of IAB TCF v2 does not decode; v1 has the reason ``version``."""

    code: ClassVar[str] = "consent.decode_tcf"
    standard: ClassVar[str] = "TC"


class GPPStringError(SignalDecodeError):
    """A string of the IAB Global Privacy Platform does not decode."""

    code: ClassVar[str] = "consent.decode_gpp"
    standard: ClassVar[str] = "GPP"


class ConsentModeError(SignalDecodeError):
    """A ``gcs`` or ``gcd`` value of Google Consent Mode does not decode."""

    code: ClassVar[str] = "consent.decode_consent_mode"
    standard: ClassVar[str] = "Consent Mode"
