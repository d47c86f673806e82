"""What ties identifiers together, and what the ties amount to: the room's values.

- ``Observation``: two identifiers were seen on one event. Comes in through the door.
- ``Evidence``: an observation as resolution reads it; the time is a number.
- ``Resolution``: parts, cuts and refusals. A value of its input and of nothing else.
- ``Changed``: which profiles are not what they were.

No value here holds an identifier or prints a digest.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum, StrEnum

import msgspec

from cdp.kernel import Handle, ProfileId, Seq


class Trust(IntEnum):
    """Who says so. The smaller number wins."""

    VERIFIED = 0
    """The key of a server, or a reviewer."""
    CLAIMED = 1
    """A public key: anybody with a browser."""


class RefusalReason(StrEnum):
    """Why a piece of evidence joined nothing. Stable: stored and shown."""

    UNIQUE = "unique"
    LIMIT = "limit"
    SIZE = "size"
    APART = "apart"
    RENAME_NOT_VERIFIED = "rename_not_verified"
    RENAME_CLASS = "rename_class"


class CutReason(StrEnum):
    """Why a handle ties nothing. Stable: stored and shown."""

    SHARED = "shared"
    OVER = "over"


class NewHandle(msgspec.Struct, frozen=True, kw_only=True):
    """An identifier never seen before; ``first_seen`` is its earliest event."""

    digest: bytes
    namespace: str
    epoch: int
    rule_version: int
    first_seen: datetime

    def __repr__(self) -> str:
        return f"NewHandle({self.namespace!r}, epoch={self.epoch})"


class Identifier(msgspec.Struct, frozen=True, kw_only=True):
    """One more digest of a handle: another key epoch, or another rule version."""

    digest: bytes
    namespace: str
    epoch: int
    rule_version: int
    handle: Handle

    def __repr__(self) -> str:
        return f"Identifier({self.namespace!r}, epoch={self.epoch}, {self.handle})"


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One event carried both identifiers, and linking was allowed for it.

    Args:
        anchor: the strongest identifier of the event.
        other: another one of the same event.
        source: the number of the sender.
        trust: what the sender's key is worth.
        event_key: the message id of the event, unique within the source.
        ordinal: the place of ``other`` among the event's identifiers, in wire order.
        observed_at: when the event happened.
        basis: the consent signal or the rule that allowed linking.
        rename: an alias: ``anchor`` and ``other`` are one person's ids, the new and
            old.
    """

    anchor: Handle
    other: Handle
    source: int
    trust: Trust
    event_key: bytes
    ordinal: int
    observed_at: datetime
    basis: str
    rename: bool = False


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Live evidence as resolution reads it; ``observed`` is microseconds since 1970."""

    a: Handle
    b: Handle
    source: int
    trust: Trust
    event_key: bytes
    ordinal: int
    observed: int
    rename: bool = False


class HandleFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What resolution knows of a handle; ``first_seen`` is microseconds since 1970."""

    namespace: str
    first_seen: int


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One profile: its handles, and the one whose own id names it."""

    named_by: Handle
    handles: frozenset[Handle]


class Refusal(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A pair that was not joined, ``a`` the smaller handle, and its best evidence."""

    a: Handle
    b: Handle
    reason: RefusalReason
    source: int
    event_key: bytes


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """The partition of the handles, and everything that kept it from being coarser."""

    parts: tuple[Part, ...]
    refusals: tuple[Refusal, ...]
    cuts: Mapping[Handle, CutReason]


class Profiles(msgspec.Struct, frozen=True, kw_only=True):
    """Profiles as they stand, whole: all handles of each, in ascending order."""

    profile_of: dict[Handle, ProfileId]
    handles_of: dict[ProfileId, tuple[Handle, ...]]
    namespace_of: dict[Handle, str]


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What one call did to the profiles.

    Args:
        seq: the position under which the change is recorded.
        before: the profiles that are no more, or have other handles now, as they were.
        after: the profiles of the same handles as they are.
        appended: pieces of evidence that were kept.
        repeated: observations that thinning left out.
        late: observations of a pair whose evidence was ended after they were made.
        ended: pieces of evidence that were ended.
    """

    seq: Seq
    before: dict[ProfileId, tuple[Handle, ...]] = {}
    after: dict[ProfileId, tuple[Handle, ...]] = {}
    appended: int = 0
    repeated: int = 0
    late: int = 0
    ended: int = 0

    @property
    def handles(self) -> frozenset[Handle]:
        """Every handle whose profile or whose mates are not what they were."""
        return frozenset(
            handle for part in self.after.values() for handle in part
        ) | frozenset(handle for part in self.before.values() for handle in part)


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """Where the stored result differs from the evidence; empty when all is well."""

    handles: frozenset[Handle]
    refusals: int
    cuts: int

    @property
    def is_clean(self) -> bool:
        """Whether the stored result is what the evidence says."""
        return not self.handles and not self.refusals and not self.cuts
