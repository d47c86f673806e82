"""Is the relation still the fold of the ledger? For every handle and every scope.

- Everything is read inside the caller's snapshot, so a service may go on writing.
- Whole profiles, a few thousand handles at a time: memory does not grow with them.
- A row of a handle that is in no profile is a drift too.
- A drift names the handle's ordinal of the audit log, which says nothing to outsiders.

Refuses: mending. A drift is a bug, and what it let through is a question for people.

Source: law 6 of the consent design; docs/decisions/0060-consent-fold.md.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from cdp.audit import AuditLog
from cdp.consent import REASONS, EffectiveRow, effective_columns, verify
from cdp.gate.rules import PolicyInForce
from cdp.identity import member_columns
from cdp.kernel import Handle, ProfileId
from cdp.runtime import Connection, current_seq

_AT_ONCE: Final = 20_000
# Every ordinal that a scope can have: also those that no policy names any more.
_ORDINALS: Final = range(63)

Progress: TypeAlias = Callable[[int, int], None]
"""Told how many handles have been checked, and of how many."""


class DriftSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One row that is not what the ledger comes to.

    Args:
        handle: the handle's ordinal in the audit log; None when it has none.
        scope: its key, or its number when the policy names it no more.
        stored: what the relation holds: ``granted``, a reason, or ``no row``.
        folded: what the ledger comes to, in the same words.
    """

    handle: int | None
    scope: str
    stored: str
    folded: str


class RelationChecked(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared, and where the two differ; ``drifts`` is empty for agreement.

    Args:
        watermark: the ledger position of the snapshot.
    """

    handles: int
    profiles: int
    scopes: int
    drifts: tuple[DriftSeen, ...]
    watermark: int
    policy: str


def check_relation(
    connection: Connection,
    *,
    rules: PolicyInForce,
    log: AuditLog,
    now: datetime,
    progress: Progress,
) -> RelationChecked:
    """Fold the whole ledger again and compare; write nothing."""
    handles, profiles = member_columns(connection)
    order = profiles.view("V16").ravel().argsort(kind="stable")
    handles, profiles = handles[order], profiles[order]
    found: list[tuple[Handle, int, EffectiveRow | None, EffectiveRow | None]] = []
    done = count = 0
    for chunk in _chunks(handles, profiles):
        found.extend(verify(connection, chunk, rules.consent, now))
        count += len(chunk)
        done += sum(map(len, chunk.values()))
        progress(done, len(handles))
    lost = _without_profile(connection, handles, now)
    numbers = log.known_ordinals(
        connection, [*(row[0] for row in found), *(handle for handle, _ in lost)]
    )
    drifts = [
        DriftSeen(
            handle=numbers.get(handle),
            scope=_scope(rules, scope),
            stored=_said(stored),
            folded=_said(folded),
        )
        for handle, scope, stored, folded in found
    ]
    drifts.extend(
        DriftSeen(
            handle=numbers.get(handle),
            scope=_scope(rules, scope),
            stored="a row",
            folded="no profile",
        )
        for handle, scope in lost
    )
    return RelationChecked(
        handles=len(handles),
        profiles=count,
        scopes=len(rules.consent.scopes),
        drifts=tuple(drifts),
        watermark=current_seq(connection),
        policy=rules.policy.version,
    )


def _chunks(
    handles: npt.NDArray[np.int64], profiles: npt.NDArray[np.uint8]
) -> Iterator[dict[ProfileId, list[Handle]]]:
    """Return whole profiles, about ``_AT_ONCE`` handles at a time.

    Args:
        handles: (n,) ordered by profile.
        profiles: (n, 16) beside them.
    """
    chunk: dict[ProfileId, list[Handle]] = {}
    size = 0
    # Plain values: numpy's own scalars are slow one by one.
    for handle, profile in zip(handles.tolist(), _ids(profiles), strict=True):
        mates = chunk.get(profile)
        if mates is None:
            if size >= _AT_ONCE:
                yield chunk
                chunk, size = {}, 0
            mates = chunk[profile] = []
        mates.append(Handle(handle))
        size += 1
    if chunk:
        yield chunk


def _ids(profiles: npt.NDArray[np.uint8]) -> Iterable[ProfileId]:
    plain = profiles.tobytes()
    return (ProfileId(plain[at : at + 16]) for at in range(0, len(plain), 16))


def _without_profile(
    connection: Connection, handles: npt.NDArray[np.int64], now: datetime
) -> list[tuple[Handle, int]]:
    lost: list[tuple[Handle, int]] = []
    known = np.sort(handles)
    for scope in _ORDINALS:
        held = effective_columns(connection, scope, now).handle
        if not len(held):
            continue
        stray: Any = np.setdiff1d(held, known, assume_unique=True)
        lost.extend((Handle(int(handle)), scope) for handle in stray)
    return lost


def _scope(rules: PolicyInForce, ordinal: int) -> str:
    scope = rules.consent.by_ordinal.get(ordinal)
    return f"#{ordinal}" if scope is None else scope.key


def _said(row: EffectiveRow | None) -> str:
    if row is None:
        return "no row"
    if row.granted:
        return "granted"
    return str(REASONS[row.reason]) if row.reason in REASONS else "denied"
