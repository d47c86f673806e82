"""One request from its bytes to its answer.

- Nothing is decided by ``Content-Type``; no cookie is read or set.
- The answer leaves after the commit that holds the events (the writer's promise).
- To a public key the answer never shows whether a person, a consent or an erasure is on
  record; a server key is told the reason.

Source: the house page on the wire, sections 1, 2 and 5.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from cdp.ingest import body
from cdp.ingest.access import RequestKeys, Sources
from cdp.ingest.event import Refused
from cdp.ingest.intake import Intake, Outcome
from cdp.ingest.judgement import CONSENT_MISSING
from cdp.ingest.prepare import Preparer
from cdp.ingest.segment import open_batch, open_single, read_items
from cdp.kernel import CdpError, Clock
from cdp.runtime import Metrics, Writer

# What only a server key is told.
_PRIVATE: Final = frozenset(
    {CONSENT_MISSING, "ingest.subject_erased", "ingest.subject_restricted"}
)


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the web room hands it over. ``kind`` is None for a batch."""

    kind: str | None
    body: bytes
    content_encoding: str = ""
    keys: RequestKeys
    origin: str | None = None
    gpc: str | None = None
    client_address: str | None = None

    def __repr__(self) -> str:
        return f"Arrival(kind={self.kind!r})"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a 200, byte for byte what the clients of three formats read."""

    success: bool
    ok: bool
    receivedEvents: int  # noqa: N815 - the names are the format's
    okEvents: int  # noqa: N815
    errors: list[dict[str, object]]


class Collector:
    """Takes requests of the Segment format."""

    def __init__(
        self,
        *,
        sources: Sources,
        preparer: Preparer,
        intake: Intake,
        writer: Writer,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._sources = sources
        self._preparer = preparer
        self._intake = intake
        self._writer = writer
        self._metrics = metrics
        self._clock = clock

    @property
    def is_overloaded(self) -> bool:
        """Whether a request would be refused; asked before its body is read."""
        return self._writer.is_overloaded

    def lists_origin(self, origin: str) -> bool:
        """Whether any source lists ``origin``."""
        return self._sources.lists_origin(origin)

    def check_key(self, key: str, origin: str | None) -> None:
        """Refuse ``key`` unless a source may send with it, from ``origin`` if any.

        Raises:
            KeyUnknownError, KeyConflictError, OriginNotAllowedError
        """
        self._sources.of(RequestKeys(query=(key,)), origin)

    async def receive(self, arrival: Arrival) -> bytes:
        """Land the events of a request; return the answer's body after the commit.

        Raises:
            RequestRefusedError: nothing of the request can be taken.
            StoreUnavailableError, OverloadedError: nothing was kept; come again.
        """
        try:
            return await self._land(arrival)
        except CdpError as error:
            # Whose it was is not always known by then.
            self._metrics.ingest_requests.labels("", error.code).inc()
            raise

    async def _land(self, arrival: Arrival) -> bytes:
        received = self._clock.now()
        plain = body.plain(arrival.body, arrival.content_encoding)
        if arrival.kind is None:
            envelope = open_batch(plain)
        else:
            envelope = open_single(plain, arrival.kind)
        keys = msgspec.structs.replace(
            arrival.keys, body=(*arrival.keys.body, *envelope.write_keys)
        )
        source = self._sources.of(keys, arrival.origin)
        prepared = self._preparer.prepare(
            read_items(envelope, received),
            source=source,
            received_at=received,
            gpc=arrival.gpc,
            client_address=arrival.client_address,
            size=len(arrival.body),
        )
        outcome = await self._writer.run(self._intake.land, prepared)
        self._observe(outcome, prepared.drops)
        waited = (self._clock.now() - received).total_seconds()
        self._metrics.commit_seconds.observe(max(waited, 0.0))
        return answer(outcome)

    def _observe(self, outcome: Outcome, drops: Mapping[tuple[str, str], int]) -> None:
        name = outcome.source.name
        self._metrics.ingest_requests.labels(name, "ok").inc()
        for kind, n in (
            ("accepted", outcome.accepted),
            ("deduplicated", outcome.duplicates),
        ):
            if n:
                self._metrics.ingest_events.labels(name, kind, "").inc(n)
        for error in outcome.errors:
            self._metrics.ingest_events.labels(name, "refused", error.code).inc()
        for (rule, _path), n in drops.items():
            self._metrics.fields_dropped.labels(name, rule).inc(n)


def answer(outcome: Outcome) -> bytes:
    """Return the body of the answer to a request that was taken."""
    told = [
        error
        for error in outcome.errors
        if outcome.source.kind == "server" or error.code not in _PRIVATE
    ]
    return msgspec.json.encode(
        Answer(
            success=True,
            ok=not told,
            receivedEvents=outcome.received,
            okEvents=outcome.received - len(told),
            errors=[_error(error) for error in told],
        )
    )


def _error(error: Refused) -> dict[str, object]:
    return {
        "index": error.index,
        "messageId": error.message_id,
        "code": error.code,
        "path": error.path,
        "message": error.message,
    }
