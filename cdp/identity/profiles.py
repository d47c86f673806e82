"""Profiles after a change: the result of resolving everything, at the price of a few.

A change touches few handles. Only the components that hold one of them, before or
after, and those of the neighbours of a handle whose cut was lifted, can have another
result.

- An old component is read from the old result: every live edge is inside a profile or
  in the refusals, so the profiles joined by refusals are the component.
- Adding evidence cuts more and never less, unless it is a rename. So a handle that is
  cut stays cut, and its evidence, which can be long, is not read.
- Law: equal to ``rebuild`` after every step (tests/identity).

Every function takes the caller's ``seq``, writes history under it, and commits nothing.

Source: the design page "Identity", sections 3 and 4.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import msgspec

from cdp.identity import repository
from cdp.identity.errors import UnknownHandleError
from cdp.identity.evidence import (
    Changed,
    CutReason,
    Drift,
    Evidence,
    HandleFacts,
    Observation,
    Refusal,
    RefusalReason,
    Resolution,
    Trust,
)
from cdp.identity.repository import Standing
from cdp.identity.resolution import resolve
from cdp.identity.rules import IdentityRules
from cdp.identity.thinning import thin
from cdp.kernel import Handle, ProfileId, Seq, to_micros
from cdp.runtime import Connection

# The refusals of live edges. The others are of aliases that never were an edge: whoever
# claims many of them must not make the region grow.
_OF_EDGES = frozenset(
    {
        RefusalReason.UNIQUE,
        RefusalReason.LIMIT,
        RefusalReason.SIZE,
        RefusalReason.APART,
    }
)


def observe(
    connection: Connection,
    observations: Sequence[Observation],
    rules: IdentityRules,
    seq: Seq,
    *,
    now: datetime,
) -> Changed:
    """Keep what is new of ``observations`` and resolve the touched profiles again.

    Args:
        observations: of one commit, in any order; linking was allowed for each of them.
        now: when the store learns of them; not when they were observed.

    Raises:
        UnknownHandleError: an observation names a handle that the store does not hold.
    """
    if not observations:
        return Changed(seq=seq)
    stored = repository.stored_evidence(connection, observations)
    thinned = thin(observations, stored)
    changed = Changed(seq=seq)
    if thinned.kept:
        repository.append_evidence(connection, thinned.kept, seq)
        pairs = [(each.anchor, each.other) for each in thinned.kept]
        aliases = [each for each in thinned.kept if each.rename]
        changed = _settle(
            connection,
            {handle for pair in pairs for handle in pair},
            rules,
            seq,
            now,
            met=pairs,
            doubtful={h for each in aliases for h in (each.anchor, each.other)},
            renamed={
                handle
                for each in aliases
                if each.trust is Trust.VERIFIED
                for handle in (each.anchor, each.other)
            },
        )
    return msgspec.structs.replace(
        changed,
        appended=len(thinned.kept),
        repeated=thinned.repeated,
        late=thinned.late,
    )


def touch(
    connection: Connection,
    seen: Mapping[Handle, datetime],
    rules: IdentityRules,
    seq: Seq,
    *,
    now: datetime,
) -> Changed:
    """Note that an event of this time carried the handle; only an earlier one counts.

    ``first_seen`` says which of two equally strong handles names a profile, so an event
    that arrives late can rename one.
    """
    earlier = repository.lower_first_seen(connection, seen)
    if not earlier:
        return Changed(seq=seq)
    return _settle(connection, earlier, rules, seq, now)


def end_evidence(
    connection: Connection,
    handles: Collection[Handle],
    *,
    reason: str,
    ended_at: datetime,
    rules: IdentityRules,
    seq: Seq,
) -> Changed:
    """End all evidence at these handles for good, as a denial of linking demands.

    Evidence lives and ends by its handles' own signals: pass the handles that denied,
    not those of their profile. The split is the result; nothing is left to undo.
    """
    rows = repository.end_evidence(connection, handles, reason, ended_at)
    if not rows:
        return Changed(seq=seq)
    ends = {handle for a, b, _ in rows for handle in (a, b)}
    changed = _settle(
        connection,
        ends,
        rules,
        seq,
        ended_at,
        doubtful=ends,
        renamed={handle for a, b, rename in rows if rename for handle in (a, b)},
    )
    return msgspec.structs.replace(changed, ended=len(rows))


def block(
    connection: Connection,
    handles: Collection[Handle],
    rules: IdentityRules,
    seq: Seq,
    *,
    now: datetime,
) -> Changed:
    """Take handles out of resolution: their values are on the blocked list now."""
    blocked = repository.block(connection, handles)
    if not blocked:
        return Changed(seq=seq)
    evidence = repository.live_evidence(connection, blocked)
    ends = blocked | _ends(evidence)
    renamed = _ends([each for each in evidence if each.rename])
    return _settle(connection, ends, rules, seq, now, doubtful=ends, renamed=renamed)


def unlink(
    connection: Connection,
    a: Handle,
    b: Handle,
    *,
    officer: str,
    reason: str,
    ticket: str,
    made_at: datetime,
    rules: IdentityRules,
    seq: Seq,
) -> Changed:
    """Keep two handles apart from now on, whatever ties them.

    Raises:
        UnknownHandleError: the store does not hold one of them.
    """
    if not repository.put_apart(
        connection,
        a,
        b,
        officer=officer,
        reason=reason,
        ticket=ticket,
        made_at=made_at,
    ):
        return Changed(seq=seq)
    return _settle(connection, {a, b}, rules, seq, made_at)


def lift(
    connection: Connection,
    a: Handle,
    b: Handle,
    *,
    lifted_at: datetime,
    rules: IdentityRules,
    seq: Seq,
) -> Changed:
    """Take back an ``unlink``: the evidence decides again."""
    if not repository.lift_apart(connection, a, b, lifted_at):
        return Changed(seq=seq)
    return _settle(connection, {a, b}, rules, seq, lifted_at)


def rebuild(
    connection: Connection, rules: IdentityRules, seq: Seq, *, now: datetime
) -> Changed:
    """Resolve everything, and write what differs. For new rules; not for every day."""
    region = _everything(connection)
    return _apply(connection, region, _resolved(region, rules), seq, now)


def verify(connection: Connection, rules: IdentityRules) -> Drift:
    """Resolve everything, and only compare it with the stored result."""
    region = _everything(connection)
    result = _resolved(region, rules)
    named = _named(region, result)
    refused = set(result.refusals) ^ region.refusals
    differing = result.cuts.items() ^ region.cuts.items()
    return Drift(
        handles=frozenset(
            handle
            for handle, was in region.standing.items()
            if was.profile_id != named[handle]
        ),
        refusals=len({(r.a, r.b, r.reason) for r in refused}),
        cuts=len({handle for handle, _ in differing}),
    )


class _Region(msgspec.Struct, kw_only=True):
    """What is read before a part of the graph is resolved.

    Args:
        standing: the handles to place.
        refusals: the stored ones at these handles.
        cuts: the stored ones of these handles.
        stable: cut handles that stay cut, whose evidence is not read.
        evidence: all live evidence at the other handles.
        facts: of every handle that stands in ``standing`` or in ``evidence``.
        blocked: the blocked ones of these.
        apart: the pairs kept apart.
    """

    standing: dict[Handle, Standing]
    refusals: set[Refusal]
    cuts: dict[Handle, CutReason] = {}
    stable: set[Handle] = set()
    evidence: list[Evidence] = []
    facts: dict[Handle, HandleFacts] = {}
    blocked: set[Handle] = set()
    apart: set[tuple[Handle, Handle]] = set()

    @property
    def active(self) -> set[Handle]:
        return self.standing.keys() - self.stable


def _settle(
    connection: Connection,
    touched: set[Handle],
    rules: IdentityRules,
    seq: Seq,
    now: datetime,
    *,
    met: Collection[tuple[Handle, Handle]] = (),
    doubtful: Collection[Handle] = frozenset(),
    renamed: Collection[Handle] = frozenset(),
) -> Changed:
    """Resolve what a change of the evidence can have changed, and write what differs.

    Args:
        touched: the ends of all that changed.
        met: the pairs that were added.
        doubtful: handles whose cut can have been lifted, if they are cut.
        renamed: the ends of verified aliases that changed: their classes change far
            away, and with them what is shared.
    """
    candidates, unsettled = set(touched), set(doubtful)
    if renamed:
        class_ = _rename_component(connection, renamed)
        around = class_ | _ends(repository.live_evidence(connection, class_))
        candidates |= around
        unsettled |= around
    region = _Region(standing={}, refusals=set())
    _grow(connection, region, candidates)
    missing = touched - region.standing.keys()
    if missing:
        raise UnknownHandleError(f"{len(missing)} handles are not in the store")
    while True:
        region.cuts = repository.cuts(connection, region.standing.keys())
        unsettled |= _perhaps_shared(region, met, rules)
        region.stable = region.cuts.keys() - unsettled
        _read(connection, region)
        result = _resolved(region, rules)
        # A handle that is no longer cut is tied to its neighbours again, and with them
        # to their components.
        freed = (region.cuts.keys() - region.stable) - result.cuts.keys()
        beyond = {
            handle
            for each in region.evidence
            if each.a in freed or each.b in freed
            for handle in (each.a, each.b)
        } - region.standing.keys()
        if not beyond:
            return _apply(connection, region, result, seq, now)
        _grow(connection, region, beyond)


def _grow(connection: Connection, region: _Region, seeds: Collection[Handle]) -> None:
    """Add the old components of ``seeds``: profiles, and what refusals tie to them."""
    frontier = set(seeds) - region.standing.keys()
    while frontier:
        found = repository.standing(connection, frontier)
        region.standing.update(found)
        refused = repository.refusals(connection, found.keys())
        region.refusals |= refused
        frontier = {
            handle
            for refusal in refused
            if refusal.reason in _OF_EDGES
            for handle in (refusal.a, refusal.b)
        } - region.standing.keys()


def _perhaps_shared(
    region: _Region, met: Collection[tuple[Handle, Handle]], rules: IdentityRules
) -> set[Handle]:
    """Find handles that were cut as over and met a person: the reason may change."""
    found: set[Handle] = set()
    for pair in met:
        for handle, other in (pair, pair[::-1]):
            if region.cuts.get(handle) is CutReason.OVER:
                own = rules.by_name.get(region.standing[handle].facts.namespace)
                met_ = rules.by_name.get(region.standing[other].facts.namespace)
                if own and met_ and met_.unique and not own.strong:
                    found.add(handle)
    return found


def _read(connection: Connection, region: _Region) -> None:
    """Read what ties the region's handles, but for those that stay cut."""
    region.facts = {handle: was.facts for handle, was in region.standing.items()}
    region.blocked = {h for h, was in region.standing.items() if was.blocked}
    region.evidence = repository.live_evidence(connection, region.active)
    region.apart = repository.apart_pairs(connection, region.active)
    # Classes need every rename of their members, also of those beyond the region.
    asked: set[Handle] = set()
    ends = _ends(region.evidence) | region.active
    while ends - asked:
        found = repository.verified_renames(connection, ends - asked)
        asked |= ends
        ends = _ends(found)
        region.evidence += found
    beyond = _ends(region.evidence) - region.facts.keys()
    more, blocked = repository.facts(connection, beyond)
    region.facts.update(more)
    region.blocked |= blocked


def _everything(connection: Connection) -> _Region:
    standing = repository.standing(connection, None)
    return _Region(
        standing=standing,
        refusals=repository.refusals(connection, None),
        cuts=repository.cuts(connection, None),
        evidence=repository.live_evidence(connection, None),
        facts={handle: was.facts for handle, was in standing.items()},
        blocked={handle for handle, was in standing.items() if was.blocked},
        apart=repository.apart_pairs(connection, None),
    )


def _resolved(region: _Region, rules: IdentityRules) -> Resolution:
    """Resolve the region; a handle beyond it is cut, or it would be inside."""
    active = region.active
    result = resolve(
        region.evidence,
        region.apart,
        region.facts,
        rules,
        blocked=region.blocked,
        known_cuts=region.facts.keys() - active,
    )
    return Resolution(
        parts=tuple(p for p in result.parts if p.named_by in region.standing),
        refusals=tuple(r for r in result.refusals if r.a in active or r.b in active),
        cuts=result.cuts,
    )


def _named(region: _Region, result: Resolution) -> dict[Handle, ProfileId]:
    return {
        handle: region.standing[part.named_by].own_id
        for part in result.parts
        for handle in part.handles
    }


def _apply(
    connection: Connection,
    region: _Region,
    result: Resolution,
    seq: Seq,
    now: datetime,
) -> Changed:
    """Write where the result differs from what stands."""
    named = _named(region, result)
    moves = [
        (was, named[handle])
        for handle, was in region.standing.items()
        if was.profile_id != named[handle]
    ]
    repository.move(connection, moves, seq, _since(region, now))
    active = region.active
    stood = {r for r in region.refusals if r.a in active or r.b in active}
    holds = set(result.refusals)
    repository.replace_refusals(connection, stood - holds, holds - stood, seq)
    cut = {h: r for h, r in region.cuts.items() if h in active}
    repository.replace_cuts(
        connection,
        [handle for handle, reason in cut.items() if result.cuts.get(handle) != reason],
        {h: reason for h, reason in result.cuts.items() if cut.get(h) != reason},
        seq,
    )
    if not moves:
        return Changed(seq=seq)
    before = _grouped({h: was.profile_id for h, was in region.standing.items()})
    after = _grouped(named)
    return Changed(
        seq=seq,
        before={id_: some for id_, some in before.items() if after.get(id_) != some},
        after={id_: some for id_, some in after.items() if before.get(id_) != some},
    )


def _since(region: _Region, now: datetime) -> int:
    """Return the instant of a change, later than all before it where a clock is not.

    A clock that was set back must not change what was known at an instant before.
    """
    at = to_micros(now)
    newest = max((was.from_at for was in region.standing.values()), default=at)
    return at if at >= newest else newest + 1


def _rename_component(
    connection: Connection, handles: Collection[Handle]
) -> set[Handle]:
    """Return all that verified aliases tie to ``handles``, in a class or refused."""
    found = set(handles)
    frontier = set(handles)
    while frontier:
        frontier = _ends(repository.verified_renames(connection, frontier)) - found
        found |= frontier
    return found


def _ends(evidence: Collection[Evidence]) -> set[Handle]:
    return {handle for each in evidence for handle in (each.a, each.b)}


def _grouped(
    profile_of: Mapping[Handle, ProfileId],
) -> dict[ProfileId, tuple[Handle, ...]]:
    mates: dict[ProfileId, list[Handle]] = {}
    for handle, profile_id in sorted(profile_of.items()):
        mates.setdefault(profile_id, []).append(handle)
    return {profile_id: tuple(some) for profile_id, some in mates.items()}
