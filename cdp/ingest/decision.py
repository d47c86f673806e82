"""A person's own decision: what is brought to the desk, and what the desk answers.

One decision says one thing: verdicts by purpose, a personalisation level, or one
statement of a standard as it came.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from cdp.gate import Subject
from cdp.kernel import Handle

LEVELS: Final = range(4)
"""Personalisation levels: 0 is none, 3 is all that the policy has."""


class RawStatement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement of a consent standard, as it was received somewhere else."""

    standard: str
    value: object

    def __repr__(self) -> str:
        return f"RawStatement({self.standard!r})"


class PersonDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What a person decided, and how that is known.

    Args:
        subject: whose decision; or ``handle``, where the caller has established it.
        verdicts: ``grant``, ``deny`` or, by an operator alone, ``remind``, by purpose
            key. A reminder tells what consent stands (수신동의 확인); it grants
            nothing.
        level: personalisation from 0 to 3, in place of verdicts.
        statement: a raw statement, in place of verdicts; it keeps its own rank.
        decided_at: by the person's side; None means now.
        jurisdiction: None means that of nobody in particular, the strictest.
        carrier: what brought it, ``api`` or ``page``.
        form: the screen or form that was shown.
        method: the lawful method (PIPA decree 17(2)).
        guardian_check: how a guardian was verified (PIPA decree 17-2).
        device_address: of the person; digested with ``agent``, never kept.
        age: in full years, at the decision.
    """

    subject: Subject | None = None
    handle: Handle | None = None
    verdicts: Mapping[str, str] = {}
    level: int | None = None
    statement: RawStatement | None = None
    decided_at: datetime | None = None
    jurisdiction: str | None = None
    actor: str = "self"
    notice: str | None = None
    evidence: str | None = None
    carrier: str = "api"
    form: str | None = None
    method: str | None = None
    guardian_check: str | None = None
    device_address: str | None = None
    agent: str | None = None
    age: int | None = None
    client: str = ""
    session: str | None = None
    source_address: str | None = None

    def __repr__(self) -> str:
        # Everything else in here may be a person's.
        return f"PersonDecision({self.carrier!r})"


class DecisionState(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for one purpose after the decision.

    ``reconfirm_due`` and ``no_ask_before`` stand where the jurisdiction has such terms.
    """

    granted: bool
    reason: str | None
    rule: str
    valid_to: datetime | None
    reconfirm_due: datetime | None = None
    no_ask_before: datetime | None = None


class DecisionKept(msgspec.Struct, frozen=True, kw_only=True):
    """The decision is in the ledger: what holds now, and its record in the log.

    ``problem`` says why a raw statement could not be read: it is kept, sealed, and
    grants nothing. ``remarks`` are what was read over.
    """

    states: dict[str, DecisionState]
    seq: int
    record: str
    receipt: str | None = None
    problem: str | None = None
    remarks: tuple[str, ...] = ()
