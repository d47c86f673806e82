"""The store against the files: the same records, and everything that is tied to them.

- Each stored record is byte for byte the entry in the files, under its own id.
- A payload opens and is the one that its envelope commits to; or a tombstone, or a
  month key that was destroyed, says that it was shredded; else its absence is a fault.
- The stored parts of a set give the set's commitment.
- The search index names exactly the records it should.

Source: the project's audit design, sections 4, 5 and 8.
"""

from collections.abc import Callable, Iterable
from typing import Final

from cdp.audit.errors import BadRecordError
from cdp.audit.facets import BLOCK, index_block
from cdp.audit.files import LogFolder
from cdp.audit.merkle import Edge, leaf_hash
from cdp.audit.record import Envelope, Role, open_plaintext, read_envelope, set_salt
from cdp.audit.repository import (
    PartRow,
    PayloadRow,
    RecordRow,
    block_facets,
    indexed_blocks,
    parts_of,
    payloads_at,
    read_state,
    records,
    searchable,
    tombstones,
)
from cdp.audit.subjects import Part, SetRoot, commit, unpack
from cdp.audit.tiles import WIDTH, read_bundle
from cdp.audit.verify import Fault, FaultCode
from cdp.keys import KeyDestroyedError, KeysError
from cdp.runtime import Connection

_PIECE: Final = 4_096

Unseal = Callable[[RecordRow, PayloadRow], bytes]


class StoreCheck:
    """One pass over the store.

    Args:
        origin: the log.
        folder: its files.
        size: the size of the checkpoint that the files stand under.
        unseal: opens a sealed payload.
    """

    def __init__(
        self, origin: str, folder: LogFolder, size: int, unseal: Unseal
    ) -> None:
        self._origin = origin
        self._folder = folder
        self._size = size
        self._unseal = unseal
        self.faults: list[Fault] = []
        self.shredded = 0

    def run(self, connection: Connection, first: int = 0) -> None:
        """Check the records from ``first`` on; the tree always from its start."""
        state = read_state(connection, self._origin)
        stored = 0 if state is None else state.edge.size
        edge = Edge()
        for begin in range(0, max(stored, self._size), _PIECE):
            end = min(begin + _PIECE, max(stored, self._size))
            rows = {row.idx: row for row in records(connection, begin, end)}
            leaves: list[bytes] = []
            for index in range(begin, end):
                row = rows.get(index)
                leaves.append(b"" if row is None else leaf_hash(row.envelope))
            missing = [index for index in range(begin, end) if index not in rows]
            for start, last in _runs(missing):
                self._fault("store", start, "missing in the store", last=last)
            edge = edge.extend(leaves[: max(0, stored - begin)])
            if end > first:
                kept = [row for row in rows.values() if row.idx >= first]
                self._compare_files(begin, end, kept)
                self._check_payloads(connection, kept)
        if state is not None and not (edge.root() == state.root == state.edge.root()):
            text = "the stored records do not give the stored root"
            self._fault("store", 0, text, last=max(stored - 1, 0))
        self._check_index(connection, first, stored)

    def _compare_files(self, first: int, end: int, rows: Iterable[RecordRow]) -> None:
        entries: dict[int, bytes] = {}
        for number in range(first // WIDTH, -(-min(end, self._size) // WIDTH)):
            data = self._folder.bundle(number, self._size)
            found, _ = read_bundle(data or b"")
            entries.update(enumerate(found, number * WIDTH))
        for row in rows:
            entry = entries.get(row.idx)
            if row.idx < self._size and entry is not None and entry != row.envelope:
                self._fault("store", row.idx, "store and files hold different records")

    def _check_payloads(self, connection: Connection, rows: list[RecordRow]) -> None:
        if not rows:
            return
        indexes = [row.idx for row in rows]
        payloads = payloads_at(connection, indexes)
        parts = parts_of(connection, indexes)
        gone = tombstones(connection, indexes[0], indexes[-1] + 1)
        for row in rows:
            try:
                envelope = read_envelope(row.envelope)
            except BadRecordError as error:
                self._fault("envelope", row.idx, str(error))
                continue
            if envelope.id.replace("-", "") != row.id.hex():
                self._fault("store", row.idx, "the record is stored under another id")
            self._check_payload(
                row,
                envelope,
                payloads.get(row.idx),
                parts.get(row.idx, []),
                row.idx in gone,
            )

    def _check_payload(
        self,
        row: RecordRow,
        envelope: Envelope,
        payload: PayloadRow | None,
        parts: list[PartRow],
        is_gone: bool,
    ) -> None:
        if payload is None and is_gone:
            self.shredded += 1
            return
        if payload is None:
            text = "the payload is missing, and no record says why"
            self._fault("payload", row.idx, text)
            return
        try:
            salt, _ = open_plaintext(self._unseal(row, payload), envelope)
        except KeyDestroyedError:
            self.shredded += 1
            return
        except (KeysError, BadRecordError) as error:
            self._fault("payload", row.idx, str(error))
            return
        sets = {
            Role.RETURNED: envelope.returned,
            Role.WITHHELD: envelope.withheld,
            Role.INCIDENTAL: envelope.incidental,
        }
        for role, root in sets.items():
            stored = [part for part in parts if part.role == role.code]
            if not _set_holds(stored, root, set_salt(salt, role)):
                text = f"the stored set {role} is not the one committed to"
                self._fault("sets", row.idx, text)

    def _check_index(self, connection: Connection, first: int, stored: int) -> None:
        for block in range(first // BLOCK, indexed_blocks(connection)):
            begin, end = block * BLOCK, (block + 1) * BLOCK
            found = block_facets(connection, block)
            try:
                rows = searchable(connection, begin, end)
                holds = end <= stored and found == index_block(block, rows)
            except ValueError:  # an envelope that does not decode is named above
                continue
            if not holds:
                text = f"the search index of block {block} names other records"
                self._fault("index", begin, text, last=end - 1)

    def _fault(
        self, code: FaultCode, first: int, text: str, *, last: int | None = None
    ) -> None:
        end = first if last is None else last
        self.faults.append(Fault(code=code, first=first, last=end, text=text))


def _set_holds(stored: list[PartRow], root: SetRoot | None, salt: bytes) -> bool:
    if root is None:
        return not stored
    try:
        parts = [Part(row.number, unpack(row.members)) for row in stored]
    except BadRecordError:
        return False
    return commit(parts, salt) == root


def _runs(indexes: list[int]) -> list[tuple[int, int]]:
    """Join neighbours: the first and last of each unbroken run."""
    runs: list[tuple[int, int]] = []
    for index in indexes:
        if runs and runs[-1][1] == index - 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return runs
