"""Faces that are known: events of which everything but the row is on record already.

Trackers print the same identifiers and the same consent stamp on every event. Of the
second such event there is nothing to look up: its handles, what stands for them and
that its stamp and its ties are no news were all established by the first. What is
remembered here is a copy of the store and nothing more:

- It is valid for one position of the counter. Whoever moves the counter (another
  process, a person's own decision) ends it; a transaction that was not committed ends
  it too.
- A face is forgotten when a round changes anything about one of its people.
- A face ends when the first of its people's grants begins or runs out.
- An event that is older than the one remembered is a stranger: it may move a first
  sight.

Law: with and without it the store ends the same (tests/ingest/test_familiar.py).

Refuses: identifiers. Its keys are digests, and it lives in memory alone.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

import msgspec

from cdp.consent import Carrier, Stand
from cdp.ingest.judgement import Work
from cdp.kernel import Handle, Seq, to_micros

# At some 2 kB a face, a fifth of a gigabyte; then it begins anew.
MAX_FACES: Final = 100_000
_NEVER: Final = 1 << 62

Key: TypeAlias = tuple[
    int, int, int, tuple[bytes, ...], tuple[tuple[Carrier, bytes], ...]
]


class Face(msgspec.Struct, frozen=True, gc=False):
    """What is known of an event's people; ``since`` and ``until`` in microseconds."""

    handles: tuple[Handle, ...]
    profiles: frozenset[bytes]
    stands: dict[Handle, Stand]
    since: int
    until: int


NOBODY: Final = Face((), frozenset(), {}, -_NEVER, _NEVER)


class Familiar:
    """The faces that this process knows; ``most`` of them, or none for 0."""

    def __init__(self, most: int = MAX_FACES) -> None:
        self._most = most
        self._faces: dict[Key, Face] = {}
        self._keys_of: dict[Handle, set[Key]] = {}
        self._position: Seq | None = None

    def __len__(self) -> int:
        return len(self._faces)

    def begin(self, position: Seq) -> None:
        """Start a transaction that sees the counter at ``position``.

        Until ``confirm`` nothing is known to be true: if this transaction fails, the
        next one begins with an empty memory.
        """
        if position != self._position:
            self.clear()
        self._position = None

    def confirm(self, position: Seq) -> None:
        """The transaction is committed, and the counter stands at ``position``."""
        self._position = position

    def clear(self) -> None:
        """Forget everybody."""
        self._faces.clear()
        self._keys_of.clear()

    def recall(self, work: Work, now: int) -> Face | None:
        """Return what is known of the event's people, if all of it still holds."""
        event = work.event
        if not event.identifiers:
            return NOBODY
        if event.is_rename:
            return None
        key = _key(work)
        face = None if key is None else self._faces.get(key)
        if face is None or now >= face.until:
            return None
        return face if to_micros(event.occurred_at) >= face.since else None

    def learn(
        self,
        work: Work,
        profile_of: Mapping[Handle, bytes],
        stands: Mapping[Handle, Stand],
    ) -> None:
        """Remember an event that was settled, with nothing left to do about it."""
        key = _key(work)
        if key is None or work.event.is_rename or None in work.handles:
            return
        if not self._most:
            return
        if len(self._faces) >= self._most:
            self.clear()
        handles = tuple(work.known)
        own = {handle: stands[handle] for handle in handles}
        self._faces[key] = Face(
            handles,
            frozenset(profile_of[handle] for handle in handles),
            own,
            to_micros(work.event.occurred_at),
            min((s.until for s in own.values() if s.until is not None), default=_NEVER),
        )
        for handle in handles:
            self._keys_of.setdefault(handle, set()).add(key)

    def forget(self, handles: Iterable[Handle]) -> None:
        """Forget every face that one of ``handles`` is part of."""
        for handle in handles:
            for key in self._keys_of.pop(handle, ()):
                self._faces.pop(key, None)


def _key(work: Work) -> Key | None:
    """Return what an event looks like; None where it says something of its own."""
    event = work.event
    contents: list[tuple[Carrier, bytes]] = []
    for statement in event.statements:
        if not statement.stamp:
            return None
        contents.append((statement.carrier, statement.content))
    return (
        work.request.source.id,
        event.occurred_at.year,
        event.occurred_at.month,
        tuple(item.digest for item in event.identifiers),
        tuple(contents),
    )
