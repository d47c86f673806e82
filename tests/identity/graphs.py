"""Small graphs from few values, so that ties, limits and collisions are common."""

from itertools import combinations

import msgspec
from hypothesis import strategies as st

from cdp.identity import (
    STANDARD_NAMESPACES,
    Evidence,
    HandleFacts,
    IdentityRules,
    Trust,
)
from cdp.kernel import Handle

NAMES = ("u1", "u2", "u3", "e1", "e2", "e3", "p1", "d1", "d2", "c1", "c2", "c3", "c4")
KIND = {"u": "user_id", "e": "email", "p": "phone", "d": "device", "c": "cookie"}


def tight(*, unique_email: bool = False) -> IdentityRules:
    """Rules whose limits thirteen handles can reach."""
    numbers = {
        "user_id": (1, None, 5),
        "email": (2, 1, 4),
        "phone": (1, 2, 3),
        "device": (2, 2, 4),
        "cookie": (3, 3, 4),
    }
    namespaces = tuple(
        msgspec.structs.replace(
            namespace,
            unique=namespace.unique or (unique_email and namespace.name == "email"),
            per_profile=numbers[namespace.name][0],
            degree_stronger=numbers[namespace.name][1],
            degree_all=numbers[namespace.name][2],
        )
        for namespace in STANDARD_NAMESPACES
    )
    return IdentityRules(namespaces=namespaces, max_handles=6, rename_class=2)


RULES = [
    tight(),
    tight(unique_email=True),
    IdentityRules(max_handles=5),
    IdentityRules(),
]
HANDLES = {Handle(i + 1): name for i, name in enumerate(NAMES)}
PAIRS = list(combinations(HANDLES, 2))


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    evidence: tuple[Evidence, ...]
    apart: frozenset[tuple[Handle, Handle]]
    handles: dict[Handle, HandleFacts]
    rules: IdentityRules


@st.composite
def graphs(draw: st.DrawFn, *, distinct_times: bool = False) -> Graph:
    """Any graph over thirteen handles; ties of time are common unless forbidden."""
    times = st.integers(0, 3)
    numbers = range(len(NAMES))
    seen = draw(
        st.permutations(numbers)
        if distinct_times
        else st.lists(times, min_size=len(NAMES), max_size=len(NAMES))
    )
    handles = {
        handle: HandleFacts(namespace=KIND[name[0]], first_seen=seen[i])
        for i, (handle, name) in enumerate(HANDLES.items())
    }
    ties = draw(
        st.lists(
            st.tuples(
                st.sampled_from(PAIRS),
                st.booleans(),
                st.sampled_from(Trust),
                st.integers(1, 2),
                times,
                st.booleans(),
            ),
            max_size=24,
        )
    )
    evidence = tuple(
        Evidence(
            a=pair[1] if turned else pair[0],
            b=pair[0] if turned else pair[1],
            source=source,
            trust=trust,
            event_key=b"%02d" % number,
            ordinal=0,
            observed=time,
            rename=rename,
        )
        for number, (pair, turned, trust, source, time, rename) in enumerate(ties)
    )
    apart = draw(st.frozensets(st.sampled_from(PAIRS), max_size=3))
    return Graph(
        evidence=evidence,
        apart=apart,
        handles=handles,
        rules=draw(st.sampled_from(RULES)),
    )
