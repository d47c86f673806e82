"""The rows of identity. They never leave the room.

``identifier`` is the only row that ties a handle to a value; erasure drops it.
``member``, ``refusal`` and ``cut`` are the result of resolution and can be made again
from the rest.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    text,
)
from sqlmodel import Field, SQLModel

# SQLite keeps a table in the order of an INTEGER key and needs no second tree for it.
_KEY = BigInteger().with_variant(Integer, "sqlite")


class IdentifierRow(SQLModel, table=True):
    """A keyed digest of a value, and the handle it stands for."""

    __tablename__ = "identifier"

    digest: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    namespace: str = Field(sa_column=Column(String(32), nullable=False))
    epoch: int = Field(sa_column=Column(Integer, nullable=False))
    rule_version: int = Field(sa_column=Column(SmallInteger, nullable=False))
    handle: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))


class HandleRow(SQLModel, table=True):
    """A handle. ``own_id`` names the profile of which it is the strongest member."""

    __tablename__ = "handle"

    handle: int = Field(sa_column=Column(_KEY, primary_key=True, autoincrement=False))
    namespace: str = Field(sa_column=Column(String(32), nullable=False))
    own_id: bytes = Field(sa_column=Column(LargeBinary(16), nullable=False))
    first_seen: int = Field(sa_column=Column(BigInteger, nullable=False))
    returned: bool = Field(sa_column=Column(Boolean, nullable=False))
    blocked: bool = Field(sa_column=Column(Boolean, nullable=False))


class EvidenceRow(SQLModel, table=True):
    """One observation, kept: append-only, but that ``ended_at`` is set once.

    ``pair`` is one number for both orders of (a, b), an index that needs one column.
    """

    __tablename__ = "evidence"
    # Renames are few and asked for at every change: indexes that hold them alone. The
    # conditions are spelt as each database sees the query.
    __table_args__ = (
        Index(
            "ix_evidence_renamed_a",
            "a",
            sqlite_where=text("is_rename = 1"),
            postgresql_where=text("is_rename"),
        ),
        Index(
            "ix_evidence_renamed_b",
            "b",
            sqlite_where=text("is_rename = 1"),
            postgresql_where=text("is_rename"),
        ),
    )

    id: int | None = Field(
        default=None, sa_column=Column(_KEY, primary_key=True, autoincrement=True)
    )
    pair: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    a: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    b: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    source: int = Field(sa_column=Column(Integer, nullable=False))
    trust: int = Field(sa_column=Column(SmallInteger, nullable=False))
    event_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    ordinal: int = Field(sa_column=Column(Integer, nullable=False))
    observed_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    month: int = Field(sa_column=Column(Integer, nullable=False))
    basis: str = Field(sa_column=Column(String(128), nullable=False))
    is_rename: bool = Field(sa_column=Column(Boolean, nullable=False))
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    ended_at: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    reason: str | None = Field(sa_column=Column(String(64), nullable=True))


class ApartRow(SQLModel, table=True):
    """An officer's word that two handles are two persons, until it is lifted."""

    __tablename__ = "apart"

    id: int | None = Field(
        default=None, sa_column=Column(_KEY, primary_key=True, autoincrement=True)
    )
    a: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    b: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    officer: str = Field(sa_column=Column(String(128), nullable=False))
    reason: str = Field(sa_column=Column(String, nullable=False))
    ticket: str = Field(sa_column=Column(String(128), nullable=False))
    made_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    lifted_at: int | None = Field(sa_column=Column(BigInteger, nullable=True))


class MemberRow(SQLModel, table=True):
    """A handle's profile from one position on; ``to_seq`` is null while it holds.

    ``from_at`` and ``to_at`` are the same two positions as instants, in microseconds
    UTC; ``from_at`` never lies before that of an earlier row of the handle.
    """

    __tablename__ = "member"

    handle: int = Field(sa_column=Column(BigInteger, primary_key=True))
    from_seq: int = Field(sa_column=Column(BigInteger, primary_key=True))
    profile_id: bytes = Field(
        sa_column=Column(LargeBinary(16), nullable=False, index=True)
    )
    to_seq: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    from_at: int = Field(
        sa_column=Column(BigInteger, nullable=False, server_default=text("0"))
    )
    to_at: int | None = Field(sa_column=Column(BigInteger, nullable=True))


class RefusalRow(SQLModel, table=True):
    """A pair that was not joined, and the event that would have."""

    __tablename__ = "refusal"

    a: int = Field(sa_column=Column(BigInteger, primary_key=True))
    b: int = Field(sa_column=Column(BigInteger, primary_key=True, index=True))
    reason: str = Field(sa_column=Column(String(32), primary_key=True))
    source: int = Field(sa_column=Column(Integer, nullable=False))
    event_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))


class CutRow(SQLModel, table=True):
    """A handle that ties nothing, and why."""

    __tablename__ = "cut"

    handle: int = Field(sa_column=Column(_KEY, primary_key=True, autoincrement=False))
    reason: str = Field(sa_column=Column(String(32), nullable=False))
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
