"""Every query over the inbox and the quarantine. Nothing here commits."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Select, Table, delete, func, insert, select

from cdp.kernel import Seq
from cdp.lake.rows import InboxRows, LandedRow, QuarantinedRow, encode
from cdp.lake.tables import InboxRow, QuarantineRow
from cdp.runtime import Connection, insert_many

_inbox = cast("Table", cast("Any", InboxRow).__table__)
_quarantine = cast("Table", cast("Any", QuarantineRow).__table__)
_FIELDS = InboxRows.__struct_fields__
_ROW = tuple(_inbox.c[name] for name in _FIELDS)


def land(
    connection: Connection,
    dataset: str,
    seq: Seq,
    rows: Sequence[LandedRow],
    *,
    first: int = 0,
) -> None:
    """Put events into the inbox, in the caller's transaction.

    Args:
        seq: the position this transaction drew; MUST be drawn in this transaction, so
            that no row ever appears below a position that a flush has passed.
        first: the number of the first row within ``seq``, when several calls share one.
    """
    insert_many(
        connection,
        _inbox.name,
        ("seq", "n", "dataset", "handle", "closed", "occurred_at", "row"),
        [
            (
                seq,
                n,
                dataset,
                row.handle,
                row.closed,
                row.instant,
                encode(row.values),
            )
            for n, row in enumerate(rows, first)
        ],
    )


def quarantine(
    connection: Connection,
    dataset: str,
    seq: Seq,
    rows: Sequence[QuarantinedRow],
    *,
    first: int = 0,
) -> None:
    """Set events aside, in the caller's transaction. No view ever shows them."""
    if rows:
        records = _records(dataset, seq, rows, first)
        for record, row in zip(records, rows, strict=True):
            record |= {
                "rule": row.rule,
                "path": row.path,
                "received_at": row.received_at,
            }
        connection.execute(insert(_quarantine), records)


def inbox_counts(connection: Connection) -> dict[str, int]:
    """Count the rows that wait, by dataset."""
    query = select(_inbox.c.dataset, func.count()).group_by(_inbox.c.dataset)
    return {row[0]: row[1] for row in connection.execute(query)}


def quarantine_counts(connection: Connection) -> dict[tuple[str, str], int]:
    """Count what was set aside, by dataset and rule."""
    keys = (_quarantine.c.dataset, _quarantine.c.rule)
    query = select(*keys, func.count()).group_by(*keys)
    return {(dataset, rule): n for dataset, rule, n in connection.execute(query)}


def waiting(connection: Connection, dataset: str, *, through: Seq) -> InboxRows:
    """Return the rows of one dataset up to a position, ordered by (seq, n)."""
    return _read(connection, _ordered(dataset).where(_inbox.c.seq <= through))


def next_batch(
    connection: Connection, dataset: str, *, after: Seq, limit: int
) -> InboxRows:
    """Return ``limit`` rows after a position, and the rest of the last seq."""
    query = _ordered(dataset).where(_inbox.c.seq > after)
    edge = connection.execute(
        query.with_only_columns(_inbox.c.seq).offset(limit - 1).limit(1)
    ).scalar()
    if edge is not None:
        query = query.where(_inbox.c.seq <= edge)
    return _read(connection, query)


def positions(connection: Connection, dataset: str, *, through: Seq) -> list[int]:
    """Return the seq of each row up to a position, in order."""
    query = select(_inbox.c.seq).where(
        _inbox.c.dataset == dataset, _inbox.c.seq <= through
    )
    return list(connection.execute(query.order_by(_inbox.c.seq)).scalars())


def remove(connection: Connection, dataset: str, *, through: Seq) -> int:
    """Take rows up to a position out of the inbox; return how many there were."""
    mine = (_inbox.c.dataset == dataset, _inbox.c.seq <= through)
    return connection.execute(delete(_inbox).where(*mine)).rowcount


def set_aside(
    connection: Connection,
    dataset: str,
    rows: InboxRows,
    bad: Sequence[int],
    *,
    rule: str,
    received_at: int,
) -> None:
    """Move some rows of the inbox, by their place in ``rows``, to the quarantine."""
    records = [
        {
            "dataset": dataset,
            "rule": rule,
            "path": "",
            "received_at": received_at,
            **{field: getattr(rows, field)[position] for field in _FIELDS},
        }
        for position in bad
    ]
    connection.execute(insert(_quarantine), records)
    for record in records:  # as rare as a broken policy; a set of pairs is not portable
        connection.execute(
            delete(_inbox).where(
                _inbox.c.seq == record["seq"], _inbox.c.n == record["n"]
            )
        )


def _ordered(dataset: str) -> Select[Any]:
    mine = select(*_ROW).where(_inbox.c.dataset == dataset)
    return mine.order_by(_inbox.c.seq, _inbox.c.n)


def _read(connection: Connection, query: Select[Any]) -> InboxRows:
    found = connection.execute(query).all()
    columns = list(zip(*found, strict=True)) if found else [()] * len(_FIELDS)
    return InboxRows(**dict(zip(_FIELDS, columns, strict=True)))


def _records(
    dataset: str, seq: Seq, rows: Sequence[LandedRow], first: int
) -> list[dict[str, Any]]:
    return [
        {
            "seq": seq,
            "n": n,
            "dataset": dataset,
            "handle": row.handle,
            "closed": row.closed,
            "occurred_at": row.instant,
            "row": encode(row.values),
        }
        for n, row in enumerate(rows, first)
    ]
