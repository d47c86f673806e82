"""What the routes are handed: rooms that are built already, and who is calling.

``app`` makes one ``Services``; a route takes what it needs from it and decides nothing.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeAlias, TypeVar

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency

from cdp.api.place import place_of
from cdp.audit import Appended, AuditLog, Draft, Kind
from cdp.auth import Caller, authenticate, bearer_of
from cdp.gate import (
    AccessRequest,
    Gate,
    Logbook,
    PersonDoors,
    PolicyInForce,
    ReceiptDoor,
)
from cdp.ingest import Collector, ConsentDesk, LinkDesk
from cdp.kernel import Clock
from cdp.keys import KeyRing
from cdp.runtime import Connection, Database, Metrics, Writer

AnyRequest = Request[Any, Any, State]
P = ParamSpec("P")
T = TypeVar("T")


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """The rooms behind the routes. ``is_ready`` asks store and loops."""

    gate: Gate
    people: PersonDoors
    logbook: Logbook
    receipts: ReceiptDoor
    collector: Collector
    desk: ConsentDesk
    links: LinkDesk
    log: AuditLog
    log_folder: Path
    database: Database
    writer: Writer
    ring: KeyRing
    in_force: PolicyInForce
    metrics: Metrics
    clock: Clock
    public_url: str
    is_ready: Callable[[], bool]
    refresh_metrics: Callable[[], None]

    def __repr__(self) -> str:
        return "Services(...)"

    def append(self, connection: Connection, drafts: Sequence[Draft]) -> list[Appended]:
        """Append records; a handler for the writer."""
        return self.log.append(connection, drafts)

    async def off_loop(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run what blocks in a thread."""
        return await asyncio.to_thread(function, *args, **kwargs)

    def caller(self, request: AnyRequest) -> Caller:
        """Return who calls.

        Raises:
            AuthError: nobody we know, or no longer.
        """
        bearer = bearer_of(request.headers.get("authorization"))
        with self.database.snapshot() as connection:
            return authenticate(connection, self.ring, bearer, self.clock)

    def access(self, request: AnyRequest, what: Kind) -> AccessRequest:
        """Return the wish to do ``what``, with who asks, from where and why.

        Raises:
            AuthError: nobody we know, or no longer.
        """
        caller = self.caller(request)
        query = request.query_params
        return AccessRequest(
            caller=caller,
            what=what,
            purpose=self.purpose_of(caller, what, query.get("purpose_of_access")),
            reason_code=query.get("reason_code"),
            ticket=query.get("ticket"),
            place=place_of(request),
        )

    def purpose_of(self, caller: Caller, what: Kind, stated: str | None) -> str:
        """Return the purpose of an act that names none: the caller's for such acts.

        A release is never asked for this way; its purpose is its own. The gate checks
        whatever comes out of here like a stated one.
        """
        if stated:
            return stated
        policy = self.in_force.policy
        for name in caller.roles:
            role = policy.roles.get(name)
            if role is None or what not in role.may:
                continue
            for purpose in caller.purposes:
                if purpose in role.purposes:
                    return purpose
        return caller.purposes[0] if caller.purposes else ""


# How an argument of a route says that it is handed in.
TheServices: TypeAlias = NamedDependency[Services]
TheCollector: TypeAlias = NamedDependency[Collector]
