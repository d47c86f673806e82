"""Identifiers that mean nothing outside the core.

- A handle is a random 63-bit number, so it fits a signed column and tells nothing.
- A profile id is 16 random bytes; it never leaves the core (``cdp.pseudonym`` permutes
  it).
- A record id is a UUIDv7: time-ordered, so that an index on it stays warm.

Source: RFC 9562 section 5.7 (UUIDv7).
"""

import secrets
from datetime import datetime
from typing import NewType
from uuid import UUID

from cdp.kernel.clock import to_micros

Handle = NewType("Handle", int)
ProfileId = NewType("ProfileId", bytes)
Seq = NewType("Seq", int)


def new_handle() -> Handle:
    """Draw a handle in [1, 2**63 - 1]. Uniqueness is the store's to hold."""
    return Handle(secrets.randbits(63) or 1)


def new_profile_id() -> ProfileId:
    """Draw 16 random bytes."""
    return ProfileId(secrets.token_bytes(16))


def uuid7(instant: datetime) -> UUID:
    """Return a UUIDv7 whose first 48 bits are the milliseconds of ``instant``."""
    millis = to_micros(instant) // 1000
    value = (millis & ((1 << 48) - 1)) << 80 | secrets.randbits(80)
    value &= ~(0xF << 76) & ~(0x3 << 62)
    return UUID(int=value | 0x7 << 76 | 0x2 << 62)
