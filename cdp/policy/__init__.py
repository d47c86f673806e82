"""Policy: what may be stored, computed and released, read from ``policies/``.

Owns the grammar of the folder, its lint, the version, the minimizer that a dataset
compiles to, the transforms and the detectors, and the ordinals that give each purpose
its bit.

- The policy is the schema: a field that no document names is never stored.
- Silence denies: an unknown key, a missing basis, an unreadable file is a load error.
- Policy text is data; nothing in it is evaluated.
- Transforms are pure and total; what cannot be transformed is dropped and counted.

Refuses: guessing when a rule is missing, and knowing ``consent`` or ``identity``: both
get what they need from this room as plain values. Source: docs/decisions/0020 to 0029.
"""

from cdp.policy.bundle import Policy, read_bundle
from cdp.policy.categories import is_covered
from cdp.policy.detectors import looks_like_rrn
from cdp.policy.documents import (
    Basis,
    Blocked,
    Child,
    Column,
    Columns,
    ColumnType,
    Dataset,
    Degree,
    Domain,
    FeatureInfo,
    Field,
    HierarchyTable,
    IdentityPolicy,
    Jurisdiction,
    Namespace,
    Notice,
    Purpose,
    Recipient,
    Release,
    Role,
    Scope,
    Signals,
    Source,
    Standards,
    Step,
    Title,
    Told,
)
from cdp.policy.durations import Period, add_period, period, shortest_days
from cdp.policy.errors import (
    Fault,
    NoOrdinalLeftError,
    PolicyError,
    UnknownVersionError,
)
from cdp.policy.loader import load
from cdp.policy.minimizer import (
    Extracted,
    Minimizer,
    compile_minimizer,
    purpose_mask,
)
from cdp.policy.notices import gaps
from cdp.policy.repository import (
    bundle_of,
    in_force,
    known_scope_bits,
    ordinals,
    put_in_force,
    scope_bits,
)
from cdp.policy.transforms import DECIMAL_SCALE, lift

__all__ = [
    "DECIMAL_SCALE",
    "Basis",
    "Blocked",
    "Child",
    "Column",
    "ColumnType",
    "Columns",
    "Dataset",
    "Degree",
    "Domain",
    "Extracted",
    "Fault",
    "FeatureInfo",
    "Field",
    "HierarchyTable",
    "IdentityPolicy",
    "Jurisdiction",
    "Minimizer",
    "Namespace",
    "NoOrdinalLeftError",
    "Notice",
    "Period",
    "Policy",
    "PolicyError",
    "Purpose",
    "Recipient",
    "Release",
    "Role",
    "Scope",
    "Signals",
    "Source",
    "Standards",
    "Step",
    "Title",
    "Told",
    "UnknownVersionError",
    "add_period",
    "bundle_of",
    "compile_minimizer",
    "gaps",
    "in_force",
    "is_covered",
    "known_scope_bits",
    "lift",
    "load",
    "looks_like_rrn",
    "ordinals",
    "period",
    "purpose_mask",
    "put_in_force",
    "read_bundle",
    "scope_bits",
    "shortest_days",
]
