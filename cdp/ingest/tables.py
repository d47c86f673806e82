"""What ``ingest`` remembers beside the events: keys of what it took, and counts."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary
from sqlmodel import Field, SQLModel


class SeenRow(SQLModel, table=True):
    """An event that was taken: its dedupe key, a digest of its content, the day."""

    __tablename__ = "ingest_seen"
    __table_args__ = (Index("ix_ingest_seen_day", "day"),)

    key: bytes = Field(sa_column=Column(LargeBinary(16), primary_key=True))
    content: bytes = Field(sa_column=Column(LargeBinary(8), nullable=False))
    day: int = Field(nullable=False)


class CountRow(SQLModel, table=True):
    """How many events of a source ended how, in an hour since 1970."""

    __tablename__ = "ingest_count"

    source: int = Field(primary_key=True)
    hour: int = Field(primary_key=True)
    outcome: str = Field(primary_key=True, max_length=16)
    code: str = Field(primary_key=True, max_length=64)
    n: int = Field(sa_column=Column(BigInteger, nullable=False))


class DropRow(SQLModel, table=True):
    """How often a field or an identifier was dropped, by rule and path, on a day."""

    __tablename__ = "ingest_drop"

    source: int = Field(primary_key=True)
    day: int = Field(primary_key=True)
    rule: str = Field(primary_key=True, max_length=64)
    path: str = Field(primary_key=True, max_length=128)
    n: int = Field(sa_column=Column(BigInteger, nullable=False))
