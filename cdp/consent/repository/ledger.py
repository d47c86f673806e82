"""The ledger: signals are appended, and never edited.

- A signal is recorded no earlier than the one before it: time in the ledger never runs
  back, so that a clock set back cannot put a withdrawal behind the grant that it
  withdraws.
- A stamp that repeats what stands is left out; a decision is always appended.
- ``consent_latest`` is derived: what a repeat is told by.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from sqlalchemy import insert, select

from cdp.consent.profile import standing_denials
from cdp.consent.repository.facts import ages_of, jurisdictions_of
from cdp.consent.repository.hearing import bindings, heard_in, ledger_time
from cdp.consent.repository.sql import BINDING, LATEST, SIGNAL, among, upsert
from cdp.consent.rules import UNKNOWN, ConsentRules
from cdp.consent.signals import (
    Candidate,
    Carrier,
    How,
    Kind,
    NewSignal,
    Verdicts,
)
from cdp.kernel import Handle, Seq, to_micros
from cdp.runtime import Connection, draw_seq

# The version of the decoders in this room, kept with each signal.
DECODER = 2

Sealer = Callable[[bytes, bytes], bytes]
"""(raw form, associated bytes) -> sealed: the key ring's, handed in by the caller."""


def repeats(connection: Connection, candidates: Sequence[Candidate]) -> set[int]:
    """Return the positions of candidates that say again what stands, in fold order.

    Candidates are taken in the order given, as if each were appended before the next.
    """
    latest = _latest_of(connection, {candidate.handle for candidate in candidates})
    found: set[int] = set()
    for position, candidate in enumerate(candidates):
        key = (candidate.handle, candidate.source, candidate.carrier.value)
        entry = latest.get(key)
        if entry is not None and entry[0] == candidate.content:
            found.add(position)
            continue
        at = to_micros(candidate.at)
        if entry is None or at >= entry[1]:
            latest[key] = (candidate.content, at)
    return found


def append(
    connection: Connection, signals: Sequence[NewSignal], *, seal: Sealer
) -> list[Seq | None]:
    """Append signals to the ledger, in order; a stamp that repeats is left out.

    A stamp is a repeat when its content is what stands for every one of its own
    handles.

    Args:
        seal: seals a raw form; the associated bytes are its SHA-256.

    Returns:
        The ledger position of each signal; None for a repeat.
    """
    latest = _latest_of(
        connection, {handle for signal in signals for handle in signal.own}
    )
    moved: dict[_Key, tuple[bytes, int]] = {}
    fresh: list[tuple[int, NewSignal, int, int, int]] = []
    recorded = _last_recorded(connection)
    for position, signal in enumerate(signals):
        received = to_micros(signal.recorded_at)
        recorded = max(recorded, received)
        order = signal.orders
        # A denial moves with the ledger's time, a grant never gets later by it.
        denies_at = to_micros(order.denies_at) + recorded - received
        content, source = signal.content, signal.source
        carrier = signal.carrier.value
        keys = [(handle, source, carrier) for handle in signal.own]
        if signal.stamp and all(
            latest.get(key, _NOTHING)[0] == content for key in keys
        ):
            continue
        grants_at = to_micros(order.grants_at)
        at = denies_at if signal.verdicts.closes else grants_at
        for key in keys:
            if signal.kind is Kind.REMINDER:
                continue  # ours; it says nothing in the sender's name
            if at >= latest.get(key, _NOTHING)[1]:
                latest[key] = moved[key] = (content, at)
        fresh.append((position, signal, recorded, grants_at, denies_at))
    placed: list[Seq | None] = [None] * len(signals)
    if not fresh:
        return placed
    first = draw_seq(connection, len(fresh))
    rows: list[dict[str, object]] = []
    bound: list[dict[str, object]] = []
    for seq, (position, signal, received, grants_at, denies_at) in enumerate(
        fresh, start=first
    ):
        placed[position] = Seq(seq)
        rows.append(_signal_row(signal, seq, received, grants_at, denies_at, seal))
        bound.extend(_binding_rows(signal, seq))
    connection.execute(insert(SIGNAL), rows)
    connection.execute(insert(BINDING), bound)
    upsert(
        connection,
        LATEST,
        [
            {
                "handle": key[0],
                "source": key[1],
                "carrier": key[2],
                "content": content,
                "ordered_at": at,
            }
            for key, (content, at) in moved.items()
        ],
    )
    return placed


def carry_denials(
    connection: Connection,
    profiles: Iterable[Sequence[Handle]],
    rules: ConsentRules,
    *,
    recorded_at: datetime,
    seal: Sealer,
) -> list[Seq | None]:
    """Append to every handle of a profile the denials that stand for the profile.

    MUST be called before a denial of linking splits the profile, and before that denial
    is appended: nobody regains a use by objecting to linking. What is appended keeps
    rank and kind, so that it is answered by what answers the original.

    Args:
        profiles: whole profiles, as they are before the split.

    Returns:
        The ledger positions of what was appended.
    """
    parts = [tuple(handles) for handles in profiles if len(handles) > 1]
    everybody = {handle for handles in parts for handle in handles}
    heard = heard_in(bindings(connection, everybody), lambda one: one.ended_at is None)
    known = jurisdictions_of(connection, everybody, None)
    ages = ages_of(connection, everybody, None)
    at = ledger_time(heard, recorded_at)
    return append(
        connection,
        [
            NewSignal(
                own=handles,
                anchor=handles[0],
                source=0,
                carrier=Carrier.SPLIT,
                rank=rank,
                kind=kind,
                verdicts=Verdicts(denies=denies),
                raw=b"",
                jurisdiction=UNKNOWN,
                jurisdiction_how=How.DECLARED,
                valid_at=recorded_at,
                recorded_at=recorded_at,
                policy=rules.version,
            )
            for handles in parts
            for rank, kind, denies in standing_denials(
                handles, heard, known, rules, at, ages
            )
        ],
        seal=seal,
    )


_Key = tuple[int, int, str]
_NOTHING: tuple[bytes, int] = (b"", -(1 << 63))


def _latest_of(
    connection: Connection, handles: Iterable[int]
) -> dict[_Key, tuple[bytes, int]]:
    query = select(
        LATEST.c.handle,
        LATEST.c.source,
        LATEST.c.carrier,
        LATEST.c.content,
        LATEST.c.ordered_at,
    ).where(among(connection, LATEST.c.handle, handles))
    return {
        (handle, source, carrier): (content, at)
        for handle, source, carrier, content, at in connection.execute(query).all()
    }


def _last_recorded(connection: Connection) -> int:
    query = select(SIGNAL.c.recorded_at).order_by(SIGNAL.c.seq.desc()).limit(1)
    return int(connection.execute(query).scalar() or 0)


def _signal_row(
    signal: NewSignal,
    seq: int,
    recorded_at: int,
    grants_at: int,
    denies_at: int,
    seal: Sealer,
) -> dict[str, object]:
    digest = hashlib.sha256(signal.raw).digest()
    verdicts, proof = signal.verdicts, signal.proof
    return {
        "seq": seq,
        "anchor": signal.anchor,
        "source": signal.source,
        "carrier": signal.carrier.value,
        "rank": int(signal.rank),
        "kind": int(signal.kind),
        "grants": verdicts.grants & ~verdicts.denies,
        "denies": verdicts.denies,
        "ends": verdicts.ends,
        "unreadable": verdicts.unreadable,
        "valid_at": to_micros(signal.valid_at),
        "recorded_at": recorded_at,
        "sent_at": None if signal.sent_at is None else to_micros(signal.sent_at),
        "grants_at": grants_at,
        "denies_at": denies_at,
        "jurisdiction": signal.jurisdiction,
        "jurisdiction_how": signal.jurisdiction_how.value,
        "actor": signal.actor.value,
        "notice": signal.notice,
        "evidence": None if signal.evidence is None else signal.evidence.value,
        "form": proof.form,
        "method": None if proof.method is None else proof.method.value,
        "guardian_check": (
            None if proof.guardian_check is None else proof.guardian_check.value
        ),
        "device": proof.device,
        "ground": proof.ground,
        "policy": signal.policy,
        "decoder": DECODER,
        "sha256": digest,
        "raw": seal(signal.raw, digest),
    }


def _binding_rows(signal: NewSignal, seq: int) -> Iterable[dict[str, object]]:
    own, reach = set(signal.own), set(signal.reach)
    for handle in own | reach:
        anchored = handle == signal.anchor
        yield {
            "handle": handle,
            "signal": seq,
            "owned": handle in own,
            "anchored": anchored,
            "reached": handle in reach and not anchored,
            "ended_seq": None,
            "ended_at": None,
        }
