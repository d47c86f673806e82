"""Rows of the log. ``audit_record`` is append-only, and the database says so too.

A record's place is ``idx``; on SQLite it is the rowid itself, so that the log costs one
index (that of the id) and no more. Nothing here is indexed by what an officer searches
for: ``audit_facet`` is, in blocks, built after the fact (decision 0012).
"""

from typing import Any, cast

from sqlalchemy import DDL, BigInteger, Column, Integer, LargeBinary, Table, event
from sqlmodel import Field, SQLModel

# A BIGINT key of SQLite gets an index of its own; INTEGER is the rowid.
_ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")


class AuditStateRow(SQLModel, table=True):
    """The tree of one log: its size, root and right edge. One row an origin."""

    __tablename__ = "audit_state"

    origin: str = Field(primary_key=True, max_length=255)
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    root: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    edge: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class AuditRecordRow(SQLModel, table=True):
    """One leaf: its index, its id and the envelope's bytes."""

    __tablename__ = "audit_record"

    idx: int = Field(
        sa_column=Column(_ROW_NUMBER, primary_key=True, autoincrement=False)
    )
    id: bytes = Field(sa_column=Column(LargeBinary(16), nullable=False, unique=True))
    envelope: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class AuditPayloadRow(SQLModel, table=True):
    """The sealed payload of a record, and the keyed digests by which it is searched.

    ``month`` (yyyymm) names the key it is sealed under.
    """

    __tablename__ = "audit_payload"

    idx: int = Field(
        sa_column=Column(_ROW_NUMBER, primary_key=True, autoincrement=False)
    )
    month: int = Field(sa_column=Column(Integer, nullable=False))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    search: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class AuditPartRow(SQLModel, table=True):
    """One part of one set of one record: the Roaring bytes of the low halves."""

    __tablename__ = "audit_part"

    part: int = Field(
        sa_column=Column(BigInteger, primary_key=True, autoincrement=False)
    )
    idx: int = Field(
        sa_column=Column(BigInteger, primary_key=True, autoincrement=False, index=True)
    )
    role: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    members: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class AuditQueueRow(SQLModel, table=True):
    """PostgreSQL: a record that waits for its index. ``parts`` is MessagePack."""

    __tablename__ = "audit_queue"

    n: int | None = Field(
        default=None,
        sa_column=Column(_ROW_NUMBER, primary_key=True, autoincrement=True),
    )
    id: bytes = Field(sa_column=Column(LargeBinary(16), nullable=False))
    envelope: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    month: int = Field(sa_column=Column(Integer, nullable=False))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    search: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    parts: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    queued_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class AuditOrdinalRow(SQLModel, table=True):
    """The dense number that stands for a handle in sets of subjects."""

    __tablename__ = "audit_ordinal"

    handle: int = Field(
        sa_column=Column(_ROW_NUMBER, primary_key=True, autoincrement=False)
    )
    ordinal: int = Field(sa_column=Column(BigInteger, nullable=False, unique=True))


class AuditCounterRow(SQLModel, table=True):
    """How many ordinals were ever given, so that none is given twice."""

    __tablename__ = "audit_counter"

    name: str = Field(primary_key=True, max_length=32)
    value: int = Field(sa_column=Column(BigInteger, nullable=False))


class AuditTombstoneRow(SQLModel, table=True):
    """A payload that was shredded on purpose, and the id of the record that says so."""

    __tablename__ = "audit_tombstone"

    idx: int = Field(
        sa_column=Column(_ROW_NUMBER, primary_key=True, autoincrement=False)
    )
    by: bytes = Field(sa_column=Column(LargeBinary(16), nullable=False))


class AuditBlockRow(SQLModel, table=True):
    """A block of 4,096 records that the search index covers, and its range of time."""

    __tablename__ = "audit_block"

    block: int = Field(
        sa_column=Column(_ROW_NUMBER, primary_key=True, autoincrement=False)
    )
    first_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    last_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class AuditFacetRow(SQLModel, table=True):
    """Which records of one block have one value of one field."""

    __tablename__ = "audit_facet"

    facet: int = Field(
        sa_column=Column(BigInteger, primary_key=True, autoincrement=False)
    )
    block: int = Field(
        sa_column=Column(BigInteger, primary_key=True, autoincrement=False)
    )
    members: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


# What a migration must run as well: ``create_all`` does it through the events below.
APPEND_ONLY: dict[str, tuple[str, ...]] = {
    "sqlite": (
        "CREATE TRIGGER audit_record_no_update BEFORE UPDATE ON audit_record "
        "BEGIN SELECT RAISE(ABORT, 'audit_record is append-only'); END",
        "CREATE TRIGGER audit_record_no_delete BEFORE DELETE ON audit_record "
        "BEGIN SELECT RAISE(ABORT, 'audit_record is append-only'); END",
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION audit_record_refuse() RETURNS trigger "
        "LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'audit_record is append-only'; END $$",
        "CREATE TRIGGER audit_record_no_change BEFORE UPDATE OR DELETE ON audit_record "
        "FOR EACH ROW EXECUTE FUNCTION audit_record_refuse()",
        "CREATE TRIGGER audit_record_no_truncate BEFORE TRUNCATE ON audit_record "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_record_refuse()",
    ),
}

for _dialect, _statements in APPEND_ONLY.items():
    for _statement in _statements:
        event.listen(
            cast("Table", cast("Any", AuditRecordRow).__table__),
            "after_create",
            cast("Any", DDL)(_statement).execute_if(dialect=_dialect),
        )
