"""Many requests land in one transaction: decided, kept, counted, recorded.

What a reply calls accepted is in this transaction, and so are its dedupe key, the
counts and the audit record of its request. Of two events of one message id the first
that is kept counts; a refused event leaves no key, so a corrected resend is new.

Refuses: the requests of a source that was revoked since its key was looked up.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from cdp.audit import AuditLog, Draft, Kind
from cdp.auth import Source, sources
from cdp.ingest import repository
from cdp.ingest.errors import KeyUnknownError
from cdp.ingest.event import Refused
from cdp.ingest.judgement import (
    ACCEPTED,
    CONSENT_MISSING,
    DEDUPLICATED,
    ENTANGLED,
    Work,
)
from cdp.ingest.prepare import PreparedRequest
from cdp.ingest.rounds import Rounds
from cdp.kernel import Clock, to_micros
from cdp.runtime import Connection, after_commit

_REASONS: Final = {
    CONSENT_MISSING: "no consent covers this event; only the decision was kept",
    ENTANGLED: "too many events of this request change the same people: "
    "send them again in smaller requests",
}

DAY_MICROS: Final = 86_400_000_000
HOUR_MICROS: Final = 3_600_000_000
# Segment's clients may wait twelve hours; a fortnight is the plan's window.
DEDUPE_DAYS: Final = 14

# Paths of dropped fields are the client's words: a source cannot fill the store with
# them.
_MAX_PATHS_A_DAY: Final = 500


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one request. ``errors`` are the refused events, by index."""

    source: Source
    received: int
    accepted: int
    duplicates: int
    quarantined: int
    errors: tuple[Refused, ...]


class Intake:
    """Lands the requests of one dataset; ``land`` is a handler for the writer."""

    def __init__(
        self, *, rounds: Rounds, log: AuditLog, policy: str, clock: Clock
    ) -> None:
        self._rounds = rounds
        self._log = log
        self._policy = policy
        self._clock = clock
        self._day = 0
        self._counted: set[tuple[int, str, str]] = set()

    def land(
        self, connection: Connection, requests: Sequence[PreparedRequest]
    ) -> list[Outcome]:
        """Decide and keep the events of ``requests``, all in this transaction.

        Raises:
            KeyUnknownError: the source of a request was revoked meanwhile.
        """
        _check_sources(connection, requests)
        works = [
            Work(item, request, where)
            for where, request in enumerate(requests)
            for item in request.items
            if not isinstance(item, Refused)
        ]
        conflicts = _mark_duplicates(connection, works)
        self._rounds.decide(connection, works)
        now = to_micros(self._clock.now())
        repository.remember(
            connection,
            (
                (work.event.key, work.event.content)
                for work in works
                if work.outcome == ACCEPTED
            ),
            now // DAY_MICROS,
        )
        by_request: list[list[Work]] = [[] for _ in requests]
        for work in works:
            by_request[work.where].append(work)
        outcomes = [
            _outcome(request, own)
            for request, own in zip(requests, by_request, strict=True)
        ]
        _count(connection, outcomes, now // HOUR_MICROS, conflicts)
        day = now // DAY_MICROS
        if day != self._day:
            self._day, self._counted = day, set()
        _count_drops(connection, requests, day, self._counted)
        self._log.append(
            connection,
            [
                self._draft(request, outcome)
                for request, outcome in zip(requests, outcomes, strict=True)
            ],
        )
        return outcomes

    def _draft(self, request: PreparedRequest, outcome: Outcome) -> Draft:
        counts = Counter(
            {
                "events.received": outcome.received,
                "events.accepted": outcome.accepted,
                "events.deduplicated": outcome.duplicates,
                "events.quarantined": outcome.quarantined,
            }
        )
        for error in outcome.errors:
            counts[f"refused.{error.code}"] += 1
        return Draft(
            kind=Kind.EVENT_INGEST,
            policy=self._policy,
            counts=dict(+counts),
            client=f"source:{request.source.name}",
        )


def _check_sources(connection: Connection, requests: Iterable[PreparedRequest]) -> None:
    # The map of keys may be a second old; this is the moment that counts.
    states = {source.id: source.state for source in sources(connection)}
    for request in requests:
        if states.get(request.source.id, "revoked") == "revoked":
            raise KeyUnknownError("the write key is unknown or revoked")


def _mark_duplicates(connection: Connection, works: Sequence[Work]) -> int:
    """Mark what was taken before; return how many came with other content."""
    taken = repository.seen(connection, [work.event.key for work in works])
    conflicts = 0
    for work in works:
        before = taken.get(work.event.key)
        if before is not None:
            work.outcome = DEDUPLICATED
            conflicts += before != work.event.content
    return conflicts


def _outcome(request: PreparedRequest, works: Sequence[Work]) -> Outcome:
    errors = [item for item in request.items if isinstance(item, Refused)]
    errors.extend(_refused(work) for work in works if work.outcome in _REASONS)
    errors.sort(key=lambda error: error.index)
    accepted = [work for work in works if work.outcome == ACCEPTED]
    return Outcome(
        source=request.source,
        received=len(request.items),
        accepted=len(accepted),
        duplicates=sum(work.outcome == DEDUPLICATED for work in works),
        quarantined=sum(work.event.quarantine is not None for work in accepted),
        errors=tuple(errors),
    )


def _refused(work: Work) -> Refused:
    message, path = _REASONS[work.outcome], ""
    if work.outcome == CONSENT_MISSING and work.event.unread is not None:
        code, path = work.event.unread
        message = f"its consent could not be read ({code}); only that was kept"
    return Refused(
        index=work.event.index,
        message_id=work.event.message_id,
        code=work.outcome,
        path=path,
        message=message,
    )


def _count(
    connection: Connection, outcomes: Sequence[Outcome], hour: int, conflicts: int
) -> None:
    counts: Counter[tuple[int, str, str]] = Counter()
    for outcome in outcomes:
        source = outcome.source.id
        counts[source, ACCEPTED, ""] += outcome.accepted - outcome.quarantined
        counts[source, ACCEPTED, "quarantined"] += outcome.quarantined
        counts[source, DEDUPLICATED, ""] += outcome.duplicates
        for error in outcome.errors:
            counts[source, "refused", error.code] += 1
    counts[0, "noted", "duplicate_conflict"] += conflicts
    repository.count(connection, hour, +counts)


def _count_drops(
    connection: Connection,
    requests: Sequence[PreparedRequest],
    day: int,
    counted: set[tuple[int, str, str]],
) -> None:
    """Add to the drops of a day; ``counted`` are lines that have a row already."""
    dropped: Counter[tuple[int, str, str]] = Counter()
    for request in requests:
        for (rule, path), n in request.drops.items():
            dropped[request.source.id, rule, path] += n
    if not dropped:
        return
    if dropped.keys() <= counted:
        repository.count_drops(connection, day, dropped)
        return
    known = repository.paths_of(connection, day)
    full = {source for source, n in known.items() if n >= _MAX_PATHS_A_DAY}
    bounded: Counter[tuple[int, str, str]] = Counter()
    for (source, rule, path), n in dropped.items():
        bounded[source, rule, "*" if source in full else path] += n
    repository.count_drops(connection, day, bounded)
    kept = dropped.keys() & bounded.keys()
    after_commit(connection, lambda: counted.update(kept))
