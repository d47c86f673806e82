"""Sources with their write keys, clients with their secrets, links with their sessions.

Of keys and tokens only digests stand here, of a secret only its hash.
"""

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


class LinkRow(SQLModel, table=True):
    """One link to a person's page, and the session that it opened, if it was used."""

    __tablename__ = "auth_link"

    digest: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    id: str = Field(max_length=32)
    handle: int = Field(sa_column=Column(BigInteger, nullable=False))
    language: str = Field(max_length=8)
    place: str | None = Field(default=None, max_length=64)
    made_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    session_digest: bytes | None = Field(
        default=None, sa_column=Column(LargeBinary(32), unique=True)
    )
    session_ends_at: int | None = Field(
        default=None, sa_column=Column(BigInteger, nullable=True)
    )
