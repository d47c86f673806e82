"""Everything that a folder holds, decoded, as ``lint`` walks over it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

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
    Role,
    family_of,
)
from cdp.policy.errors import Fault
from cdp.policy.marks import Marked, PathKey

D = TypeVar("D", bound=Document)


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """A document and where it stands."""

    document: Document
    marked: Marked


class Folder:
    """Everything that was decoded, by kind and key."""

    def __init__(
        self,
        located: Sequence[Located],
        hierarchies: Mapping[str, HierarchyTable],
        features: Mapping[str, FeatureInfo],
    ) -> None:
        self.located = located
        self.hierarchies = hierarchies
        self.features = features
        self.jurisdictions = self.keys(Jurisdiction)
        # A family stands for its members; it need not be a jurisdiction itself.
        self.places = self.jurisdictions.keys() | {
            family_of(place) for place in self.jurisdictions
        }
        self.purposes = self.keys(Purpose)
        self.notices = self.keys(Notice)
        self.datasets = self.keys(Dataset)
        self.roles = self.keys(Role)
        self.recipients = self.keys(Recipient)
        identity = next((item for item, _ in self.of(IdentityPolicy)), None)
        self.namespaces = {
            space.name for space in (identity.namespaces if identity else ())
        }

    def of(self, kind: type[D]) -> Iterator[tuple[D, Marked]]:
        """Yield every document of a kind, with where it stands."""
        for item in self.located:
            if isinstance(item.document, kind):
                yield item.document, item.marked

    def keys(self, kind: type[D]) -> dict[str, D]:
        """Return the documents of a kind by key."""
        return {document.key: document for document, _ in self.of(kind)}


def missing(
    marked: Marked, known: Iterable[str], *uses: tuple[str, str, tuple[PathKey, ...]]
) -> Iterator[Fault]:
    """Yield a fault for each use of a name that is not known."""
    names = set(known)
    for what, name, path in uses:
        if name not in names:
            yield marked.fault("unknown_reference", f"no {what} {name!r}", *path)
