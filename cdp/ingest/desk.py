"""A person's own decision, brought by a client that knows the person.

- Rank 1: an explicit choice of somebody who is signed in. It reaches every handle of
  the profile; a denial stands at once for all of them. A raw statement that is handed
  over keeps the rank of its standard, and speaks for the identifier it is about.
- The identifier is digested in here and goes no further; one that was never seen gets a
  handle, for a decision is remembered before anything else is. So are the address and
  the agent of the person's device: a keyed digest of both is kept as evidence.
- A denial of linking ends the person's evidence; the denials that stood stay with each
  part.
- Decision, relation and record (``consent.change``) are one transaction.
- What is refused is counted by its code, and leaves nothing else.

Refuses: what ``spoken`` refuses, and an identifier that is none.

Source: consent rules R2, R3, R13, R17, R18, R20; GDPR 7(3); PIPA 22, 22-2, 37.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from cdp.audit import AuditLog, Draft, Kind
from cdp.consent import (
    UNKNOWN,
    Actor,
    Decision,
    Denied,
    EvidenceKind,
    Granted,
    GuardianCheck,
    How,
    Known,
    KnownAge,
    Method,
    NewSignal,
    Proof,
    append,
    born_by,
    carry_denials,
    effective,
    history,
    jurisdictions_of,
    know,
    know_ages,
)
from cdp.gate import PolicyInForce, refold
from cdp.identity import (
    end_evidence,
    members,
)
from cdp.ingest import repository
from cdp.ingest.decision import DecisionKept, DecisionState, PersonDecision
from cdp.ingest.errors import DecisionRefusedError
from cdp.ingest.hearing import Statement
from cdp.ingest.intake import DAY_MICROS, HOUR_MICROS
from cdp.ingest.repository import DESK
from cdp.ingest.rounds import sealer
from cdp.ingest.spoken import STATEMENT_PATH, Spoken, read_decision, separate
from cdp.ingest.subject import handle_of
from cdp.kernel import Clock, Handle, Seq, to_micros
from cdp.keys import KeyRing
from cdp.runtime import Connection, Writer, draw_seq

_DEVICE_LABEL: Final = "consent.device"


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as it went into the ledger, for whoever writes a receipt of it."""

    decision: PersonDecision
    spoken: Spoken
    handle: Handle
    mates: tuple[Handle, ...]
    states: dict[str, DecisionState]
    seq: Seq
    record: str
    at: datetime


Issue = Callable[[Connection, Taken], str | None]
"""Issues a receipt of a decision in its transaction; returns the receipt's id."""


class ConsentDesk:
    """Takes down decisions; ``take`` blocks until the decision is durable.

    Args:
        issue: issues the receipts; None where there are none.
    """

    def __init__(
        self,
        *,
        in_force: PolicyInForce,
        log: AuditLog,
        ring: KeyRing,
        writer: Writer,
        clock: Clock,
        issue: Issue | None = None,
    ) -> None:
        self._in_force = in_force
        self._log = log
        self._ring = ring
        self._writer = writer
        self._clock = clock
        self._issue = issue

    def take(self, decision: PersonDecision) -> DecisionKept:
        """Take one decision down.

        Raises:
            DecisionRefusedError: it says what is wrong; its code is counted.
            StoreUnavailableError: nothing was kept.
        """
        try:
            read_decision(decision, self._in_force.consent, self._clock.now())
            return self._writer.call(self._land, decision)
        except DecisionRefusedError as error:
            self._writer.call(self._count_refused, error.code)
            raise

    def _count_refused(
        self, connection: Connection, codes: Sequence[str]
    ) -> list[None]:
        hour = to_micros(self._clock.now()) // HOUR_MICROS
        for code in codes:
            repository.count(connection, hour, {(DESK, "refused", code): 1})
        return [None] * len(codes)

    def _land(
        self, connection: Connection, decisions: Sequence[PersonDecision]
    ) -> list[DecisionKept]:
        return [self._one(connection, decision) for decision in decisions]

    def _one(self, connection: Connection, decision: PersonDecision) -> DecisionKept:
        now = self._clock.now()
        rules = self._in_force.consent
        spoken = read_decision(decision, rules, now)
        seq = draw_seq(connection)
        handle = self._handle(connection, decision, seq, now)
        changed: set[Handle] = {handle}
        self._learn(connection, decision, handle, now)
        mates = _mates(connection, handle)
        self._check_separate(connection, spoken, mates)
        linking = rules.purpose_masks.get("linking", 0)
        if spoken.denies & linking:
            changed |= self._cut(connection, handle, now)
            mates = _mates(connection, handle)
        placed = append(
            connection,
            [
                self._signal(decision, spoken, statement, handle, mates, now)
                for statement in spoken.statements
            ],
            seal=sealer(self._ring),
        )
        refold(
            connection,
            changed | set(mates),
            rules=rules,
            log=self._log,
            seq=seq,
            now=now,
        )
        self._count(connection, spoken, now)
        taken = Taken(
            decision=decision,
            spoken=spoken,
            handle=handle,
            mates=mates,
            states=self._states(connection, spoken, mates, now),
            seq=max((one for one in placed if one is not None), default=seq),
            record=self._record(connection, decision, spoken, mates),
            at=now,
        )
        return DecisionKept(
            states=taken.states,
            seq=taken.seq,
            record=taken.record,
            receipt=None if self._issue is None else self._issue(connection, taken),
            problem=spoken.problem,
            remarks=spoken.remarks,
        )

    def _learn(
        self,
        connection: Connection,
        decision: PersonDecision,
        handle: Handle,
        now: datetime,
    ) -> None:
        """Keep where the person is and how old, as far as the decision says so."""
        place = decision.jurisdiction
        if place is not None:
            known = Known(handle=handle, jurisdiction=place, how=How.DECLARED)
            know(connection, [known], now)
        if decision.age is not None:
            rule = self._in_force.consent.jurisdictions.get(place or UNKNOWN)
            zone = ZoneInfo("UTC" if rule is None else rule.zone)
            on = (decision.decided_at or now).astimezone(zone).date()
            born = born_by(decision.age, on)
            know_ages(
                connection,
                [KnownAge(handle=handle, born_by=born, how=How.DECLARED)],
                now,
            )

    def _check_separate(
        self, connection: Connection, spoken: Spoken, mates: Sequence[Handle]
    ) -> None:
        found = jurisdictions_of(connection, mates, None)
        places = {place for known in found.values() for place in known} or {UNKNOWN}
        separate(spoken, places, self._in_force.consent)

    def _handle(
        self,
        connection: Connection,
        decision: PersonDecision,
        seq: Seq,
        now: datetime,
    ) -> Handle:
        if decision.handle is not None:
            return decision.handle
        if decision.subject is None:
            raise DecisionRefusedError("a decision is of one person")
        return handle_of(
            connection,
            decision.subject,
            rules=self._in_force.identity,
            ring=self._ring,
            seq=seq,
            now=now,
        )

    def _cut(
        self, connection: Connection, handle: Handle, now: datetime
    ) -> set[Handle]:
        profile = members(connection, [handle]).handles_of
        mates = {mate for handles in profile.values() for mate in handles}
        carry_denials(
            connection,
            profile.values(),
            self._in_force.consent,
            recorded_at=now,
            seal=sealer(self._ring),
        )
        ended = end_evidence(
            connection,
            [handle],
            reason="linking_denied",
            ended_at=now,
            rules=self._in_force.identity,
            seq=draw_seq(connection),
        )
        return mates | set(ended.handles)

    def _signal(
        self,
        decision: PersonDecision,
        spoken: Spoken,
        statement: Statement,
        handle: Handle,
        mates: Sequence[Handle],
        now: datetime,
    ) -> NewSignal:
        # The person decided, not the device that was named: the denial stays with
        # every handle of the profile, and outlives a split. A raw statement is the
        # device's, and knows of no other.
        others = (
            tuple(mate for mate in mates if mate != handle)
            if spoken.is_personal
            else ()
        )
        evidence = decision.evidence
        return NewSignal(
            own=(handle, *others),
            anchor=handle,
            reach=others,
            source=DESK,
            carrier=statement.carrier,
            rank=statement.rank,
            kind=statement.kind,
            verdicts=statement.verdicts,
            raw=statement.raw,
            jurisdiction=decision.jurisdiction or UNKNOWN,
            jurisdiction_how=How.DECLARED,
            valid_at=statement.valid_at(decision.decided_at or now),
            recorded_at=now,
            dated=statement.dated,
            actor=Actor(decision.actor),
            notice=statement.notice,
            evidence=EvidenceKind(evidence) if evidence else None,
            proof=self._proof(decision),
            policy=self._in_force.policy.version,
        )

    def _proof(self, decision: PersonDecision) -> Proof:
        device: bytes | None = None
        if decision.device_address is not None or decision.agent is not None:
            seen = [decision.device_address, decision.agent]
            device = self._ring.mac(_DEVICE_LABEL, msgspec.json.encode(seen))
        return Proof(
            form=decision.form,
            method=Method(decision.method) if decision.method else None,
            guardian_check=(
                GuardianCheck(decision.guardian_check)
                if decision.guardian_check
                else None
            ),
            device=device,
        )

    def _count(self, connection: Connection, spoken: Spoken, now: datetime) -> None:
        codes = list(spoken.remarks)
        if spoken.problem is not None:
            codes.append(spoken.problem)
        for code in codes:
            drop = (DESK, f"consent.{code}", STATEMENT_PATH)
            day = to_micros(now) // DAY_MICROS
            repository.count_drops(connection, day, {drop: 1})

    def _states(
        self,
        connection: Connection,
        spoken: Spoken,
        mates: Sequence[Handle],
        now: datetime,
    ) -> dict[str, DecisionState]:
        """Return what holds now for each scope spoken about, as a query would."""
        rules = self._in_force.consent
        # A clock set back must not hide what was just recorded.
        heard = history(connection, mates)
        at = max((one.recorded_at for one in heard), default=now)
        at = max(at, now)
        return {
            key: _state(
                effective(
                    connection, mates, scope.ordinal, rules, valid_at=at, known_at=at
                )
            )
            for key, scope in sorted(rules.by_key.items())
            if scope.bit & spoken.scopes
        }

    def _record(
        self,
        connection: Connection,
        decision: PersonDecision,
        spoken: Spoken,
        mates: Sequence[Handle],
    ) -> str:
        ordinals = self._log.ordinals(connection, mates)
        purposes = self._in_force.consent.purpose_masks
        denied = sum(bool(mask & spoken.denies) for mask in purposes.values())
        granted = sum(bool(mask & spoken.grants) for mask in purposes.values())
        appended = self._log.append(
            connection,
            [
                Draft(
                    kind=Kind.CONSENT_CHANGE,
                    actor_kind="person" if decision.carrier == "page" else "job",
                    rule="R18" if denied else "R2",
                    policy=self._in_force.policy.version,
                    counts={"purposes.denied": denied, "purposes.granted": granted},
                    fields=tuple(
                        sorted(
                            key
                            for key, mask in purposes.items()
                            if mask & spoken.scopes
                        )
                    ),
                    returned=np.array(sorted(ordinals.values()), dtype=np.int64),
                    client=decision.client,
                    session=decision.session,
                    source_address=decision.source_address,
                )
            ],
        )
        return appended[0].id


def _mates(connection: Connection, handle: Handle) -> tuple[Handle, ...]:
    profiles = members(connection, [handle])
    return tuple(profiles.handles_of[profiles.profile_of[handle]])


def _state(decision: Decision) -> DecisionState:
    match decision:
        case Granted():
            return DecisionState(
                granted=True,
                reason=None,
                rule=str(decision.rule),
                valid_to=decision.valid_to,
                reconfirm_due=decision.reconfirm_due,
            )
        case Denied():
            return DecisionState(
                granted=False,
                reason=str(decision.reason),
                rule=str(decision.rule),
                valid_to=None,
                no_ask_before=decision.no_ask_before,
            )
