"""The two senders against a small collector of our own on loopback."""

import gzip
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from cdp.cli.demo import retail
from cdp.cli.demo.errors import SendingError
from cdp.cli.demo.people import SOURCES, make_up
from cdp.cli.demo.senders import BatchSender, SegmentSender
from cdp.cli.demo.stream import Outgoing, Stream
from cdp.kernel import SystemClock

KEYS = {source: f"key-of-{source}" for source in SOURCES}
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Collector(ThreadingHTTPServer):
    """Keeps what it is sent; refuses every tenth event of a plain batch."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.busy = 0
        self.broken = False
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def items(self) -> list[dict[str, Any]]:
        return [item for _, body in self.requests for item in body["batch"]]


class Handler(BaseHTTPRequestHandler):
    server: Collector  # type: ignore[mutable-override] # it is never another
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        body = json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
        with self.server.lock:
            if self.server.broken:
                return self.answer(400, {"code": "x", "message": "y"})
            if self.server.busy:
                self.server.busy -= 1
                return self.answer(429, {"code": "x", "message": "y"})
            self.server.requests.append((dict(self.headers), body))
        received = len(body["batch"])
        errors = [
            {"index": i, "messageId": "", "code": "ingest.x", "path": "", "message": ""}
            for i in range(9, received, 10)
        ]
        return self.answer(
            200,
            {
                "receivedEvents": received,
                "okEvents": received - len(errors),
                "errors": errors,
            },
        )

    def answer(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        if status == 429:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def events() -> list[Outgoing]:
    year = retail.read(retail.data_folder(), households=60)
    return list(Stream(year, make_up(year.households), NOW))


def test_plain_batches_arrive_whole_in_order_and_are_counted(
    collector: Collector, events: list[Outgoing]
) -> None:
    mine = [e for e in events if not e.person.by_segment_client]
    sender = BatchSender(collector.url, KEYS, SystemClock(), keep=50)
    for outgoing in mine:
        sender.send(outgoing)
    sender.finish()
    assert sender.sent == len(mine)
    assert sender.sent == sender.ok + sum(sender.refused.values())
    assert set(sender.refused) == {"ingest.x"}
    arrived = {item["messageId"]: place for place, item in enumerate(collector.items)}
    assert set(arrived) == {e.item["messageId"] for e in mine}
    for household in {e.person.household for e in mine}:
        own = [
            arrived[e.item["messageId"]]
            for e in mine
            if e.person.household == household
        ]
        assert own == sorted(own)
    assert sender.replay() == 50
    assert sender.sent == len(mine) + 50


def test_a_gpc_browser_says_so_in_the_header_and_nobody_else_does(
    collector: Collector, events: list[Outgoing]
) -> None:
    plain = {
        e.item["messageId"]: e.person for e in events if not e.person.by_segment_client
    }
    sender = BatchSender(collector.url, KEYS, SystemClock())
    for outgoing in events:
        if outgoing.item["messageId"] in plain:
            sender.send(outgoing)
    sender.finish()
    assert any(person.gpc for person in plain.values())
    for headers, body in collector.requests:
        people = [plain[item["messageId"]] for item in body["batch"]]
        assert {person.gpc for person in people} == {headers.get("Sec-GPC") == "1"}
        assert len({person.source for person in people}) == 1


def test_a_busy_service_gets_the_batch_again(
    collector: Collector, events: list[Outgoing]
) -> None:
    collector.busy = 3
    sender = BatchSender(collector.url, KEYS, SystemClock())
    for outgoing in events[:20]:
        sender.send(outgoing)
    sender.finish()
    assert sender.sent == 20


def test_a_service_that_refuses_a_batch_stops_the_sender(
    collector: Collector, events: list[Outgoing]
) -> None:
    collector.broken = True
    sender = BatchSender(collector.url, KEYS, SystemClock())
    for outgoing in events[:20]:
        sender.send(outgoing)
    with pytest.raises(SendingError):
        sender.finish()


def test_the_segment_client_delivers_every_event_with_its_own_id(
    collector: Collector, events: list[Outgoing]
) -> None:
    mine = [e for e in events if e.person.by_segment_client]
    sender = SegmentSender(collector.url, KEYS)
    for outgoing in mine:
        sender.send(outgoing)
    sender.finish()
    assert sender.sent == len(mine) > 100
    arrived = {item["messageId"]: item for item in collector.items}
    assert set(arrived) == {e.item["messageId"] for e in mine}
    for outgoing in mine:
        item = arrived[outgoing.item["messageId"]]
        assert item["context"]["library"]["name"] == "analytics-python"
        assert datetime.fromisoformat(item["timestamp"]) == outgoing.at
        assert item["anonymousId"] == outgoing.item["anonymousId"]
    assert all(body["writeKey"] == "key-of-app-kr" for _, body in collector.requests)


def test_a_segment_client_that_gives_up_stops_the_demo(
    collector: Collector, events: list[Outgoing]
) -> None:
    collector.broken = True
    sender = SegmentSender(collector.url, KEYS)
    sender.send(next(e for e in events if e.person.by_segment_client))
    with pytest.raises(SendingError):
        sender.finish()
