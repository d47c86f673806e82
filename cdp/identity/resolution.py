"""Which handles are one person: the canonical constrained union.

``resolve`` is a pure function of live evidence, ``apart`` pairs, handles and rules.
Merging and unmerging are not operations; they are what happens to its value.

- Every edge that is not cut ends inside a profile or in the refusals, never in both.
- Limits are monotone: a set that breaks one breaks it for ever as it grows. So the
  order of edges alone decides, and a component that breaks no limit is a profile as a
  whole.
- The order holds no handle and no digest; handles break ties of everything else alone.
- A cut handle is alone, and keeps its own anonymous events.

Refuses: clocks, randomness, IO.

Source: the design page "Identity", section 4; docs/decisions/0050 for what it leaves
open.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from cdp.identity.evidence import (
    CutReason,
    Evidence,
    HandleFacts,
    Part,
    Refusal,
    RefusalReason,
    Resolution,
    Trust,
)
from cdp.identity.rules import IdentityRules
from cdp.kernel import Handle

Pair: TypeAlias = tuple[Handle, Handle]
Event: TypeAlias = tuple[int, int, bytes, int]


def resolve(
    evidence: Sequence[Evidence],
    apart: Iterable[Pair],
    handles: Mapping[Handle, HandleFacts],
    rules: IdentityRules,
    *,
    blocked: Collection[Handle] = frozenset(),
    known_cuts: Collection[Handle] = frozenset(),
) -> Resolution:
    """Partition ``handles`` by live evidence.

    Args:
        evidence: neither ended nor expired; every end of it in ``handles``.
        apart: pairs that an officer keeps apart.
        handles: all handles to place, those without evidence too.
        blocked: handles that tie nothing because their value is blocked.
        known_cuts: handles known to be cut, whose own evidence need not be complete and
            which ``cuts`` leaves out. For a region of the graph; the whole needs none.
    """
    usable = [
        each
        for each in evidence
        if each.a != each.b
        and not _is_nobody(each.a, handles, rules, blocked)
        and not _is_nobody(each.b, handles, rules, blocked)
    ]
    # (0) Rename classes. Evidence at a blocked handle is left out before them and not
    # after, so that a blocked value changes nothing (law 8).
    classes, refusals = rename_classes(usable, handles, rules)
    # (1) What remains, one edge for each pair.
    edges = _edges(usable, handles, rules, refused={(r.a, r.b) for r in refusals})
    # (2) Cut.
    cuts = cut_handles(edges, classes, handles, rules, skip=known_cuts)
    alone = cuts.keys() | known_cuts
    # (3) Order.
    live = sorted(
        (key, pair)
        for pair, key in edges.items()
        if pair[0] not in alone and pair[1] not in alone
    )
    # (4) Union.
    union = _Union(handles, classes, apart, rules)
    for key, (a, b) in live:
        reason = union.join(a, b)
        if reason is not None:
            _, source, event_key, _ = key[1]
            refusals.append(
                Refusal(a=a, b=b, reason=reason, source=source, event_key=event_key)
            )
    # (5) Id.
    parts = tuple(_named(part, handles, rules) for part in union.parts())
    return Resolution(parts=parts, refusals=tuple(sorted(refusals)), cuts=cuts)


def is_rename(
    each: Evidence, handles: Mapping[Handle, HandleFacts], rules: IdentityRules
) -> bool:
    """Say whether an alias ties two values of one unique namespace, verified or not.

    Any other alias is evidence like the rest: a cookie that becomes a user id is a
    login.
    """
    namespace = handles[each.a].namespace
    return (
        each.rename
        and namespace == handles[each.b].namespace
        and rules.by_name[namespace].unique
    )


def rename_classes(
    evidence: Iterable[Evidence],
    handles: Mapping[Handle, HandleFacts],
    rules: IdentityRules,
) -> tuple[dict[Handle, Handle], list[Refusal]]:
    """Group the values that a person had one after the other.

    Returns:
        For each renamed handle the smallest one of its class, and the renames that were
        refused: claimed ones, and those that would make a class too large.
    """
    verified: dict[Pair, Event] = {}
    claimed: dict[Pair, Event] = {}
    for each in evidence:
        if each.rename and is_rename(each, handles, rules):
            found = verified if each.trust is Trust.VERIFIED else claimed
            pair, event = _pair(each), _event(each)
            found[pair] = min(found.get(pair, event), event)
    refusals = [
        _refusal(pair, RefusalReason.RENAME_NOT_VERIFIED, event)
        for pair, event in claimed.items()
        if pair not in verified
    ]
    members: dict[Handle, set[Handle]] = {}
    for pair, event in sorted(verified.items(), key=lambda item: (item[1], item[0])):
        one, other = (members.get(handle, {handle}) for handle in pair)
        if one is other:
            continue
        if len(one) + len(other) > rules.rename_class:
            refusals.append(_refusal(pair, RefusalReason.RENAME_CLASS, event))
            continue
        joined = one | other
        members.update(dict.fromkeys(joined, joined))
    return {handle: min(group) for handle, group in members.items()}, refusals


def cut_handles(
    pairs: Iterable[Pair],
    classes: Mapping[Handle, Handle],
    handles: Mapping[Handle, HandleFacts],
    rules: IdentityRules,
    *,
    skip: Collection[Handle] = frozenset(),
) -> dict[Handle, CutReason]:
    """Find the handles that tie nothing.

    Neighbours are counted as values: the ids that a person had one after the other are
    one. *Shared* counts each unique namespace by itself, else a login id and a unique
    e-mail of one person would make a device shared.
    """
    neighbours: defaultdict[Handle, set[Handle]] = defaultdict(set)
    for a, b in pairs:
        neighbours[a].add(classes.get(b, b))
        neighbours[b].add(classes.get(a, a))
    cuts: dict[Handle, CutReason] = {}
    for handle, others in neighbours.items():
        if handle in skip:
            continue
        reason = _cut_reason(handle, others, handles, rules)
        if reason is not None:
            cuts[handle] = reason
    return cuts


def _cut_reason(
    handle: Handle,
    others: set[Handle],
    handles: Mapping[Handle, HandleFacts],
    rules: IdentityRules,
) -> CutReason | None:
    own = rules.by_name[handles[handle].namespace]
    rank = rules.rank_of[own.name]
    stronger = 0
    unique: set[str] = set()
    shared = False
    for other in others:
        name = handles[other].namespace
        if rules.rank_of[name] < rank:
            stronger += 1
        if not own.strong and rules.by_name[name].unique:
            shared = shared or name in unique
            unique.add(name)
    if shared:
        return CutReason.SHARED
    if len(others) > own.degree_all:
        return CutReason.OVER
    if own.degree_stronger is not None and stronger > own.degree_stronger:
        return CutReason.OVER
    return None


# The sort key of an edge: renames first, then trust and ranks, then its first event.
_Key: TypeAlias = tuple[tuple[int, int, int, int], Event]


def _edges(
    evidence: Iterable[Evidence],
    handles: Mapping[Handle, HandleFacts],
    rules: IdentityRules,
    refused: Collection[Pair],
) -> dict[Pair, _Key]:
    """Return each remaining pair with the best key of its evidence."""
    rank_of = rules.rank_of
    edges: dict[Pair, _Key] = {}
    for each in evidence:
        pair = _pair(each)
        ordinary = 1
        if each.rename and is_rename(each, handles, rules):
            if each.trust is not Trust.VERIFIED or pair in refused:
                continue
            ordinary = 0
        ranks = (rank_of[handles[each.a].namespace], rank_of[handles[each.b].namespace])
        key = ((ordinary, int(each.trust), min(ranks), max(ranks)), _event(each))
        best = edges.get(pair)
        if best is None or key < best:
            edges[pair] = key
    return edges


class _Union:
    """Disjoint sets that know what their limits count."""

    def __init__(
        self,
        handles: Mapping[Handle, HandleFacts],
        classes: Mapping[Handle, Handle],
        apart: Iterable[Pair],
        rules: IdentityRules,
    ) -> None:
        self._handles = handles
        self._classes = classes
        self._rules = rules
        self._apart: defaultdict[Handle, set[Handle]] = defaultdict(set)
        for a, b in apart:
            self._apart[a].add(b)
            self._apart[b].add(a)
        # Parts of one handle are not written down until they grow.
        self._part_of: dict[Handle, _Set] = {}

    def join(self, a: Handle, b: Handle) -> RefusalReason | None:
        one, other = self._part(a), self._part(b)
        if one is other:
            return None
        reason = self._refused(one, other)
        if reason is not None:
            return reason
        if len(one.members) < len(other.members):
            one, other = other, one
        one.absorb(other)
        for member in other.members:
            self._part_of[member] = one
        return None

    def parts(self) -> Iterable[list[Handle]]:
        given: set[int] = set()
        for handle in self._handles:
            part = self._part_of.get(handle)
            if part is None:
                yield [handle]
            elif id(part) not in given:
                given.add(id(part))
                yield part.members

    def _part(self, handle: Handle) -> "_Set":
        part = self._part_of.get(handle)
        if part is None:
            value = self._classes.get(handle, handle)
            part = _Set(handle, self._handles[handle].namespace, value)
            self._part_of[handle] = part
        return part

    def _refused(self, one: "_Set", other: "_Set") -> RefusalReason | None:
        for name, values in other.values.items():
            mine = one.values.get(name)
            if mine and self._rules.by_name[name].unique and mine != values:
                return RefusalReason.UNIQUE
        for name, values in other.values.items():
            mine = one.values.get(name)
            if mine and len(mine | values) > self._rules.by_name[name].per_profile:
                return RefusalReason.LIMIT
        if len(one.members) + len(other.members) > self._rules.max_handles:
            return RefusalReason.SIZE
        if self._apart and self._are_apart(one, other):
            return RefusalReason.APART
        return None

    def _are_apart(self, one: "_Set", other: "_Set") -> bool:
        small, large = sorted((one, other), key=lambda part: len(part.members))
        return any(
            self._part_of.get(foe) is large
            for member in small.members
            for foe in self._apart.get(member, ())
        )


class _Set:
    __slots__ = ("members", "values")

    def __init__(self, handle: Handle, namespace: str, value: Handle) -> None:
        self.members = [handle]
        # Of each namespace the distinct values: a rename class is one.
        self.values: dict[str, set[Handle]] = {namespace: {value}}

    def absorb(self, other: "_Set") -> None:
        self.members.extend(other.members)
        for name, values in other.values.items():
            self.values.setdefault(name, set()).update(values)


def _named(
    part: list[Handle], handles: Mapping[Handle, HandleFacts], rules: IdentityRules
) -> Part:
    if len(part) == 1:
        return Part(named_by=part[0], handles=frozenset(part))
    rank_of = rules.rank_of
    strongest = min(
        part,
        key=lambda handle: (
            rank_of[handles[handle].namespace],
            handles[handle].first_seen,
            handle,
        ),
    )
    return Part(named_by=strongest, handles=frozenset(part))


def _is_nobody(
    handle: Handle,
    handles: Mapping[Handle, HandleFacts],
    rules: IdentityRules,
    blocked: Collection[Handle],
) -> bool:
    return handle in blocked or handles[handle].namespace not in rules.rank_of


def _pair(each: Evidence) -> Pair:
    return (each.a, each.b) if each.a < each.b else (each.b, each.a)


def _event(each: Evidence) -> Event:
    return (each.observed, each.source, each.event_key, each.ordinal)


def _refusal(pair: Pair, reason: RefusalReason, event: Event) -> Refusal:
    _, source, event_key, _ = event
    return Refusal(
        a=pair[0], b=pair[1], reason=reason, source=source, event_key=event_key
    )
