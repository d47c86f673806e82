"""``cdp bench ingest``: the whole path against a service that decides nothing.

Both are driven over HTTP on loopback by the same generator with the same bytes, one
after the other on this machine. The bare service decodes the same requests and inserts
the same rows (inbox, dedupe keys, a record for each request) into a SQLite file with
the same pragmas, in group commits: no consent, no identity, no policy, no tree.
"""

import asyncio
import multiprocessing
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import click
import httpx
import msgspec
from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar, MediaType, Request, Response, post
from sqlalchemy import text

from cdp.app import Service, create_app
from cdp.cli.bench.house import measuring_house
from cdp.cli.bench.report import Report, rounded, show
from cdp.cli.console import json_option
from cdp.cli.setup import calm_collector
from cdp.runtime import Connection, Database, Writer
from cdp.runtime.database import sqlite_url

PERSONS = 5_000
_READY_SECONDS = 60.0
_OK = b'{"success":true,"ok":true,"receivedEvents":0,"okEvents":0,"errors":[]}'


@click.command()
@click.option("--events", default=40_000, show_default=True, type=int)
@click.option("--batch", default=100, show_default=True, type=int)
@click.option("--connections", default=4, show_default=True, type=int)
@click.option("--single", is_flag=True, help="One event for each request.")
@json_option
def ingest(
    events: int, batch: int, connections: int, single: bool, as_json: bool
) -> None:
    """Measure events a second, full path and durable, against a bare service.

    \b
    cdp bench ingest --json
    cdp bench ingest --single --events 6000 --connections 32
    """
    size = 1 if single else batch
    bodies = list(requests(events, size))
    ours = measure(_serve_house, bodies, size, connections)
    bare = measure(_serve_bare, bodies, size, connections)
    show(
        Report(
            name="ingest",
            unit="events/s",
            figure=rounded(ours["rate"]),
            limit=rounded(bare["rate"]),
            ratio=rounded(ours["rate"] / bare["rate"]),
            bar="ratio at least 0.5; 8,000/s in batches of 100, 1,500/s one by one",
            detail={
                "events": events,
                "batch": size,
                "connections": connections,
                "first_contact_events_s": rounded(ours["first"]),
                "p50_ms": rounded(ours["p50"]),
                "p99_ms": rounded(ours["p99"]),
                "bare_p99_ms": rounded(bare["p99"]),
            },
        ),
        as_json=as_json,
    )


def requests(events: int, size: int) -> Iterator[bytes]:
    """Yield bodies: ``events`` of made-up people, each seen before by half-way.

    The first ``PERSONS`` events meet everybody for the first time; they warm the house
    up and are reported apart.
    """
    for start in range(0, PERSONS + events, size):
        count = min(size, PERSONS + events - start)
        batch = [_event(start + n) for n in range(count)]
        yield msgspec.json.encode({"batch": batch})


def _event(number: int) -> dict[str, Any]:
    person = number % PERSONS
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"bench-{number:08d}",
        "userId": f"user-{person:06d}",
        "anonymousId": f"00000000-0000-4000-8000-{person:012d}",
        "context": {
            "consent": {
                "categoryPreferences": {
                    "Functional": True,
                    "Analytics": True,
                    "Advertising": True,
                }
            },
            "library": {"name": "bench", "version": "1"},
        },
        "properties": {
            "revenue": 12.5 + number % 50,
            "coupon_count": number % 3,
            "store_id": f"s{number % 40}",
            "channel": "store",
            "currency": "USD",
            "products": [
                {"product_id": str(n), "category": "MILK", "price": 2.0, "quantity": 1}
                for n in range(3)
            ],
        },
    }


def measure(
    serve: Callable[[int, Any], None],
    bodies: Sequence[bytes],
    size: int,
    connections: int,
) -> dict[str, float]:
    """Serve in a process of its own, post everything, return rates and latencies."""
    context = multiprocessing.get_context("spawn")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    keys = context.SimpleQueue()
    process = context.Process(target=serve, args=(port, keys), daemon=True)
    process.start()
    with _stopping(process):
        key = keys.get()
        _wait(port)
        warm = -(-PERSONS // size)
        first = asyncio.run(_drive(port, key, bodies[:warm], connections))
        then = asyncio.run(_drive(port, key, bodies[warm:], connections))
    latencies = sorted(then[1])
    return {
        "first": PERSONS / first[0],
        "rate": (len(bodies) - warm) * size / then[0],
        "p50": statistics.median(latencies) * 1000,
        "p99": latencies[int(len(latencies) * 0.99) - 1] * 1000,
    }


@contextmanager
def _stopping(process: SpawnProcess) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        process.join(30)


def _wait(port: int) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        try:
            httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise click.ClickException("the measured service did not start")


async def _drive(
    port: int, key: str, bodies: Sequence[bytes], connections: int
) -> tuple[float, list[float]]:
    """Post ``bodies`` over so many connections; return the time and each latency."""
    waiting = iter(bodies)
    latencies: list[float] = []
    head = (
        f"POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Write-Key: {key}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()

    async def one() -> None:
        # By hand: a general client would be the limit that is measured.
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for body in waiting:
            start = time.perf_counter()
            writer.write(b"%b%d\r\n\r\n%b" % (head, len(body), body))
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200"):
                raise click.ClickException("the measured service refused a request")
            length = answer.lower().split(b"content-length:")[1].split(b"\r\n")[0]
            await reader.readexactly(int(length))
            latencies.append(time.perf_counter() - start)
        writer.close()

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return time.perf_counter() - start, latencies


def _serve_house(port: int, keys: Any) -> None:
    with measuring_house() as (core, key):
        keys.put(key)
        asyncio.run(_serve(create_app(Service(core)), port))


def _serve_bare(port: int, keys: Any) -> None:
    with tempfile.TemporaryDirectory(prefix="cdp-bench-") as root:
        keys.put("none")
        asyncio.run(_serve(_bare_app(Path(root)), port))


async def _serve(app: Litestar, port: int) -> None:
    calm_collector()
    server = Server(
        app,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_enabled=False,
    )
    await server.serve()


def _bare_app(root: Path) -> Litestar:
    database = Database(sqlite_url(root / "store.db"))
    with database.transaction() as connection:
        for statement in (
            "CREATE TABLE counter (name TEXT PRIMARY KEY, value BIGINT)",
            "CREATE TABLE inbox (seq BIGINT, n INT, dataset TEXT, handle BIGINT, "
            "closed BIGINT, occurred_at BIGINT, row BLOB, PRIMARY KEY (seq, n))",
            "CREATE TABLE seen (key BLOB PRIMARY KEY, content BLOB, day INT)",
            "CREATE TABLE record (idx INTEGER PRIMARY KEY, envelope BLOB, sealed BLOB)",
        ):
            connection.execute(text(statement))
    writer = Writer(database)
    encode = msgspec.msgpack.Encoder().encode
    position = iter(range(1, 1 << 62))

    def land(connection: Connection, groups: Sequence[list[Any]]) -> list[None]:
        for items in groups:
            seq = next(position)
            connection.exec_driver_sql(
                "INSERT INTO inbox VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (seq, n, "shop_events", n, 0, 0, encode(item["properties"]))
                    for n, item in enumerate(items)
                ],
            )
            connection.exec_driver_sql(
                "INSERT INTO seen VALUES (?, ?, ?)",
                [
                    (
                        blake2b(item["messageId"].encode(), digest_size=16).digest(),
                        b"",
                        1,
                    )
                    for item in items
                ],
            )
            connection.exec_driver_sql(
                "INSERT INTO record (envelope, sealed) VALUES (?, ?)",
                (bytes(600), bytes(200)),
            )
        return [None] * len(groups)

    @post("/v1/batch", status_code=200)
    async def take(request: Request[Any, Any, Any]) -> Response[bytes]:
        items = msgspec.json.decode(await request.body())["batch"]
        await writer.run(land, items)
        return Response(_OK, media_type=MediaType.JSON)

    return Litestar([take], openapi_config=None, logging_config=None)
