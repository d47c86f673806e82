"""Appending: a draft becomes a record with an id, a salt, commitments and an index.

- SQLite: indexes are given at once and the tree grows in the caller's transaction.
- PostgreSQL: the finished record waits in the queue; *one* sequencer at a time takes
  the oldest and gives contiguous indexes. Two may run; an advisory lock lets them take
  turns.
- A handful of statements, however many records.

Source: the project's audit design, section 6.
"""

import itertools
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from cdp.audit.facets import PAYLOAD_FIELDS, pack_search
from cdp.audit.merkle import Edge, leaf_hash
from cdp.audit.record import SALT_BYTES, Codes, Draft, StoredPart, write
from cdp.audit.repository import (
    add_parts,
    add_payloads,
    add_records,
    drop_queue,
    enqueue,
    lock_sequencer,
    read_state,
    take_queue,
    write_state,
)
from cdp.kernel import Clock, to_micros
from cdp.keys import KeyRing
from cdp.runtime import Connection, Database

_SEQUENCE_ROWS: Final = 2_000
_MAX_BLOBS: Final = 8_192
_VARIANT: Final = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))

_pack_parts: Final = msgspec.msgpack.Encoder().encode
_unpack_parts: Final = msgspec.msgpack.Decoder(list[tuple[int, int, bytes]]).decode


class Appended(msgspec.Struct, frozen=True, kw_only=True):
    """What the log answers to a draft.

    ``index`` is None where the sequencer gives it later. ``id`` and ``leaf`` travel in
    the grant of an answer, so that its holder can demand the receipt.
    """

    id: str
    leaf: bytes
    index: int | None


class _Batch(msgspec.Struct):
    """Records that lack nothing but their index, column by column.

    ``parts`` holds the position in the batch with each part; most records have none.
    """

    keys: list[bytes] = []
    envelopes: list[bytes] = []
    leaves: list[bytes] = []
    months: list[int] = []
    sealed: list[bytes] = []
    search: list[bytes] = []
    parts: list[tuple[int, StoredPart]] = []


class Appender:
    """Writes the records of one log.

    Args:
        origin: the log.
        ring: seals payloads under the key of their month.
        clock: says when records are written.
        digest: (field, value) -> the keyed facet by which a payload is searched.
    """

    def __init__(
        self,
        *,
        origin: str,
        ring: KeyRing,
        clock: Clock,
        digest: Callable[[str, str], int],
    ) -> None:
        self._origin = origin
        self._ring = ring
        self._clock = clock
        self._digest = digest
        self._codes = Codes()
        self._blobs: dict[tuple[str | None, ...], bytes] = {}

    def append(self, connection: Connection, drafts: Sequence[Draft]) -> list[Appended]:
        """Record these drafts in the caller's transaction; see ``AuditLog.append``."""
        if not drafts:
            return []
        now = self._clock.now()
        ids = _record_ids(to_micros(now) // 1_000, len(drafts))
        batch = self._finish(drafts, ids, now)
        if connection.dialect.name == "postgresql":
            self._enqueue(connection, batch, to_micros(now))
            return [
                Appended(id=record_id, leaf=leaf, index=None)
                for record_id, leaf in zip(ids, batch.leaves, strict=True)
            ]
        first = self._integrate(connection, batch)
        return [
            Appended(id=record_id, leaf=leaf, index=index)
            for index, record_id, leaf in zip(
                range(first, first + len(ids)), ids, batch.leaves, strict=True
            )
        ]

    def sequence(self, database: Database) -> int:
        """Give queued records their indexes; return how many (PostgreSQL only)."""
        if database.dialect != "postgresql":
            return 0
        total = 0
        while True:
            with database.transaction() as connection:
                count = self._sequence_once(connection)
            total += count
            if count < _SEQUENCE_ROWS:
                return total

    def _finish(
        self, drafts: Sequence[Draft], ids: Sequence[str], now: datetime
    ) -> _Batch:
        millis = to_micros(now) // 1_000
        month = now.year * 100 + now.month
        salts = secrets.token_bytes(SALT_BYTES * len(drafts))
        seal, label = self._ring.seal, payload_label(month)
        batch = _Batch(months=[month] * len(drafts))
        for at, (draft, record_id) in enumerate(zip(drafts, ids, strict=True)):
            salt = salts[at * SALT_BYTES : (at + 1) * SALT_BYTES]
            envelope, plaintext, parts = write(
                draft, record_id=record_id, millis=millis, salt=salt, codes=self._codes
            )
            key = bytes.fromhex(record_id.replace("-", ""))
            batch.keys.append(key)
            batch.envelopes.append(envelope)
            batch.leaves.append(leaf_hash(envelope))
            batch.sealed.append(seal(label, plaintext, key))
            batch.search.append(self._search_blob(draft))
            if parts:
                batch.parts += [(at, part) for part in parts]
        return batch

    def _integrate(self, connection: Connection, batch: _Batch) -> int:
        """Give the next indexes, store everything, grow the tree; return the first."""
        state = read_state(
            connection, self._origin, lock=connection.dialect.name == "postgresql"
        )
        edge = Edge() if state is None else state.edge
        first = edge.size
        indexes = range(first, first + len(batch.keys))
        add_records(
            connection, list(zip(indexes, batch.keys, batch.envelopes, strict=True))
        )
        payloads = zip(indexes, batch.months, batch.sealed, batch.search, strict=True)
        add_payloads(connection, list(payloads))
        add_parts(
            connection,
            [(p.number, first + at, p.role, p.members) for at, p in batch.parts],
        )
        grown = edge.extend(batch.leaves)
        write_state(connection, self._origin, grown, grown.root())
        return first

    def _enqueue(self, connection: Connection, batch: _Batch, queued_at: int) -> None:
        parts: list[list[StoredPart]] = [[] for _ in batch.keys]
        for at, part in batch.parts:
            parts[at].append(part)
        enqueue(
            connection,
            list(
                zip(
                    batch.keys,
                    batch.envelopes,
                    batch.months,
                    batch.sealed,
                    batch.search,
                    map(_pack_parts, parts),
                    itertools.repeat(queued_at, len(parts)),
                    strict=True,
                )
            ),
        )

    def _sequence_once(self, connection: Connection) -> int:
        if not take_queue(connection, 1):
            return 0
        lock_sequencer(connection)
        rows = take_queue(connection, _SEQUENCE_ROWS)
        if not rows:
            return 0
        batch = _Batch(
            keys=[row.id for row in rows],
            envelopes=[row.envelope for row in rows],
            leaves=[leaf_hash(row.envelope) for row in rows],
            months=[row.month for row in rows],
            sealed=[row.sealed for row in rows],
            search=[row.search for row in rows],
            parts=[
                (at, StoredPart(*part))
                for at, row in enumerate(rows)
                for part in _unpack_parts(row.parts)
            ],
        )
        self._integrate(connection, batch)
        drop_queue(connection, [row.n for row in rows])
        return len(rows)

    def _search_blob(self, draft: Draft) -> bytes:
        """Return the keyed facets of a draft's payload; most drafts repeat a few."""
        values = (draft.client, draft.actor, draft.source_address, draft.ticket)
        found = self._blobs.get(values)
        if found is None:
            pairs = zip(PAYLOAD_FIELDS, values, strict=True)
            found = pack_search(
                {f: self._digest(f, value) for f, value in pairs if value is not None}
            )
            if len(self._blobs) >= _MAX_BLOBS:
                self._blobs.clear()
            self._blobs[values] = found
        return found


def payload_label(month: int) -> str:
    """Return the name of the key under which a month's payloads are sealed."""
    return f"audit.payload.{month}"


def _record_ids(millis: int, count: int) -> list[str]:
    """Draw UUIDv7s of one instant; as ``kernel.uuid7``, a third of the time in bulk."""
    noise = secrets.token_bytes(10 * count).hex()
    head = f"{millis:012x}"
    head = f"{head[:8]}-{head[8:]}-7"
    return [
        f"{head}{noise[at : at + 3]}-{_VARIANT[noise[at + 3]]}{noise[at + 4 : at + 7]}"
        f"-{noise[at + 8 : at + 20]}"
        for at in range(0, 20 * count, 20)
    ]
