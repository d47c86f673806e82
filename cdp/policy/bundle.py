"""The policy as one value, its canonical bytes and their hash: the version.

- The version is the SHA-256 of the bundle: all documents with their defaults filled in,
  sorted by kind and key, and the hierarchy tables, in RFC 8785 JSON. Comments, order
  and file names do not change it; any difference that a rule could see does.
- A bundle decodes to the policy it was made from, so that an old version can decide
  again.

Refuses: lint, files.
Source: RFC 8785; the canonical form is that of PyPI ``rfc8785``.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec
import rfc8785

from cdp.policy.documents import (
    Dataset,
    Document,
    FeatureInfo,
    HierarchyTable,
    IdentityPolicy,
    Jurisdiction,
    Notice,
    Purpose,
    Recipient,
    Release,
    Role,
    Source,
    Standards,
)
from cdp.policy.errors import UnknownVersionError
from cdp.policy.scopes import scopes_of

D = TypeVar("D", bound=Document)


class Bundle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the version is the hash of."""

    documents: tuple[Document, ...]
    hierarchies: tuple[HierarchyTable, ...]
    v: int = 1


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Every document of one version, by kind and key.

    ``features`` is the catalogue that the releases were checked against; it is code,
    and no part of the version.
    """

    version: str
    bundle: bytes
    jurisdictions: dict[str, Jurisdiction]
    standards: Standards
    purposes: dict[str, Purpose]
    notices: dict[str, Notice]
    sources: dict[str, Source]
    datasets: dict[str, Dataset]
    roles: dict[str, Role]
    recipients: dict[str, Recipient]
    releases: dict[str, Release]
    identity: IdentityPolicy
    hierarchies: dict[str, HierarchyTable]
    features: dict[str, FeatureInfo]

    def __repr__(self) -> str:
        return f"Policy({self.version[:12]}, {len(self.purposes)} purposes)"

    @property
    def scopes(self) -> dict[str, tuple[str, str | None]]:
        """What consent is asked for: a purpose, alone or for one recipient, by key."""
        return scopes_of(self.purposes, self.recipients)

    def source(self, name: str) -> Source:
        """Return what a source declares; by default the only dataset, no origins."""
        only = next(iter(self.datasets)) if len(self.datasets) == 1 else None
        declared = self.sources.get(name, Source(key=name))
        if declared.dataset is None:
            return msgspec.structs.replace(declared, dataset=only)
        return declared

    def column_inputs(self, release: Release, column: str) -> tuple[str, ...]:
        """Return the dataset's fields that one column of a release is made from."""
        if column in self.datasets[release.dataset].fields:
            return (column,)
        return self.features[column].inputs

    def release_inputs(self, release: Release) -> tuple[str, ...]:
        """Return the fields of the dataset that a release reads, sorted."""
        return tuple(
            sorted(
                {
                    field
                    for column in release.columns.all
                    for field in self.column_inputs(release, column)
                }
            )
        )


def make_policy(
    documents: Iterable[Document],
    hierarchies: Iterable[HierarchyTable],
    features: Mapping[str, FeatureInfo],
) -> Policy:
    """Put documents together. Keys are unique, exactly one is the identity policy."""
    ordered = tuple(sorted(documents, key=lambda item: (kind_of(item), item.key)))
    tables = tuple(sorted(hierarchies, key=lambda table: table.name))
    content = canonical_bundle(Bundle(documents=ordered, hierarchies=tables))
    return Policy(
        version=hashlib.sha256(content).hexdigest(),
        bundle=content,
        jurisdictions=_of_kind(ordered, Jurisdiction),
        standards=next(
            (item for item in ordered if isinstance(item, Standards)), Standards()
        ),
        purposes=_of_kind(ordered, Purpose),
        notices=_of_kind(ordered, Notice),
        sources=_of_kind(ordered, Source),
        datasets=_of_kind(ordered, Dataset),
        roles=_of_kind(ordered, Role),
        recipients=_of_kind(ordered, Recipient),
        releases=_of_kind(ordered, Release),
        identity=next(item for item in ordered if isinstance(item, IdentityPolicy)),
        hierarchies={table.name: table for table in tables},
        features=dict(features),
    )


def canonical_bundle(bundle: Bundle) -> bytes:
    """Return the bytes that the version is the hash of."""
    plain: Any = msgspec.to_builtins(bundle)
    return rfc8785.dumps(plain)


def read_bundle(
    content: bytes, version: str, *, features: Mapping[str, FeatureInfo]
) -> Policy:
    """Return the policy that ``content`` was made from.

    Raises:
        UnknownVersionError: the bytes are not those of ``version``, or not readable.
    """
    if hashlib.sha256(content).hexdigest() != version:
        raise UnknownVersionError("the bundle is not that of its version")
    try:
        bundle = msgspec.json.decode(content, type=Bundle)
    except msgspec.ValidationError as error:
        raise UnknownVersionError("the bundle has another grammar") from error
    policy = make_policy(bundle.documents, bundle.hierarchies, features)
    # A later grammar knows more defaults than the bytes were written with.
    return msgspec.structs.replace(policy, version=version, bundle=content)


def kind_of(document: Document) -> str:
    """Return the ``kind`` of a document."""
    return str(document.__struct_config__.tag)


def _of_kind(documents: Iterable[Document], kind: type[D]) -> dict[str, D]:
    return {item.key: item for item in documents if isinstance(item, kind)}
