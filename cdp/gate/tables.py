"""What the gate remembers: the releases it made."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary
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
