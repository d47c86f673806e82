"""What the gate remembers: the releases it made, receipts, and changes to be told.

Instants are microseconds UTC.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary
from sqlmodel import Field, SQLModel


class ReleaseRow(SQLModel, table=True):
    """One output that left. Its ``id`` is that of its record in the log."""

    __tablename__ = "gate_release"
    __table_args__ = (
        Index("ix_gate_release_pool", "pool", "expires_at"),
        Index("ix_gate_release_release", "release", "watermark"),
    )

    id: str = Field(primary_key=True, max_length=36)
    release: str = Field(max_length=64)
    pool: str = Field(max_length=64)
    domain: str = Field(max_length=160)
    key_epoch: int = Field(nullable=False)
    columns: str
    policy: str = Field(max_length=64)
    watermark: int = Field(sa_column=Column(BigInteger, nullable=False))
    population: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    rows: int = Field(sa_column=Column(BigInteger, nullable=False))
    sha256: str = Field(max_length=64)
    as_of: int = Field(sa_column=Column(BigInteger, nullable=False))
    made_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class ReceiptRow(SQLModel, table=True):
    """A receipt of one decision, sealed. ``handle`` is whom the decision was about."""

    __tablename__ = "consent_receipt"

    id: bytes = Field(sa_column=Column(LargeBinary(16), primary_key=True))
    handle: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    signal: int = Field(sa_column=Column(BigInteger, nullable=False))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    made_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class WebhookRow(SQLModel, table=True):
    """Who is told of changes from ``since`` on. No row: nothing is written down."""

    __tablename__ = "consent_webhook"

    name: str = Field(primary_key=True, max_length=64)
    since: int = Field(sa_column=Column(BigInteger, nullable=False))


class OutboxRow(SQLModel, table=True):
    """A change that somebody has to be told of; gone once it is.

    ``n`` is the order; ``subject``, ``merged_into`` and ``split_from`` are profiles;
    ``changes`` is JSON of codes; ``ordinals`` are those of all its handles, int64.
    """

    __tablename__ = "consent_outbox"
    __table_args__ = (Index("ix_consent_outbox_subject", "subject", "n"),)

    n: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger().with_variant(Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
    )
    id: bytes = Field(sa_column=Column(LargeBinary(16), nullable=False))
    subject: bytes = Field(sa_column=Column(LargeBinary(16), nullable=False))
    merged_into: bytes | None = Field(sa_column=Column(LargeBinary(16)))
    split_from: bytes | None = Field(sa_column=Column(LargeBinary(16)))
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    changes: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    ordinals: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    attempts: int = Field(sa_column=Column(Integer, nullable=False))
    due_at: int = Field(sa_column=Column(BigInteger, nullable=False))
