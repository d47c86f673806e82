"""Rounds: a batch is decided as if its events had come one by one, with few queries.

Events that do not touch each other's people are decided together, in one *round*. An
event that touches a profile which an earlier event of the batch changes (a new signal,
a new identifier, a tie) waits for the next round: the profile is folded again first.

In a round, in this order: handles are made for identifiers that stay; linking denials
end evidence; evidence is appended where linking is granted; news goes into the consent
ledger; the touched profiles are folded again; only then is each event judged.

Every step is a few statements, however many events there are.

Source: the life of an event, steps 2 to 5; consent rules R1 to R7, R11, R12;
docs/decisions/0080-rounds.md.
"""

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import Final

from cdp.audit import AuditLog
from cdp.consent import (
    Candidate,
    How,
    Known,
    NewSignal,
    Orders,
    Sealer,
    Stand,
    append,
    carry_denials,
    know,
    orders,
    repeats,
    stands,
)
from cdp.gate import PolicyInForce, refold
from cdp.identity import (
    NewHandle,
    Observation,
    Profiles,
    Trust,
    create,
    end_evidence,
    find,
    members,
    observe,
    touch,
)
from cdp.ingest.familiar import Familiar
from cdp.ingest.hearing import Statement
from cdp.ingest.judgement import ACCEPTED, DEDUPLICATED, ENTANGLED, Judge, Stands, Work
from cdp.ingest.prepare import Digested
from cdp.kernel import Clock, Handle, Seq, to_micros
from cdp.keys import KeyRing
from cdp.lake import LandedRow, QuarantinedRow, land, quarantine
from cdp.runtime import Connection, after_commit, current_seq, draw_seq

RAW_LABEL: Final = "consent.raw"
# Everybody waits while a batch is decided. An event that waits longer than this for
# others of its people to be decided one by one is refused by name, not worked off.
MAX_ROUNDS: Final = 64
NO_PROFILES: Final = Profiles(profile_of={}, handles_of={}, namespace_of={})


class Rounds:
    """Decides batches of one dataset; remembers nothing but familiar faces."""

    def __init__(
        self,
        *,
        judge: Judge,
        in_force: PolicyInForce,
        dataset: str,
        log: AuditLog,
        ring: KeyRing,
        clock: Clock,
        familiar: Familiar,
    ) -> None:
        self._judge = judge
        self._in_force = in_force
        self._dataset = dataset
        self._log = log
        self._ring = ring
        self._clock = clock
        self._familiar = familiar

    def decide(self, connection: Connection, works: Sequence[Work]) -> None:
        """Decide every event that has no outcome yet, and keep what is kept."""
        self._familiar.begin(current_seq(connection))
        pending = [work for work in works if not work.outcome]
        while pending:
            pending = self._round(connection, pending)
        position = current_seq(connection)
        after_commit(connection, lambda: self._familiar.confirm(position))

    def _round(self, connection: Connection, pending: Sequence[Work]) -> list[Work]:
        """Decide as many events as do not wait for each other; return those that do."""
        at = self._clock.now()
        marks: dict[int, Set[bytes]] = {}
        standing: dict[Handle, Stand] = {}
        strangers: list[Work] = []
        for work in pending:
            face = self._familiar.recall(work, to_micros(at))
            work.is_familiar = face is not None
            if face is None:
                strangers.append(work)
                continue
            work.handles = list(face.handles)
            work.heard = []
            marks[id(work)] = face.profiles
            standing.update(face.stands)
        profiles = NO_PROFILES
        if strangers:
            profiles = self._look_up(connection, strangers)
            handles = {handle for work in strangers for handle in work.known}
            standing.update(stands(connection, handles, self._in_force.consent, at))
            self._mark_news(connection, strangers)
        for work in strangers:
            marks[id(work)] = {
                item.digest if handle is None else profiles.profile_of[handle]
                for item, handle in zip(
                    work.event.identifiers, work.handles, strict=True
                )
            }
        now, later = self._split(pending, marks, standing)
        for work in later:
            work.waited += 1
            if work.waited > MAX_ROUNDS:
                work.outcome = ENTANGLED
        self._settle(connection, now, profiles, standing)
        kept = {work.event.key for work in now if work.outcome == ACCEPTED}
        for work in later:
            if work.event.key in kept:
                work.outcome = DEDUPLICATED
        return [work for work in later if not work.outcome]

    def _look_up(self, connection: Connection, works: Sequence[Work]) -> Profiles:
        """Give events the handles that exist; return the profiles of these."""
        digests = {item.digest for work in works for item in work.event.identifiers}
        found = find(connection, list(digests))
        for work in works:
            work.handles = [found.get(i.digest) for i in work.event.identifiers]
        return members(connection, set(found.values()))

    def _split(
        self,
        pending: Sequence[Work],
        marks_of: Mapping[int, Set[bytes]],
        standing: Stands,
    ) -> tuple[list[Work], list[Work]]:
        now: list[Work] = []
        later: list[Work] = []
        dirty: set[bytes] = set()
        taken: set[bytes] = set()
        for work in pending:
            marks = marks_of[id(work)]
            waits = work.event.key in taken or not marks.isdisjoint(dirty)
            if waits or self._changes(work, marks, standing):
                dirty |= marks
            if waits:
                later.append(work)
            else:
                now.append(work)
                taken.add(work.event.key)
        return now, later

    def _changes(self, work: Work, marks: Set[bytes], standing: Stands) -> bool:
        """Whether later events of these people must wait for this one."""
        if work.is_familiar:
            return False
        if work.heard:
            return True
        if len(marks) > 1 or None in work.handles:
            look = self._judge.first_look(work, standing)
            return bool(look & (self._judge.identity | self._judge.linking))
        return False

    def _mark_news(self, connection: Connection, works: Sequence[Work]) -> None:
        """Keep of each event's statements those that do not repeat what stands."""
        candidates: list[Candidate] = []
        places: list[tuple[Work, int]] = []
        for work in works:
            work.heard = list(work.event.statements)
            if not work.heard or not work.handles or None in work.handles:
                continue
            for number, statement in enumerate(work.heard):
                if not statement.stamp:
                    continue
                at = _orders(work, statement).denies_at
                source = work.request.source.id
                candidates.extend(
                    Candidate(handle, source, statement.carrier, statement.content, at)
                    for handle in work.known
                )
                places.extend([(work, number)] * len(work.known))
        old = repeats(connection, candidates) if candidates else set()
        news: dict[int, set[int]] = {}
        asked: dict[int, set[int]] = {}
        for position, (work, number) in enumerate(places):
            asked.setdefault(id(work), set()).add(number)
            if position not in old:
                news.setdefault(id(work), set()).add(number)
        for work in works:
            of_work = asked.get(id(work))
            if of_work:
                fresh = news.get(id(work), set())
                work.heard = [
                    statement
                    for number, statement in enumerate(work.heard)
                    if number not in of_work or number in fresh
                ]

    def _settle(
        self,
        connection: Connection,
        works: Sequence[Work],
        profiles: Profiles,
        standing: Stands,
    ) -> None:
        seq = draw_seq(connection)
        strangers = [work for work in works if not work.is_familiar]
        changed: set[Handle] = set()
        if strangers:
            changed = self._make_handles(connection, strangers, standing, seq)
            changed |= self._cut(connection, strangers, profiles, seq)
            changed |= self._link(connection, strangers, standing, seq)
            changed |= self._hear(connection, strangers)
        if changed:
            now = self._clock.now()
            refold(
                connection,
                changed,
                rules=self._in_force.consent,
                log=self._log,
                seq=seq,
                now=now,
            )
            self._familiar.forget(changed)
            everybody = {handle for work in strangers for handle in work.known}
            profiles = members(connection, everybody)
            standing = {
                **standing,
                **stands(connection, everybody, self._in_force.consent, now),
            }
        self._learn(strangers, profiles, standing)
        self._keep(connection, works, standing, seq)

    def _learn(
        self, works: Sequence[Work], profiles: Profiles, standing: Stands
    ) -> None:
        """Remember events whose like has nothing left to be done about it."""
        for work in works:
            if work.heard:
                continue  # whether it repeats what stands is seen at the next one
            is_pair = len(work.known) > 1
            if not is_pair or work.is_linked == self._judge.may_link(work, standing):
                self._familiar.learn(work, profiles.profile_of, standing)

    def _make_handles(
        self,
        connection: Connection,
        works: Sequence[Work],
        standing: Stands,
        seq: Seq,
    ) -> set[Handle]:
        wanted: dict[bytes, tuple[Digested, Work]] = {}
        earliest: dict[Handle, datetime] = {}
        for work in works:
            at = work.event.occurred_at
            for handle in work.known:
                earliest[handle] = min(at, earliest.get(handle, at))
            if None not in work.handles:
                continue
            for item in self._staying(work, standing):
                before = wanted.get(item.digest)
                if before is None or at < before[1].event.occurred_at:
                    wanted[item.digest] = (item, work)
        rules = self._in_force.identity
        now = self._clock.now()
        renamed = set(touch(connection, earliest, rules, seq, now=now).handles)
        if not wanted:
            return renamed
        made = create(
            connection,
            [
                NewHandle(
                    digest=digest,
                    namespace=item.namespace,
                    epoch=self._ring.digester(item.namespace).epoch,
                    rule_version=rules.version,
                    first_seen=work.event.occurred_at,
                )
                for digest, (item, work) in wanted.items()
            ],
            seq,
            now=now,
        )
        for work in works:
            for place, item in enumerate(work.event.identifiers):
                if work.handles[place] is None:
                    work.handles[place] = made.get(item.digest)
        know(
            connection,
            [
                Known(handle=handle, jurisdiction=work.place, how=How.SOURCE)
                for work in works
                for handle in work.known
            ],
            self._clock.now(),
        )
        return renamed | set(made.values())

    def _staying(self, work: Work, standing: Stands) -> list[Digested]:
        """Return the identifiers of an event that get a handle if they have none.

        All of them where something was said, to hold it, or where they may be linked;
        the anchor alone where something may use it; none otherwise.
        """
        look = self._judge.first_look(work, standing)
        missing = [
            item
            for item, handle in zip(work.event.identifiers, work.handles, strict=True)
            if handle is None
        ]
        if work.heard or look & self._judge.linking:
            return missing
        if look & self._judge.identity and work.anchor is None:
            return missing[:1]
        return []

    def _cut(
        self,
        connection: Connection,
        works: Sequence[Work],
        profiles: Profiles,
        seq: Seq,
    ) -> set[Handle]:
        """End the evidence of those who deny linking; nobody regains a use by it."""
        deniers = {
            handle
            for work in works
            if any(said.verdicts.denies & self._judge.linking for said in work.heard)
            for handle in work.known
            if handle in profiles.profile_of
        }
        if not deniers:
            return set()
        touched = {profiles.profile_of[handle] for handle in deniers}
        split = {profile: profiles.handles_of[profile] for profile in touched}
        mates = {handle for handles in split.values() for handle in handles}
        carry_denials(
            connection,
            split.values(),
            self._in_force.consent,
            recorded_at=self._clock.now(),
            seal=sealer(self._ring),
        )
        ended = end_evidence(
            connection,
            deniers,
            reason="linking_denied",
            ended_at=self._clock.now(),
            rules=self._in_force.identity,
            seq=seq,
        )
        return mates | ended.handles

    def _link(
        self, connection: Connection, works: Sequence[Work], standing: Stands, seq: Seq
    ) -> set[Handle]:
        observations: list[Observation] = []
        for work in works:
            is_pair = len(work.known) > 1 and work.anchor is not None
            work.is_linked = is_pair and self._judge.may_link(work, standing)
            if work.is_linked:
                observations.extend(_observations(work))
        if not observations:
            return set()
        changed = observe(
            connection,
            observations,
            self._in_force.identity,
            seq,
            now=self._clock.now(),
        )
        return set(changed.handles)

    def _hear(self, connection: Connection, works: Sequence[Work]) -> set[Handle]:
        """Append what is new to the ledger."""
        speaking = [work for work in works if work.heard and work.anchor is not None]
        if not speaking:
            return set()
        everybody = {handle for work in speaking for handle in work.known}
        profile_of = members(connection, everybody).profile_of
        signals = [
            signal for work in speaking for signal in self._signals(work, profile_of)
        ]
        append(connection, signals, seal=sealer(self._ring))
        return everybody

    def _signals(
        self, work: Work, profile_of: Mapping[Handle, bytes]
    ) -> list[NewSignal]:
        own = tuple(work.known)
        anchor = own[0]
        mates = tuple(h for h in own[1:] if profile_of[h] == profile_of[anchor])
        received = work.request.received_at
        return [
            NewSignal(
                own=own,
                anchor=anchor,
                reach=mates,
                source=work.request.source.id,
                carrier=statement.carrier,
                rank=statement.rank,
                kind=statement.kind,
                verdicts=statement.verdicts,
                raw=statement.raw,
                jurisdiction=work.place,
                jurisdiction_how=How.SOURCE,
                valid_at=statement.valid_at(work.event.occurred_at),
                recorded_at=received,
                sent_at=_sent_at(work, statement),
                dated=statement.dated,
                notice=statement.notice,
                policy=self._in_force.policy.version,
                stamp=statement.stamp,
            )
            for statement in work.heard
        ]

    def _keep(
        self, connection: Connection, works: Sequence[Work], standing: Stands, seq: Seq
    ) -> None:
        rows: list[LandedRow] = []
        aside: list[QuarantinedRow] = []
        for work in works:
            row = self._judge.row(work, standing)
            if row is None:
                continue
            if work.event.quarantine is None:
                rows.append(row)
                continue
            aside.append(
                QuarantinedRow(
                    handle=row.handle,
                    closed=row.closed,
                    occurred_at=row.occurred_at,
                    values=row.values,
                    rule=f"ingest.{work.event.quarantine}",
                    path="/timestamp",
                    received_at=to_micros(work.request.received_at),
                )
            )
        if rows:
            land(connection, self._dataset, seq, rows)
        if aside:
            quarantine(connection, self._dataset, seq, aside)


def _orders(work: Work, statement: Statement) -> Orders:
    return orders(
        valid_at=statement.valid_at(work.event.occurred_at),
        recorded_at=work.request.received_at,
        sent_at=_sent_at(work, statement),
        dated=statement.dated,
    )


def _sent_at(work: Work, statement: Statement) -> datetime | None:
    """Return the send time by the clock that dates the statement, if it can be checked.

    ``occurred_at`` is by our clock already, where the client said when it sent the
    event. When somebody decided, as their device remembers it, is by the clock of that
    day: nobody can check it.
    """
    if work.event.sent_at is None or statement.decided_at is not None:
        return None
    return work.request.received_at


def _observations(work: Work) -> list[Observation]:
    source = work.request.source
    anchor, *others = zip(work.handles, work.event.identifiers, strict=True)
    if anchor[0] is None:
        return []
    return [
        Observation(
            anchor=anchor[0],
            other=handle,
            source=source.id,
            trust=Trust.VERIFIED if source.kind == "server" else Trust.CLAIMED,
            event_key=work.event.key,
            ordinal=item.ordinal,
            observed_at=work.event.occurred_at,
            basis=f"linking:{work.place}",
            rename=work.event.is_rename and item.namespace == anchor[1].namespace,
        )
        for handle, item in others
        if handle is not None and handle != anchor[0]
    ]


def sealer(ring: KeyRing) -> Sealer:
    """Return what seals raw consent statements."""

    def seal(raw: bytes, associated: bytes) -> bytes:
        return ring.seal(RAW_LABEL, raw, associated)

    return seal
