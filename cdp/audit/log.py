"""The log: append, sequence, publish, ask, verify.

- ``append`` runs in the caller's transaction: the record is durable exactly when the
  change or the access that it tells of is. MUST be committed before the first byte of
  an answer.
- SQLite has one writer, so indexes are given at once and the tree grows in the same
  transaction. On PostgreSQL records queue up and *one* sequencer gives the indexes: a
  database sequence is never a log index.
- An append is a handful of statements, however many records it has.

Refuses: editing. A payload can be shredded, which leaves a tombstone; a leaf stays.

Source: the project's audit design, section 6; decisions 0010 and 0012.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from cdp.audit.appender import Appended, Appender, payload_label
from cdp.audit.checkpoint import Checkpoint
from cdp.audit.checkpoint_store import CheckpointStore
from cdp.audit.crosscheck import StoreCheck
from cdp.audit.errors import (
    BadProofError,
    BadTileError,
    DamagedLogError,
    NotPublishedError,
)
from cdp.audit.facets import BLOCK, index_block, word
from cdp.audit.files import LogFolder
from cdp.audit.merkle import inclusion_proof, verify_inclusion
from cdp.audit.note import ED25519, VerifierKey
from cdp.audit.publisher import Publisher
from cdp.audit.receipt import Receipt
from cdp.audit.record import Draft, Envelope, Payload, open_plaintext
from cdp.audit.repository import (
    PayloadRow,
    Pending,
    RecordRow,
    add_block,
    add_ordinals,
    find_ordinals,
    forget_ordinals,
    index_of,
    indexed_blocks,
    pending,
    read_state,
    replace_block,
    reserve_ordinals,
    searchable,
    shred,
)
from cdp.audit.search import (
    AuditFilter,
    AuditPage,
    Found,
    find,
    find_subject,
    prepare,
    show,
)
from cdp.audit.tiles import nodes_from_tiles
from cdp.audit.verify import VerifyReport, verify_files
from cdp.kernel import Clock
from cdp.keys import KeyRing
from cdp.runtime import Connection, Database

_MAX_BLOCKS_A_ROUND: Final = 64


class AuditLog:
    """One log: an origin, its store, its files and its checkpoint store.

    Args:
        ring: keys for signing, sealing and searching. folder: where the public files
        go. checkpoint_path: the checkpoint store, a file beside the ring; MUST NOT be
        part of
            a backup of the store.
        origin: the log's URL without scheme; the name of its key.
        clock: says when records are written.
    """

    def __init__(
        self,
        *,
        ring: KeyRing,
        folder: Path,
        checkpoint_path: Path,
        origin: str,
        clock: Clock,
    ) -> None:
        self.origin = origin
        self._ring = ring
        self._folder = LogFolder(folder)
        self._heads = CheckpointStore(checkpoint_path)
        self._appender = Appender(
            origin=origin, ring=ring, clock=clock, digest=self._digest
        )
        self._publisher = Publisher(
            origin=origin,
            folder=self._folder,
            heads=self._heads,
            signer=lambda: ring.signer(self._key_name),
        )

    @property
    def _key_name(self) -> str:
        return f"audit/{self.origin}"

    @property
    def verifier_key(self) -> str:
        """The key by which anybody checks this log, as text."""
        return self._verifier.text

    @property
    def _verifier(self) -> VerifierKey:
        public = self._ring.signer(self._key_name).public
        return VerifierKey(name=self.origin, algorithm=ED25519, public=public)

    # Writing

    def append(self, connection: Connection, drafts: Sequence[Draft]) -> list[Appended]:
        """Record these drafts in the caller's transaction, in this order.

        Raises:
            BadRecordError: a draft breaks the rules of the record; none is appended.
        """
        return self._appender.append(connection, drafts)

    def sequence(self, database: Database) -> int:
        """Give queued records their indexes; return how many (PostgreSQL only)."""
        return self._appender.sequence(database)

    def ordinals(
        self, connection: Connection, handles: Sequence[int]
    ) -> dict[int, int]:
        """Return the ordinal of each handle; give one where there is none yet."""
        found = find_ordinals(connection, handles)
        new = [handle for handle in dict.fromkeys(handles) if handle not in found]
        if new:
            first = reserve_ordinals(connection, len(new))
            given = dict(zip(new, range(first, first + len(new)), strict=True))
            add_ordinals(connection, given)
            found |= given
        return found

    def known_ordinals(
        self, connection: Connection, handles: Sequence[int]
    ) -> dict[int, int]:
        """Return the ordinals that these handles have already; give none."""
        return find_ordinals(connection, handles)

    def forget(self, connection: Connection, handles: Sequence[int]) -> int:
        """Cut handles from their ordinals for good; return how many were cut.

        The ordinals stay in the sets of old records, and stand for nobody.
        """
        return forget_ordinals(connection, handles)

    def shred(
        self, connection: Connection, indexes: Sequence[int], *, by: Appended
    ) -> int:
        """Remove the payloads and sets of these records; return how many payloads.

        Args:
            connection: the caller's transaction.
            indexes: the records.
            by: the record (``payload.shred``, ``rights.erase``) that says so.
        """
        count = shred(connection, indexes, UUID(by.id).bytes)
        covered = indexed_blocks(connection)
        for block in sorted({index // BLOCK for index in indexes}):
            if block < covered:
                rows = searchable(connection, block * BLOCK, (block + 1) * BLOCK)
                replace_block(connection, index_block(block, rows))
        return count

    # Publishing

    def check_start(self, database: Database) -> None:
        """Refuse a store that was rolled back or exchanged.

        Raises:
            RolledBackError: it is not the store that the last checkpoint was signed
            over. DamagedLogError: a record beyond the checkpoint is not what was
            written.
        """
        self._publisher.check_start(database)

    def publish(self, database: Database) -> Checkpoint | None:
        """Sign what is stored now and write the files; None when the log is empty.

        The caller MUST hold the folder's publisher lock.

        Raises:
            RolledBackError, DamagedLogError, AnotherWriterError: fatal; nothing is
            signed.
        """
        point = self._publisher.publish(database)
        if point is not None:
            self._index_blocks(database, point.size)
        return point

    def checkpoint(self) -> Checkpoint | None:
        """Return the last checkpoint, None before the first."""
        head = self._heads.head(self.origin)
        if head is None or head.note is None:
            return None
        return Checkpoint(
            origin=self.origin, size=head.size, root=head.root, note=head.note
        )

    def receipt(self, index: int) -> bytes:
        """Return the receipt (``.tlog-proof``) of a published record.

        Raises:
            NotPublishedError: no checkpoint covers the record.
            DamagedLogError: the tiles do not lead to the checkpoint.
        """
        point = self.checkpoint()
        if point is None or not 0 <= index < point.size:
            raise NotPublishedError(f"no checkpoint covers record {index} yet")

        def read(level: int, number: int) -> bytes:
            data = self._folder.tile(level, number, point.size)
            if data is None:
                raise DamagedLogError(f"tile {number} of level {level} is missing")
            return data

        try:
            nodes = nodes_from_tiles(read)
            proof = inclusion_proof(index, point.size, nodes)
            verify_inclusion(index, point.size, nodes(0, index), proof, point.root)
        except (BadProofError, BadTileError) as error:
            raise DamagedLogError("the tiles do not hold the tree") from error
        return Receipt(
            index=index, proof=tuple(proof), checkpoint=point.note
        ).to_bytes()

    # Asking

    def index_of(self, connection: Connection, record_id: str) -> int | None:
        """Return where a record stands, None when it has no index (yet)."""
        try:
            key = UUID(record_id).bytes
        except ValueError:
            return None
        return index_of(connection, key)

    def pending(self, connection: Connection) -> Pending:
        """Return how many records wait for their index, and since when."""
        return pending(connection)

    def query(
        self,
        connection: Connection,
        asked: AuditFilter,
        *,
        after: int | None = None,
        limit: int = 100,
        open_payload: bool = False,
    ) -> AuditPage:
        """Return a page of the records that pass a filter, in order of index.

        Args:
            connection: a snapshot. asked: the filter. after: ``next`` of the page
            before; pass its ``size`` as ``until_index`` too. limit: the most records on
            the page, at least 1. open_payload: unseal the payloads; the caller has
            recorded why.
        """
        wanted = prepare(asked, self._digest)

        def look(first: int, end: int) -> Found:
            return find(connection, wanted, first, end, limit)

        return self._page(connection, asked, after, look, open_payload=open_payload)

    def subject(
        self,
        connection: Connection,
        ordinals: Sequence[int],
        asked: AuditFilter | None = None,
        *,
        after: int | None = None,
        limit: int = 100,
        open_payload: bool = False,
    ) -> AuditPage:
        """Return a page of the records that touched a subject, each with its roles.

        Args:
            connection: a snapshot.
            ordinals: those of all handles of the subject.
            asked: narrows the answer further.
            after: ``next`` of the page before.
            limit: the most records on the page, at least 1.
            open_payload: unseal the payloads; the caller has recorded why.
        """
        asked = asked or AuditFilter()
        wanted = prepare(asked, self._digest)

        def look(first: int, end: int) -> Found:
            return find_subject(connection, ordinals, wanted, first, end, limit)

        return self._page(connection, asked, after, look, open_payload=open_payload)

    # Verifying

    def verify(
        self,
        database: Database | None,
        *,
        from_index: int = 0,
        old: bytes | None = None,
    ) -> VerifyReport:
        """Check the files, and the store against them when there is one.

        Args:
            database: the store, or None for the files alone.
            from_index: the first record whose entry must still be there.
            old: an earlier checkpoint that the log must extend.
        """
        report = verify_files(
            self._folder,
            [self._verifier],
            origin=self.origin,
            from_index=from_index,
            old=old,
        )
        if database is None:
            return report
        check = StoreCheck(self.origin, self._folder, report.size, self._unseal)
        with database.snapshot() as connection:
            check.run(connection, from_index)
        faults = sorted(
            (*report.faults, *check.faults), key=lambda fault: (fault.first, fault.last)
        )
        return msgspec.structs.replace(
            report,
            ok=report.ok and not check.faults,
            faults=tuple(faults),
            shredded=check.shredded,
        )

    # Inside

    def _index_blocks(self, database: Database, size: int) -> None:
        """Build the search index of blocks that became full."""
        with database.snapshot() as connection:
            first = indexed_blocks(connection)
        for block in range(first, min(size // BLOCK, first + _MAX_BLOCKS_A_ROUND)):
            with database.snapshot() as connection:
                rows = searchable(connection, block * BLOCK, (block + 1) * BLOCK)
            index = index_block(block, rows)
            with database.transaction() as connection:
                add_block(connection, index)

    def _page(
        self,
        connection: Connection,
        asked: AuditFilter,
        after: int | None,
        look: Callable[[int, int], Found],
        *,
        open_payload: bool,
    ) -> AuditPage:
        state = read_state(connection, self.origin)
        size = 0 if state is None else state.edge.size
        end = size if asked.until_index is None else min(size, asked.until_index)
        first = max(asked.from_index, 0 if after is None else after + 1)
        first = min(first, end)
        found = look(first, end)
        opener = self._open_payload if open_payload else None
        complete = found.looked_until >= end
        return AuditPage(
            records=show(connection, found, opener),
            complete=complete,
            next=None if complete else found.looked_until - 1,
            scanned=(first, found.looked_until),
            size=end,
            checkpoint=self.checkpoint(),
            pending=pending(connection).waiting,
        )

    def _open_payload(
        self, row: RecordRow, payload: PayloadRow, envelope: Envelope
    ) -> Payload:
        return open_plaintext(self._unseal(row, payload), envelope)[1]

    def _unseal(self, row: RecordRow, payload: PayloadRow) -> bytes:
        return self._ring.unseal(payload_label(payload.month), payload.sealed, row.id)

    def _digest(self, field: str, value: str) -> int:
        """Return the keyed facet of a payload field."""
        digester = self._ring.digester("audit.search")
        return word(digester.digest(f"{field}\x00{value}".encode()))
