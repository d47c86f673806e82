"""The store's engine: SQLite in a file, or PostgreSQL, behind the same two doors.

- ``transaction`` writes: on SQLite it takes the write lock at once (``BEGIN
  IMMEDIATE``),
  so that two processes on one file queue up instead of failing half-way.
- ``snapshot`` reads: everything read inside one is of one instant.
- Durable means durable: WAL with ``synchronous=FULL`` on SQLite.

Driver errors become two: *unavailable* (nothing was done, come again) and *conflict*
(the database asked for a retry). Anything else is a bug of ours and stays what it is.

Refuses: queries. They live in the ``repository.py`` of their room.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from cdp.kernel import CdpError

__all__ = [
    "Connection",
    "Database",
    "StoreConflictError",
    "StoreUnavailableError",
    "after_commit",
    "public_url",
    "sqlite_url",
]

Dialect = Literal["sqlite", "postgresql"]

# How long a process waits for another one's write lock before it gives up.
_BUSY_MILLISECONDS = 30_000
# PostgreSQL: serialization_failure and deadlock_detected.
_RETRY_STATES = frozenset({"40001", "40P01"})
_BEGIN = "cdp_begin"
_WAITING = "cdp_after_commit"
# A failing statement must not print what it was given: that may be a person's.
_ENGINE: dict[str, Any] = {"pool_size": 8, "max_overflow": 8, "hide_parameters": True}


class StoreUnavailableError(CdpError):
    """The store cannot do it now: full, locked, unreachable. Nothing was kept."""

    code: ClassVar[str] = "store.unavailable"


class StoreConflictError(StoreUnavailableError):
    """The store asks for the same work once more (deadlock, serialization)."""

    code: ClassVar[str] = "store.conflict"


def sqlite_url(path: Path) -> str:
    """Return the URL of the SQLite file at ``path``."""
    return f"sqlite+pysqlite:///{path}"


def public_url(url: str) -> str:
    """Return ``url`` with ``***`` in place of a password."""
    return make_url(url).render_as_string(hide_password=True)


class Database:
    """One store: an engine and the two ways to talk to it.

    Args:
        url: ``sqlite+pysqlite:///FILE`` or ``postgresql://...``.
    """

    def __init__(self, url: str) -> None:
        self.url = _with_driver(make_url(url))
        name = self.url.get_backend_name()
        if name not in ("sqlite", "postgresql"):
            raise ValueError(f"a store of kind {name!r} is not supported")
        self.dialect: Dialect = "sqlite" if name == "sqlite" else "postgresql"
        self.engine = _engine(self.url, self.dialect)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction that writes; commit at the end, roll back on a failure.

        Raises:
            StoreConflictError: the database asks to try once more.
            StoreUnavailableError: it cannot do it now; nothing was kept.
        """
        with translated(), self.engine.connect() as connection:
            options = {_BEGIN: "BEGIN IMMEDIATE"}
            waiting: list[Callable[[], None]] = []
            connection.info[_WAITING] = waiting
            with connection.execution_options(**options).begin():
                yield connection
            for action in waiting:
                action()

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a transaction that only reads, all of it of one instant."""
        with translated(), self.engine.connect() as connection:
            if self.dialect == "postgresql":
                connection = connection.execution_options(  # noqa: PLW2901 - same one
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Drop every pooled connection."""
        self.engine.dispose()


def after_commit(connection: Connection, action: Callable[[], None]) -> None:
    """Run ``action`` once the transaction of ``Database.transaction`` is committed.

    It never runs when the transaction fails. A savepoint that is rolled back does not
    take its actions with it.
    """
    connection.info[_WAITING].append(action)


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into the store's two."""
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _RETRY_STATES:
            raise StoreConflictError("the store asks for a retry") from error
        if isinstance(error, (OperationalError, InterfaceError)):
            raise StoreUnavailableError("the store cannot do it now") from error
        raise


def _with_driver(url: URL) -> URL:
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    return url


def _engine(url: URL, dialect: Dialect) -> Engine:
    if dialect == "postgresql":
        return create_engine(url, pool_pre_ping=True, **_ENGINE)
    engine = create_engine(url, **_ENGINE)

    @event.listens_for(engine, "connect")
    def _prepare(raw: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction control begins too late to be exact; we say
        # BEGIN.
        raw.isolation_level = None
        cursor = raw.cursor()
        for pragma in (
            f"busy_timeout={_BUSY_MILLISECONDS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-65536",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options: Any = connection.get_execution_options()
        connection.exec_driver_sql(options.get(_BEGIN, "BEGIN"))

    return engine
