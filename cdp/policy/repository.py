"""Every query of ``policy``. Callers hold the writer's lock (docs/decisions/0003)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from cdp.kernel import Clock, to_micros
from cdp.policy.bundle import Policy
from cdp.policy.errors import NoOrdinalLeftError, UnknownVersionError
from cdp.policy.tables import PolicyBundleRow, PolicyForceRow, PolicyOrdinalRow
from cdp.runtime import Connection, lock_seq

# The bits of a signed 64-bit column that stay positive.
MAX_ORDINALS = 63
PURPOSE = "purpose"

_ordinal = cast("Table", cast("Any", PolicyOrdinalRow).__table__)
_bundle = cast("Table", cast("Any", PolicyBundleRow).__table__)
_force = cast("Table", cast("Any", PolicyForceRow).__table__)


def ordinals(connection: Connection, kind: str, keys: Sequence[str]) -> dict[str, int]:
    """Return the ordinal of every key, 0 to 62; a new key gets the next free one.

    An ordinal stays with its key for good, also when no policy names it any more: rows
    of the lake hold its bit.

    Raises:
        NoOrdinalLeftError: more than 63 keys of this kind were ever named.
    """
    known = _ordinals(connection, kind)
    if set(keys) - known.keys():
        lock_seq(connection)
        known = _ordinals(connection, kind)
        # Sorted, so that a fresh store gives the same bits for the same policy.
        missing = sorted(set(keys) - known.keys())
        if len(known) + len(missing) > MAX_ORDINALS:
            raise NoOrdinalLeftError(
                f"{MAX_ORDINALS} ordinals of kind {kind}, {len(known)} are given"
            )
        fresh = {key: len(known) + place for place, key in enumerate(missing)}
        connection.execute(
            insert(_ordinal),
            [
                {"kind": kind, "key": key, "ordinal": number}
                for key, number in fresh.items()
            ],
        )
        known |= fresh
    return {key: known[key] for key in keys}


def scope_bits(connection: Connection, policy: Policy) -> dict[str, int]:
    """Return the ordinal of every scope of ``policy``; a purpose's own has its key."""
    return ordinals(connection, PURPOSE, list(policy.scopes))


def known_scope_bits(connection: Connection, policy: Policy) -> dict[str, int]:
    """Return the ordinals that the scopes of ``policy`` were given before.

    It only reads: a policy that was in force has one for each scope.
    """
    known = _ordinals(connection, PURPOSE)
    return {key: known[key] for key in policy.scopes if key in known}


def put_in_force(connection: Connection, policy: Policy, clock: Clock) -> bool:
    """Keep the bundle and let it decide from now on; ``False`` when it already does.

    The caller records the act (kind ``policy.change``) in the same transaction.
    """
    lock_seq(connection)
    if in_force(connection) == policy.version:
        return False
    builder = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(
        builder.insert(_bundle)
        .values(version=policy.version, bundle=policy.bundle)
        .on_conflict_do_nothing()
    )
    newest = select(_force.c.position).order_by(_force.c.position.desc()).limit(1)
    position = int(connection.execute(newest).scalar() or 0) + 1
    connection.execute(
        insert(_force).values(
            position=position,
            version=policy.version,
            in_force_at=to_micros(clock.now()),
        )
    )
    return True


def in_force(connection: Connection, at: datetime | None = None) -> str | None:
    """Return the version that decides, or decided at an earlier instant."""
    query = select(_force.c.version).order_by(_force.c.position.desc()).limit(1)
    if at is not None:
        query = query.where(_force.c.in_force_at <= to_micros(at))
    version = connection.execute(query).scalar()
    return None if version is None else str(version)


def bundle_of(connection: Connection, version: str) -> bytes:
    """Return the canonical bytes of a version, for ``read_bundle``.

    Raises:
        UnknownVersionError: it never was in force here.
    """
    query = select(_bundle.c.bundle).where(_bundle.c.version == version)
    content = connection.execute(query).scalar()
    if content is None:
        raise UnknownVersionError("no bundle of that version is kept")
    return bytes(content)


def _ordinals(connection: Connection, kind: str) -> dict[str, int]:
    query = select(_ordinal.c.key, _ordinal.c.ordinal).where(_ordinal.c.kind == kind)
    return {str(row.key): int(row.ordinal) for row in connection.execute(query)}
