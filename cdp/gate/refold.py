"""Folding again: what a profile may be used for is true at every commit.

``ingest`` and ``rights`` call ``refold`` inside their own transactions. ``consent``
knows no profile and ``identity`` no decision; here the two are brought together. Where
somebody is told of changes, what has to be told is put out in the same transaction, so
that no change is lost and none is told that did not happen.
"""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec
import numpy as np

from cdp.audit import AuditLog
from cdp.consent import ConsentRules, Refolded, standing
from cdp.consent import refold as fold_again
from cdp.gate import repository
from cdp.gate.changes import ProfileChange, changes_of
from cdp.identity import Profiles, former_profiles, members
from cdp.kernel import Handle, Seq
from cdp.runtime import Connection

_EVENT_ID_BYTES: Final = 16


def refold(
    connection: Connection,
    handles: Iterable[Handle],
    *,
    rules: ConsentRules,
    log: AuditLog,
    seq: Seq,
    now: datetime,
) -> None:
    """Fold all handles of the profiles of ``handles`` again, in this transaction.

    Call it after signals were appended or evidence changed, with every handle whose
    profile or mates changed.

    Args:
        seq: a position drawn before anything of this change was written.
    """
    profiles = members(connection, list(handles))
    everybody = [h for mates in profiles.handles_of.values() for h in mates]
    if not everybody:
        return
    ordinals = log.ordinals(connection, everybody)
    folded = fold_again(
        connection,
        profiles.handles_of,
        rules,
        seq=seq,
        now=now,
        ordinals={handle: ordinals[handle] for handle in everybody},
    )
    if repository.listener(connection) is not None:
        changed = _changes(connection, profiles, folded, rules, seq)
        repository.put_out(
            connection, [_waiting(one, ordinals, seq, now) for one in changed]
        )


def _changes(
    connection: Connection,
    profiles: Profiles,
    folded: Refolded,
    rules: ConsentRules,
    seq: Seq,
) -> list[ProfileChange]:
    everybody = list(profiles.profile_of)
    former = former_profiles(connection, everybody, seq)
    if not folded.changes and not former:
        return []
    return changes_of(
        profiles.handles_of,
        former,
        standing(connection, everybody),
        folded.changes,
        rules,
    )


def _waiting(
    one: ProfileChange, ordinals: Mapping[int, int], seq: Seq, now: datetime
) -> repository.Waiting:
    numbers = sorted(ordinals[handle] for handle in one.handles)
    return repository.Waiting(
        id=secrets.token_bytes(_EVENT_ID_BYTES),
        subject=one.subject,
        merged_into=one.merged_into,
        split_from=one.split_from,
        seq=seq,
        changed_at=now,
        changes=msgspec.json.encode(one.changes),
        ordinals=np.array(numbers, dtype="<i8").tobytes(),
    )
