"""What the lake keeps in the store: events on their way, and events set aside."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary
from sqlmodel import Field, SQLModel


class InboxRow(SQLModel, table=True):
    """One accepted event until the table has it. The key is in time order."""

    __tablename__ = "lake_inbox"

    seq: int = Field(sa_column=Column(BigInteger, primary_key=True))
    n: int = Field(sa_column=Column(Integer, primary_key=True))
    dataset: str = Field(max_length=64)
    handle: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    closed: int = Field(sa_column=Column(BigInteger, nullable=False))
    occurred_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    row: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class QuarantineRow(SQLModel, table=True):
    """One event set aside, with the rule that did it and where in the event."""

    __tablename__ = "lake_quarantine"

    id: int | None = Field(
        sa_column=Column(
            BigInteger().with_variant(Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        )
    )
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    n: int
    dataset: str = Field(max_length=64)
    handle: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    closed: int = Field(sa_column=Column(BigInteger, nullable=False))
    occurred_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    row: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    rule: str = Field(max_length=64)
    path: str = Field(max_length=256)
    received_at: int = Field(sa_column=Column(BigInteger, nullable=False))
