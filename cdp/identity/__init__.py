"""Identity: which identifiers belong to one person, as far as the evidence says so.

Owns identifiers as keyed digests, handles, evidence, the pairs an officer keeps apart,
and profiles. A profile is never stored as a fact and never edited: it is the value of a
pure function of the evidence, and the stored members are that value with its history.

- Any order of arrival gives the same profiles; removing evidence restores what was
  there.
- Merging and unmerging are not operations. Nothing is copied and no event moves.
- A cut, a refusal and a dropped value are queryable; none is silent.
- Callers hold the counter's row (one writer at a time) and pass the ``seq`` they drew.

Refuses: keys (the caller takes the digests), consent (the caller decides on linking),
and raw values: none is stored, printed or returned.

Source: the design page "Identity"; docs/decisions/0050-what-resolution-leaves-open.md.
"""

from cdp.identity.blocked import BLOCKED_VALUES, RESERVED_DOMAINS
from cdp.identity.errors import UnknownHandleError
from cdp.identity.evidence import (
    Changed,
    CutReason,
    Drift,
    Evidence,
    HandleFacts,
    Identifier,
    NewHandle,
    Observation,
    Part,
    Profiles,
    Refusal,
    RefusalReason,
    Resolution,
    Trust,
)
from cdp.identity.normal import Dropped, DropRule, Normalized, normalize
from cdp.identity.profiles import (
    block,
    end_evidence,
    lift,
    observe,
    rebuild,
    touch,
    unlink,
    verify,
)
from cdp.identity.repository import (
    adopt,
    create,
    cuts,
    find,
    former_profiles,
    last_change,
    member_columns,
    members,
    refusals,
    totals,
)
from cdp.identity.resolution import resolve
from cdp.identity.rules import (
    STANDARD_NAMESPACES,
    Form,
    IdentityRules,
    Namespace,
)

__all__ = [
    "BLOCKED_VALUES",
    "RESERVED_DOMAINS",
    "STANDARD_NAMESPACES",
    "Changed",
    "CutReason",
    "Drift",
    "DropRule",
    "Dropped",
    "Evidence",
    "Form",
    "HandleFacts",
    "Identifier",
    "IdentityRules",
    "Namespace",
    "NewHandle",
    "Normalized",
    "Observation",
    "Part",
    "Profiles",
    "Refusal",
    "RefusalReason",
    "Resolution",
    "Trust",
    "UnknownHandleError",
    "adopt",
    "block",
    "create",
    "cuts",
    "end_evidence",
    "find",
    "former_profiles",
    "last_change",
    "lift",
    "member_columns",
    "members",
    "normalize",
    "observe",
    "rebuild",
    "refusals",
    "resolve",
    "totals",
    "touch",
    "unlink",
    "verify",
]
