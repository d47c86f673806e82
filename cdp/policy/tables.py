"""Rows of ``policy``: ordinals, bundles, and which of them was in force when."""

from sqlalchemy import BigInteger, Column, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel


class PolicyOrdinalRow(SQLModel, table=True):
    """The number of a purpose (or another kind of key), given on first sight."""

    __tablename__ = "policy_ordinal"
    __table_args__ = (UniqueConstraint("kind", "ordinal"),)

    kind: str = Field(primary_key=True, max_length=16)
    # A key, or two of them with a sign between: a purpose and its recipient.
    key: str = Field(primary_key=True, max_length=129)
    ordinal: int


class PolicyBundleRow(SQLModel, table=True):
    """The canonical bytes of a version; kept for as long as a record names it."""

    __tablename__ = "policy_bundle"

    version: str = Field(primary_key=True, max_length=64)
    bundle: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class PolicyForceRow(SQLModel, table=True):
    """From when a version decides; until the next row. Append-only."""

    __tablename__ = "policy_force"

    position: int = Field(primary_key=True)
    version: str = Field(max_length=64, foreign_key="policy_bundle.version")
    in_force_at: int = Field(sa_column=Column(BigInteger, nullable=False))
