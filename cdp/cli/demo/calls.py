"""Every request of the demo to the service, and every shape it reads of an answer.

The one module of the demo that knows a path or a field of the HTTP API, so that a
change of the API is a change here. It goes in through the front door like anybody else:
write keys for events, client credentials for the rest.
"""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final, TypeVar

import httpx
import msgspec

from cdp.cli.demo.errors import ServiceError
from cdp.client import Client

T = TypeVar("T")

JSON: Final = "application/json"
PAGE: Final = 1_000
# An officer says why: the log keeps it.
WHY: Final = {"reason_code": "access_request", "ticket": "DEMO-1"}
_WHY: Final = "&".join(f"{name}={value}" for name, value in WHY.items())


class BatchAnswer(msgspec.Struct, frozen=True):
    """What the service says about one batch (body A of the wire page)."""

    receivedEvents: int  # noqa: N815 - the wire's spelling
    okEvents: int  # noqa: N815 - the wire's spelling
    errors: list["BatchError"]


class BatchError(msgspec.Struct, frozen=True):
    """One refused event."""

    code: str


class SourceCounts(msgspec.Struct, frozen=True):
    """What the service counted for one source since it began."""

    accepted: int
    deduplicated: int
    refused: dict[str, int]


class Counts(msgspec.Struct, frozen=True):
    """The service's own numbers: the authority for every source."""

    sources: dict[str, SourceCounts]
    identifiers: int
    profiles: int


class Envelope(msgspec.Struct, frozen=True):
    """What a record says to everybody; ``t`` is in milliseconds since 1970."""

    t: int
    kind: str
    outcome: str
    purpose: str | None = None
    release: str | None = None
    policy: str | None = None
    watermark: int | None = None


class Payload(msgspec.Struct, frozen=True):
    """What a record says to an officer: who, and the exact counts."""

    client: str | None = None
    counts: dict[str, int] = {}


class LogRecord(msgspec.Struct, frozen=True):
    """One record; ``roles`` says how the person asked about was part of it."""

    index: int
    id: str
    envelope: Envelope
    payload: Payload | None = None
    roles: list[str] = []

    @property
    def recorded_at(self) -> datetime:
        """When it was written."""
        return datetime.fromtimestamp(self.envelope.t / 1000, UTC)

    @property
    def counts(self) -> dict[str, int]:
        """The exact counts."""
        return self.payload.counts if self.payload else {}


class LogPage(msgspec.Struct, frozen=True):
    """A page of records; ``next`` asks for the page after it."""

    records: list[LogRecord]
    complete: bool
    next: int | None


def is_ready(url: str) -> bool:
    """Say whether the service answers that it is ready."""
    try:
        answer = httpx.get(f"{url}/ready", timeout=2, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == HTTPStatus.OK


def connection(url: str, write_key: str) -> httpx.Client:
    """Return a connection of a tracker: the write key is the Basic user name."""
    return httpx.Client(base_url=url, auth=(write_key, ""), timeout=60, trust_env=False)


def post_batch(
    tracker: httpx.Client, items: list[bytes], *, gpc: bool, sent_at: datetime
) -> BatchAnswer | int:
    """Post one batch of encoded items.

    Returns:
        What the service said, or the seconds after which to come again.
    """
    head = f'{{"sentAt":"{sent_at.isoformat(timespec="milliseconds")}","batch":['
    answer = tracker.post(
        "/v1/batch",
        content=b"".join((head.encode(), b",".join(items), b"]}")),
        headers={"Content-Type": JSON, **({"Sec-GPC": "1"} if gpc else {})},
    )
    if answer.status_code in {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    }:
        return int(answer.headers.get("Retry-After", "1"))
    if answer.status_code != HTTPStatus.OK:
        raise ServiceError(f"a batch was answered with {answer.status_code}")
    return _decode(answer, BatchAnswer)


def counts(operator: Client) -> Counts:
    """Read the service's own counts."""
    return _decode(operator.get("/v1/ingest/counts", accept=JSON), Counts)


def subject_records(officer: Client, email: str) -> list[LogRecord]:
    """Return every record that touches the person with this e-mail, oldest first."""
    body: dict[str, object] = {
        "identifier": {"namespace": "email", "value": email},
        "limit": PAGE,
        "open_payload": True,
    }
    found: list[LogRecord] = []
    while True:
        answer = officer.post(f"/v1/audit/subject?{_WHY}", body)
        page = _decode(answer, LogPage)
        found += page.records
        if page.complete or page.next is None:
            return sorted(found, key=lambda record: record.index)
        body["after"] = page.next


def pulls_of(officer: Client, release: str) -> list[LogRecord]:
    """Return the records of pulls of a release."""
    query = {
        "kind": "release.pull",
        "release": release,
        "limit": str(PAGE),
        "open_payload": "true",
        **WHY,
    }
    answer = officer.get("/v1/audit/records", query, accept=JSON)
    return _decode(answer, LogPage).records


def withdraw(desk: Client, *, email: str, purpose: str) -> None:
    """Take down that a person withdraws consent to one purpose."""
    desk.post(
        "/v1/consent",
        {
            "identifier": {"namespace": "email", "value": email},
            "purposes": {purpose: "deny"},
        },
    )


def _decode(answer: httpx.Response, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.MsgspecError as error:
        path = answer.request.url.path
        raise ServiceError(f"{path} answers in another shape: {error}") from error
