"""One event, in memory only; what is kept of it is the policy's decision.

An ``Event`` still holds what the client sent (``item``): it lives from the first byte
to the minimizer and no longer. A ``Refused`` is the other outcome of reading an item.

Source: the house page on the wire, section 7.
"""

from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

from cdp.ingest.times import TimeFlag

Kind = Literal["track", "page", "screen", "identify", "group", "alias", "consent"]


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is not taken, and why; ``path`` is a JSON pointer or empty."""

    index: int
    message_id: str
    code: str
    path: str = ""
    message: str

    def __repr__(self) -> str:
        # A message id is the client's text and may hold anything.
        return f"Refused(index={self.index}, code={self.code!r})"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What one item says, in the words that every wire format shares.

    ``consent`` and ``consent_management`` are the item's consent objects as they came;
    None where there is none.
    ``previous`` is the other side of an alias. ``content`` is what the item's digest is
    made of: its bytes without the time it was sent.
    """

    index: int
    message_id: str
    kind: Kind
    name: str | None
    occurred_at: datetime
    sent_at: datetime | None
    time_flag: TimeFlag
    item: dict[str, Any]
    consent: object
    consent_management: object = None
    previous: str | None
    content: bytes

    def __repr__(self) -> str:
        # Everything else in here is a person's.
        return f"Event(index={self.index}, kind={self.kind!r})"


Item: TypeAlias = Event | Refused
