"""The doors that show one person's state: consent, its explanation, the log, identity.

- The identifier becomes a digest and a handle in here; neither it nor they leave.
- Each answer is recorded under its own kind, with all handles of the profile, before it
  is given. A denial is recorded too.
- A person the store does not know gets the same shape of answer as one who never said
  anything: whether somebody is known is not told by the form of an answer.
- A past state is decided from what was recorded by then, with the profile as known
  then.

Refuses: more than one person, and showing an identifier that the caller did not bring.

Source: house pages on consent (sections 2 and 9) and audit (section 7);
docs/decisions/0042-one-person-at-a-time.md.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np

from cdp.audit import AuditFilter, AuditLog, AuditPage, Draft
from cdp.consent import Cited, Decision, Loser, effective, history
from cdp.consent import Denied as ConsentDenied
from cdp.consent import Granted as ConsentGranted
from cdp.gate.access import AccessRequest, Denied, Granted, Reason, Ruling
from cdp.gate.admission import admit_role, known_purpose
from cdp.gate.recording import Recorder, draft_of
from cdp.gate.rules import PolicyInForce
from cdp.identity import Normalized, Profiles, find, members, normalize
from cdp.kernel import Clock, Handle, Seq
from cdp.keys import KeyRing
from cdp.runtime import Connection, Database, Metrics, Writer, current_seq


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a question is about: one identifier, as the caller has it.

    Args:
        namespace: A namespace of the policy, such as ``email``.
        source: The sender under whose rules a short device id was taken, if any.
        region: The country of a phone number without ``+``, as ISO 3166.
    """

    namespace: str
    value: str
    source: str = ""
    region: str | None = None

    def __repr__(self) -> str:
        return f"Subject({self.namespace!r})"


class PurposeState(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one purpose is open for the person, and why.

    ``conflict``: another part of the person grants what this one denies.
    """

    purpose: str
    granted: bool
    reason: str | None
    rule: str
    notice: str | None
    valid_from: datetime | None
    valid_to: datetime | None
    conflict: bool


class ConsentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the purposes asked for, at two instants (see ``consent_query``)."""

    states: tuple[PurposeState, ...]
    valid_at: datetime
    known_at: datetime
    watermark: int
    policy: str
    record: str


class SignalSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A signal as an explanation names it; ``on`` is the namespace it was about.

    ``lost`` says why it did not decide; None for the one that did.
    """

    seq: int
    on: str
    grants: bool
    rank: int
    kind: str
    source: int
    carrier: str
    decided_at: datetime
    recorded_at: datetime
    notice: str | None
    evidence: str | None
    lost: str | None


class ConsentExplained(msgspec.Struct, frozen=True, kw_only=True):
    """One purpose: its state, the signal that decided, and those that lost (R20)."""

    state: PurposeState
    winner: SignalSeen | None
    losers: tuple[SignalSeen, ...]
    valid_at: datetime
    known_at: datetime
    watermark: int
    policy: str
    record: str


class SubjectTimeline(msgspec.Struct, frozen=True, kw_only=True):
    """Who touched the person's data: a page of the log, and the record of this look."""

    page: AuditPage
    record: str


class LogAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the log, and the record of this look."""

    page: AuditPage
    record: str


class PersonSeen(msgspec.Struct, frozen=True, kw_only=True):
    """How many identifiers of each namespace belong to the person; empty for nobody."""

    identifiers: dict[str, int]
    record: str


class _Person(NamedTuple):
    """Handles of one profile, with their namespaces; none for somebody unknown."""

    handles: tuple[Handle, ...]
    namespace_of: dict[Handle, str]


_NOBODY = _Person((), {})
_Asked: TypeAlias = tuple[datetime, datetime]


class PersonDoors:
    """Answers questions about one person. One for each process; safe for threads."""

    def __init__(
        self,
        *,
        database: Database,
        writer: Writer,
        ring: KeyRing,
        audit: AuditLog,
        policy_in_force: PolicyInForce,
        clock: Clock,
        metrics: Metrics | None = None,
    ) -> None:
        self._database = database
        self._writer = writer
        self._ring = ring
        self._log = audit
        self._in_force = policy_in_force
        self._clock = clock
        self._recorder = Recorder(writer, audit, metrics)

    def consent_query(
        self,
        request: AccessRequest,
        subject: Subject,
        *,
        about: str | None = None,
        valid_at: datetime | None = None,
        known_at: datetime | None = None,
    ) -> Ruling[ConsentAnswer]:
        """Return what stands for a person, for one purpose or for all of them.

        Args:
            about: The purpose asked about; ``request.purpose`` is what the look is for.
            valid_at: What was decided by then counts; None means now.
            known_at: What was recorded by then counts; None means now.

        Raises:
            StoreUnavailableError: the look could not be recorded; nothing is shown.
        """
        denied = self._admit(request, about)
        if denied is not None:
            return denied
        wanted = [about] if about else sorted(self._in_force.policy.purposes)
        asked = self._instants(valid_at, known_at)
        with self._database.snapshot() as connection:
            watermark = current_seq(connection)
            person = self._person(connection, subject, asked[1])
            decided = {
                purpose: self._decide(connection, person, purpose, asked)
                for purpose in wanted
            }
        only = decided[about] if about else None
        record = self._record(request, person, watermark, only, wanted)
        return Granted(
            ConsentAnswer(
                states=tuple(_state(key, it) for key, it in decided.items()),
                valid_at=asked[0],
                known_at=asked[1],
                watermark=watermark,
                policy=self._in_force.policy.version,
                record=record,
            )
        )

    def consent_explain(
        self,
        request: AccessRequest,
        subject: Subject,
        *,
        about: str,
        valid_at: datetime | None = None,
        known_at: datetime | None = None,
    ) -> Ruling[ConsentExplained]:
        """Return the decision on one purpose with winner, rule, losers and notice.

        Raises:
            StoreUnavailableError: the look could not be recorded; nothing is shown.
        """
        denied = self._admit(request, about)
        if denied is not None:
            return denied
        asked = self._instants(valid_at, known_at)
        with self._database.snapshot() as connection:
            watermark = current_seq(connection)
            person = self._person(connection, subject, asked[1])
            decision = self._decide(connection, person, about, asked)
        record = self._record(request, person, watermark, decision, [about])
        return Granted(
            ConsentExplained(
                state=_state(about, decision),
                winner=_seen(decision.winner, None, person),
                losers=tuple(_lost(loser, person) for loser in decision.losers),
                valid_at=asked[0],
                known_at=asked[1],
                watermark=watermark,
                policy=self._in_force.policy.version,
                record=record,
            )
        )

    def audit_subject(
        self,
        request: AccessRequest,
        subject: Subject,
        *,
        asked: AuditFilter | None = None,
        after: int | None = None,
        limit: int = 100,
        open_payload: bool = False,
    ) -> Ruling[SubjectTimeline]:
        """Return who touched a person's data: every record whose sets hold them.

        Args:
            asked: Narrows the timeline further.
            after: The cursor of the page before this one.
            open_payload: Show who looked and from where; wants a reason code.

        Raises:
            StoreUnavailableError: the look could not be recorded; nothing is shown.
        """
        denied = self._admit_to_log(request, open_payload)
        if denied is not None:
            return denied
        now = self._clock.now()
        with self._database.snapshot() as connection:
            watermark = current_seq(connection)
            person = self._person(connection, subject, now)
        numbers = self._numbers(person)
        with self._database.snapshot() as connection:
            page = self._log.subject(
                connection,
                numbers,
                asked or AuditFilter(),
                after=after,
                limit=limit,
                open_payload=open_payload,
            )
        record = self._record(request, person, watermark, None, [])
        return Granted(SubjectTimeline(page=page, record=record))

    def audit_query(
        self,
        request: AccessRequest,
        asked: AuditFilter,
        *,
        after: int | None = None,
        limit: int = 100,
        open_payload: bool = False,
    ) -> Ruling[LogAnswer]:
        """Return a page of the log itself; the look is a record of the log.

        Args:
            open_payload: Show who did it and from where; wants a reason code.

        Raises:
            StoreUnavailableError: the look could not be recorded; nothing is shown.
        """
        denied = self._admit_to_log(request, open_payload)
        if denied is not None:
            return denied
        with self._database.snapshot() as connection:
            watermark = current_seq(connection)
            page = self._log.query(
                connection, asked, after=after, limit=limit, open_payload=open_payload
            )
        record = self._record(request, _NOBODY, watermark, None, [])
        return Granted(LogAnswer(page=page, record=record))

    def identity_lookup(
        self, request: AccessRequest, subject: Subject
    ) -> Ruling[PersonSeen]:
        """Return how many identifiers of each namespace belong to the person.

        Raises:
            StoreUnavailableError: the look could not be recorded; nothing is shown.
        """
        denied = self._admit(request, None)
        if denied is not None:
            return denied
        with self._database.snapshot() as connection:
            watermark = current_seq(connection)
            person = self._person(connection, subject, self._clock.now())
        counts: dict[str, int] = {}
        for namespace in person.namespace_of.values():
            counts[namespace] = counts.get(namespace, 0) + 1
        record = self._record(request, person, watermark, None, [])
        identifiers = dict(sorted(counts.items()))
        return Granted(PersonSeen(identifiers=identifiers, record=record))

    def admit(self, request: AccessRequest) -> Denied | None:
        """Return a recorded denial, or None when the caller may do ``request.what``.

        For acts that hand out nothing: a decision taken down, counts of a source.

        Raises:
            StoreUnavailableError: the denial could not be recorded.
        """
        return self._admit(request, None)

    def _admit_to_log(self, request: AccessRequest, opens: bool) -> Denied | None:
        """As ``_admit``; whoever opens payloads says why first."""
        denied = self._admit(request, None)
        if denied is None and opens and not request.reason_code:
            missing = Denied(reason=Reason.REASON_MISSING, rule="payload")
            return self._recorder.refuse(request, missing, self._in_force.policy)
        return denied

    def _admit(self, request: AccessRequest, about: str | None) -> Denied | None:
        """Return a recorded denial, or None when the question may be asked."""
        policy, bits = self._in_force.policy, self._in_force.bits
        role = admit_role(policy, request)
        if isinstance(role, Denied):
            return self._recorder.refuse(request, role, policy)
        purpose = known_purpose(policy, bits, request.purpose)
        if isinstance(purpose, Denied):
            return self._recorder.refuse(request, purpose, policy)
        if about is not None and about not in policy.purposes:
            unknown = Denied(reason=Reason.UNKNOWN, rule="purpose")
            return self._recorder.refuse(request, unknown, policy)
        return None

    def _instants(self, valid_at: datetime | None, known_at: datetime | None) -> _Asked:
        now = self._clock.now()
        # Nothing is known of the future: asking for it is asking for now.
        return min(valid_at or now, now), min(known_at or now, now)

    def _person(
        self, connection: Connection, subject: Subject, known_at: datetime
    ) -> _Person:
        digests = self._digests(subject)
        handles = set(find(connection, digests).values())
        if not handles:
            return _NOBODY
        known = self._members_at(connection, handles, known_at)
        # Two epochs of one namespace may hold one value for a while; it is one person.
        everybody = tuple(sorted(known.profile_of))
        return _Person(everybody, dict(known.namespace_of))

    def _members_at(
        self, connection: Connection, handles: set[Handle], known_at: datetime
    ) -> Profiles:
        if known_at >= self._clock.now():
            return members(connection, handles)
        # Positions carry no time of their own: the last signal that was recorded by
        # then stands for the instant (docs/decisions/0042).
        today = members(connection, handles)
        signals = history(connection, list(today.profile_of))
        position = max((s.seq for s in signals if s.recorded_at <= known_at), default=0)
        return members(connection, handles, known_at=Seq(position))

    def _digests(self, subject: Subject) -> list[bytes]:
        """Return the identifier's digest under every live key of its namespace."""
        rules = self._in_force.identity
        normal = normalize(
            subject.namespace,
            subject.value,
            rules,
            source=subject.source,
            region=subject.region,
        )
        if not isinstance(normal, Normalized):
            return []
        return [
            self._ring.digester(normal.namespace, epoch=epoch).digest(
                normal.digest_input
            )
            for epoch in self._ring.epochs("namespace", normal.namespace)
        ]

    def _decide(
        self, connection: Connection, person: _Person, purpose: str, asked: _Asked
    ) -> Decision:
        return effective(
            connection,
            person.handles,
            self._in_force.bits[purpose],
            self._in_force.consent,
            valid_at=asked[0],
            known_at=asked[1],
        )

    def _record(
        self,
        request: AccessRequest,
        person: _Person,
        watermark: Seq,
        decision: Decision | None,
        fields: Sequence[str],
    ) -> str:
        draft = msgspec.structs.replace(
            draft_of(request, self._in_force.policy),
            watermark=watermark,
            counts={"returned": int(bool(person.handles))},
            fields=tuple(fields),
            returned=np.array(self._numbers(person), dtype=np.int64),
        )
        return self._recorder.keep(_with_decision(draft, decision)).id

    def _numbers(self, person: _Person) -> list[int]:
        if not person.handles:
            return []
        given = self._writer.call(self._give, person.handles)
        return [given[handle] for handle in person.handles]

    def _give(
        self, connection: Connection, wanted: Sequence[tuple[Handle, ...]]
    ) -> list[dict[int, int]]:
        return [self._log.ordinals(connection, list(handles)) for handles in wanted]


def _with_decision(draft: Draft, decision: Decision | None) -> Draft:
    """Say in the record what was told about the person, where it was one decision."""
    match decision:
        case None:
            return draft
        case ConsentGranted():
            return msgspec.structs.replace(
                draft, rule=decision.rule.value, signal=_signal(decision.winner)
            )
        case ConsentDenied():
            return msgspec.structs.replace(
                draft,
                reason=decision.reason.value,
                rule=decision.rule.value,
                signal=_signal(decision.winner),
            )


def _signal(winner: Cited | None) -> str | None:
    return None if winner is None else str(winner.seq)


def _state(purpose: str, decision: Decision) -> PurposeState:
    match decision:
        case ConsentGranted():
            return PurposeState(
                purpose=purpose,
                granted=True,
                reason=None,
                rule=decision.rule.value,
                notice=decision.notice,
                valid_from=decision.valid_from,
                valid_to=decision.valid_to,
                conflict=False,
            )
        case ConsentDenied():
            return PurposeState(
                purpose=purpose,
                granted=False,
                reason=decision.reason.value,
                rule=decision.rule.value,
                notice=decision.notice,
                valid_from=None,
                valid_to=None,
                conflict=decision.conflict,
            )


def _lost(loser: Loser, person: _Person) -> SignalSeen:
    return _shown(loser.signal, loser.why.value, person)


def _seen(signal: Cited | None, lost: str | None, person: _Person) -> SignalSeen | None:
    return None if signal is None else _shown(signal, lost, person)


def _shown(signal: Cited, lost: str | None, person: _Person) -> SignalSeen:
    return SignalSeen(
        seq=signal.seq,
        on=person.namespace_of.get(signal.handle, ""),
        grants=signal.grants,
        rank=int(signal.rank),
        kind=signal.kind.name.lower(),
        source=signal.source,
        carrier=signal.carrier.value,
        decided_at=signal.at,
        recorded_at=signal.recorded_at,
        notice=signal.notice,
        evidence=None if signal.evidence is None else signal.evidence.value,
        lost=lost,
    )
