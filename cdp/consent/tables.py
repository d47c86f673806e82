"""Rows of the consent ledger and of the effective relation.

- ``consent_signal``, ``consent_binding``, ``consent_subject`` and ``consent_age`` are
  append-only; of a binding the end of its reach is written once.
- ``consent_latest`` and ``consent_effective`` are derived.
- Instants are microseconds UTC; masks are over the ordinals of the scopes.
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
)
from sqlmodel import Field, SQLModel


class SignalRow(SQLModel, table=True):
    """One signal, as received and as read."""

    __tablename__ = "consent_signal"

    seq: int = Field(
        sa_column=Column(BigInteger, primary_key=True, autoincrement=False)
    )
    anchor: int = Field(sa_column=Column(BigInteger, nullable=False))
    source: int = Field(sa_column=Column(Integer, nullable=False))
    carrier: str = Field(sa_column=Column(String(32), nullable=False))
    rank: int = Field(sa_column=Column(SmallInteger, nullable=False))
    kind: int = Field(sa_column=Column(SmallInteger, nullable=False))
    grants: int = Field(sa_column=Column(BigInteger, nullable=False))
    denies: int = Field(sa_column=Column(BigInteger, nullable=False))
    ends: int = Field(sa_column=Column(BigInteger, nullable=False))
    unreadable: int = Field(sa_column=Column(BigInteger, nullable=False))
    valid_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    recorded_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    sent_at: int | None = Field(sa_column=Column(BigInteger))
    grants_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    denies_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    jurisdiction: str = Field(sa_column=Column(String(32), nullable=False))
    jurisdiction_how: str = Field(sa_column=Column(String(16), nullable=False))
    actor: str = Field(sa_column=Column(String(16), nullable=False))
    notice: str | None = Field(sa_column=Column(String(128)))
    evidence: str | None = Field(sa_column=Column(String(32)))
    form: str | None = Field(sa_column=Column(String(128)))
    method: str | None = Field(sa_column=Column(String(24)))
    guardian_check: str | None = Field(sa_column=Column(String(24)))
    device: bytes | None = Field(sa_column=Column(LargeBinary(64)))
    ground: str | None = Field(sa_column=Column(String(256)))
    policy: str = Field(sa_column=Column(String(64), nullable=False))
    decoder: int = Field(sa_column=Column(SmallInteger, nullable=False))
    sha256: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class BindingRow(SQLModel, table=True):
    """For which handle a signal counts: its denials, its grants, or both.

    The anchor's grants count for good (``anchored``); a reach ends when its handle
    leaves the anchor's profile.
    """

    __tablename__ = "consent_binding"

    handle: int = Field(
        sa_column=Column(BigInteger, primary_key=True, autoincrement=False)
    )
    signal: int = Field(
        sa_column=Column(BigInteger, primary_key=True, autoincrement=False)
    )
    owned: bool = Field(sa_column=Column(Boolean, nullable=False))
    anchored: bool = Field(sa_column=Column(Boolean, nullable=False))
    reached: bool = Field(sa_column=Column(Boolean, nullable=False))
    ended_seq: int | None = Field(sa_column=Column(BigInteger))
    ended_at: int | None = Field(sa_column=Column(BigInteger))


class LatestRow(SQLModel, table=True):
    """The content that stands for a handle and a source: what a repeat is told by."""

    __tablename__ = "consent_latest"

    handle: int = Field(
        sa_column=Column(BigInteger, primary_key=True, autoincrement=False)
    )
    source: int = Field(
        sa_column=Column(Integer, primary_key=True, autoincrement=False)
    )
    carrier: str = Field(sa_column=Column(String(32), primary_key=True))
    content: bytes = Field(sa_column=Column(LargeBinary(64), nullable=False))
    ordered_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class SubjectRow(SQLModel, table=True):
    """A jurisdiction that a handle is known to be in, since when, and how."""

    __tablename__ = "consent_subject"

    handle: int = Field(
        sa_column=Column(BigInteger, primary_key=True, autoincrement=False)
    )
    jurisdiction: str = Field(sa_column=Column(String(32), primary_key=True))
    how: str = Field(sa_column=Column(String(16), nullable=False))
    recorded_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class AgeRow(SQLModel, table=True):
    """What was learnt about a handle's age: born by that day, as an ordinal of a date.

    The newest fact of a handle counts.
    """

    __tablename__ = "consent_age"

    handle: int = Field(
        sa_column=Column(BigInteger, primary_key=True, autoincrement=False)
    )
    recorded_at: int = Field(
        sa_column=Column(BigInteger, primary_key=True, autoincrement=False)
    )
    born_by: int = Field(
        sa_column=Column(Integer, primary_key=True, autoincrement=False)
    )
    how: str = Field(sa_column=Column(String(16), nullable=False))


class EffectiveRow(SQLModel, table=True):
    """The fold of the ledger for one handle and scope. No row means denied."""

    __tablename__ = "consent_effective"

    handle: int = Field(
        sa_column=Column(BigInteger, primary_key=True, autoincrement=False)
    )
    scope: int = Field(
        sa_column=Column(SmallInteger, primary_key=True, autoincrement=False)
    )
    granted: bool = Field(sa_column=Column(Boolean, nullable=False))
    own: int = Field(sa_column=Column(SmallInteger, nullable=False))
    reason: int = Field(sa_column=Column(SmallInteger, nullable=False))
    rule: int = Field(sa_column=Column(SmallInteger, nullable=False))
    valid_from: int = Field(sa_column=Column(BigInteger, nullable=False))
    valid_to: int | None = Field(sa_column=Column(BigInteger))
    covers_past: bool = Field(sa_column=Column(Boolean, nullable=False))
    signal: int | None = Field(sa_column=Column(BigInteger))
    notice: str | None = Field(sa_column=Column(String(128)))
    ordinal: int = Field(sa_column=Column(BigInteger, nullable=False))
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))

    __table_args__ = (Index("consent_effective_scope", "scope"),)
