"""The laws of resolution, against a brute-force oracle.

Source: the design page "Identity", section 11, laws 1 and 4 to 9.
"""

import hashlib
from itertools import combinations

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cdp.identity import (
    CutReason,
    Evidence,
    HandleFacts,
    IdentityRules,
    RefusalReason,
    Resolution,
    Trust,
    resolve,
)
from cdp.kernel import Handle
from tests.identity.graphs import HANDLES, KIND, Graph, graphs, tight
from tests.identity.oracle import Oracle

OF_RENAMES = {RefusalReason.RENAME_NOT_VERIFIED, RefusalReason.RENAME_CLASS}


def run(graph: Graph, *, blocked: frozenset[Handle] = frozenset()) -> Resolution:
    return resolve(
        graph.evidence, graph.apart, graph.handles, graph.rules, blocked=blocked
    )


def fingerprint(result: Resolution) -> str:
    """SHA-256 of the sorted parts, each with the handle that names it."""
    lines = sorted(f"{p.named_by}: {sorted(p.handles)}" for p in result.parts)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def live_pairs(graph: Graph, result: Resolution) -> set[tuple[Handle, Handle]]:
    """Pairs that a valid piece of evidence ties and no cut removes."""
    refused = {(r.a, r.b) for r in result.refusals if r.reason in OF_RENAMES}
    by_name = graph.rules.by_name
    pairs = set()
    for each in graph.evidence:
        pair = (min(each.a, each.b), max(each.a, each.b))
        one, other = (graph.handles[handle].namespace for handle in pair)
        alias = each.rename and one == other and by_name[one].unique
        if alias and (each.trust is Trust.CLAIMED or pair in refused):
            continue
        if not result.cuts.keys() & set(pair):
            pairs.add(pair)
    return pairs


@given(graphs())
def test_it_agrees_with_brute_force(graph: Graph) -> None:
    result = run(graph)
    expected = Oracle(graph.evidence, graph.apart, graph.handles, graph.rules).run()
    assert {(p.named_by, p.handles) for p in result.parts} == expected.profiles
    assert dict(result.cuts) == expected.cuts
    assert {
        (frozenset((r.a, r.b)), r.reason, r.event_key) for r in result.refusals
    } == expected.refusals


@given(graphs(), st.data())
def test_the_order_of_arrival_does_not_matter(
    graph: Graph, data: st.DataObject
) -> None:
    shuffled = tuple(data.draw(st.permutations(graph.evidence)))
    other = run(msgspec.structs.replace(graph, evidence=shuffled))
    assert other.refusals == run(graph).refusals
    assert fingerprint(other) == fingerprint(run(graph))


def test_ten_thousand_orders_give_one_partition() -> None:
    rules = tight()
    graph = busy_graph(rules)
    expected = fingerprint(run(graph))
    rng = np.random.default_rng(7)
    found = set()
    for _ in range(10_000):
        order = rng.permutation(len(graph.evidence))
        shuffled = tuple(graph.evidence[i] for i in order)
        found.add(fingerprint(run(msgspec.structs.replace(graph, evidence=shuffled))))
    assert found == {expected}


def busy_graph(rules: IdentityRules) -> Graph:
    """One graph in which cuts, refusals and profiles of many handles all happen."""
    number = {name: handle for handle, name in HANDLES.items()}
    script = "u1-c1 u1-e1 e1-c2 u2-e2 e2-c3 c3-d1 d1-u2 e1-p1 p1-e2 c4-u1 c4-u2 u3-e3"
    evidence = tuple(
        Evidence(
            a=number[tie[:2]],
            b=number[tie[3:]],
            source=1,
            trust=Trust(i % 2),
            event_key=b"%02d" % i,
            ordinal=0,
            observed=i // 3,
        )
        for i, tie in enumerate(script.split())
    )
    handles = {
        handle: HandleFacts(namespace=KIND[name[0]], first_seen=0)
        for handle, name in HANDLES.items()
    }
    return Graph(evidence=evidence, apart=frozenset(), handles=handles, rules=rules)


@given(graphs())
def test_every_handle_is_in_exactly_one_profile(graph: Graph) -> None:
    members = [handle for part in run(graph).parts for handle in part.handles]
    assert sorted(members) == sorted(graph.handles)


@given(graphs())
def test_no_profile_breaks_a_limit(graph: Graph) -> None:
    result = run(graph)
    for part in result.parts:
        assert len(part.handles) <= graph.rules.max_handles
        assert not graph.apart & set(combinations(sorted(part.handles), 2))
        for namespace in graph.rules.namespaces:
            held = [
                handle
                for handle in part.handles
                if graph.handles[handle].namespace == namespace.name
            ]
            if not namespace.unique:
                assert len(held) <= namespace.per_profile
            elif len(held) > 1:
                # More than one id of a person: an alias said so, in a class that holds.
                assert len(held) <= graph.rules.rename_class
                assert all(any_rename(graph, handle) for handle in held)


def any_rename(graph: Graph, handle: Handle) -> bool:
    return any(
        each.rename and each.trust is Trust.VERIFIED and handle in (each.a, each.b)
        for each in graph.evidence
    )


@given(graphs())
def test_a_cut_handle_is_alone(graph: Graph) -> None:
    result = run(graph)
    for part in result.parts:
        if part.handles & result.cuts.keys():
            assert len(part.handles) == 1


@given(graphs())
def test_every_live_edge_is_in_a_profile_or_refused_and_never_both(
    graph: Graph,
) -> None:
    result = run(graph)
    part_of = {handle: part for part in result.parts for handle in part.handles}
    refused = {(r.a, r.b) for r in result.refusals if r.reason not in OF_RENAMES}
    live = live_pairs(graph, result)
    for a, b in live:
        inside = part_of[a] is part_of[b]
        assert inside != ((a, b) in refused)
    assert refused <= live


@given(graphs())
def test_repeats_and_thinning_change_nothing(graph: Graph) -> None:
    again = msgspec.structs.replace(graph, evidence=graph.evidence * 2)
    assert run(again) == run(graph)


@given(graphs(), st.frozensets(st.sampled_from(sorted(HANDLES)), max_size=4))
def test_blocked_values_change_nothing(
    graph: Graph, blocked: frozenset[Handle]
) -> None:
    result = run(graph, blocked=blocked)
    clean = tuple(e for e in graph.evidence if not {e.a, e.b} & blocked)
    without = run(msgspec.structs.replace(graph, evidence=clean))
    assert result == without
    for part in result.parts:
        assert len(part.handles) == 1 or not part.handles & blocked


@given(graphs(distinct_times=True), st.permutations(sorted(HANDLES)))
def test_renumbering_handles_renumbers_the_result(
    graph: Graph, numbers: list[Handle]
) -> None:
    new = dict(zip(sorted(HANDLES), numbers, strict=True))

    def ordered(a: Handle, b: Handle) -> tuple[Handle, Handle]:
        return (a, b) if a < b else (b, a)

    renumbered = Graph(
        evidence=tuple(
            msgspec.structs.replace(each, a=new[each.a], b=new[each.b])
            for each in graph.evidence
        ),
        apart=frozenset(ordered(new[a], new[b]) for a, b in graph.apart),
        handles={new[handle]: facts for handle, facts in graph.handles.items()},
        rules=graph.rules,
    )
    result, other = run(graph), run(renumbered)
    assert {
        (new[p.named_by], frozenset(new[h] for h in p.handles)) for p in result.parts
    } == {(p.named_by, p.handles) for p in other.parts}
    assert {new[handle]: reason for handle, reason in result.cuts.items()} == other.cuts
    assert {
        (ordered(new[r.a], new[r.b]), r.reason, r.event_key) for r in result.refusals
    } == {((r.a, r.b), r.reason, r.event_key) for r in other.refusals}


def test_a_namespace_that_no_rule_names_any_more_ties_nothing() -> None:
    graph = busy_graph(tight())
    fewer = IdentityRules(
        namespaces=tuple(n for n in tight().namespaces if n.name != "cookie")
    )
    result = run(msgspec.structs.replace(graph, rules=fewer))
    for part in result.parts:
        assert len(part.handles) == 1 or not any(
            HANDLES[handle].startswith("c") for handle in part.handles
        )


def test_every_reason_is_reached() -> None:
    refused: set[RefusalReason] = set()
    cut: set[CutReason] = set()
    number = {name: handle for handle, name in HANDLES.items()}

    def resolved(script: str, rules: IdentityRules, *apart: str) -> None:
        ties = [tie.split("-") for tie in script.split()]
        names = sorted({name for tie in ties for name in tie})
        evidence = [
            Evidence(
                a=number[a],
                b=number[b.rstrip("!?")],
                source=1,
                trust=Trust.CLAIMED if b.endswith("?") else Trust.VERIFIED,
                event_key=b"%d" % i,
                ordinal=0,
                observed=i,
                rename=b[-1] in "!?",
            )
            for i, (a, b) in enumerate(ties)
        ]
        handles = {
            number[name.rstrip("!?")]: HandleFacts(
                namespace=KIND[name[0]], first_seen=0
            )
            for name in names
        }
        pairs = [(number[pair[:2]], number[pair[3:]]) for pair in apart]
        result = resolve(evidence, pairs, handles, rules)
        refused.update(refusal.reason for refusal in result.refusals)
        cut.update(result.cuts.values())

    resolved("u1-e1 u2-e2 e1-c1 e2-c1", tight())  # unique
    resolved("u1-e1 u1-e2 u1-e3", tight())  # limit
    resolved("u1-e1 u1-c1 u1-c2 u1-c3", IdentityRules(max_handles=4))  # size
    resolved("u1-e1", tight(), "u1-e1")  # apart
    resolved("u1-u2?", tight())  # rename_not_verified
    resolved("u1-u2! u2-u3!", tight())  # rename_class
    resolved("u1-c1 u2-c1", tight())  # shared
    resolved("u1-e1 u2-e1", tight())  # over
    assert refused == set(RefusalReason)
    assert cut == set(CutReason)
