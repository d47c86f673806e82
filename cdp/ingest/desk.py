"""A person's own decision, brought by a client that knows the person.

- Rank 1: an explicit choice of somebody who is signed in. It reaches every handle of
  the profile; a denial stands at once for all of them.
- The identifier is digested in here and goes no further; one that was never seen gets a
  handle, for a decision is remembered before anything else is.
- A denial of linking ends the person's evidence; the denials that stood stay with each
  part.
- Decision, relation and record (``consent.change``) are one transaction.

Refuses: purposes that the policy does not know, a decision without a verdict, an
identifier that is none.

Source: consent rules R2, R3, R18, R20; GDPR 7(3); PIPA 37.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

import msgspec
import numpy as np

from cdp.audit import AuditLog, Draft, Kind
from cdp.consent import (
    Actor,
    Carrier,
    EvidenceKind,
    How,
    Known,
    NewSignal,
    Rank,
    Standing,
    Verdict,
    Verdicts,
    append,
    carry_denials,
    know,
    standing,
)
from cdp.gate import PolicyInForce, Subject, refold
from cdp.identity import Dropped, NewHandle, create, end_evidence, members, normalize
from cdp.ingest.prepare import UNKNOWN_PLACE
from cdp.ingest.rounds import sealer
from cdp.kernel import CdpError, Clock, Handle, Seq
from cdp.keys import KeyRing
from cdp.runtime import Connection, Writer, draw_seq


class DecisionRefusedError(CdpError):
    """The decision cannot be taken down; nothing was kept."""

    code: ClassVar[str] = "consent.invalid"


class PersonDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What a person decided, by purpose key, and how that is known.

    Args:
        decided_at: by the person's side; None means now.
        jurisdiction: None means that of nobody in particular, the strictest.
    """

    subject: Subject
    verdicts: Mapping[str, str]
    decided_at: datetime | None = None
    jurisdiction: str | None = None
    actor: str = "self"
    notice: str | None = None
    evidence: str | None = None
    client: str = ""
    session: str | None = None
    source_address: str | None = None


class DecisionState(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for one purpose after the decision."""

    granted: bool
    reason: str | None
    rule: str
    valid_to: datetime | None


class DecisionKept(msgspec.Struct, frozen=True, kw_only=True):
    """The decision is in the ledger: what holds now, and its record in the log."""

    states: dict[str, DecisionState]
    seq: int
    record: str


class ConsentDesk:
    """Takes down decisions; ``take`` blocks until the decision is durable."""

    def __init__(
        self,
        *,
        in_force: PolicyInForce,
        log: AuditLog,
        ring: KeyRing,
        writer: Writer,
        clock: Clock,
    ) -> None:
        self._in_force = in_force
        self._log = log
        self._ring = ring
        self._writer = writer
        self._clock = clock

    def take(self, decision: PersonDecision) -> DecisionKept:
        """Take one decision down.

        Raises:
            DecisionRefusedError: it names what the policy does not know, or nobody.
            StoreUnavailableError: nothing was kept.
        """
        self._check(decision)
        return self._writer.call(self._land, decision)

    def _check(self, decision: PersonDecision) -> None:
        bits = self._in_force.bits
        policy = self._in_force.policy
        unknown = sorted(set(decision.verdicts) - (set(policy.purposes) & set(bits)))
        if unknown:
            raise DecisionRefusedError(
                f"{len(unknown)} of the purposes are not of the policy; it has: "
                + ", ".join(sorted(policy.purposes))
            )
        if any(said not in ("grant", "deny") for said in decision.verdicts.values()):
            raise DecisionRefusedError("a verdict is grant or deny")
        if not decision.verdicts:
            raise DecisionRefusedError("a decision says grant or deny for a purpose")
        place = decision.jurisdiction
        if place is not None and place not in policy.jurisdictions:
            raise DecisionRefusedError("the policy knows no such jurisdiction")
        now = self._clock.now()
        if decision.decided_at is not None and decision.decided_at > now:
            raise DecisionRefusedError("a decision cannot be of the future")

    def _land(
        self, connection: Connection, decisions: Sequence[PersonDecision]
    ) -> list[DecisionKept]:
        return [self._one(connection, decision) for decision in decisions]

    def _one(self, connection: Connection, decision: PersonDecision) -> DecisionKept:
        now = self._clock.now()
        seq = draw_seq(connection)
        handle = self._handle(connection, decision, seq, now)
        changed: set[Handle] = {handle}
        if decision.jurisdiction is not None:
            place = Known(
                handle=handle,
                jurisdiction=decision.jurisdiction,
                how=How.DECLARED,
            )
            know(connection, [place], now)
        if decision.verdicts.get("linking") == "deny":
            changed |= self._cut(connection, handle, now)
        profiles = members(connection, [handle])
        mates = profiles.handles_of[profiles.profile_of[handle]]
        placed = append(
            connection,
            [self._signal(decision, handle, mates, now)],
            seal=sealer(self._ring),
        )
        refold(
            connection,
            changed | set(mates),
            rules=self._in_force.consent,
            log=self._log,
            seq=seq,
            now=now,
        )
        record = self._record(connection, decision, mates)
        held = standing(connection, [handle]).get(handle, {})
        return DecisionKept(
            states={
                purpose: _state(held.get(self._in_force.bits[purpose]), now)
                for purpose in sorted(decision.verdicts)
            },
            seq=placed[0] or seq,
            record=record,
        )

    def _handle(
        self,
        connection: Connection,
        decision: PersonDecision,
        seq: Seq,
        now: datetime,
    ) -> Handle:
        subject = decision.subject
        rules = self._in_force.identity
        form = normalize(
            subject.namespace,
            subject.value,
            rules,
            source=subject.source,
            region=subject.region,
        )
        if isinstance(form, Dropped):
            raise DecisionRefusedError(f"the identifier is none: {form.rule}")
        digester = self._ring.digester(form.namespace)
        digest = digester.digest(form.digest_input)
        made = create(
            connection,
            [
                NewHandle(
                    digest=digest,
                    namespace=form.namespace,
                    epoch=digester.epoch,
                    rule_version=rules.version,
                    first_seen=now,
                )
            ],
            seq,
        )
        return made[digest]

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
        handle: Handle,
        mates: Sequence[Handle],
        now: datetime,
    ) -> NewSignal:
        bits = self._in_force.bits
        said = {bits[key]: Verdict(text) for key, text in decision.verdicts.items()}
        raw = msgspec.json.encode(
            {
                "purposes": dict(decision.verdicts),
                "notice": decision.notice,
                "evidence": decision.evidence,
            }
        )
        return NewSignal(
            # The person decided, not the device that was named: the denial stays with
            # every handle of the profile, and outlives a split.
            own=(handle, *(mate for mate in mates if mate != handle)),
            anchor=handle,
            reach=tuple(mate for mate in mates if mate != handle),
            source=0,
            carrier=Carrier.API,
            rank=Rank.PERSON,
            verdicts=Verdicts.of(said),
            raw=raw,
            jurisdiction=decision.jurisdiction or UNKNOWN_PLACE,
            jurisdiction_how=How.DECLARED,
            valid_at=decision.decided_at or now,
            recorded_at=now,
            actor=Actor(decision.actor),
            notice=decision.notice,
            evidence=EvidenceKind(decision.evidence) if decision.evidence else None,
            policy=self._in_force.policy.version,
        )

    def _record(
        self,
        connection: Connection,
        decision: PersonDecision,
        mates: Sequence[Handle],
    ) -> str:
        ordinals = self._log.ordinals(connection, mates)
        denied = sum(said == "deny" for said in decision.verdicts.values())
        appended = self._log.append(
            connection,
            [
                Draft(
                    kind=Kind.CONSENT_CHANGE,
                    actor_kind="job",
                    rule="R18" if denied else "R2",
                    policy=self._in_force.policy.version,
                    counts={
                        "purposes.denied": denied,
                        "purposes.granted": len(decision.verdicts) - denied,
                    },
                    fields=tuple(sorted(decision.verdicts)),
                    returned=np.array(sorted(ordinals.values()), dtype=np.int64),
                    client=decision.client,
                    session=decision.session,
                    source_address=decision.source_address,
                )
            ],
        )
        return appended[0].id


def _state(held: Standing | None, now: datetime) -> DecisionState:
    if held is None:
        return DecisionState(
            granted=False, reason="consent.never_asked", rule="R1", valid_to=None
        )
    is_open = held.is_open(now)
    return DecisionState(
        granted=is_open,
        reason=None if is_open else held.reason,
        rule=str(held.rule),
        valid_to=held.valid_to,
    )
