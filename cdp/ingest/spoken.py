"""A decision, checked and turned into statements for the ledger.

What is refused here, before anything is written:

- a purpose that the policy does not have; a date of the future; a jurisdiction that is
  not known; a decision that says nothing, or two things at once;
- a grant under a text that the policy does not have (R17);
- a grant by a guardian whom nobody verified (R13, K10);
- consents that the law wants taken one by one, in one signal (K3): see ``separate``.

A denial is refused for none of the last three: to withdraw is as easy as to give (R18).

Pure: the clock is an argument.

Source: consent rules R2, R13, R17, R18; GDPR 7(3); PIPA 22(1), 22-2, 37;
docs/decisions/0083-one-statement-each.md.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec

from cdp.consent import (
    UNKNOWN,
    Carrier,
    ConsentRules,
    Kind,
    Rank,
    Standard,
    Verdict,
    Verdicts,
    content_of,
    statements_of,
)
from cdp.ingest.decision import LEVELS, PersonDecision
from cdp.ingest.errors import (
    BundledConsentError,
    DecisionRefusedError,
    FutureDecisionError,
    GuardianUnverifiedError,
    UnknownNoticeError,
    UnknownPurposeError,
)
from cdp.ingest.hearing import Statement, statement_of

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
REMIND: Final = "remind"
STATEMENT_PATH: Final = "/statement"
MAX_STATEMENT_BYTES: Final = 32 * 1024


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision comes to.

    Args:
        statements: one, or the parts of a raw statement.
        is_personal: the person's own word (rank 1), which reaches all handles.
        scopes: what it speaks about, as a mask.
    """

    statements: tuple[Statement, ...]
    is_personal: bool
    scopes: int
    problem: str | None = None
    remarks: tuple[str, ...] = ()

    @property
    def denies(self) -> int:
        """The scopes that it denies, as a mask."""
        mask = 0
        for statement in self.statements:
            mask |= statement.verdicts.denies
        return mask

    @property
    def grants(self) -> int:
        """The scopes that it grants, as a mask."""
        mask = 0
        for statement in self.statements:
            if statement.kind is not Kind.REMINDER:
                mask |= statement.verdicts.grants
        return mask & ~self.denies


def read_decision(
    decision: PersonDecision, rules: ConsentRules, now: datetime
) -> Spoken:
    """Return what a decision comes to.

    Raises:
        DecisionRefusedError: of a kind that says what is wrong with it.
    """
    _check_frame(decision, rules, now)
    if decision.statement is not None:
        spoken = _statement(decision, decision.statement.standard, rules, now)
    elif decision.level is not None:
        spoken = _personal(decision, _by_level(decision.level, rules))
    else:
        spoken = _personal(decision, _by_purpose(decision, rules))
    if spoken.grants:
        _check_grant(decision, rules)
    return spoken


def separate(spoken: Spoken, places: Iterable[str], rules: ConsentRules) -> None:
    """Refuse separate consents in one signal, by the law of any of ``places`` (K3).

    Raises:
        BundledConsentError: it names them, and the way out.
    """
    if not spoken.is_personal:
        return
    bundled = rules.bundled(places, spoken.grants)
    if bundled:
        raise BundledConsentError(
            "these consents are taken separately: "
            + ", ".join(bundled)
            + "; send one request for each"
        )


def _check_frame(decision: PersonDecision, rules: ConsentRules, now: datetime) -> None:
    if (decision.subject is None) == (decision.handle is None):
        raise DecisionRefusedError("a decision is of one person")
    said = (
        bool(decision.verdicts),
        decision.level is not None,
        decision.statement is not None,
    )
    if sum(said) != 1:
        raise DecisionRefusedError(
            "a decision says grant or deny for a purpose, or a level, or a statement: "
            "one of them"
        )
    place = decision.jurisdiction
    if place is not None and place not in rules.jurisdictions:
        raise DecisionRefusedError("the policy knows no such jurisdiction")
    if decision.decided_at is not None:
        if decision.decided_at > now:
            raise FutureDecisionError("a decision cannot be of the future")
        if decision.decided_at < EARLIEST:
            raise DecisionRefusedError("a decision is not from before 1970")


def _check_grant(decision: PersonDecision, rules: ConsentRules) -> None:
    if decision.notice is not None and decision.notice not in rules.notices:
        raise UnknownNoticeError(
            "the policy has no such notice; it has: "
            + (", ".join(sorted(rules.notices)) or "none")
        )
    if decision.actor == "guardian" and decision.guardian_check is None:
        raise GuardianUnverifiedError(
            "a guardian grants with a guardian_check: how it was verified"
        )


def _by_purpose(decision: PersonDecision, rules: ConsentRules) -> tuple[Verdicts, bool]:
    """Return the verdicts, and whether they are reminders."""
    masks = rules.purpose_masks
    unknown = sum(purpose not in masks for purpose in decision.verdicts)
    if unknown:
        raise UnknownPurposeError(
            f"{unknown} of the purposes are not of the policy; it has: "
            + ", ".join(sorted(masks))
        )
    grants = denies = reminders = 0
    for purpose, said in decision.verdicts.items():
        match said:
            case Verdict.GRANT.value:
                grants |= masks[purpose]
            case Verdict.DENY.value:
                denies |= masks[purpose]
            case _ if said == REMIND:
                reminders |= masks[purpose]
            case _:
                raise DecisionRefusedError("a verdict is grant or deny")
    if not reminders:
        return Verdicts(grants=grants, denies=denies), False
    if grants or denies:
        raise DecisionRefusedError("a reminder is no decision: send it by itself")
    if decision.actor != "operator":
        raise DecisionRefusedError("a reminder is the operator's to record")
    return Verdicts(grants=reminders), True


def _by_level(level: int, rules: ConsentRules) -> tuple[Verdicts, bool]:
    if level not in LEVELS:
        raise DecisionRefusedError(f"a level is {LEVELS[0]} to {LEVELS[-1]}")
    grants = denies = 0
    for scope in rules.scopes:
        if scope.level is None:
            continue
        if scope.level <= level:
            grants |= scope.bit
        else:
            denies |= scope.bit
    if not grants | denies:
        raise DecisionRefusedError("no purpose of the policy has a level")
    return Verdicts(grants=grants, denies=denies), False


def _personal(decision: PersonDecision, said: tuple[Verdicts, bool]) -> Spoken:
    verdicts, is_reminder = said
    raw = {
        "purposes": dict(decision.verdicts),
        "level": decision.level,
        "notice": decision.notice,
        "evidence": decision.evidence,
    }
    return Spoken(
        statements=(
            Statement(
                carrier=Carrier(decision.carrier),
                rank=Rank.PERSON,
                kind=Kind.REMINDER if is_reminder else Kind.CHOICE,
                verdicts=verdicts,
                content=content_of(verdicts, decision.notice),
                raw=msgspec.json.encode(
                    {key: value for key, value in raw.items() if value is not None}
                ),
                stamp=False,
                notice=decision.notice,
            ),
        ),
        is_personal=True,
        scopes=verdicts.grants | verdicts.denies,
    )


def _statement(
    decision: PersonDecision, standard: str, rules: ConsentRules, now: datetime
) -> Spoken:
    """Read a raw statement; one that says nothing is kept all the same."""
    value = None if decision.statement is None else decision.statement.value
    try:
        known = Standard(standard)
    except ValueError as error:
        raise DecisionRefusedError(
            "a statement is of one of: " + ", ".join(sorted(Standard))
        ) from error
    if value is None:
        raise DecisionRefusedError("a statement has a value")
    said = statements_of(
        known,
        value,
        rules=rules,
        place=decision.jurisdiction or UNKNOWN,
        received_at=now,
        path=STATEMENT_PATH,
    )
    if any(len(one.raw) > MAX_STATEMENT_BYTES for one in said):
        raise DecisionRefusedError(
            f"a statement holds at most {MAX_STATEMENT_BYTES} bytes"
        )
    mask = 0
    for one in said:
        verdicts = one.reading.verdicts
        mask |= verdicts.grants | verdicts.closes | verdicts.ends
    return Spoken(
        statements=tuple(statement_of(one, decision.notice) for one in said),
        is_personal=False,
        scopes=mask,
        problem=next(
            (one.reading.problem for one in said if one.reading.problem), None
        ),
        remarks=tuple(code for one in said for code in one.reading.remarks),
    )
