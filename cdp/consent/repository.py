"""The ledger and its relation in the store: every query of the room.

- Set-based: a call costs a few statements, however many handles it is about.
- Nothing is edited: signals, bindings and jurisdictions are appended; the end of a
  reach is written once. ``consent_latest`` and ``consent_effective`` are derived.
- Time in the ledger never runs back: a signal is recorded no earlier than the one
  before it, so that a clock set back cannot put a withdrawal behind the grant that it
  withdraws.
- The relation equals the fold at every commit, provided that every handle whose
  signals, jurisdictions or mates changed is refolded in the same transaction. Nothing
  here folds by itself: ``refold`` is called by the gate, which knows the profiles.

Callers hold the counter's row (``cdp.runtime.lock_seq``): one writer at a time.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np
import numpy.typing as npt
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Table,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy import cast as cast_sql
from sqlalchemy.dialects import postgresql, sqlite

from cdp.consent.decision import REASONS, RULES, Decision, Reason, Rule
from cdp.consent.event import Stand
from cdp.consent.explain import decide
from cdp.consent.fold import OPEN, Heard
from cdp.consent.profile import EffectiveRow, rows_of, standing_denials
from cdp.consent.rules import UNKNOWN, ConsentRules
from cdp.consent.signals import (
    Actor,
    Candidate,
    Carrier,
    EvidenceKind,
    How,
    Kind,
    NewSignal,
    Rank,
    SignalView,
    Verdicts,
)
from cdp.consent.tables import BindingRow, LatestRow, SignalRow, SubjectRow
from cdp.consent.tables import EffectiveRow as RelationRow
from cdp.kernel import Handle, ProfileId, Seq, from_micros, to_micros
from cdp.runtime import Connection, draw_seq

_signal = cast("Table", cast("Any", SignalRow).__table__)
_binding = cast("Table", cast("Any", BindingRow).__table__)
_latest = cast("Table", cast("Any", LatestRow).__table__)
_subject = cast("Table", cast("Any", SubjectRow).__table__)
_effective = cast("Table", cast("Any", RelationRow).__table__)

# The version of the decoders in this room, kept with each signal.
DECODER = 1

# Above every reason's code; ordinals are below 2**48, so a row packs into 63 bits.
_PAST = 1 << 10

Sealer = Callable[[bytes, bytes], bytes]
"""(raw form, associated bytes) -> sealed: the key ring's, handed in by the caller."""


class Known(NamedTuple):
    """A handle was seen in a jurisdiction."""

    handle: Handle
    jurisdiction: str
    how: How


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


# ------------------------------------------------------------------ appending


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
            if at >= latest.get(key, _NOTHING)[1]:
                latest[key] = moved[key] = (content, at)
        fresh.append((position, signal, recorded, grants_at, denies_at))
    placed: list[Seq | None] = [None] * len(signals)
    if not fresh:
        return placed
    first = draw_seq(connection, len(fresh))
    rows: list[dict[str, object]] = []
    bindings: list[dict[str, object]] = []
    for seq, (position, signal, received, grants_at, denies_at) in enumerate(
        fresh, start=first
    ):
        placed[position] = Seq(seq)
        rows.append(_signal_row(signal, seq, received, grants_at, denies_at, seal))
        bindings.extend(_binding_rows(signal, seq))
    connection.execute(insert(_signal), rows)
    connection.execute(insert(_binding), bindings)
    _upsert(
        connection,
        _latest,
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
    heard = _heard(_bindings(connection, everybody), lambda one: one.ended_at is None)
    known = _jurisdictions(connection, everybody, None)
    at = _at(heard, recorded_at)
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
            for rank, kind, denies in standing_denials(handles, heard, known, rules, at)
        ],
        seal=seal,
    )


def know(
    connection: Connection, known: Iterable[Known], recorded_at: datetime
) -> set[Handle]:
    """Keep where handles were seen; return those that it is news about.

    What is not known is not kept: a handle without an entry is ``unknown``.
    Jurisdictions of a handle only add up, for each may add restrictions and none may
    lift one.
    """
    wanted = {
        (one.handle, one.jurisdiction): one
        for one in known
        if one.jurisdiction != UNKNOWN
    }
    if not wanted:
        return set()
    query = select(_subject.c.handle, _subject.c.jurisdiction).where(
        _among(connection, _subject.c.handle, {handle for handle, _ in wanted})
    )
    for handle, jurisdiction in connection.execute(query).all():
        wanted.pop((handle, jurisdiction), None)
    if wanted:
        micros = to_micros(recorded_at)
        connection.execute(
            insert(_subject),
            [
                {
                    "handle": one.handle,
                    "jurisdiction": one.jurisdiction,
                    "how": one.how.value,
                    "recorded_at": micros,
                }
                for one in wanted.values()
            ],
        )
    return {handle for handle, _ in wanted}


_Key = tuple[int, int, str]
_NOTHING: tuple[bytes, int] = (b"", -(1 << 63))


def _latest_of(
    connection: Connection, handles: Iterable[int]
) -> dict[_Key, tuple[bytes, int]]:
    query = select(
        _latest.c.handle,
        _latest.c.source,
        _latest.c.carrier,
        _latest.c.content,
        _latest.c.ordered_at,
    ).where(_among(connection, _latest.c.handle, handles))
    return {
        (handle, source, carrier): (content, at)
        for handle, source, carrier, content, at in connection.execute(query).all()
    }


def _last_recorded(connection: Connection) -> int:
    query = select(_signal.c.recorded_at).order_by(_signal.c.seq.desc()).limit(1)
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
    verdicts = signal.verdicts
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
        "covers_past": signal.covers_past,
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


# ------------------------------------------------------------------ the relation


def refold(
    connection: Connection,
    profiles: Mapping[ProfileId, Sequence[Handle]],
    rules: ConsentRules,
    *,
    seq: Seq,
    now: datetime,
    ordinals: Mapping[Handle, int],
) -> set[Handle]:
    """Fold whole profiles again and put what changed into the relation.

    MUST be given every handle of every touched profile, the old parts' and the new
    ones': a reach ends here when its handle is no longer with its anchor.

    Args:
        seq: the ledger position that this change belongs to.
        ordinals: the audit ordinal of each handle.

    Returns:
        The handles whose rows changed.
    """
    profile_of = {
        handle: profile for profile, handles in profiles.items() for handle in handles
    }
    if not profile_of:
        return set()
    bound = _bindings(connection, profile_of)
    _end_reaches(connection, bound, profile_of, seq, now)
    heard = _heard(
        bound, lambda one: one.ended_at is None and not one.leaves(profile_of)
    )
    known = _jurisdictions(connection, profile_of, None)
    stored = _stored(connection, profile_of)
    folded = _folded(profiles, heard, known, rules, now)
    changed = [row for key, row in folded.items() if stored.get(key) != row]
    gone = [key for key in stored if key not in folded]
    _upsert(
        connection,
        _effective,
        [_relation_row(row, ordinals[Handle(row.handle)], seq) for row in changed],
    )
    if gone:
        connection.execute(
            delete(_effective).where(
                _effective.c.handle == bindparam("b_handle"),
                _effective.c.scope == bindparam("b_scope"),
            ),
            [{"b_handle": handle, "b_scope": scope} for handle, scope in gone],
        )
    return {Handle(row.handle) for row in changed} | {Handle(key[0]) for key in gone}


def verify(
    connection: Connection,
    profiles: Mapping[ProfileId, Sequence[Handle]],
    rules: ConsentRules,
    now: datetime,
) -> list[Drift]:
    """Compare the relation with the fold; an empty list is agreement."""
    handles = {handle for members in profiles.values() for handle in members}
    heard = _heard(_bindings(connection, handles), lambda one: one.ended_at is None)
    known = _jurisdictions(connection, handles, None)
    stored = _stored(connection, handles)
    folded = _folded(profiles, heard, known, rules, now)
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
    table = _effective.c
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
        .where(_among(connection, table.handle, asked))
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
    table = _effective.c
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
    table = _effective.c
    turns = [
        connection.execute(
            select(func.min(turn)).where(
                table.scope == scope, table.granted.is_(True), turn > micros
            )
        ).scalar()
        for turn in (table.valid_from, table.valid_to)
    ]
    return min((from_micros(turn) for turn in turns if turn is not None), default=None)


# ------------------------------------------------------------------ the past


def history(
    connection: Connection, handles: Iterable[Handle], scope: int | None = None
) -> list[SignalView]:
    """Return every signal that was ever bound to ``handles``, in ledger order.

    A signal appears once per handle; ``scope`` leaves those that say something about
    it.
    """
    bit = -1 if scope is None else 1 << scope
    query = (
        select(*_VIEWED, _binding.c.handle, _binding.c.ended_at)
        .join(_signal, _signal.c.seq == _binding.c.signal)
        .where(_among(connection, _binding.c.handle, handles))
        .order_by(_signal.c.seq, _binding.c.handle)
    )
    return [
        _view(row)
        for row in connection.execute(query).all()
        if (row.grants | row.denies | row.ends | row.unreadable) & bit or scope is None
    ]


def effective(
    connection: Connection,
    handles: Sequence[Handle],
    scope: int,
    rules: ConsentRules,
    *,
    valid_at: datetime,
    known_at: datetime,
) -> Decision:
    """Decide for a past or present instant, from the ledger alone.

    Args:
        handles: the profile as it was resolved at ``known_at``.
        rules: those of the policy in force at ``known_at``.
        valid_at: what was decided by then counts.
        known_at: what was recorded by then counts.
    """
    known = to_micros(known_at)
    heard = _heard(
        _bindings(connection, handles),
        lambda one: one.ended_at is None or one.ended_at > known,
        known_at=known,
    )
    places = _jurisdictions(connection, handles, known)
    return decide(handles, heard, places, scope, rules, to_micros(valid_at))


# ------------------------------------------------------------------ inside


_INT = BigInteger().with_variant(postgresql.INTEGER(), "postgresql")
_VIEWED = tuple(column for column in _signal.c if column.name not in ("raw", "sent_at"))


class _Bound(NamedTuple):
    """A signal and how it is bound to one handle."""

    handle: int
    owned: bool
    anchored: bool
    reached: bool
    ended_at: int | None
    seq: int
    anchor: int
    source: int
    carrier: str
    rank: int
    kind: int
    grants: int
    denies: int
    ends: int
    unreadable: int
    valid_at: int
    recorded_at: int
    grants_at: int
    denies_at: int
    jurisdiction: str
    evidence: str | None
    notice: str | None
    covers_past: bool

    def leaves(self, profile_of: Mapping[Handle, ProfileId]) -> bool:
        """Whether the handle is no longer in the anchor's profile."""
        return profile_of.get(Handle(self.anchor)) != profile_of[Handle(self.handle)]


_BOUND = tuple(
    _binding.c[name] if name in _binding.c else _signal.c[name]
    for name in _Bound._fields
)


def _among(
    connection: Connection, column: ColumnElement[int], handles: Iterable[int]
) -> ColumnElement[bool]:
    """Return the condition that ``column`` is one of ``handles``, as one parameter."""
    values = list(handles)
    if connection.dialect.name == "sqlite":
        given = func.json_each(msgspec.json.encode(values).decode())
        return column.in_(select(given.table_valued("value").c.value))
    return column == func.any(cast_sql(values, ARRAY(BigInteger)))


def _bindings(connection: Connection, handles: Iterable[Handle]) -> list[_Bound]:
    query = (
        select(*_BOUND)
        .join(_signal, _signal.c.seq == _binding.c.signal)
        .where(_among(connection, _binding.c.handle, handles))
    )
    return [_Bound(*row) for row in connection.execute(query).all()]


def _heard(
    bound: Iterable[_Bound],
    reaches: Callable[[_Bound], bool],
    known_at: int = OPEN,
) -> dict[int, list[Heard]]:
    """Return what counts for each handle: denials it owns, grants that reach it."""
    heard: dict[int, list[Heard]] = {}
    for one in bound:
        if one.recorded_at > known_at:
            continue
        granted = one.anchored or (one.reached and reaches(one))
        if not (one.owned or granted):
            continue
        heard.setdefault(one.handle, []).append(
            Heard(
                seq=one.seq,
                handle=one.handle,
                rank=one.rank,
                kind=one.kind,
                source=one.source,
                carrier=one.carrier,
                jurisdiction=one.jurisdiction,
                grants=one.grants if granted else 0,
                denies=one.denies if one.owned else 0,
                # An end closes whatever it touches, a grant it reached included.
                ends=one.ends,
                unreadable=one.unreadable if one.owned else 0,
                grants_at=one.grants_at,
                denies_at=one.denies_at,
                starts_at=min(one.valid_at, one.recorded_at, one.denies_at),
                recorded_at=one.recorded_at,
                evidence=one.evidence,
                notice=one.notice,
                covers_past=one.covers_past,
            )
        )
    return heard


def _end_reaches(
    connection: Connection,
    bound: Iterable[_Bound],
    profile_of: Mapping[Handle, ProfileId],
    seq: Seq,
    now: datetime,
) -> None:
    ended = [
        {"b_handle": one.handle, "b_signal": one.seq}
        for one in bound
        if one.reached and one.ended_at is None and one.leaves(profile_of)
    ]
    if ended:
        connection.execute(
            update(_binding)
            .where(
                _binding.c.handle == bindparam("b_handle"),
                _binding.c.signal == bindparam("b_signal"),
            )
            .values(ended_seq=seq, ended_at=to_micros(now)),
            ended,
        )


def _jurisdictions(
    connection: Connection, handles: Iterable[Handle], known_at: int | None
) -> dict[int, list[str]]:
    query = select(_subject.c.handle, _subject.c.jurisdiction).where(
        _among(connection, _subject.c.handle, handles)
    )
    if known_at is not None:
        query = query.where(_subject.c.recorded_at <= known_at)
    known: dict[int, list[str]] = {}
    for handle, jurisdiction in connection.execute(query).all():
        known.setdefault(handle, []).append(jurisdiction)
    return known


def _folded(
    profiles: Mapping[ProfileId, Sequence[Handle]],
    heard: Mapping[int, Sequence[Heard]],
    known: Mapping[int, Iterable[str]],
    rules: ConsentRules,
    now: datetime,
) -> dict[tuple[int, int], EffectiveRow]:
    at = _at(heard, now)
    return {
        (row.handle, row.scope): row
        for handles in profiles.values()
        for row in rows_of(handles, heard, known, rules, at)
    }


def _at(heard: Mapping[int, Sequence[Heard]], now: datetime) -> int:
    """Return ``now``, or later: a clock set back must not hide what is on record."""
    recorded = (one.recorded_at for said in heard.values() for one in said)
    return max(to_micros(now), max(recorded, default=0))


_STORED = tuple(
    func.coalesce(_effective.c[name], OPEN)
    if name == "valid_to"
    else _effective.c[name]
    for name in EffectiveRow.__struct_fields__
)


def _stored(
    connection: Connection, handles: Iterable[Handle]
) -> dict[tuple[int, int], EffectiveRow]:
    query = select(*_STORED).where(_among(connection, _effective.c.handle, handles))
    rows = [EffectiveRow(*row) for row in connection.execute(query).all()]
    return {(row.handle, row.scope): row for row in rows}


def _relation_row(row: EffectiveRow, ordinal: int, seq: Seq) -> dict[str, object]:
    values: dict[str, object] = msgspec.structs.asdict(row)
    values["valid_to"] = None if row.valid_to == OPEN else row.valid_to
    values["ordinal"] = ordinal
    values["seq"] = seq
    return values


def _is_open(now: int) -> ColumnElement[bool]:
    table = _effective.c
    return (
        table.granted.is_(True)
        & (table.valid_from <= now)
        & or_(table.valid_to.is_(None), table.valid_to > now)
    )


def _upsert(
    connection: Connection, table: Table, rows: list[dict[str, object]]
) -> None:
    if not rows:
        return
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = make(table)
    keys = [column.name for column in table.primary_key]
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=keys,
            set_={
                column.name: statement.excluded[column.name]
                for column in table.columns
                if column.name not in keys
            },
        ),
        rows,
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
        covers_past=row.covers_past,
        policy=row.policy,
        sha256=row.sha256,
        reach_ended_at=None if row.ended_at is None else from_micros(row.ended_at),
    )
