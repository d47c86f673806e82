"""Every signal there was, and what stood at any instant, from the ledger alone."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from cdp.consent.decision import Decision
from cdp.consent.explain import decide
from cdp.consent.intent import Intent, answer
from cdp.consent.profile import places_of_profile
from cdp.consent.repository.facts import ages_of, jurisdictions_of
from cdp.consent.repository.hearing import bindings, heard_in
from cdp.consent.repository.sql import BINDING, SIGNAL, among
from cdp.consent.rules import ConsentRules
from cdp.consent.signals import (
    Actor,
    Carrier,
    EvidenceKind,
    GuardianCheck,
    How,
    Kind,
    Method,
    Proof,
    Rank,
    SignalView,
    Verdicts,
)
from cdp.kernel import Handle, Seq, from_micros, to_micros
from cdp.runtime import Connection

_VIEWED = tuple(column for column in SIGNAL.c if column.name not in ("raw", "sent_at"))


def history(
    connection: Connection, handles: Iterable[Handle], scope: int | None = None
) -> list[SignalView]:
    """Return every signal that was ever bound to ``handles``, in ledger order.

    A signal appears once per handle; ``scope`` leaves those that say something about
    it.
    """
    bit = -1 if scope is None else 1 << scope
    query = (
        select(*_VIEWED, BINDING.c.handle, BINDING.c.ended_at)
        .join(SIGNAL, SIGNAL.c.seq == BINDING.c.signal)
        .where(among(connection, BINDING.c.handle, handles))
        .order_by(SIGNAL.c.seq, BINDING.c.handle)
    )
    return [
        _view(row)
        for row in connection.execute(query).all()
        if (row.grants | row.denies | row.ends | row.unreadable) & bit or scope is None
    ]


def last_recorded(connection: Connection) -> datetime | None:
    """Return when the newest signal was recorded; None for an empty ledger."""
    newest = select(SIGNAL.c.recorded_at).order_by(SIGNAL.c.seq.desc()).limit(1)
    found = connection.execute(newest).scalar()
    return None if found is None else from_micros(found)


def effective(
    connection: Connection,
    handles: Sequence[Handle],
    scope: int,
    rules: ConsentRules,
    *,
    valid_at: datetime,
    known_at: datetime,
    intent: Intent = Intent.USE,
) -> Decision:
    """Decide for a past or present instant, from the ledger alone.

    Args:
        handles: the profile as it was resolved at ``known_at``.
        rules: those of the policy in force at ``known_at``.
        valid_at: what was decided by then counts.
        known_at: what was recorded by then counts.
        intent: what the scope is asked for: to use data, to send an ad at ``valid_at``,
            or to ask the person again.
    """
    known = to_micros(known_at)
    heard = heard_in(
        bindings(connection, handles),
        lambda one: one.ended_at is None or one.ended_at > known,
        known_at=known,
    )
    places = jurisdictions_of(connection, handles, known)
    ages = ages_of(connection, handles, known)

    def decided(ordinal: int) -> Decision:
        at = to_micros(valid_at)
        return decide(handles, heard, places, ordinal, rules, at, ages)

    return answer(
        intent, scope, places_of_profile(handles, places), rules, valid_at, decided
    )


def _view(row: Any) -> SignalView:
    return SignalView(
        seq=Seq(row.seq),
        handle=Handle(row.handle),
        anchor=Handle(row.anchor),
        source=row.source,
        carrier=Carrier(row.carrier),
        rank=Rank(row.rank),
        kind=Kind(row.kind),
        verdicts=Verdicts(
            grants=row.grants,
            denies=row.denies,
            ends=row.ends,
            unreadable=row.unreadable,
        ),
        jurisdiction=row.jurisdiction,
        jurisdiction_how=How(row.jurisdiction_how),
        valid_at=from_micros(row.valid_at),
        recorded_at=from_micros(row.recorded_at),
        grants_at=from_micros(row.grants_at),
        denies_at=from_micros(row.denies_at),
        actor=Actor(row.actor),
        notice=row.notice,
        evidence=None if row.evidence is None else EvidenceKind(row.evidence),
        proof=Proof(
            form=row.form,
            method=None if row.method is None else Method(row.method),
            guardian_check=(
                None
                if row.guardian_check is None
                else GuardianCheck(row.guardian_check)
            ),
            device=row.device,
            ground=row.ground,
        ),
        policy=row.policy,
        sha256=row.sha256,
        reach_ended_at=None if row.ended_at is None else from_micros(row.ended_at),
    )
