"""A whole house in a temporary folder: real ring, real store, real lake, real log.

Events go in through the collector as a request would; nothing is mocked. The clock
stands unless a test moves it.
"""

import asyncio
import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cdp.app import Service, open_core
from cdp.auth import add_client, add_source
from cdp.ingest import MAX_FACES, Arrival, RequestKeys
from cdp.kernel import Clock, FixedClock
from cdp.keys import KeyRing
from cdp.runtime import Settings, create_folder, lock_seq

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
YES = {"Functional": True, "Analytics": True, "Advertising": True}
NO = {"Functional": False, "Analytics": False, "Advertising": False}


def consent(preferences: Mapping[str, object]) -> dict[str, Any]:
    """Return a context with a consent object."""
    return {"consent": {"categoryPreferences": dict(preferences)}}


def order(
    message_id: str,
    *,
    user: str | None = None,
    cookie: str | None = None,
    preferences: Mapping[str, object] | None = YES,
    **more: Any,
) -> dict[str, Any]:
    """Return an ``Order Completed`` event."""
    item: dict[str, Any] = {
        "type": "track",
        "event": "Order Completed",
        "messageId": message_id,
        "timestamp": "2026-11-25T11:00:00Z",
        "userId": user,
        "anonymousId": cookie,
        "properties": {
            "revenue": 12.5,
            "coupon_count": 0,
            "channel": "online",
            "products": [{"category": "MILK", "price": 12.5}],
        },
    }
    if preferences is not None:
        item["context"] = consent(preferences)
    return item | more


class House:
    """One data folder with its key ring, opened."""

    def __init__(
        self,
        root: Path,
        *,
        store: str | None = None,
        clock: Clock | None = None,
        policies: Path | None = None,
        ring_of: "House | None" = None,
        faces: int = MAX_FACES,
        **more: Any,
    ) -> None:
        self.root = root
        self.clock = clock or FixedClock(NOON)
        root.mkdir(parents=True, exist_ok=True)
        keys = root / "keys" / "ring.json"
        self.data = root / "data"
        if not keys.exists():
            keys.parent.mkdir()
            if ring_of is None:
                ring = KeyRing.create(keys, clock=self.clock)
            else:
                shutil.copy(ring_of.root / "keys" / "ring.json", keys)
                ring = KeyRing.open(keys)
            create_folder(
                self.data,
                ring=ring.ring_id,
                keys=keys,
                origin="cdp.test/audit",
                store=None,
                now=self.clock.now(),
            )
        self.settings = Settings(
            data=self.data, keys=keys, store=store, policies=policies, **more
        )
        self.core = open_core(self.settings, self.clock, apply=True)
        self.service = Service(self.core, faces=faces)
        self.keys: dict[str, str] = {}

    def close(self) -> None:
        """Let everything go; the folder stays."""
        self.service.writer.close()
        self.core.close()

    def source(
        self, name: str, *, kind: str = "server", jurisdiction: str | None = "KR"
    ) -> str:
        """Add a source; return its write key."""
        with self.core.database.transaction() as connection:
            lock_seq(connection)
            _, key = add_source(
                connection,
                self.core.ring,
                name=name,
                kind=kind,
                jurisdiction=jurisdiction,
                clock=self.clock,
            )
        self.keys[name] = key
        return key

    def client(self, name: str, role: str, purpose: str) -> tuple[str, str]:
        """Add a client; return its id and its secret."""
        with self.core.database.transaction() as connection:
            lock_seq(connection)
            client, secret = add_client(
                connection,
                name=name,
                roles=[role],
                purposes=[purpose],
                clock=self.clock,
            )
        return client.id, secret

    def post(
        self,
        source: str,
        items: Sequence[Mapping[str, Any]],
        *,
        gpc: str | None = None,
        sent_at: str | None = None,
    ) -> dict[str, Any]:
        """Send a batch; return the answer's body."""
        if source not in self.keys:
            self.source(source)
        body = {"batch": list(items), "sentAt": sent_at or self.clock.now().isoformat()}
        return self.send(source, json.dumps(body).encode(), gpc=gpc)

    def send(
        self,
        source: str,
        body: bytes,
        *,
        gpc: str | None = None,
        kind: str | None = None,
    ) -> dict[str, Any]:
        """Send the bytes of a request; return the answer's body."""
        arrival = Arrival(
            kind=kind,
            body=body,
            keys=RequestKeys(header=self.keys[source]),
            gpc=gpc,
        )
        answer = asyncio.run(self.service.collector.receive(arrival))
        found: dict[str, Any] = json.loads(answer)
        return found

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Read the store with a query of the test's own."""
        with self.core.database.snapshot() as connection:
            found = connection.exec_driver_sql(query).fetchall()
        return [tuple(row) for row in found]
