"""The queries of ``ingest``: what was seen already, and the counts."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, cast

import msgspec
from sqlalchemy import Table, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from cdp.ingest.tables import CountRow, DropRow, SeenRow
from cdp.runtime import Connection, insert_many


def _table(row: type[Any]) -> Table:
    return cast("Table", cast("Any", row).__table__)


_seen = _table(SeenRow)
_count = _table(CountRow)
_drop = _table(DropRow)

# What stands for the desk in counts by source: no source has this number.
DESK: Final = 0
# Below the bind limit of every SQLite in use, with room for the other parameters.
_CHUNK = 5_000


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """One line of counts; ``path`` is empty where none applies."""

    source: int
    bucket: int
    outcome: str
    code: str
    n: int


def seen(connection: Connection, keys: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return key -> content digest of those ``keys`` that were taken before."""
    found: dict[bytes, bytes] = {}
    for start in range(0, len(keys), _CHUNK):
        query = select(_seen.c.key, _seen.c.content).where(
            _seen.c.key.in_(keys[start : start + _CHUNK])
        )
        for row in connection.execute(query).all():
            found[bytes(row[0])] = bytes(row[1])
    return found


def remember(
    connection: Connection, rows: Iterable[tuple[bytes, bytes]], day: int
) -> None:
    """Keep the keys of what was taken on ``day`` (days since 1970)."""
    insert_many(
        connection,
        _seen.name,
        ("key", "content", "day"),
        [(key, content, day) for key, content in rows],
    )


def forget(connection: Connection, before_day: int) -> int:
    """Drop keys older than ``before_day``; return how many."""
    return connection.execute(delete(_seen).where(_seen.c.day < before_day)).rowcount


def count(
    connection: Connection, hour: int, counts: Mapping[tuple[int, str, str], int]
) -> None:
    """Add to the counts of an hour: (source, outcome, code) -> n."""
    rows = [
        {"source": source, "hour": hour, "outcome": outcome, "code": code, "n": n}
        for (source, outcome, code), n in counts.items()
    ]
    _add(connection, _count, rows)


def count_drops(
    connection: Connection, day: int, drops: Mapping[tuple[int, str, str], int]
) -> None:
    """Add to the drops of a day: (source, rule, path) -> n."""
    rows = [
        {"source": source, "day": day, "rule": rule, "path": path, "n": n}
        for (source, rule, path), n in drops.items()
    ]
    _add(connection, _drop, rows)


def counts(connection: Connection) -> list[Tally]:
    """Return every count, summed over the hours."""
    query = select(
        _count.c.source, _count.c.outcome, _count.c.code, func.sum(_count.c.n)
    ).group_by(_count.c.source, _count.c.outcome, _count.c.code)
    return [
        Tally(source=row[0], bucket=0, outcome=row[1], code=row[2], n=int(row[3]))
        for row in connection.execute(query)
    ]


def refusals(connection: Connection) -> list[Tally]:
    """Return what was refused, by source, hour and code, newest first."""
    query = (
        select(
            _count.c.source, _count.c.hour, _count.c.outcome, _count.c.code, _count.c.n
        )
        .where(_count.c.outcome == "refused")
        .order_by(_count.c.hour.desc(), _count.c.source, _count.c.code)
    )
    return [
        Tally(source=row[0], bucket=row[1], outcome=row[2], code=row[3], n=int(row[4]))
        for row in connection.execute(query)
    ]


def drops(connection: Connection) -> list[Tally]:
    """Return what was dropped, by source, rule and path, summed over the days."""
    query = (
        select(_drop.c.source, _drop.c.rule, _drop.c.path, func.sum(_drop.c.n))
        .group_by(_drop.c.source, _drop.c.rule, _drop.c.path)
        .order_by(_drop.c.source, _drop.c.rule, _drop.c.path)
    )
    return [
        Tally(source=row[0], bucket=0, outcome=row[1], code=row[2], n=int(row[3]))
        for row in connection.execute(query)
    ]


def paths_of(connection: Connection, day: int) -> dict[int, int]:
    """Return how many distinct paths each source has dropped on ``day``."""
    query = (
        select(_drop.c.source, func.count())
        .where(_drop.c.day == day)
        .group_by(_drop.c.source)
    )
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def _add(connection: Connection, table: Table, rows: list[dict[str, object]]) -> None:
    if rows:
        connection.execute(_addition(table, connection.dialect.name), rows)


@lru_cache
def _addition(table: Table, dialect: str) -> Any:
    # Made once: making it took longer than running it.
    insert: Any = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement = insert(table)
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={"n": table.c.n + statement.excluded.n},
    )
