"""Publishing: what is stored is read back, hashed again, written as files, then signed.

In this order, and each step only after the one before it is durable:

1. The store's tree MUST extend the last checkpoint: not behind it, not another root
there. 2. What was stored since is read back and hashed again, from the start of its
first bundle;
   what the files hold already is compared on the way.
3. Tiles and bundles are written; the rebuilt root MUST be the store's.
4. The checkpoint is signed and moved in the checkpoint store by compare-and-swap.
5. Only then the file ``checkpoint`` changes.

A crash between any two steps leaves a log that verifies: files beyond the checkpoint
are nobody's business yet and are written again, byte for byte the same.

The caller MUST hold the folder's publisher lock.
"""

from collections.abc import Callable

from cdp.audit.checkpoint import Checkpoint, sign_checkpoint
from cdp.audit.checkpoint_store import CheckpointStore, Head
from cdp.audit.errors import DamagedLogError, RolledBackError
from cdp.audit.files import CHECKPOINT, LogFolder
from cdp.audit.merkle import EMPTY_ROOT, HASH_BYTES, leaf_hash
from cdp.audit.repository import State, read_state, record_count, records
from cdp.audit.tiles import (
    HEIGHT,
    WIDTH,
    Builder,
    TilePath,
    bundle_path,
    encode_bundle,
    levels,
    tile_width,
)
from cdp.keys import Signer
from cdp.runtime import Connection, Database


class Publisher:
    """Moves one log's checkpoint to what the store holds.

    Args:
        origin: the log.
        folder: its files.
        heads: the checkpoint store.
        signer: its key, made when first needed.
    """

    def __init__(
        self,
        *,
        origin: str,
        folder: LogFolder,
        heads: CheckpointStore,
        signer: Callable[[], Signer],
    ) -> None:
        self._origin = origin
        self._folder = folder
        self._heads = heads
        self._signer = signer

    def check_start(self, database: Database) -> Head:
        """Refuse a store that is not the one the last checkpoint was signed over.

        Raises:
            RolledBackError: the store is behind, has another root there, or was never
                seen by this checkpoint store though it has records.
            DamagedLogError: a record is missing or does not hash to what was stored.
        """
        with database.snapshot() as connection:
            state = read_state(connection, self._origin)
            head = self._heads.head(self._origin)
            if head is None:
                if state is not None or record_count(connection):
                    raise RolledBackError(
                        f"the store has records, and the checkpoint store knows no log "
                        f"{self._origin}: a store or a checkpoint store was exchanged"
                    )
                return self._heads.begin(self._origin)
            self._replay(connection, head, state, write=False)
        return head

    def publish(self, database: Database) -> Checkpoint | None:
        """Sign what was stored since the last checkpoint; None when the log is empty.

        Raises:
            RolledBackError, DamagedLogError: as for ``check_start``. Nothing is signed.
            AnotherWriterError: another process published meanwhile.
        """
        head = self._heads.head(self._origin) or self.check_start(database)
        with database.snapshot() as connection:
            state = read_state(connection, self._origin)
            if state is None or state.edge.size == head.size:
                self._require_same(head, state)
                return self._republish(head)
            full = self._replay(connection, head, state, write=True)
        self._folder.sync()
        signer = self._signer()
        point = sign_checkpoint(
            self._origin, state.edge.size, state.root, signer.public, signer.sign
        )
        self._heads.swap(head, point)
        self._folder.write(CHECKPOINT, point.note)
        self._folder.sync()
        for name in full:
            self._folder.drop_partials(name)
        return point

    def _republish(self, head: Head) -> Checkpoint | None:
        """Put the file ``checkpoint`` back where a crash left an older one."""
        if head.note is None:
            return None
        if self._folder.read(CHECKPOINT) != head.note:
            self._folder.write(CHECKPOINT, head.note)
            self._folder.sync()
        return Checkpoint(
            origin=self._origin, size=head.size, root=head.root, note=head.note
        )

    def _require_same(self, head: Head, state: State | None) -> None:
        size = 0 if state is None else state.edge.size
        root = EMPTY_ROOT if state is None else state.root
        if size < head.size:
            raise RolledBackError(
                f"the store has {size} records and the last checkpoint "
                f"has {head.size}: it was rolled back"
            )
        if size == head.size and root != head.root:
            raise RolledBackError(
                f"the store has another root at size {size} than the last checkpoint"
            )

    def _replay(
        self, connection: Connection, head: Head, state: State | None, *, write: bool
    ) -> list[str]:
        """Read back what is beyond ``head``; return the names of full files."""
        self._require_same(head, state)
        if state is None or state.edge.size == head.size:
            return []
        replay = _Replay(self._folder, write=write)
        edge = self._edge_of(head)
        known, first = b"", 0
        if edge:  # go on from the tiles, and read the last bundle once more
            known, edge[0] = edge[0], b""
            first = head.size - head.size % WIDTH
        builder = Builder(replay.on_tile, size=first, edge=edge)
        size = state.edge.size
        replay.run(connection, builder, first, size, known, head)
        if builder.root() != state.root or state.edge.root() != state.root:
            raise DamagedLogError(
                f"the records up to {size} do not give the root that the store holds"
            )
        replay.finish(builder)
        if not edge and head.size:
            replay.heal(builder)
        return replay.full

    def _edge_of(self, head: Head) -> list[bytes]:
        """Return the right edge at ``head`` from the tiles; empty when of no use.

        Tiles are derived files: one that is gone or damaged only costs time.
        """
        edge: list[bytes] = []
        for level in range(levels(head.size)):
            number = (head.size >> (HEIGHT * level)) // WIDTH
            width = tile_width(level, number, head.size)
            data = self._folder.tile(level, number, head.size) if width else b""
            if data is None or len(data) < width * HASH_BYTES:
                return []
            edge.append(data[: width * HASH_BYTES])
        if Builder(_ignore, size=head.size, edge=edge).root() != head.root:
            return []
        return edge


class _Replay:
    """One pass over stored records: compares, and writes the files where asked to."""

    def __init__(self, folder: LogFolder, *, write: bool) -> None:
        self._folder = folder
        self._write = write
        self._bundle: list[bytes] = []
        self.full: list[str] = []

    def run(
        self,
        connection: Connection,
        builder: Builder,
        first: int,
        size: int,
        known: bytes,
        head: Head,
    ) -> None:
        """Push the leaves of ``[first, size)``.

        Args:
            known: the leaf hashes from ``first`` on that are under the checkpoint.
            head: the checkpoint whose root the leaves must pass through when ``first``
                is 0.
        """
        expected = first
        for row in records(connection, first, size):
            if row.idx != expected:
                raise DamagedLogError(f"record {expected} is missing in the store")
            leaf = leaf_hash(row.envelope)
            at = (expected - first) * HASH_BYTES
            if known[at : at + HASH_BYTES] not in (b"", leaf):
                raise DamagedLogError(
                    f"record {expected} is not the one under the last checkpoint"
                )
            builder.push(leaf)
            expected += 1
            if expected == head.size and builder.root() != head.root:
                raise RolledBackError(
                    f"the store has another root at size {head.size} than the last "
                    "checkpoint"
                )
            self._collect(row.envelope, expected)
        if expected != size:
            raise DamagedLogError(f"record {expected} is missing in the store")

    def on_tile(self, level: int, number: int, data: bytes) -> None:
        """Write a tile that became full."""
        self._emit(str(TilePath(level, number)), data)

    def finish(self, builder: Builder) -> None:
        """Write the partial files of the last size."""
        if not self._write:
            return
        for path, data in builder.partials():
            self._folder.write(str(path), data)
        if self._bundle:
            name = bundle_path(builder.size // WIDTH, len(self._bundle))
            self._folder.write(name, encode_bundle(self._bundle))

    def heal(self, builder: Builder) -> None:
        """Write again the older partial files beside the last ones that are wrong."""
        if not self._write:
            return
        for path, data in builder.partials():
            full = str(TilePath(path.level, path.number))
            for width, stored in self._folder.partials(full):
                whole = data[: width * HASH_BYTES]
                if width < path.width and stored != whole:
                    self._folder.write(f"{full}.p/{width}", whole)
        full = bundle_path(builder.size // WIDTH)
        for width, stored in self._folder.partials(full):
            whole = encode_bundle(self._bundle[:width])
            if width < len(self._bundle) and stored != whole:
                self._folder.write(f"{full}.p/{width}", whole)

    def _collect(self, envelope: bytes, size: int) -> None:
        if not self._write:
            return
        self._bundle.append(envelope)
        if size % WIDTH == 0:
            self._emit(bundle_path(size // WIDTH - 1), encode_bundle(self._bundle))
            self._bundle = []

    def _emit(self, name: str, data: bytes) -> None:
        if self._write:
            self._folder.write(name, data)
            self.full.append(name)


def _ignore(_level: int, _number: int, _data: bytes) -> None:
    """No tile becomes full while an edge is only read."""
