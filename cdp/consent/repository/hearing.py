"""How signals are bound to handles, and what of them counts where.

- A denial counts for every handle that owned it; a grant for its anchor, and for the
  handles it reaches.
- A reach ends for good when its handle leaves the anchor's profile.
- A past question hears what was recorded by then, with the reaches as they stood.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, select, update

from cdp.consent.heard import OPEN, Heard
from cdp.consent.repository.sql import BINDING, SIGNAL, among
from cdp.kernel import Handle, ProfileId, Seq, to_micros
from cdp.runtime import Connection


class Bound(NamedTuple):
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
    actor: str
    guardian_check: str | None

    def leaves(self, profile_of: Mapping[Handle, ProfileId]) -> bool:
        """Whether the handle is no longer in the anchor's profile."""
        return profile_of.get(Handle(self.anchor)) != profile_of[Handle(self.handle)]


_COLUMNS = tuple(
    BINDING.c[name] if name in BINDING.c else SIGNAL.c[name] for name in Bound._fields
)


def bindings(connection: Connection, handles: Iterable[Handle]) -> list[Bound]:
    """Return every signal that was ever bound to ``handles``."""
    query = (
        select(*_COLUMNS)
        .join(SIGNAL, SIGNAL.c.seq == BINDING.c.signal)
        .where(among(connection, BINDING.c.handle, handles))
    )
    return [Bound(*row) for row in connection.execute(query).all()]


def heard_in(
    bound: Iterable[Bound],
    reaches: Callable[[Bound], bool],
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
                actor=one.actor,
                is_checked=one.guardian_check is not None,
            )
        )
    return heard


def end_reaches(
    connection: Connection,
    bound: Iterable[Bound],
    profile_of: Mapping[Handle, ProfileId],
    seq: Seq,
    now: datetime,
) -> None:
    """End the reaches into handles that are no longer with their anchor, for good."""
    ended = [
        {"b_handle": one.handle, "b_signal": one.seq}
        for one in bound
        if one.reached and one.ended_at is None and one.leaves(profile_of)
    ]
    if ended:
        connection.execute(
            update(BINDING)
            .where(
                BINDING.c.handle == bindparam("b_handle"),
                BINDING.c.signal == bindparam("b_signal"),
            )
            .values(ended_seq=seq, ended_at=to_micros(now)),
            ended,
        )


def ledger_time(heard: Mapping[int, Sequence[Heard]], now: datetime) -> int:
    """Return ``now``, or later: a clock set back must not hide what is on record."""
    recorded = (one.recorded_at for said in heard.values() for one in said)
    return max(to_micros(now), max(recorded, default=0))
