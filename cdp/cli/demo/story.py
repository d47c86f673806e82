"""The story of the demo, step by step; the numbers it ends with are checked.

1. A data folder, a key ring apart from it, sources and clients; the service starts.
2. Every basket and redemption of the year is replayed by two senders.
3. A few messages are sent once more, and are not counted twice.
4. A segmentation job pulls a release and finds segments.
5. An officer asks who touched one household's data, and the log is verified.
6. That household withdraws its consent; the next pull goes without it, and the log says
   why.

The demo talks to the service alone; the job and the officer have credentials of their
own, and neither could do what the other does.
"""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

import msgspec
import numpy as np
from rich.console import Console

from cdp.cli.demo import calls, retail
from cdp.cli.demo.commands import Commands, Credentials, Verification
from cdp.cli.demo.errors import SendingError, ServiceError
from cdp.cli.demo.people import SEGMENT_SOURCE, SOURCES, Choice, Person, make_up
from cdp.cli.demo.reconciliation import (
    Delivered,
    Figures,
    SegmentLine,
    faults,
    faults_of_delivery,
    refused_by_reason,
)
from cdp.cli.demo.screen import Screen
from cdp.cli.demo.senders import BatchSender, SegmentSender
from cdp.cli.demo.stream import Stream
from cdp.client import Client, FeatureFrame
from cdp.kernel import Clock
from cdp.segments import Segment, cluster_model, rfm_model

RELEASE: Final = "rfm"
PURPOSE: Final = "segmentation"
WITHDRAWN: Final = "consent.withdrawn"
SPEND: Final = "monetary_365d"
RFM: Final = ("recency_365d", "frequency_365d", SPEND)
# Roles and purposes of the policies that the project ships.
_CLIENTS: Final = {
    "segmentation-job": ("segmentation", PURPOSE),
    "compliance-officer": ("compliance", "compliance"),
    "consent-desk": ("consent_manager", "service"),
    "operator": ("operator", "operations"),
}
_SENT_AGAIN: Final = 500
_SEED: Final = 0
_CANDIDATES: Final = 10
_RECENT: Final = timedelta(days=45)


class Demo:
    """One run.

    Args:
        commands: For a data folder that does not exist yet.
        console: Where the story is told.
        clock: Says what the past week is.
        households: Replay only so many; None replays all.
    """

    def __init__(
        self,
        commands: Commands,
        *,
        console: Console,
        clock: Clock,
        households: int | None = None,
    ) -> None:
        self._commands = commands
        self._screen = Screen(console)
        self._clock = clock
        self._households = households
        self._faults: list[str] = []
        self._names: dict[str, str] = {}

    def run(self) -> int:
        """Tell the story and return the exit status: 0 when the numbers reconcile.

        Raises:
            CdpError: a step failed.
        """
        screen = self._screen
        screen.open()
        screen.step("A data folder, a key ring apart from it, sources and clients")
        self._commands.init()
        year, people, write_keys, credentials = self._prepare()
        self._names = {each.client_id: name for name, each in credentials.items()}
        with self._commands.serve() as url:
            screen.say(f"the service answers on {url}")
            told = self._use(url, year, people, write_keys, credentials)
        screen.step("The service stops, and the log is verified once more")
        log = self._verify()
        figures = _figures(told, log)
        screen.summary(figures)
        (self._commands.data / "demo.json").write_bytes(
            msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n"
        )
        self._faults += faults(figures, expected_duplicates=told.replay.known)
        screen.faults(self._faults)
        return 1 if self._faults else 0

    def _prepare(
        self,
    ) -> tuple[
        retail.Retail, dict[int, Person], dict[str, str], dict[str, Credentials]
    ]:
        """Read the year while the commands run, two at a time: each is a process."""
        add_source, add_client = self._commands.add_source, self._commands.add_client
        with ThreadPoolExecutor(max_workers=2) as pool:
            keys = {
                source: pool.submit(add_source, source, jurisdiction)
                for source, jurisdiction in SOURCES.items()
            }
            clients = {
                name: pool.submit(add_client, name, role, purpose)
                for name, (role, purpose) in _CLIENTS.items()
            }
            year = retail.read(retail.data_folder(), households=self._households)
            return (
                year,
                make_up(year.households),
                {source: key.result() for source, key in keys.items()},
                {name: client.result() for name, client in clients.items()},
            )

    def _use(
        self,
        url: str,
        year: retail.Retail,
        people: Mapping[int, Person],
        write_keys: Mapping[str, str],
        credentials: Mapping[str, Credentials],
    ) -> "_Told":
        job, officer, desk, operator = (
            self._client(url, credentials[name]) for name in _CLIENTS
        )
        replay = self._replay(url, write_keys, operator, year, people)
        frame, segments, silhouette = self._segment(job)
        person = self._ask(officer, frame, year, people)
        verified = self._verify().ok
        effective = self._withdraw(desk, job, officer, person, frame)
        return _Told(
            replay=replay,
            frame=frame,
            segments=segments,
            silhouette=silhouette,
            verified=verified,
            effective=effective,
        )

    def _client(self, url: str, credentials: Credentials) -> Client:
        return Client(
            url, credentials.client_id, credentials.client_secret, clock=self._clock
        )

    def _replay(
        self,
        url: str,
        write_keys: Mapping[str, str],
        operator: Client,
        year: retail.Retail,
        people: Mapping[int, Person],
    ) -> "_Replay":
        screen = self._screen
        screen.step("A year of baskets, over HTTP, by two senders")
        stream = Stream(year, people, self._clock.now())
        screen.say(
            f"{len(year.baskets):,} baskets of {len(people):,} households, "
            f"{len(year.baskets.product):,} lines, moved by "
            f"{stream.shift // timedelta(weeks=1)} weeks"
        )
        began = time.perf_counter()
        batches = BatchSender(url, write_keys, self._clock, keep=_SENT_AGAIN)
        library = SegmentSender(url, write_keys)
        with screen.progress() as bar:
            task = bar.add_task("replay", total=len(stream))
            try:
                for count, outgoing in enumerate(stream, start=1):
                    by_library = outgoing.person.by_segment_client
                    (library if by_library else batches).send(outgoing)
                    if count % 500 == 0:
                        bar.update(task, completed=count)
            except BaseException:
                batches.stop()
                raise
            batches.finish()
            library.finish()
            bar.update(task, completed=len(stream))
        seconds = time.perf_counter() - began
        screen.say(
            f"plain batches: {batches.sent:,} events; "
            f"segment-analytics-python: {library.sent:,} events"
        )
        screen.step("A few messages once more")
        before = batches.ok
        began_again = time.perf_counter()
        again = batches.replay()
        seconds += time.perf_counter() - began_again
        counts = calls.counts(operator)
        # Of what was refused, nothing is kept: sent again, it is refused again.
        known = batches.ok - before
        screen.say(f"{again:,} sent again, {known:,} of them known, none kept twice")
        screen.counts("events refused, by reason", refused_by_reason(counts))
        delivered = Delivered(
            sent=batches.sent, ok=batches.ok, refused=dict(batches.refused)
        )
        self._faults += faults_of_delivery(
            counts, delivered, library.sent, SEGMENT_SOURCE
        )
        sent = batches.sent + library.sent
        if sent != len(stream) + again:
            raise SendingError(f"{len(stream) + again} events, but {sent} delivered")
        return _Replay(sent=sent, known=known, seconds=seconds, counts=counts)

    def _segment(self, job: Client) -> tuple[FeatureFrame, list[SegmentLine], float]:
        screen = self._screen
        screen.step(f"A segmentation job pulls the release {RELEASE!r}")
        frame = job.features(RELEASE, purpose=PURPOSE)
        grant = frame.grant
        screen.say(
            f"{len(frame):,} pseudonymous rows for {grant.purpose!r} until "
            f"{grant.expires_at:%Y-%m-%d}, policy {grant.policy_version[:12]}, "
            f"record {grant.record}"
        )
        screen.counts("profiles withheld, by reason", grant.withheld)
        rfm = rfm_model(RFM, purpose=PURPOSE, clock=self._clock).fit(frame)
        lines = _lines(rfm.summary(frame, spend=SPEND))
        screen.segments("RFM segments", lines)
        clusters = cluster_model(
            RFM,
            purpose=PURPOSE,
            clock=self._clock,
            random_state=_SEED,
            force=self._households is not None,
        ).fit(frame)
        found = clusters.last_step
        screen.segments(
            f"k-means, k = {found.k_} (the most that is stable), silhouette "
            f"{found.silhouette_:.3f}",
            _lines(clusters.summary(frame, spend=SPEND)),
        )
        return frame, lines, float(found.silhouette_)

    def _ask(
        self,
        officer: Client,
        frame: FeatureFrame,
        year: retail.Retail,
        people: Mapping[int, Person],
    ) -> Person:
        screen = self._screen
        screen.step("An officer asks who touched one household's data")
        for person in _candidates(year, people):
            records = calls.subject_records(officer, person.email)
            if "returned" in _roles(records, frame):
                screen.say(
                    f"household {person.household} is in {len(records):,} records, the "
                    f"bulk pull {frame.grant.record} among them"
                )
                screen.records("the last ten", records[-10:], self._names)
                return person
        raise ServiceError("the bulk pull is in the records of no household asked for")

    def _withdraw(
        self,
        desk: Client,
        job: Client,
        officer: Client,
        person: Person,
        first: FeatureFrame,
    ) -> bool:
        screen = self._screen
        screen.step(f"Household {person.household} withdraws its consent")
        calls.withdraw(desk, email=person.email, purpose=PURPOSE)
        # The same instant of the features, so that nothing but consent can differ.
        second = job.features(RELEASE, purpose=PURPOSE, as_of=first.grant.as_of)
        before = set(first.tokens.to_pylist())
        after = set(second.tokens.to_pylist())
        gone, come = len(before - after), len(after - before)
        more = {
            reason: count - first.grant.withheld.get(reason, 0)
            for reason, count in second.grant.withheld.items()
            if count != first.grant.withheld.get(reason, 0)
        }
        screen.say(
            f"{len(first):,} rows before, {len(second):,} after: {gone} gone, {come} "
            f"new; more withheld: {more}"
        )
        records = calls.subject_records(officer, person.email)
        screen.records("the same question again", records[-5:], self._names)
        logged = {r.id: r.counts for r in calls.pulls_of(officer, RELEASE)}
        reasons = logged.get(second.grant.record, {})
        screen.counts("what the record of the second pull says", reasons)
        return (
            (gone, come) == (1, 0)
            and more == {WITHDRAWN: 1}
            and _roles(records, first) == {"returned"}
            and _roles(records, second) == {"withheld"}
            and any(said.endswith(WITHDRAWN) for said in reasons)
        )

    def _verify(self) -> Verification:
        found = self._commands.verify_log()
        verdict = "holds" if found.ok else "DOES NOT HOLD"
        self._screen.say(
            f"the log {verdict}: {found.size:,} records, root {found.root}"
        )
        return found


class _Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What the replay came to; ``known`` were sent twice and accepted once."""

    sent: int
    known: int
    seconds: float
    counts: calls.Counts


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to say when the service has stopped."""

    replay: _Replay
    frame: FeatureFrame
    segments: list[SegmentLine]
    silhouette: float
    verified: bool
    effective: bool


def _figures(told: _Told, log: Verification) -> Figures:
    replay, sources = told.replay, told.replay.counts.sources.values()
    return Figures(
        events_sent=replay.sent,
        events_accepted=sum(source.accepted for source in sources),
        events_refused=refused_by_reason(replay.counts),
        events_deduplicated=sum(source.deduplicated for source in sources),
        seconds_ingest=round(replay.seconds, 3),
        events_per_second=round(replay.sent / replay.seconds, 1),
        identifiers=replay.counts.identifiers,
        profiles=replay.counts.profiles,
        released_rows=len(told.frame),
        withheld=dict(sorted(told.frame.grant.withheld.items())),
        segments=told.segments,
        silhouette=round(told.silhouette, 4),
        audit_size=log.size,
        audit_root=log.root,
        audit_verified=told.verified and log.ok,
        withdrawal_effective=told.effective,
    )


def _roles(records: list[calls.LogRecord], frame: FeatureFrame) -> set[str]:
    """Return how the person was part of the pull that gave this frame."""
    return {
        role
        for record in records
        if record.id == frame.grant.record
        for role in record.roles
    }


def _candidates(year: retail.Retail, people: Mapping[int, Person]) -> list[Person]:
    """Return households whose leaving changes no class, most baskets first.

    Their bands are not stated, and that class is by far the largest, so it stays above
    k. Nobody else's consent depends on theirs: they share no device.
    """
    baskets = year.baskets
    recent = baskets.at >= baskets.at.max() - np.timedelta64(_RECENT)
    active, counts = np.unique(baskets.household[recent], return_counts=True)
    ranked = [int(h) for h in active[np.argsort(-counts, kind="stable")]]
    return [
        people[household]
        for household in ranked
        if household not in year.demographics
        and people[household].choice is Choice.ALL
        and people[household].user_id is not None
        and not people[household].gpc
        and not people[household].shares_device
    ][:_CANDIDATES]


def _lines(segments: list[Segment]) -> list[SegmentLine]:
    return [
        SegmentLine(name=s.name, size=s.size or 0, spend=s.spend or 0.0)
        for s in segments
    ]
