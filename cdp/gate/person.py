"""The doors that show one person's state: consent, its explanation, identity.

- Each answer is recorded under its own kind, with all handles of the profile, before it
  is given. A denial is recorded too.
- A person the store does not know gets the same shape of answer as one who never said
  anything: whether somebody is known is not told by the form of an answer.
- A past state is decided from what was recorded by then, with the profile as known
  then, under the policy in force then; so what was told once is told again.
- An answer names the instants that it holds for. They are the ones asked for, or now;
  where a clock was set back, now is the newest instant on record.

Refuses: more than one person, and showing an identifier that the caller did not bring.

Source: house page on consent (sections 2 and 9); docs/decisions/0042 and 0044.
"""

from datetime import datetime
from typing import NamedTuple

import msgspec

from cdp.audit import AuditLog
from cdp.consent import (
    Cited,
    Decision,
    Intent,
    Loser,
    Rule,
    effective,
    last_recorded,
    scope_key,
)
from cdp.consent import Denied as ConsentDenied
from cdp.consent import Granted as ConsentGranted
from cdp.consent import Reason as ConsentReason
from cdp.gate.access import AccessRequest, Denied, Granted, Reason, Ruling
from cdp.gate.looks import Looks, Person, Subject
from cdp.gate.rules import PolicyInForce
from cdp.gate.versions import Versions
from cdp.kernel import Clock, Seq
from cdp.keys import KeyRing
from cdp.runtime import Connection, Database, Metrics, Writer, current_seq


class PurposeState(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one purpose is open for the person, and why.

    Args:
        recipient: The third party that it is asked for; None for ourselves.
        rule: The rule that decided, with its ``title`` and its ``source`` in law.
        notice: Under which version of a notice the deciding statement was made.
        reconfirm_due: Before when consent is confirmed again (수신동의 확인).
        no_ask_before: Before when the person is not asked again.
        conflict: Another part of the person grants what this one denies.
    """

    purpose: str
    recipient: str | None
    granted: bool
    reason: str | None
    rule: str
    title: str
    source: str
    notice: str | None
    valid_from: datetime | None
    valid_to: datetime | None
    reconfirm_due: datetime | None
    no_ask_before: datetime | None
    conflict: bool


class ConsentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the purposes asked for, at two instants (see ``consent_query``).

    ``policy`` is the version that decided; empty when none was in force then.
    """

    states: tuple[PurposeState, ...]
    intent: str
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
    actor: str
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
    intent: str
    valid_at: datetime
    known_at: datetime
    watermark: int
    policy: str
    record: str


class PersonSeen(msgspec.Struct, frozen=True, kw_only=True):
    """How many identifiers of each namespace belong to the person; empty for nobody."""

    identifiers: dict[str, int]
    record: str


class _Asked(NamedTuple):
    """A question, and everything that answers it: of one snapshot."""

    person: Person
    rules: PolicyInForce | None
    valid_at: datetime
    known_at: datetime
    watermark: Seq
    intent: Intent

    @property
    def policy(self) -> str:
        return "" if self.rules is None else self.rules.policy.version

    def knows(self, purpose: str) -> bool:
        return self.rules is not None and purpose in self.rules.policy.purposes


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
        self._in_force = policy_in_force
        self._versions = Versions(policy_in_force)
        self._clock = clock
        self._looks = Looks(
            writer=writer,
            ring=ring,
            audit=audit,
            policy_in_force=policy_in_force,
            metrics=metrics,
        )

    def consent_query(
        self,
        request: AccessRequest,
        subject: Subject,
        *,
        about: str | None = None,
        intent: str = Intent.USE,
        valid_at: datetime | None = None,
        known_at: datetime | None = None,
    ) -> Ruling[ConsentAnswer]:
        """Return what stands for a person, for one purpose or for all of them.

        Each third party that a purpose names has a state of its own, after the
        purpose's.

        Args:
            about: The purpose asked about; ``request.purpose`` is what the look is for.
            intent: ``use`` the data, ``send`` an ad at ``valid_at``, or ``ask`` again.
            valid_at: What was decided by then counts; None means now.
            known_at: What was recorded by then counts; None means now.

        Raises:
            StoreUnavailableError: the look could not be recorded; nothing is shown.
        """
        denied = self._looks.admit(request)
        if denied is not None:
            return denied
        with self._database.snapshot() as connection:
            asked = self._ask(connection, subject, intent, valid_at, known_at)
            wanted = [about] if about else self._purposes(asked)
            decided = [
                (purpose, recipient, _decide(connection, asked, purpose, recipient))
                for purpose in wanted
                for recipient in (None, *_recipients(asked, purpose))
            ]
        if about and self._is_unknown(about, asked):
            return self._unknown(request)
        record = self._record(request, asked, wanted, decided[0][2] if about else None)
        return Granted(
            ConsentAnswer(
                states=tuple(_state(*each) for each in decided),
                intent=asked.intent.value,
                valid_at=asked.valid_at,
                known_at=asked.known_at,
                watermark=asked.watermark,
                policy=asked.policy,
                record=record,
            )
        )

    def consent_explain(
        self,
        request: AccessRequest,
        subject: Subject,
        *,
        about: str,
        intent: str = Intent.USE,
        valid_at: datetime | None = None,
        known_at: datetime | None = None,
    ) -> Ruling[ConsentExplained]:
        """Return the decision on one purpose with winner, rule, losers and notice.

        Args: as ``consent_query``.

        Raises:
            StoreUnavailableError: the look could not be recorded; nothing is shown.
        """
        denied = self._looks.admit(request)
        if denied is not None:
            return denied
        with self._database.snapshot() as connection:
            asked = self._ask(connection, subject, intent, valid_at, known_at)
            decision = _decide(connection, asked, about, None)
        if self._is_unknown(about, asked):
            return self._unknown(request)
        record = self._record(request, asked, [about], decision)
        person = asked.person
        return Granted(
            ConsentExplained(
                state=_state(about, None, decision),
                winner=_seen(decision.winner, person),
                losers=tuple(_lost(loser, person) for loser in decision.losers),
                intent=asked.intent.value,
                valid_at=asked.valid_at,
                known_at=asked.known_at,
                watermark=asked.watermark,
                policy=asked.policy,
                record=record,
            )
        )

    def identity_lookup(
        self, request: AccessRequest, subject: Subject
    ) -> Ruling[PersonSeen]:
        """Return how many identifiers of each namespace belong to the person.

        Raises:
            StoreUnavailableError: the look could not be recorded; nothing is shown.
        """
        denied = self._looks.admit(request)
        if denied is not None:
            return denied
        with self._database.snapshot() as connection:
            watermark = current_seq(connection)
            person = self._looks.person(connection, subject)
        counts: dict[str, int] = {}
        for namespace in person.namespace_of.values():
            counts[namespace] = counts.get(namespace, 0) + 1
        record = self._looks.record(request, person, watermark)
        identifiers = dict(sorted(counts.items()))
        return Granted(PersonSeen(identifiers=identifiers, record=record))

    def admit(self, request: AccessRequest) -> Denied | None:
        """Return a recorded denial, or None when the caller may do ``request.what``.

        For acts that hand out nothing: a decision taken down, counts of a source.

        Raises:
            StoreUnavailableError: the denial could not be recorded.
        """
        return self._looks.admit(request)

    def _ask(
        self,
        connection: Connection,
        subject: Subject,
        intent: str,
        valid_at: datetime | None,
        known_at: datetime | None,
    ) -> _Asked:
        now = self._clock.now()
        person = self._looks.person(connection, subject)
        # Nothing is known of the future: asking for it is asking for now. And a clock
        # that was set back hides nothing that is on record.
        on_record = (
            last_recorded(connection),
            self._looks.changed_at(connection, person),
        )
        newest = max([now, *(at for at in on_record if at is not None)])
        rules: PolicyInForce | None = self._in_force
        known = newest
        if known_at is not None and known_at < newest:
            known = known_at
            person = self._looks.person(connection, subject, known)
            rules = self._versions.at(connection, known)
        return _Asked(
            person=person,
            rules=rules,
            valid_at=newest if valid_at is None else min(valid_at, newest),
            known_at=known,
            watermark=current_seq(connection),
            intent=Intent(intent),
        )

    def _purposes(self, asked: _Asked) -> list[str]:
        rules = asked.rules or self._in_force
        return sorted(rules.policy.purposes)

    def _is_unknown(self, purpose: str, asked: _Asked) -> bool:
        """Whether neither the policy of then nor that of today has the purpose."""
        today = self._in_force.policy.purposes
        return purpose not in today and not asked.knows(purpose)

    def _unknown(self, request: AccessRequest) -> Denied:
        unknown = Denied(reason=Reason.UNKNOWN, rule="purpose")
        return self._looks.refuse(request, unknown)

    def _record(
        self,
        request: AccessRequest,
        asked: _Asked,
        fields: list[str],
        only: Decision | None,
    ) -> str:
        """Record the look; where it was about one purpose, with what was told."""
        told: dict[str, str | None] = {}
        if only is not None:
            told["rule"] = only.rule.value
            told["signal"] = None if only.winner is None else str(only.winner.seq)
        if isinstance(only, ConsentDenied):
            told["reason"] = only.reason.value
        return self._looks.record(
            request, asked.person, asked.watermark, fields=fields, **told
        )


def _recipients(asked: _Asked, purpose: str) -> list[str]:
    if asked.rules is None:
        return []
    return [
        recipient
        for of, recipient in asked.rules.policy.scopes.values()
        if of == purpose and recipient is not None
    ]


def _decide(
    connection: Connection, asked: _Asked, purpose: str, recipient: str | None
) -> Decision:
    """Decide on a purpose, or on it for a third party; both must allow that."""
    if asked.rules is None:
        # Before the first policy there was nothing that anybody could be asked for.
        return ConsentDenied(reason=ConsentReason.NEVER_ASKED, rule=Rule.R1)
    if not asked.knows(purpose):
        return ConsentDenied(reason=ConsentReason.UNKNOWN_SCOPE, rule=Rule.R1)
    own = _effective(connection, asked, asked.rules, purpose)
    if recipient is None or isinstance(own, ConsentDenied):
        return own
    return _effective(connection, asked, asked.rules, scope_key(purpose, recipient))


def _effective(
    connection: Connection, asked: _Asked, rules: PolicyInForce, scope: str
) -> Decision:
    return effective(
        connection,
        asked.person.handles,
        rules.bits[scope],
        rules.consent,
        valid_at=asked.valid_at,
        known_at=asked.known_at,
        intent=asked.intent,
    )


def _state(purpose: str, recipient: str | None, decision: Decision) -> PurposeState:
    rule = decision.rule
    granted = decision if isinstance(decision, ConsentGranted) else None
    denied = decision if isinstance(decision, ConsentDenied) else None
    return PurposeState(
        purpose=purpose,
        recipient=recipient,
        granted=granted is not None,
        reason=denied.reason.value if denied else None,
        rule=rule.value,
        title=rule.heading,
        source=rule.source,
        notice=decision.notice,
        valid_from=granted.valid_from if granted else None,
        valid_to=granted.valid_to if granted else None,
        reconfirm_due=granted.reconfirm_due if granted else None,
        no_ask_before=denied.no_ask_before if denied else None,
        conflict=denied is not None and denied.conflict,
    )


def _lost(loser: Loser, person: Person) -> SignalSeen:
    return _shown(loser.signal, loser.why.value, person)


def _seen(signal: Cited | None, person: Person) -> SignalSeen | None:
    return None if signal is None else _shown(signal, None, person)


def _shown(signal: Cited, lost: str | None, person: Person) -> SignalSeen:
    return SignalSeen(
        seq=signal.seq,
        on=person.namespace_of.get(signal.handle, ""),
        grants=signal.grants,
        rank=int(signal.rank),
        kind=signal.kind.name.lower(),
        source=signal.source,
        carrier=signal.carrier.value,
        actor=signal.actor.value,
        decided_at=signal.at,
        recorded_at=signal.recorded_at,
        notice=signal.notice,
        evidence=None if signal.evidence is None else signal.evidence.value,
        lost=lost,
    )
