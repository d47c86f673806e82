"""The words of an access: who asks for what, and what the gate says.

- An answer of the gate is a value, ``Granted`` or ``Denied``; never an exception.
- A denial names a closed reason and the rule that decided, and stands in the log
  already when its caller sees it.
- Reasons are stable and public: they are in the log, in the grant and in the API.

Source: the order of the reasons is the order of the checks in ``cdp.gate.admission``.
"""

from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

import msgspec

from cdp.audit import Kind
from cdp.auth import Caller

T = TypeVar("T")


class Reason(StrEnum):
    """Why the gate refuses, or leaves a profile out. Closed; consent has its own."""

    # Of a request, in the order of the checks.
    ROLE = "gate.role"
    REASON_MISSING = "gate.reason_missing"
    UNKNOWN = "gate.unknown"
    AS_OF = "gate.as_of"
    NO_BASIS = "gate.no_basis"
    RECIPIENT = "gate.recipient"
    COLUMN = "gate.column"
    # Of a profile in an answer.
    NO_DATA = "gate.no_data"
    TOO_SMALL = "gate.too_small"
    TOO_ALIKE = "gate.too_alike"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where an access came from (접속지). Goes into the record's payload, sealed."""

    source_address: str | None = None
    agent: str | None = None
    trace: str | None = None


class AccessRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One wish to see personal data.

    Args:
        what: What the caller wants to do, as the log will call it.
        purpose: What the data would be used for; never assumed from the release.
        release: The release asked for, where ``what`` needs one.
        as_of: The instant of the answer, not later than now; None means now.
    """

    caller: Caller
    what: Kind
    purpose: str
    release: str | None = None
    as_of: datetime | None = None
    reason_code: str | None = None
    ticket: str | None = None
    place: Place = Place()


class Granted(msgspec.Struct, Generic[T], frozen=True):
    """The gate says yes; ``value`` is what it hands out."""

    value: T


class Denied(msgspec.Struct, frozen=True, kw_only=True):
    """The gate says no.

    Args:
        reason: One of ``Reason``, or a reason of consent.
        rule: What decided, such as ``release:rfm`` or ``role:segmentation``.
        record: The id of the denial's record in the log; empty until it is written.
    """

    reason: str
    rule: str
    record: str = ""


Ruling: TypeAlias = Granted[T] | Denied
"""What the gate answers to every request."""
