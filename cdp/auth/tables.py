"""Sources with the digests of their write keys; clients with the hash of a secret."""

from sqlalchemy import BigInteger, Column, LargeBinary, Text
from sqlmodel import Field, SQLModel


class SourceRow(SQLModel, table=True):
    """Who may post events."""

    __tablename__ = "auth_source"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=64)
    kind: str = Field(max_length=16)
    jurisdiction: str | None = Field(default=None, max_length=64)
    state: str = Field(max_length=16)
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class SourceKeyRow(SQLModel, table=True):
    """One write key of a source: a keyed digest, looked up by value."""

    __tablename__ = "auth_source_key"

    digest: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    source_id: int = Field(foreign_key="auth_source.id", index=True)
    state: str = Field(max_length=16)
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class ClientRow(SQLModel, table=True):
    """Who may ask. ``roles`` and ``purposes`` are JSON lists of words."""

    __tablename__ = "auth_client"

    id: str = Field(primary_key=True, max_length=32)
    name: str = Field(unique=True, max_length=64)
    roles: str = Field(sa_column=Column(Text, nullable=False))
    purposes: str = Field(sa_column=Column(Text, nullable=False))
    secret_hash: str = Field(max_length=255)
    state: str = Field(max_length=16)
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
