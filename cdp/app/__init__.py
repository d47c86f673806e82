"""The composition root: settings in, one application out.

Owns the wiring and nothing else: every object is built here once and handed down.

Refuses: being imported by anything but ``cli``.
"""

from cdp.app.core import (
    SHIPPED_POLICIES,
    Core,
    open_core,
    open_log,
    open_ring,
    read_policy,
)
from cdp.app.migration import SchemaError, prepare, revision, upgrade
from cdp.app.service import Service, create_app
from cdp.app.webhook import secret_text, webhook_secret

__all__ = [
    "SHIPPED_POLICIES",
    "Core",
    "SchemaError",
    "Service",
    "create_app",
    "open_core",
    "open_log",
    "open_ring",
    "prepare",
    "read_policy",
    "revision",
    "secret_text",
    "upgrade",
    "webhook_secret",
]
