"""The room's tables as SQLAlchemy has them, and what both databases must agree on."""

from collections.abc import Iterable
from typing import Any, cast

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Table,
    func,
    select,
)
from sqlalchemy import cast as cast_sql
from sqlalchemy.dialects import postgresql, sqlite

from cdp.consent.tables import (
    AgeRow,
    BindingRow,
    EffectiveRow,
    LatestRow,
    SignalRow,
    SubjectRow,
)
from cdp.runtime import Connection

SIGNAL = cast("Table", cast("Any", SignalRow).__table__)
BINDING = cast("Table", cast("Any", BindingRow).__table__)
LATEST = cast("Table", cast("Any", LatestRow).__table__)
SUBJECT = cast("Table", cast("Any", SubjectRow).__table__)
AGE = cast("Table", cast("Any", AgeRow).__table__)
EFFECTIVE = cast("Table", cast("Any", EffectiveRow).__table__)


def among(
    connection: Connection, column: ColumnElement[int], handles: Iterable[int]
) -> ColumnElement[bool]:
    """Return the condition that ``column`` is one of ``handles``, as one parameter."""
    values = list(handles)
    if connection.dialect.name == "sqlite":
        given = func.json_each(msgspec.json.encode(values).decode())
        return column.in_(select(given.table_valued("value").c.value))
    return column == func.any(cast_sql(values, ARRAY(BigInteger)))


def upsert(connection: Connection, table: Table, rows: list[dict[str, object]]) -> None:
    """Insert rows, or put them in place of those with the same key."""
    if not rows:
        return
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = make(table)
    keys = [column.name for column in table.primary_key]
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=keys,
            set_={
                column.name: statement.excluded[column.name]
                for column in table.columns
                if column.name not in keys
            },
        ),
        rows,
    )
