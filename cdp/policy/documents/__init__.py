"""The grammar of ``policies/``: one struct for each kind of document.

These structs are the values that other rooms read: a loaded policy holds them as they
were decoded, with every default filled in.

- A key that no struct names is refused: a typo must not read as silence.
- Types are strict, so that the YAML 1.1 traps (``NO`` is false, ``21:00`` is 1260)
  fail.
- A number that takes part in a transform is a ``Decimal``; the bundle holds no float.

Refuses: meaning that takes two documents to see. That is ``lint``.
Refused kinds, until a room reads them: ``feature``, ``plan``, ``test``
(docs/decisions/0020-what-the-policy-reads-today.md).
"""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from cdp.policy.documents.access import (
    Columns,
    Domain,
    Recipient,
    Release,
    Role,
    Source,
)
from cdp.policy.documents.data import (
    Column,
    ColumnType,
    Dataset,
    Detect,
    DetectKind,
    Field,
    FieldType,
    Hierarchy,
    MapValues,
    Step,
    TopCode,
    TruncateIP,
    URLParts,
)
from cdp.policy.documents.identity import Blocked, Degree, IdentityPolicy, Namespace
from cdp.policy.documents.law import (
    TCF,
    Child,
    DeletedCMP,
    Jurisdiction,
    Night,
    Reconfirm,
    Standards,
)
from cdp.policy.documents.parts import Part, Title, family_of, in_place
from cdp.policy.documents.people import (
    Basis,
    Notice,
    Purpose,
    Scope,
    Signals,
    Told,
)

Document: TypeAlias = (
    Jurisdiction
    | Standards
    | Purpose
    | Notice
    | Source
    | Dataset
    | Role
    | Recipient
    | Release
    | IdentityPolicy
)


class HierarchyTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table that generalises texts.

    ``levels`` run from fine to coarse; ``rows`` hold one text for each level.
    """

    name: str
    levels: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class FeatureInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What lint must know of a feature that is written in Python.

    ``purposes`` narrows it further than its inputs do; empty adds nothing.
    """

    name: str
    inputs: tuple[str, ...]
    purposes: tuple[str, ...] = ()


Hierarchies: TypeAlias = Mapping[str, HierarchyTable]
Features: TypeAlias = Mapping[str, FeatureInfo]

__all__ = [
    "TCF",
    "Basis",
    "Blocked",
    "Child",
    "Column",
    "ColumnType",
    "Columns",
    "Dataset",
    "Degree",
    "DeletedCMP",
    "Detect",
    "DetectKind",
    "Document",
    "Domain",
    "FeatureInfo",
    "Features",
    "Field",
    "FieldType",
    "Hierarchies",
    "Hierarchy",
    "HierarchyTable",
    "IdentityPolicy",
    "Jurisdiction",
    "MapValues",
    "Namespace",
    "Night",
    "Notice",
    "Part",
    "Purpose",
    "Recipient",
    "Reconfirm",
    "Release",
    "Role",
    "Scope",
    "Signals",
    "Source",
    "Standards",
    "Step",
    "Title",
    "Told",
    "TopCode",
    "TruncateIP",
    "URLParts",
    "family_of",
    "in_place",
]
