"""Resolution once more, by brute force: every question is asked of everything again.

Slow on purpose and written from the page, not from the code: no running counts, no keys
built ahead, no parts that grow in place.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

from cdp.identity import Evidence, HandleFacts, IdentityRules, Trust
from cdp.kernel import Handle

Pair = frozenset[Handle]
Profile = tuple[Handle, frozenset[Handle]]
Refused = tuple[Pair, str, bytes]


class Outcome:
    def __init__(self) -> None:
        self.profiles: set[Profile] = set()
        self.refusals: set[Refused] = set()
        self.cuts: dict[Handle, str] = {}


class Oracle:
    def __init__(
        self,
        evidence: Sequence[Evidence],
        apart: Collection[tuple[Handle, Handle]],
        handles: Mapping[Handle, HandleFacts],
        rules: IdentityRules,
        blocked: Collection[Handle] = (),
    ) -> None:
        self.handles = handles
        self.rules = rules
        self.apart = [frozenset(pair) for pair in apart]
        self.evidence = [
            e for e in evidence if e.a != e.b and not {e.a, e.b} & set(blocked)
        ]
        self.outcome = Outcome()
        self.classes = [frozenset([handle]) for handle in handles]
        self.edges: list[tuple[Pair, Evidence]] = []

    def run(self) -> Outcome:
        self.join_classes()
        self.collect_edges()
        self.cut()
        self.unite()
        return self.outcome

    def is_alias(self, e: Evidence) -> bool:
        one, other = self.handles[e.a].namespace, self.handles[e.b].namespace
        return e.rename and one == other and self.rules.by_name[one].unique

    def class_of(self, handle: Handle) -> frozenset[Handle]:
        return next(group for group in self.classes if handle in group)

    def when(self, e: Evidence) -> tuple[int, int, bytes, int]:
        return (e.observed, e.source, e.event_key, e.ordinal)

    def strength(self, e: Evidence) -> tuple[object, ...]:
        ranks = sorted(
            self.rules.rank_of[self.handles[h].namespace] for h in (e.a, e.b)
        )
        first = 0 if self.is_alias(e) else 1
        return (first, e.trust, *ranks, *self.when(e))

    def join_classes(self) -> None:
        aliases = [e for e in self.evidence if self.is_alias(e)]
        proven = {frozenset((e.a, e.b)) for e in aliases if e.trust is Trust.VERIFIED}
        seen: set[tuple[Pair, str]] = set()
        for e in sorted(aliases, key=lambda e: (*self.when(e), *sorted((e.a, e.b)))):
            pair = frozenset((e.a, e.b))
            if e.trust is Trust.CLAIMED:
                reason = "" if pair in proven else "rename_not_verified"
            else:
                one, other = self.class_of(e.a), self.class_of(e.b)
                if one == other:
                    continue
                reason = ""
                if len(one | other) > self.rules.rename_class:
                    reason = "rename_class"
                else:
                    self.classes = [
                        group for group in self.classes if group not in (one, other)
                    ]
                    self.classes.append(one | other)
            if reason and (pair, reason) not in seen:
                seen.add((pair, reason))
                self.outcome.refusals.add((pair, reason, e.event_key))

    def collect_edges(self) -> None:
        by_pair: dict[Pair, list[Evidence]] = {}
        for e in self.evidence:
            if self.is_alias(e) and (
                e.trust is Trust.CLAIMED or self.class_of(e.a) != self.class_of(e.b)
            ):
                continue
            by_pair.setdefault(frozenset((e.a, e.b)), []).append(e)
        for pair, some in by_pair.items():
            best = min(some, key=self.strength)
            self.edges.append((pair, best))

    def cut(self) -> None:
        for handle, facts in self.handles.items():
            own = self.rules.by_name[facts.namespace]
            others = {
                self.class_of(other)
                for pair, _ in self.edges
                for other in pair - {handle}
                if handle in pair
            }
            names = [self.handles[min(group)].namespace for group in others]
            unique = [n for n in names if self.rules.by_name[n].unique]
            stronger = [
                n for n in names if self.rules.rank_of[n] < self.rules.rank_of[own.name]
            ]
            allowed = own.degree_stronger
            if not own.strong and len(unique) > len(set(unique)):
                self.outcome.cuts[handle] = "shared"
            elif len(others) > own.degree_all or (
                allowed is not None and len(stronger) > allowed
            ):
                self.outcome.cuts[handle] = "over"

    def breaks(self, members: frozenset[Handle]) -> str | None:
        values = {self.class_of(handle) for handle in members}
        names = [self.handles[min(group)].namespace for group in values]
        for namespace in self.rules.namespaces:
            if namespace.unique and names.count(namespace.name) > 1:
                return "unique"
        for namespace in self.rules.namespaces:
            if not namespace.unique and (
                names.count(namespace.name) > namespace.per_profile
            ):
                return "limit"
        if len(members) > self.rules.max_handles:
            return "size"
        pairs = {frozenset(pair) for pair in combinations(members, 2)}
        return "apart" if pairs & set(self.apart) else None

    def unite(self) -> None:
        parts = [frozenset([handle]) for handle in self.handles]
        live = [(p, e) for p, e in self.edges if not p & self.outcome.cuts.keys()]
        for pair, e in sorted(
            live, key=lambda item: (*self.strength(item[1]), *sorted(item[0]))
        ):
            touching = [part for part in parts if part & pair]
            joined = frozenset().union(*touching)
            reason = self.breaks(joined) if len(touching) > 1 else None
            if reason is None:
                parts = [part for part in parts if not part & pair] + [joined]
            else:
                self.outcome.refusals.add((pair, reason, e.event_key))
        for part in parts:
            named_by = min(part, key=self.naming)
            self.outcome.profiles.add((named_by, part))

    def naming(self, handle: Handle) -> tuple[int, int, Handle]:
        facts = self.handles[handle]
        return (self.rules.rank_of[facts.namespace], facts.first_seen, handle)
