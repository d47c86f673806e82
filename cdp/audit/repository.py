"""Every query of the log, in and out as values.

- On SQLite the hot inserts go to the driver as tuples: half the time of the general
  path, and they run for every request.
- Lists of keys are cut into pieces of 5,000, below SQLite's limit on bound values.
- Nothing here commits.

Refuses: deciding. What the tree becomes is worked out by the caller.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import (
    Table,
    delete,
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

from cdp.audit.facets import BlockIndex
from cdp.audit.merkle import Edge
from cdp.audit.tables import (
    AuditBlockRow,
    AuditCounterRow,
    AuditFacetRow,
    AuditOrdinalRow,
    AuditPartRow,
    AuditPayloadRow,
    AuditQueueRow,
    AuditRecordRow,
    AuditStateRow,
    AuditTombstoneRow,
)
from cdp.runtime import Connection, insert_many


def _table(row: type) -> Table:
    return cast("Table", cast("Any", row).__table__)


_state = _table(AuditStateRow)
_record = _table(AuditRecordRow)
_payload = _table(AuditPayloadRow)
_part = _table(AuditPartRow)
_queue = _table(AuditQueueRow)
_ordinal = _table(AuditOrdinalRow)
_counter = _table(AuditCounterRow)
_tombstone = _table(AuditTombstoneRow)
_block = _table(AuditBlockRow)
_facet = _table(AuditFacetRow)

_PIECE: Final = 5_000
# One number for the whole project: whoever sequences holds this advisory lock.
_SEQUENCER_LOCK: Final = 7_420_815_001


class State(NamedTuple):
    """The tree as the store knows it."""

    edge: Edge
    root: bytes


class RecordRow(NamedTuple):
    """A record as it is stored. ``idx`` is its place in the log."""

    idx: int
    id: bytes
    envelope: bytes


class PayloadRow(NamedTuple):
    """A sealed payload as it is stored."""

    idx: int
    month: int
    sealed: bytes
    search: bytes


class PartRow(NamedTuple):
    """A part of a set as it is stored."""

    number: int
    idx: int
    role: int
    members: bytes


class QueueRow(NamedTuple):
    """A record that waits for its index, in the order of ``n``."""

    n: int
    id: bytes
    envelope: bytes
    month: int
    sealed: bytes
    search: bytes
    parts: bytes
    queued_at: int


class Pending(NamedTuple):
    """How many records wait for an index, and since when (microseconds)."""

    waiting: int
    oldest_at: int | None


# The tree


def read_state(
    connection: Connection, origin: str, *, lock: bool = False
) -> State | None:
    """Return the tree of ``origin``, None when it has no record yet."""
    query = select(_state.c.size, _state.c.root, _state.c.edge).where(
        _state.c.origin == origin
    )
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        return None
    return State(Edge.from_bytes(int(row.size), bytes(row.edge)), bytes(row.root))


def write_state(connection: Connection, origin: str, edge: Edge, root: bytes) -> None:
    """Replace the tree of ``origin``."""
    build = sqlite if connection.dialect.name == "sqlite" else postgresql
    values = {"size": edge.size, "root": root, "edge": edge.to_bytes()}
    query = build.insert(_state).values(origin=origin, **values)
    connection.execute(
        query.on_conflict_do_update(index_elements=["origin"], set_=values)
    )


def lock_sequencer(connection: Connection) -> None:
    """Wait until no other transaction sequences (PostgreSQL)."""
    connection.execute(
        text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _SEQUENCER_LOCK}
    )


# Appending


def add_records(
    connection: Connection, rows: Sequence[tuple[int, bytes, bytes]]
) -> None:
    """Insert records: index, id, envelope."""
    insert_many(connection, _record.name, ("idx", "id", "envelope"), rows)


def add_payloads(
    connection: Connection, rows: Sequence[tuple[int, int, bytes, bytes]]
) -> None:
    """Insert payloads: index, month, sealed bytes, search blob."""
    insert_many(connection, _payload.name, ("idx", "month", "sealed", "search"), rows)


def add_parts(
    connection: Connection, rows: Sequence[tuple[int, int, int, bytes]]
) -> None:
    """Insert parts of sets: number, index, role, members."""
    insert_many(connection, _part.name, ("part", "idx", "role", "members"), rows)


def enqueue(
    connection: Connection,
    rows: Sequence[tuple[bytes, bytes, int, bytes, bytes, bytes, int]],
) -> None:
    """Queue finished records: the fields of ``QueueRow`` but ``n``."""
    names = ("id", "envelope", "month", "sealed", "search", "parts", "queued_at")
    insert_many(connection, _queue.name, names, rows)


def take_queue(connection: Connection, limit: int) -> list[QueueRow]:
    """Return the oldest waiting records."""
    query = select(_queue).order_by(_queue.c.n).limit(limit)
    return [QueueRow(*row) for row in connection.execute(query)]


def drop_queue(connection: Connection, numbers: Sequence[int]) -> None:
    """Remove records that have their index now."""
    for piece in _pieces(numbers):
        connection.execute(delete(_queue).where(_queue.c.n.in_(piece)))


def pending(connection: Connection) -> Pending:
    """Return what waits in the queue."""
    query = select(func.count(), func.min(_queue.c.queued_at)).select_from(_queue)
    count, oldest = connection.execute(query).one()
    return Pending(int(count), None if oldest is None else int(oldest))


# Reading


def record_count(connection: Connection) -> int:
    """Return how many records are stored, whatever the tree says."""
    query = select(func.count()).select_from(_record)
    return int(connection.execute(query).scalar_one())


def records(
    connection: Connection, first: int, end: int, *, piece: int = 4_096
) -> Iterator[RecordRow]:
    """Give the records of ``[first, end)`` in order, a piece at a time."""
    while first < end:
        stop = min(end, first + piece)
        query = (
            select(_record.c.idx, _record.c.id, _record.c.envelope)
            .where(_record.c.idx >= first, _record.c.idx < stop)
            .order_by(_record.c.idx)
        )
        for row in connection.execute(query):
            yield RecordRow(*row)
        first = stop


def records_at(connection: Connection, indexes: Sequence[int]) -> dict[int, RecordRow]:
    """Return the records with these indexes."""
    found: dict[int, RecordRow] = {}
    for piece in _pieces(indexes):
        query = select(_record.c.idx, _record.c.id, _record.c.envelope).where(
            _record.c.idx.in_(piece)
        )
        found.update((row.idx, RecordRow(*row)) for row in connection.execute(query))
    return found


def index_of(connection: Connection, record_id: bytes) -> int | None:
    """Return where the record with this id stands, None when it has no index yet."""
    query = select(_record.c.idx).where(_record.c.id == record_id)
    found = connection.execute(query).scalar()
    return None if found is None else int(found)


def payloads_at(
    connection: Connection, indexes: Sequence[int]
) -> dict[int, PayloadRow]:
    """Return the sealed payloads of these records; what is shredded is not there."""
    found: dict[int, PayloadRow] = {}
    for piece in _pieces(indexes):
        query = select(_payload).where(_payload.c.idx.in_(piece))
        found.update((row.idx, PayloadRow(*row)) for row in connection.execute(query))
    return found


def searchable(
    connection: Connection, first: int, end: int
) -> list[tuple[int, bytes, bytes | None]]:
    """Return index, envelope and search blob of the records in ``[first, end)``."""
    query = (
        select(_record.c.idx, _record.c.envelope, _payload.c.search)
        .select_from(_record.outerjoin(_payload, _payload.c.idx == _record.c.idx))
        .where(_record.c.idx >= first, _record.c.idx < end)
        .order_by(_record.c.idx)
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(query)]


def parts_after(
    connection: Connection, numbers: Sequence[int], after: int, end: int, limit: int
) -> list[PartRow]:
    """Return stored parts with these numbers of records in ``(after, end)``.

    In order of index; at most ``limit`` of them.
    """
    query = (
        select(_part)
        .where(_part.c.part.in_(numbers), _part.c.idx > after, _part.c.idx < end)
        .order_by(_part.c.idx, _part.c.role, _part.c.part)
        .limit(limit)
    )
    return [PartRow(*row) for row in connection.execute(query)]


def parts_of(
    connection: Connection, indexes: Sequence[int]
) -> dict[int, list[PartRow]]:
    """Return the stored parts of these records, ascending by role and number."""
    found: dict[int, list[PartRow]] = {}
    for piece in _pieces(indexes):
        query = (
            select(_part)
            .where(_part.c.idx.in_(piece))
            .order_by(_part.c.idx, _part.c.role, _part.c.part)
        )
        for row in connection.execute(query):
            found.setdefault(row.idx, []).append(PartRow(*row))
    return found


# Ordinals


def find_ordinals(connection: Connection, handles: Sequence[int]) -> dict[int, int]:
    """Return the ordinals that these handles have already."""
    found: dict[int, int] = {}
    for piece in _pieces(handles):
        query = select(_ordinal.c.handle, _ordinal.c.ordinal).where(
            _ordinal.c.handle.in_(piece)
        )
        found.update((row.handle, row.ordinal) for row in connection.execute(query))
    return found


def reserve_ordinals(connection: Connection, count: int) -> int:
    """Take ``count`` fresh ordinals and return the first; its row stays locked."""
    build = sqlite if connection.dialect.name == "sqlite" else postgresql
    query = build.insert(_counter).values(name="ordinal", value=count)
    last = connection.execute(
        query.on_conflict_do_update(
            index_elements=["name"], set_={"value": _counter.c.value + count}
        ).returning(_counter.c.value)
    ).scalar_one()
    return int(last) - count


def add_ordinals(connection: Connection, ordinals: Mapping[int, int]) -> None:
    """Insert handle -> ordinal."""
    insert_many(
        connection, _ordinal.name, ("handle", "ordinal"), list(ordinals.items())
    )


def forget_ordinals(connection: Connection, handles: Sequence[int]) -> int:
    """Cut the link between these handles and their ordinals; return how many."""
    count = 0
    for piece in _pieces(handles):
        query = delete(_ordinal).where(_ordinal.c.handle.in_(piece))
        count += connection.execute(query).rowcount
    return count


# Shredding


def shred(connection: Connection, indexes: Sequence[int], by: bytes) -> int:
    """Remove payloads and parts of these records, and leave tombstones."""
    count = 0
    build = sqlite if connection.dialect.name == "sqlite" else postgresql
    for piece in _pieces(indexes):
        query = select(_payload.c.idx).where(_payload.c.idx.in_(piece))
        gone = list(connection.execute(query).scalars())
        connection.execute(delete(_payload).where(_payload.c.idx.in_(piece)))
        connection.execute(delete(_part).where(_part.c.idx.in_(piece)))
        if gone:
            query_ = build.insert(_tombstone).on_conflict_do_nothing()
            connection.execute(query_, [{"idx": index, "by": by} for index in gone])
        count += len(gone)
    return count


def tombstones(connection: Connection, first: int, end: int) -> dict[int, bytes]:
    """Return which payloads of ``[first, end)`` were shredded, and by which record."""
    query = select(_tombstone.c.idx, _tombstone.c.by).where(
        _tombstone.c.idx >= first, _tombstone.c.idx < end
    )
    return {row.idx: bytes(row.by) for row in connection.execute(query)}


# The search index


def indexed_blocks(connection: Connection) -> int:
    """Return how many blocks, from the first on, have an index."""
    highest = connection.execute(select(func.max(_block.c.block))).scalar()
    return 0 if highest is None else int(highest) + 1


def add_block(connection: Connection, index: BlockIndex) -> bool:
    """Insert the index of one block; False when another process was first."""
    build = sqlite if connection.dialect.name == "sqlite" else postgresql
    query = build.insert(_block).values(
        block=index.block, first_at=index.first_at, last_at=index.last_at
    )
    added = connection.execute(query.on_conflict_do_nothing()).rowcount
    if added:
        rows = [(facet, index.block, data) for facet, data in index.members.items()]
        insert_many(connection, _facet.name, ("facet", "block", "members"), rows)
    return bool(added)


def replace_block(connection: Connection, index: BlockIndex) -> None:
    """Replace the index of one block, after payloads in it were shredded."""
    connection.execute(delete(_facet).where(_facet.c.block == index.block))
    connection.execute(delete(_block).where(_block.c.block == index.block))
    add_block(connection, index)


def blocks_between(
    connection: Connection, first: int, end: int, since: int, until: int
) -> list[int]:
    """Return the blocks of ``[first, end)`` that reach into ``[since, until)`` (ms)."""
    query = (
        select(_block.c.block)
        .where(
            _block.c.block >= first,
            _block.c.block < end,
            _block.c.last_at >= since,
            _block.c.first_at < until,
        )
        .order_by(_block.c.block)
    )
    return list(connection.execute(query).scalars())


def facet_members(
    connection: Connection, facets: Sequence[int], first: int, end: int
) -> dict[int, list[bytes]]:
    """Return, by block of ``[first, end)``, the bitmaps of these facets."""
    found: dict[int, list[bytes]] = {}
    query = (
        select(_facet.c.block, _facet.c.members)
        .where(_facet.c.facet.in_(facets))
        .where(_facet.c.block >= first, _facet.c.block < end)
        .order_by(_facet.c.block)
    )
    for row in connection.execute(query):
        found.setdefault(row.block, []).append(row.members)
    return found


def block_facets(connection: Connection, block: int) -> BlockIndex | None:
    """Return the stored index of one block."""
    query = select(_block.c.first_at, _block.c.last_at).where(_block.c.block == block)
    row = connection.execute(query).first()
    if row is None:
        return None
    facets = select(_facet.c.facet, _facet.c.members).where(_facet.c.block == block)
    members = {r.facet: bytes(r.members) for r in connection.execute(facets)}
    return BlockIndex(block, row.first_at, row.last_at, members)


def _pieces(keys: Iterable[int]) -> Iterator[list[int]]:
    every = list(keys)
    for at in range(0, len(every), _PIECE):
        yield every[at : at + _PIECE]
