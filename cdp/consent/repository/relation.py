"""The effective relation: the fold of the ledger, kept beside it for joins.

The relation equals the fold at every commit, provided that every handle whose signals,
jurisdictions, ages or mates changed is refolded in the same transaction. Nothing here
folds by itself: ``refold`` is called by the gate, which knows the profiles.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np
import numpy.typing as npt
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    bindparam,
    case,
    delete,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy import cast as cast_sql
from sqlalchemy.dialects import postgresql

from cdp.consent.ages import Age
from cdp.consent.decision import REASONS, Reason
from cdp.consent.event import Stand
from cdp.consent.heard import OPEN, Heard
from cdp.consent.profile import EffectiveRow, rows_of
from cdp.consent.repository.facts import ages_of, jurisdictions_of
from cdp.consent.repository.hearing import (
    bindings,
    end_reaches,
    heard_in,
    ledger_time,
)
from cdp.consent.repository.sql import EFFECTIVE, among, upsert
from cdp.consent.rule import RULES, Rule
from cdp.consent.rules import ConsentRules
from cdp.kernel import Handle, ProfileId, Seq, from_micros, to_micros
from cdp.runtime import Connection

# Above every reason's code; ordinals are below 2**48, so a row packs into 63 bits.
_PAST = 1 << 10
_INT = BigInteger().with_variant(postgresql.INTEGER(), "postgresql")


class Standing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What stands for one handle and scope, as the relation holds it.

    ``own`` is -1 when the handle's own signals deny, 1 when they or a default grant, 0
    when it is silent. Ask ``is_open``: a grant may have run out since the fold.
    """

    granted: bool
    own: int
    reason: Reason | None
    rule: Rule
    valid_from: datetime
    valid_to: datetime | None
    covers_past: bool
    signal: Seq | None
    notice: str | None

    def is_open(self, now: datetime) -> bool:
        """Whether the scope is open at ``now``."""
        return (
            self.granted
            and self.valid_from <= now
            and (self.valid_to is None or now < self.valid_to)
        )


class Columns(NamedTuple):
    """One scope of the relation as it is valid at an instant, one row per handle.

    ``reason`` is 0 exactly where ``granted``; ``Reason.code`` otherwise.
    """

    handle: npt.NDArray[np.int64]
    granted: npt.NDArray[np.bool_]
    reason: npt.NDArray[np.int16]
    covers_past: npt.NDArray[np.bool_]
    ordinal: npt.NDArray[np.int64]


class Drift(NamedTuple):
    """A row of the relation that is not what the fold says; None is no row."""

    handle: Handle
    scope: int
    stored: EffectiveRow | None
    folded: EffectiveRow | None


class Change(NamedTuple):
    """A row of the relation that became another; None is no row."""

    handle: Handle
    scope: int
    before: EffectiveRow | None
    after: EffectiveRow | None


class Refolded(NamedTuple):
    """What folding again changed: the handles, and each row as it was and is."""

    handles: set[Handle]
    changes: tuple[Change, ...]


def refold(
    connection: Connection,
    profiles: Mapping[ProfileId, Sequence[Handle]],
    rules: ConsentRules,
    *,
    seq: Seq,
    now: datetime,
    ordinals: Mapping[Handle, int],
) -> Refolded:
    """Fold whole profiles again and put what changed into the relation.

    MUST be given every handle of every touched profile, the old parts' and the new
    ones': a reach ends here when its handle is no longer with its anchor.

    Args:
        seq: the ledger position that this change belongs to.
        ordinals: the audit ordinal of each handle.

    Returns:
        The rows that changed, as they were and as they are.
    """
    profile_of = {
        handle: profile for profile, handles in profiles.items() for handle in handles
    }
    if not profile_of:
        return Refolded(set(), ())
    bound = bindings(connection, profile_of)
    end_reaches(connection, bound, profile_of, seq, now)
    heard = heard_in(
        bound, lambda one: one.ended_at is None and not one.leaves(profile_of)
    )
    known = jurisdictions_of(connection, profile_of, None)
    ages = ages_of(connection, profile_of, None)
    stored = _stored(connection, profile_of)
    folded = _folded(profiles, heard, known, ages, rules, now)
    changed = [row for key, row in folded.items() if stored.get(key) != row]
    gone = [key for key in stored if key not in folded]
    upsert(
        connection,
        EFFECTIVE,
        [_relation_row(row, ordinals[Handle(row.handle)], seq) for row in changed],
    )
    if gone:
        connection.execute(
            delete(EFFECTIVE).where(
                EFFECTIVE.c.handle == bindparam("b_handle"),
                EFFECTIVE.c.scope == bindparam("b_scope"),
            ),
            [{"b_handle": handle, "b_scope": scope} for handle, scope in gone],
        )
    changes = [
        Change(Handle(key[0]), key[1], stored.get(key), folded.get(key))
        for key in sorted([*((row.handle, row.scope) for row in changed), *gone])
    ]
    return Refolded({change.handle for change in changes}, tuple(changes))


def verify(
    connection: Connection,
    profiles: Mapping[ProfileId, Sequence[Handle]],
    rules: ConsentRules,
    now: datetime,
) -> list[Drift]:
    """Compare the relation with the fold; an empty list is agreement."""
    handles = {handle for members in profiles.values() for handle in members}
    heard = heard_in(bindings(connection, handles), lambda one: one.ended_at is None)
    known = jurisdictions_of(connection, handles, None)
    ages = ages_of(connection, handles, None)
    stored = _stored(connection, handles)
    folded = _folded(profiles, heard, known, ages, rules, now)
    return [
        Drift(Handle(key[0]), key[1], stored.get(key), folded.get(key))
        for key in sorted(stored.keys() | folded.keys())
        if not _agree(stored.get(key), folded.get(key), to_micros(now))
    ]


def _agree(stored: EffectiveRow | None, folded: EffectiveRow | None, now: int) -> bool:
    """Whether two rows say the same; a lapsed grant need not be refolded yet."""
    if stored == folded:
        return True
    lapsed = stored is not None and stored.granted and stored.valid_to <= now
    return lapsed and (folded is None or not folded.granted)


def standing(
    connection: Connection, handles: Iterable[Handle]
) -> dict[Handle, dict[int, Standing]]:
    """Return what the relation holds for ``handles``, by scope; one SELECT."""
    found: dict[Handle, dict[int, Standing]] = {}
    for row in _stored(connection, handles).values():
        found.setdefault(Handle(row.handle), {})[row.scope] = Standing(
            granted=row.granted,
            own=row.own,
            reason=REASONS[row.reason] if row.reason else None,
            rule=RULES[row.rule],
            valid_from=from_micros(row.valid_from),
            valid_to=None if row.valid_to == OPEN else from_micros(row.valid_to),
            covers_past=row.covers_past,
            signal=None if row.signal is None else Seq(row.signal),
            notice=row.notice,
        )
    return found


def stands(
    connection: Connection,
    handles: Iterable[Handle],
    rules: ConsentRules,
    now: datetime,
) -> dict[Handle, Stand]:
    """Return what stands for each of ``handles`` over all scopes, as masks; one SELECT.

    A handle that the relation does not know is open where nobody is asked, and nowhere
    else.
    """
    asked = list(handles)
    table = EFFECTIVE.c
    bit = literal(1, BigInteger).op("<<")(
        table.scope
        if connection.dialect.name == "sqlite"
        else cast_sql(table.scope, _INT)
    )

    def mask(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return cast_sql(func.sum(case((condition, bit), else_=0)), BigInteger)

    query = (
        select(
            table.handle,
            mask(_is_open(to_micros(now))),
            mask(table.reason >= Reason.GPC.code),
            mask(table.own > 0),
            mask(table.own < 0),
            mask(table.scope >= 0),
            func.min(
                case(
                    (table.valid_from > to_micros(now), table.valid_from),
                    (table.valid_to > to_micros(now), table.valid_to),
                )
            ),
        )
        .where(among(connection, table.handle, asked))
        .group_by(table.handle)
    )
    unasked = rules.unasked
    nothing = Stand(granted=unasked, own_granted=unasked)
    found = dict.fromkeys(asked, nothing)
    for handle, granted, closed, yes, no, said, turn in connection.execute(query).all():
        rest = unasked & ~said
        found[Handle(handle)] = Stand(
            granted=granted | rest,
            closed=closed,
            own_granted=yes | rest,
            own_denied=no,
            until=turn,
        )
    return found


def effective_columns(connection: Connection, scope: int, now: datetime) -> Columns:
    """Return every row of one scope as columns, valid at ``now``; one SELECT.

    A grant that has run out is given as denied, ``consent.expired``.
    """
    table = EFFECTIVE.c
    is_open = _is_open(to_micros(now))
    # Two numbers a row, and the driver's own tuples: this reads every person there is.
    packed = (
        table.ordinal * (_PAST << 1)
        + case((table.covers_past & is_open, _PAST), else_=0)
        + case(
            (is_open, 0),
            (table.granted.is_(True), Reason.EXPIRED.code),
            else_=table.reason,
        )
    )
    query = select(table.handle, packed).where(table.scope == scope)
    with connection.execute(query) as result:
        rows = cast("Any", result).cursor.fetchall()
    flat = np.fromiter(
        chain.from_iterable(rows), dtype=np.int64, count=2 * len(rows)
    ).reshape(-1, 2)
    reason = (flat[:, 1] & (_PAST - 1)).astype(np.int16)
    return Columns(
        handle=np.ascontiguousarray(flat[:, 0]),
        granted=reason == 0,
        reason=reason,
        covers_past=(flat[:, 1] & _PAST) != 0,
        ordinal=flat[:, 1] // (_PAST << 1),
    )


def next_turn(connection: Connection, scope: int, now: datetime) -> datetime | None:
    """Return when the next grant of a scope begins or runs out; None is never.

    Until then, and until the watermark moves, ``effective_columns`` stays what it is.
    """
    micros = to_micros(now)
    table = EFFECTIVE.c
    turns = [
        connection.execute(
            select(func.min(turn)).where(
                table.scope == scope, table.granted.is_(True), turn > micros
            )
        ).scalar()
        for turn in (table.valid_from, table.valid_to)
    ]
    return min((from_micros(turn) for turn in turns if turn is not None), default=None)


def _folded(
    profiles: Mapping[ProfileId, Sequence[Handle]],
    heard: Mapping[int, Sequence[Heard]],
    known: Mapping[int, Iterable[str]],
    ages: Mapping[int, Age],
    rules: ConsentRules,
    now: datetime,
) -> dict[tuple[int, int], EffectiveRow]:
    at = ledger_time(heard, now)
    return {
        (row.handle, row.scope): row
        for handles in profiles.values()
        for row in rows_of(handles, heard, known, rules, at, ages)
    }


_STORED = tuple(
    func.coalesce(EFFECTIVE.c[name], OPEN) if name == "valid_to" else EFFECTIVE.c[name]
    for name in EffectiveRow.__struct_fields__
)


def _stored(
    connection: Connection, handles: Iterable[Handle]
) -> dict[tuple[int, int], EffectiveRow]:
    query = select(*_STORED).where(among(connection, EFFECTIVE.c.handle, handles))
    rows = [EffectiveRow(*row) for row in connection.execute(query).all()]
    return {(row.handle, row.scope): row for row in rows}


def _relation_row(row: EffectiveRow, ordinal: int, seq: Seq) -> dict[str, object]:
    values: dict[str, object] = msgspec.structs.asdict(row)
    values["valid_to"] = None if row.valid_to == OPEN else row.valid_to
    values["ordinal"] = ordinal
    values["seq"] = seq
    return values


def _is_open(now: int) -> ColumnElement[bool]:
    table = EFFECTIVE.c
    return (
        table.granted.is_(True)
        & (table.valid_from <= now)
        & or_(table.valid_to.is_(None), table.valid_to > now)
    )
