"""Every table of every room, gathered for Alembic. Nothing else lives here."""

from sqlmodel import SQLModel

from cdp.audit import tables as audit_tables
from cdp.auth import tables as auth_tables
from cdp.consent import tables as consent_tables
from cdp.gate import tables as gate_tables
from cdp.identity import tables as identity_tables
from cdp.ingest import tables as ingest_tables
from cdp.lake import tables as lake_tables
from cdp.policy import tables as policy_tables
from cdp.runtime import tables as runtime_tables

ROOMS = (
    audit_tables,
    auth_tables,
    consent_tables,
    gate_tables,
    identity_tables,
    ingest_tables,
    lake_tables,
    policy_tables,
    runtime_tables,
)

metadata = SQLModel.metadata
