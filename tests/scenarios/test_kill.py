"""Acknowledged means durable: kill -9 at random moments, then count every event once.

A client that resends what was not acknowledged is what every client library does. After
the last restart each acknowledged event stands exactly once, in the inbox or in the
lake, and the records of the log account for it.
"""

import random  # noqa: TID251 - moments of a crash, from a fixed seed
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from cdp.audit import AuditFilter, Kind
from cdp.runtime import current_seq
from tests.support.house import House, order
from tests.support.process import Running, ask

KILLS = 10
BATCH = 20


class Sender(threading.Thread):
    """Posts batches until it is told to stop; repeats each until it is acknowledged."""

    def __init__(self, url: str, key: str, number: int) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.key = key
        self.number = number
        self.enough = threading.Event()
        self.acknowledged: list[str] = []
        self.faults: list[str] = []

    def run(self) -> None:
        sent = 0
        with httpx.Client(trust_env=False, timeout=10) as client:
            while not self.enough.is_set():
                ids = [f"s{self.number}-{sent + n}" for n in range(BATCH)]
                batch = [
                    # Without a time of its own: the clock here is the machine's.
                    order(i, user=f"u{n % 50}", timestamp=None)
                    for n, i in enumerate(ids, sent)
                ]
                if self._deliver(client, batch):
                    self.acknowledged.extend(ids)
                sent += BATCH

    def _deliver(self, client: httpx.Client, batch: list[dict[str, Any]]) -> bool:
        while not self.enough.is_set():
            try:
                answer = client.post(
                    f"{self.url}/v1/batch",
                    json={"batch": batch},
                    headers={"X-Write-Key": self.key},
                )
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.status_code == 200:
                body = answer.json()
                if body["okEvents"] != BATCH:
                    self.faults.append(answer.text)
                return True
            if answer.status_code not in (429, 503):
                self.faults.append(answer.text)
            time.sleep(0.05)
        return False


def held(house: House) -> dict[str, int]:
    """How many rows inbox and lake hold, and how many message ids were taken."""
    with (
        house.core.database.snapshot() as connection,
        house.core.lake.view(
            connection, house.core.shape, [], watermark=current_seq(connection)
        ) as view,
    ):
        rows = view.to_arrow(view.events).num_rows
    [(taken,)] = house.rows("SELECT count(*) FROM ingest_seen")
    [(accepted,)] = house.rows(
        "SELECT sum(n) FROM ingest_count WHERE outcome = 'accepted'"
    )
    return {"rows": rows, "taken": taken, "accepted": int(accepted)}


def recorded(house: House) -> int:
    """How many events the records of the log say were accepted."""
    total, after = 0, None
    while True:
        with house.core.database.snapshot() as connection:
            page = house.core.log.query(
                connection,
                AuditFilter(kind=Kind.EVENT_INGEST),
                after=after,
                limit=500,
                open_payload=True,
            )
        for record in page.records:
            assert record.payload is not None
            total += record.payload.counts.get("events.accepted", 0)
        if page.complete:
            return total
        after = page.next


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_every_acknowledged_event_survives_kill_9_exactly_once(
    store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    chance = random.Random(20261125)  # noqa: S311 - when to pull the plug
    data, keys = tmp_path / "data", tmp_path / "keys" / "ring.json"
    options: list[str] = []
    if store == "postgresql":
        options = ["--store", postgres_url(request)]
    ask("init", "--data", data, "--keys", keys, *options)
    key = ask(
        "source", "add", "shop", "--kind", "server", "--jurisdiction", "KR",
        "--data", data, *options,
    )["write_key"]  # fmt: skip
    service = Running(data, *options)
    service.start()
    senders = [Sender(service.url, key, number) for number in range(3)]
    for sender in senders:
        sender.start()
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.1, 0.9))
        service.kill()
        service.start()
    time.sleep(0.5)
    for sender in senders:
        sender.enough.set()
    for sender in senders:
        sender.join(timeout=30)
    service.kill()
    acknowledged = [i for sender in senders for i in sender.acknowledged]
    assert [fault for sender in senders for fault in sender.faults] == []
    assert len(acknowledged) > KILLS * BATCH

    house = House(tmp_path, store=options[1] if options else None)
    found = held(house)
    digester = house.core.ring.digester("ingest.message")
    [(source,)] = house.rows("SELECT id FROM auth_source")
    taken = {bytes(row[0]) for row in house.rows("SELECT key FROM ingest_seen")}
    for message_id in acknowledged:
        key_of = digester.digest(f"source:{source}\x1f{message_id}".encode())[:16]
        assert key_of in taken
    assert found["rows"] == found["taken"] == found["accepted"]
    assert found["taken"] >= len(acknowledged)
    house.core.publish()
    assert house.core.log.verify(house.core.database).ok
    assert recorded(house) == found["accepted"]
    house.close()


def postgres_url(request: pytest.FixtureRequest) -> str:
    """A fresh schema of the session's PostgreSQL."""
    uri = str(request.getfixturevalue("postgres"))
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS killed CASCADE")
        connection.execute("CREATE SCHEMA killed")
    return f"{uri}{'&' if '?' in uri else '?'}options=-csearch_path%3Dkilled"
