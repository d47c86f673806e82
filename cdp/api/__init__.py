"""The HTTP API for machines: JSON in, JSON and Arrow out.

Owns the wire structs, one module for each resource, and the table from error to status.

- A route carries bytes and values; every decision is a room's.
- Errors have one shape, ``{"code", "message"}``; codes are stable.
- No identifier ever stands in a URL of ours.

Refuses: deciding; rows of the store.
"""

from typing import Any, Final

from cdp.api import (
    audit,
    consent,
    counts,
    files,
    health,
    ingest,
    links,
    receipts,
    releases,
    signin,
)
from cdp.api.errors import answer_error
from cdp.api.place import place_of
from cdp.api.services import Services

HANDLERS: Final[list[Any]] = [
    *ingest.HANDLERS,
    *signin.HANDLERS,
    *releases.HANDLERS,
    *consent.HANDLERS,
    *links.HANDLERS,
    *receipts.HANDLERS,
    *audit.HANDLERS,
    *counts.HANDLERS,
    *files.HANDLERS,
    *health.HANDLERS,
]

__all__ = ["HANDLERS", "Services", "answer_error", "place_of"]
