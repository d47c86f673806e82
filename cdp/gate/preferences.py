"""The door to a person's own state: everything that stands for them, and why.

- Whoever came in by a link sees one profile: that of the handle the link was made for.
- The look is recorded as ``consent.read`` by the person, with all handles of the
  profile, before anything is shown.
- What is shown is the fold at this instant, purpose by purpose, with the signal that
  decided, and under which notice a yes of today would be given; no handle, no
  identifier.

Refuses: a question about anybody else, and about the past.

Source: consent rules R8, R17, R18 and R20; GDPR 7(3); PIPA 37.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
import numpy as np

from cdp.audit import AuditLog, Draft, Kind
from cdp.auth import LinkSession, sources
from cdp.consent import (
    Cited,
    Decision,
    effective,
    jurisdictions_of,
    places_of,
)
from cdp.consent import Denied as ConsentDenied
from cdp.consent import Granted as ConsentGranted
from cdp.gate.access import Denied, Granted, Place, Reason, Ruling
from cdp.gate.recording import Recorder
from cdp.gate.rules import PolicyInForce
from cdp.identity import members
from cdp.kernel import Clock, Handle, to_micros
from cdp.runtime import Connection, Database, Metrics, Writer, current_seq


class DecidedBy(msgspec.Struct, frozen=True, kw_only=True):
    """The signal that decided, as a person is told of it.

    ``sender`` is the name of the source that sent it; None for a decision of our own
    page or API.
    """

    grants: bool
    rank: int
    carrier: str
    actor: str
    sender: str | None
    decided_at: datetime
    recorded_at: datetime


class Preference(msgspec.Struct, frozen=True, kw_only=True):
    """What stands for one purpose.

    Args:
        decided_by: None where nobody said anything: silence, age, or a default.
        conflict: another part of the person grants what this one denies.
        recipients: by the key of each named recipient, whether it may have the data.
    """

    purpose: str
    granted: bool
    reason: str | None
    rule: str
    conflict: bool
    notice: str | None
    decided_by: DecidedBy | None
    valid_to: datetime | None
    reconfirm_due: datetime | None
    no_ask_before: datetime | None
    recipients: dict[str, bool]


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What a yes of today would need, where a person is.

    Args:
        place: the jurisdiction whose words and zone count; ``unknown`` when none does.
        notices: by purpose, the notice in force that covers it; None where none does.
        closed: the purposes for which no yes can count now, for want of a notice.
        separates: whether consents are taken one by one there (K3).
    """

    place: str
    notices: dict[str, str | None]
    closed: frozenset[str]
    separates: bool


class PreferenceState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that stands for one person now, by purpose key."""

    preferences: dict[str, Preference]
    offer: Offer
    at: datetime
    policy: str
    record: str


class PreferenceDoor:
    """Shows people what stands for them. One for each process; safe for threads."""

    def __init__(
        self,
        *,
        database: Database,
        writer: Writer,
        audit: AuditLog,
        policy_in_force: PolicyInForce,
        clock: Clock,
        metrics: Metrics | None = None,
    ) -> None:
        self._database = database
        self._writer = writer
        self._log = audit
        self._in_force = policy_in_force
        self._clock = clock
        self._recorder = Recorder(writer, audit, metrics)

    def state(
        self, visit: LinkSession, place: Place | None = None
    ) -> Ruling[PreferenceState]:
        """Return what stands for whoever came in by a link.

        Args:
            visit: a session that is still good; whoever calls has seen to that.
            place: where the look came from.

        Raises:
            StoreUnavailableError: the look could not be recorded; nothing is shown.
        """
        now = self._clock.now()
        with self._database.snapshot() as connection:
            seq = current_seq(connection)
            handles = _profile(connection, visit)
            decided = self._decide(connection, handles, now)
            offer = self._offer(connection, visit, handles, now)
            senders = {source.id: source.name for source in sources(connection)}
        draft = self._draft(visit, place or Place(), seq)
        if not handles:
            unknown = Denied(reason=Reason.UNKNOWN, rule="person")
            refused = msgspec.structs.replace(
                draft, outcome="denied", reason=unknown.reason, rule=unknown.rule
            )
            record = self._recorder.keep(refused).id
            return msgspec.structs.replace(unknown, record=record)
        given = self._writer.call(self._give, handles)
        seen = msgspec.structs.replace(
            draft,
            fields=tuple(sorted(self._in_force.policy.purposes)),
            returned=np.array(sorted(given.values()), dtype=np.int64),
        )
        return Granted(
            PreferenceState(
                preferences=self._preferences(decided, senders),
                offer=offer,
                at=now,
                policy=self._in_force.policy.version,
                record=self._recorder.keep(seen).id,
            )
        )

    def offer(self, visit: LinkSession) -> Offer:
        """Return by what a visitor's answer is taken down.

        It says where the person is and nothing of what they decided, and nobody is
        shown it: no look, and no record.
        """
        with self._database.snapshot() as connection:
            handles = _profile(connection, visit)
            return self._offer(connection, visit, handles, self._clock.now())

    def _decide(
        self, connection: Connection, handles: Sequence[Handle], now: datetime
    ) -> dict[str, Decision]:
        """Return the decision on every scope, by its key."""
        rules = self._in_force.consent
        return {
            key: effective(
                connection, handles, scope.ordinal, rules, valid_at=now, known_at=now
            )
            for key, scope in rules.by_key.items()
        }

    def _offer(
        self,
        connection: Connection,
        visit: LinkSession,
        handles: Sequence[Handle],
        now: datetime,
    ) -> Offer:
        rules = self._in_force.consent
        found = jurisdictions_of(connection, handles, None)
        known = {key for keys in found.values() for key in keys} & set(
            rules.jurisdictions
        )
        declared = visit.place if visit.place in rules.jurisdictions else None
        places = places_of([*known, *([declared] if declared else [])])
        notices: dict[str, str | None] = {}
        closed: set[str] = set()
        for purpose in self._in_force.policy.purposes:
            stance = rules.stance(rules.by_key[purpose], places)
            in_force = [
                (notice.starts_at, key)
                for key, notice in (stance.notices or {}).items()
                if notice.starts_at <= to_micros(now)
                and (notice.ends_at is None or to_micros(now) < notice.ends_at)
            ]
            notices[purpose] = max(in_force)[1] if in_force else None
            if stance.needs_notice and not in_force:
                closed.add(purpose)
        return Offer(
            place=declared if declared in places else places[0],
            notices=notices,
            closed=frozenset(closed),
            separates=any(rules.jurisdictions[key].separates for key in places),
        )

    def _preferences(
        self, decided: Mapping[str, Decision], senders: Mapping[int, str]
    ) -> dict[str, Preference]:
        scopes = self._in_force.consent.scopes
        return {
            purpose: _shown(
                purpose,
                decided[purpose],
                senders,
                {
                    scope.recipient: isinstance(decided[scope.key], ConsentGranted)
                    for scope in scopes
                    if scope.purpose == purpose and scope.recipient is not None
                },
            )
            for purpose in sorted(self._in_force.policy.purposes)
        }

    def _draft(self, visit: LinkSession, place: Place, seq: int) -> Draft:
        return Draft(
            kind=Kind.CONSENT_READ,
            actor_kind="person",
            policy=self._in_force.policy.version,
            watermark=seq,
            session=visit.link,
            source_address=place.source_address,
            agent=place.agent,
            trace=place.trace,
        )

    def _give(
        self, connection: Connection, wanted: Iterable[Sequence[Handle]]
    ) -> list[dict[int, int]]:
        return [self._log.ordinals(connection, list(handles)) for handles in wanted]


def _profile(connection: Connection, visit: LinkSession) -> tuple[Handle, ...]:
    return tuple(sorted(members(connection, [visit.handle]).profile_of))


def _shown(
    purpose: str,
    decision: Decision,
    senders: Mapping[int, str],
    recipients: dict[str, bool],
) -> Preference:
    granted = decision if isinstance(decision, ConsentGranted) else None
    denied = decision if isinstance(decision, ConsentDenied) else None
    return Preference(
        purpose=purpose,
        granted=granted is not None,
        reason=denied.reason.value if denied else None,
        rule=decision.rule.value,
        conflict=denied is not None and denied.conflict,
        notice=decision.notice,
        decided_by=_decided_by(decision.winner, senders),
        valid_to=granted.valid_to if granted else None,
        reconfirm_due=granted.reconfirm_due if granted else None,
        no_ask_before=denied.no_ask_before if denied else None,
        recipients=recipients,
    )


def _decided_by(winner: Cited | None, senders: Mapping[int, str]) -> DecidedBy | None:
    if winner is None:
        return None
    return DecidedBy(
        grants=winner.grants,
        rank=int(winner.rank),
        carrier=winner.carrier.value,
        actor=winner.actor.value,
        sender=senders.get(winner.source),
        decided_at=winner.at,
        recorded_at=winner.recorded_at,
    )
