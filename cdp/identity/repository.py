"""Every query of identity, in sets.

Each function takes the caller's connection and commits nothing. Whoever writes holds
the counter's row (``cdp.runtime.lock_seq``) and so is the only one: nothing here locks.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias, cast

import msgspec
import numpy as np
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    LargeBinary,
    Select,
    Table,
    and_,
    any_,
    bindparam,
    column,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from cdp.identity.evidence import (
    CutReason,
    Evidence,
    HandleFacts,
    Identifier,
    NewHandle,
    Observation,
    Profiles,
    Refusal,
    RefusalReason,
    Trust,
)
from cdp.identity.tables import (
    ApartRow,
    CutRow,
    EvidenceRow,
    HandleRow,
    IdentifierRow,
    MemberRow,
    RefusalRow,
)
from cdp.identity.thinning import Stored, month_of
from cdp.kernel import (
    Handle,
    ProfileId,
    Seq,
    from_micros,
    new_handle,
    new_profile_id,
    to_micros,
)
from cdp.runtime import Connection

_identifier = cast("Table", cast("Any", IdentifierRow).__table__)
_handle = cast("Table", cast("Any", HandleRow).__table__)
_evidence = cast("Table", cast("Any", EvidenceRow).__table__)
_apart = cast("Table", cast("Any", ApartRow).__table__)
_member = cast("Table", cast("Any", MemberRow).__table__)
_refusal = cast("Table", cast("Any", RefusalRow).__table__)
_cut = cast("Table", cast("Any", CutRow).__table__)

Pair: TypeAlias = tuple[Handle, Handle]

# SQLite 3.40 takes 32,766 values in one statement (SQLITE_MAX_VARIABLE_NUMBER).
_CHUNK = 5_000
_PAIR_MASK = (1 << 63) - 1
# Odd, so that multiplying by it loses nothing modulo 2**63: 2**63 over the golden
# ratio.
_PAIR_MULTIPLIER = 0x4F1BBCDCBFA53E0B


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A handle with its facts and its place now."""

    handle: Handle
    profile_id: ProfileId
    from_seq: int
    from_at: int
    own_id: ProfileId
    blocked: bool
    facts: HandleFacts


def find(connection: Connection, digests: Sequence[bytes]) -> dict[bytes, Handle]:
    """Return the handle of each digest that the store knows."""
    found: dict[bytes, Handle] = {}
    for chunk in _chunks(list(dict.fromkeys(digests))):
        found.update(_find(connection, chunk))
    return found


def _find(connection: Connection, digests: Sequence[bytes]) -> Iterable[Any]:
    c = _identifier.c
    if connection.dialect.name == "postgresql":
        many = literal(digests, ARRAY(LargeBinary))
        query = select(c.digest, c.handle).where(c.digest == any_(many))
        return connection.execute(query).all()
    # Asked for every identifier of every event, and twice as fast as a list that is
    # expanded for each statement.
    marks = ",".join("?" * len(digests))
    plain = f"SELECT digest, handle FROM identifier WHERE digest IN ({marks})"  # noqa: S608 - question marks alone
    return connection.exec_driver_sql(plain, tuple(digests)).all()


def create(
    connection: Connection, new: Sequence[NewHandle], seq: Seq, *, now: datetime
) -> dict[bytes, Handle]:
    """Give each digest a handle that is a profile of its own from ``seq`` on.

    A digest that is known already, or stands twice in ``new``, gets one handle.

    Args:
        now: when the store learns of them; not when an event says it was seen.
    """
    handles = find(connection, [each.digest for each in new])
    fresh: dict[bytes, NewHandle] = {}
    for each in new:
        if each.digest in handles:
            continue
        earlier = fresh.get(each.digest)
        if earlier is None or each.first_seen < earlier.first_seen:
            fresh[each.digest] = each
    if not fresh:
        return handles
    identifiers, rows, members_ = [], [], []
    for digest, each in fresh.items():
        handle, own_id = new_handle(), new_profile_id()
        handles[digest] = handle
        identifiers.append(
            {
                "digest": digest,
                "namespace": each.namespace,
                "epoch": each.epoch,
                "rule_version": each.rule_version,
                "handle": handle,
            }
        )
        rows.append(
            {
                "handle": handle,
                "namespace": each.namespace,
                "own_id": own_id,
                "first_seen": to_micros(each.first_seen),
                "returned": False,
                "blocked": False,
            }
        )
        members_.append({"handle": handle, "profile_id": own_id, "from_seq": seq})
    connection.execute(insert(_handle), rows)
    connection.execute(insert(_identifier), identifiers)
    opened = insert(_member).values(to_seq=None, from_at=to_micros(now), to_at=None)
    connection.execute(opened, members_)
    return handles


def adopt(connection: Connection, identifiers: Sequence[Identifier]) -> None:
    """Give handles that exist one more digest each; a digest that is known stays."""
    known = find(connection, [each.digest for each in identifiers])
    fresh = {each.digest: each for each in identifiers if each.digest not in known}
    if fresh:
        rows = [msgspec.structs.asdict(each) for each in fresh.values()]
        connection.execute(insert(_identifier), rows)


def lower_first_seen(
    connection: Connection, seen: Mapping[Handle, datetime]
) -> set[Handle]:
    """Move ``first_seen`` back where it was later; return the handles it moved for."""
    if not seen:
        return set()
    query = select(_handle.c.handle, _handle.c.first_seen).where(
        _among(connection, _handle.c.handle, seen)
    )
    earlier = [
        {"b_handle": handle, "b_seen": to_micros(seen[handle])}
        for handle, stored in connection.execute(query).all()
        if to_micros(seen[handle]) < stored
    ]
    if earlier:
        change = (
            update(_handle)
            .where(_handle.c.handle == bindparam("b_handle"))
            .values(first_seen=bindparam("b_seen"))
        )
        connection.execute(change, earlier)
    return {Handle(cast("int", row["b_handle"])) for row in earlier}


def block(connection: Connection, handles: Collection[Handle]) -> set[Handle]:
    """Mark handles whose value is blocked now; return those that were not marked."""
    change = (
        update(_handle)
        .where(_among(connection, _handle.c.handle, handles), ~_handle.c.blocked)
        .values(blocked=True)
        .returning(_handle.c.handle)
    )
    return {Handle(row.handle) for row in connection.execute(change)}


def stored_evidence(
    connection: Connection, observations: Sequence[Observation]
) -> list[Stored]:
    """Return every row, live or ended, of the pairs that were observed."""
    pairs = {_pair_number(each.anchor, each.other) for each in observations}
    c = _evidence.c
    query = select(
        c.a, c.b, c.source, c.trust, c.basis, c.is_rename, c.month, c.observed_at
    ).add_columns(c.event_key, c.ordinal, c.ended_at)
    rows = connection.execute(query.where(_among(connection, c.pair, pairs)))
    return [
        Stored(
            a=a,
            b=b,
            source=source,
            trust=trust,
            basis=basis,
            rename=rename,
            month=month,
            observed=observed,
            event_key=event_key,
            ordinal=ordinal,
            ended=ended,
        )
        for (
            a,
            b,
            source,
            trust,
            basis,
            rename,
            month,
            observed,
            event_key,
            ordinal,
            ended,
        ) in rows
    ]


def append_evidence(
    connection: Connection, observations: Sequence[Observation], seq: Seq
) -> None:
    """Keep observations as live evidence."""
    rows = [
        {
            "pair": _pair_number(each.anchor, each.other),
            "a": each.anchor,
            "b": each.other,
            "source": each.source,
            "trust": int(each.trust),
            "event_key": each.event_key,
            "ordinal": each.ordinal,
            "observed_at": to_micros(each.observed_at),
            "month": month_of(each.observed_at),
            "basis": each.basis,
            "is_rename": each.rename,
            "seq": seq,
        }
        for each in observations
    ]
    if rows:
        connection.execute(insert(_evidence), rows)


def end_evidence(
    connection: Connection, handles: Collection[Handle], reason: str, ended_at: datetime
) -> list[tuple[Handle, Handle, bool]]:
    """End what is live at these handles; return the ends, and whether a rename."""
    change = (
        update(_evidence)
        .where(_evidence.c.ended_at.is_(None), _touches(connection, _evidence, handles))
        .values(ended_at=to_micros(ended_at), reason=reason)
        .returning(_evidence.c.a, _evidence.c.b, _evidence.c.is_rename)
    )
    return [(a, b, rename) for a, b, rename in connection.execute(change)]


def live_evidence(
    connection: Connection, handles: Collection[Handle] | None
) -> list[Evidence]:
    """Return live evidence with an end among ``handles``; all of it for None."""
    if handles is None:
        return _evidence_of(connection, select())
    if not handles:
        return []
    return _evidence_of(
        connection, select().where(_touches(connection, _evidence, handles))
    )


def verified_renames(
    connection: Connection, handles: Collection[Handle]
) -> list[Evidence]:
    """Return live, verified aliases with an end among ``handles``."""
    if not handles:
        return []
    return _evidence_of(
        connection,
        select().where(
            _evidence.c.is_rename,
            _evidence.c.trust == int(Trust.VERIFIED),
            _touches(connection, _evidence, handles),
        ),
    )


def _evidence_of(connection: Connection, where: Select[Any]) -> list[Evidence]:
    c = _evidence.c
    query = where.add_columns(
        c.a, c.b, c.source, c.trust, c.event_key, c.ordinal, c.observed_at, c.is_rename
    ).where(c.ended_at.is_(None))
    trusts = (Trust.VERIFIED, Trust.CLAIMED)
    return [
        Evidence(
            a=a,
            b=b,
            source=source,
            trust=trusts[trust],
            event_key=event_key,
            ordinal=ordinal,
            observed=observed,
            rename=rename,
        )
        for a, b, source, trust, event_key, ordinal, observed, rename in (
            connection.execute(query).all()
        )
    ]


def put_apart(
    connection: Connection,
    a: Handle,
    b: Handle,
    *,
    officer: str,
    reason: str,
    ticket: str,
    made_at: datetime,
) -> bool:
    """Keep a pair apart; return whether it was not kept apart before."""
    if _ordered(a, b) in apart_pairs(connection, [a]):
        return False
    a, b = _ordered(a, b)
    connection.execute(
        insert(_apart).values(
            a=a,
            b=b,
            officer=officer,
            reason=reason,
            ticket=ticket,
            made_at=to_micros(made_at),
        )
    )
    return True


def lift_apart(
    connection: Connection, a: Handle, b: Handle, lifted_at: datetime
) -> bool:
    """Lift what keeps a pair apart; return whether anything did."""
    a, b = _ordered(a, b)
    c = _apart.c
    change = (
        update(_apart)
        .where(c.a == a, c.b == b, c.lifted_at.is_(None))
        .values(lifted_at=to_micros(lifted_at))
    )
    return connection.execute(change).rowcount > 0


def apart_pairs(
    connection: Connection, handles: Collection[Handle] | None
) -> set[Pair]:
    """Return pairs kept apart with an end among ``handles``; all of them for None."""
    query = select(_apart.c.a, _apart.c.b).where(_apart.c.lifted_at.is_(None))
    if handles is not None:
        query = query.where(_touches(connection, _apart, handles))
    return {(a, b) for a, b in connection.execute(query).all()}


def members(
    connection: Connection,
    handles: Collection[Handle],
    *,
    known_at: datetime | None = None,
) -> Profiles:
    """Return the whole profiles of ``handles``, now or as known at an instant.

    A handle that the store does not hold, or did not yet hold, is in no profile.
    """
    c = _member.c
    mine = _member.alias()
    profiles = select(mine.c.profile_id).where(
        _among(connection, mine.c.handle, handles), _holds(mine, known_at)
    )
    query = (
        select(c.handle, c.profile_id, _handle.c.namespace)
        .select_from(_member.join(_handle, _handle.c.handle == c.handle))
        .where(c.profile_id.in_(profiles), _holds(_member, known_at))
    )
    profile_of: dict[Handle, ProfileId] = {}
    namespace_of: dict[Handle, str] = {}
    mates: dict[ProfileId, list[Handle]] = {}
    for handle, profile_id, namespace in connection.execute(query).all():
        profile_of[handle] = profile_id
        namespace_of[handle] = namespace
        mates.setdefault(profile_id, []).append(handle)
    return Profiles(
        profile_of=profile_of,
        handles_of={id_: tuple(sorted(some)) for id_, some in mates.items()},
        namespace_of=namespace_of,
    )


def former_profiles(
    connection: Connection, handles: Collection[Handle], since: Seq
) -> dict[Handle, ProfileId]:
    """Return the profile that each handle left at ``since`` or later.

    It is the one that held just before; a handle that stayed, or is new, is missing.
    """
    c = _member.c
    query = select(c.handle, c.profile_id).where(
        _among(connection, c.handle, handles), c.from_seq < since, c.to_seq >= since
    )
    return {
        Handle(handle): ProfileId(bytes(profile_id))
        for handle, profile_id in connection.execute(query).all()
    }


def last_change(
    connection: Connection, profiles: Collection[ProfileId]
) -> datetime | None:
    """Return when a handle last came into one of these profiles, or left it."""
    c = _member.c
    newest = func.max(func.coalesce(c.to_at, c.from_at))
    query = select(newest).where(c.profile_id.in_(profiles))
    found = connection.execute(query).scalar()
    return None if found is None else from_micros(found)


def member_columns(
    connection: Connection,
) -> tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.uint8]]]:
    """Return every handle with its profile id now.

    Returns:
        (n,) int64 handles and (n, 16) uint8 profile ids, row for row, in no order.
    """
    query = select(_member.c.handle, _member.c.profile_id).where(
        _member.c.to_seq.is_(None)
    )
    rows = connection.execute(query).all()
    handles = np.fromiter((row[0] for row in rows), np.int64, count=len(rows))
    ids = np.frombuffer(b"".join(row[1] for row in rows), np.uint8)
    return handles, ids.reshape(-1, 16)


def totals(connection: Connection) -> tuple[int, int]:
    """Return how many identifiers and how many profiles there are now."""
    identifiers = connection.execute(select(func.count()).select_from(_identifier))
    profiles = select(func.count(_member.c.profile_id.distinct())).where(
        _member.c.to_seq.is_(None)
    )
    return int(identifiers.scalar_one()), int(connection.execute(profiles).scalar_one())


def standing(
    connection: Connection, handles: Collection[Handle] | None
) -> dict[Handle, Standing]:
    """Return every handle of the profiles of ``handles``; of all profiles for None."""
    c, h = _member.c, _handle.c
    query = (
        select(c.handle, c.profile_id, c.from_seq, c.from_at, h.own_id, h.blocked)
        .add_columns(h.namespace, h.first_seen)
        .select_from(_member.join(_handle, h.handle == c.handle))
        .where(c.to_seq.is_(None))
    )
    if handles is not None:
        mine = _member.alias()
        profiles = select(mine.c.profile_id).where(
            _among(connection, mine.c.handle, handles), mine.c.to_seq.is_(None)
        )
        query = query.where(c.profile_id.in_(profiles))
    return {
        handle: Standing(
            handle=handle,
            profile_id=profile_id,
            from_seq=from_seq,
            from_at=from_at,
            own_id=own_id,
            blocked=blocked,
            facts=HandleFacts(namespace=namespace, first_seen=first_seen),
        )
        for (
            handle,
            profile_id,
            from_seq,
            from_at,
            own_id,
            blocked,
            namespace,
            first_seen,
        ) in connection.execute(query).all()
    }


def facts(
    connection: Connection, handles: Collection[Handle]
) -> tuple[dict[Handle, HandleFacts], set[Handle]]:
    """Return what resolution needs of these handles, and which of them are blocked."""
    if not handles:
        return {}, set()
    c = _handle.c
    query = select(c.handle, c.namespace, c.first_seen, c.blocked).where(
        _among(connection, c.handle, handles)
    )
    found: dict[Handle, HandleFacts] = {}
    blocked: set[Handle] = set()
    for handle, namespace, first_seen, is_blocked in connection.execute(query).all():
        found[handle] = HandleFacts(namespace=namespace, first_seen=first_seen)
        if is_blocked:
            blocked.add(handle)
    return found, blocked


def move(
    connection: Connection,
    moves: Iterable[tuple[Standing, ProfileId]],
    seq: Seq,
    since: int,
) -> None:
    """Put handles into other profiles from ``seq`` on; their history stays.

    Args:
        since: the instant of the position, in microseconds UTC; not before any place
            that ends with it was taken.
    """
    closed, opened, changed = [], [], []
    for was, profile_id in moves:
        if was.from_seq == seq:
            # A place that was taken at this very position never held for anybody.
            changed.append({"b_handle": was.handle, "b_profile": profile_id})
        else:
            closed.append({"b_handle": was.handle, "b_from": was.from_seq})
            opened.append({"handle": was.handle, "profile_id": profile_id})
    c = _member.c
    if changed:
        change = (
            update(_member)
            .where(c.handle == bindparam("b_handle"), c.from_seq == seq)
            .values(profile_id=bindparam("b_profile"))
        )
        connection.execute(change, changed)
    if closed:
        close = (
            update(_member)
            .where(c.handle == bindparam("b_handle"), c.from_seq == bindparam("b_from"))
            .values(to_seq=seq, to_at=since)
        )
        connection.execute(close, closed)
        held = insert(_member).values(
            from_seq=seq, to_seq=None, from_at=since, to_at=None
        )
        connection.execute(held, opened)


def refusals(
    connection: Connection, handles: Collection[Handle] | None
) -> set[Refusal]:
    """Return refusals with an end among ``handles``; all of them for None."""
    c = _refusal.c
    query = select(c.a, c.b, c.reason, c.source, c.event_key)
    if handles is not None:
        query = query.where(_touches(connection, _refusal, handles))
    return {
        Refusal(
            a=a, b=b, reason=RefusalReason(reason), source=source, event_key=event_key
        )
        for a, b, reason, source, event_key in connection.execute(query).all()
    }


def cuts(
    connection: Connection, handles: Collection[Handle] | None
) -> dict[Handle, CutReason]:
    """Return which of ``handles`` tie nothing, and why; of all handles for None."""
    query = select(_cut.c.handle, _cut.c.reason)
    if handles is not None:
        query = query.where(_among(connection, _cut.c.handle, handles))
    return {
        Handle(handle): CutReason(reason)
        for handle, reason in connection.execute(query).all()
    }


def replace_refusals(
    connection: Connection,
    gone: Collection[Refusal],
    new: Collection[Refusal],
    seq: Seq,
) -> None:
    """Take refusals away and write others."""
    c = _refusal.c
    if gone:
        change = _refusal.delete().where(
            c.a == bindparam("b_a"),
            c.b == bindparam("b_b"),
            c.reason == bindparam("b_reason"),
        )
        rows = [{"b_a": r.a, "b_b": r.b, "b_reason": r.reason.value} for r in gone]
        connection.execute(change, rows)
    if new:
        connection.execute(
            insert(_refusal).values(seq=seq),
            [
                {
                    "a": r.a,
                    "b": r.b,
                    "reason": r.reason.value,
                    "source": r.source,
                    "event_key": r.event_key,
                }
                for r in new
            ],
        )


def replace_cuts(
    connection: Connection,
    gone: Collection[Handle],
    new: Mapping[Handle, CutReason],
    seq: Seq,
) -> None:
    """Take cuts away and write others."""
    if gone:
        connection.execute(_cut.delete().where(_among(connection, _cut.c.handle, gone)))
    if new:
        connection.execute(
            insert(_cut).values(seq=seq),
            [
                {"handle": handle, "reason": reason.value}
                for handle, reason in new.items()
            ],
        )


def _holds(table: Any, known_at: datetime | None) -> ColumnElement[bool]:
    if known_at is None:
        return cast("ColumnElement[bool]", table.c.to_seq.is_(None))
    at = to_micros(known_at)
    # Several positions of one instant: the last of them is what was known.
    return and_(table.c.from_at <= at, or_(table.c.to_at.is_(None), table.c.to_at > at))


def _touches(
    connection: Connection, table: Table, handles: Collection[Handle]
) -> ColumnElement[bool]:
    return or_(
        _among(connection, table.c.a, handles), _among(connection, table.c.b, handles)
    )


def _among(
    connection: Connection, column_: ColumnElement[int], values: Iterable[int]
) -> ColumnElement[bool]:
    """Say "the column is one of these numbers" with one parameter for all."""
    numbers = list(values)
    if connection.dialect.name == "postgresql":
        return column_ == any_(literal(numbers, ARRAY(BigInteger)))
    text = msgspec.json.encode(numbers).decode()
    each = func.json_each(literal(text)).table_valued(column("value", BigInteger))
    return column_.in_(select(each.c.value))


def _chunks(values: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _pair_number(a: Handle, b: Handle) -> int:
    """Return one number for both orders of a pair: an index, not an identity."""
    low, high = _ordered(a, b)
    return (low * _PAIR_MULTIPLIER + high) & _PAIR_MASK


def _ordered(a: Handle, b: Handle) -> Pair:
    return (a, b) if a < b else (b, a)
