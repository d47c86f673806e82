"""Who sends, who may do what, who receives, and what may leave.

A release may show only columns that its dataset keeps for its purpose; ``lint`` checks
what takes two documents to see.
"""

from typing import Annotated, Literal

from msgspec import Meta, field

from cdp.policy.documents.data import Step
from cdp.policy.documents.parts import (
    Category,
    CountryCode,
    Key,
    Name,
    Part,
    PeriodText,
    PositiveInt,
    Title,
)


class Source(Part, frozen=True, kw_only=True, tag_field="kind", tag="source"):
    """What the sender of that name declares; its key is with ``auth``.

    ``namespaces`` renames identifier namespaces for this source alone. ``region`` is
    where its phone numbers without a country code are from. ``historical`` is how far
    back its events may lie. ``notice`` is the version of the text that its banner
    shows; consent that its events carry was given under it.
    """

    key: Key
    dataset: Key | None = None
    origins: tuple[Annotated[str, Meta(pattern=r"^https?://[^/*]+$")], ...] = ()
    namespaces: dict[Name, Name] = field(default_factory=dict)
    dedupe_group: Key | None = None
    region: CountryCode | None = None
    historical: PeriodText | None = None
    notice: Key | None = None


class Role(Part, frozen=True, kw_only=True, tag_field="kind", tag="role"):
    """What the holder of a role may do, and for which purposes."""

    key: Key
    may: tuple[Key, ...]
    purposes: tuple[Key, ...]
    title: Title | None = None


class Recipient(Part, frozen=True, kw_only=True, tag_field="kind", tag="recipient"):
    """Who receives what leaves. Recipients of one pool share what they hold."""

    key: Key
    role: Key
    relation: Literal["self", "processor", "third_party"]
    country: CountryCode
    pool: Key


class Columns(Part, frozen=True, kw_only=True):
    """The columns of a release by what they could tell."""

    quasi: tuple[Name, ...] = ()
    sensitive: tuple[Name, ...] = ()
    plain: tuple[Name, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Every column: quasi, then sensitive, then plain."""
        return (*self.quasi, *self.sensitive, *self.plain)


class Domain(Part, frozen=True, kw_only=True):
    """How the pseudonyms of a release are made and for how long one key lives."""

    mode: Literal["prp"]
    epoch: PeriodText
    reidentify: Literal["never", "two_approvers"]


class Release(Part, frozen=True, kw_only=True, tag_field="kind", tag="release"):
    """A named set of columns for one purpose and one recipient."""

    key: Key
    purpose: Key
    recipient: Key
    dataset: Key
    columns: Columns
    k: PositiveInt
    domain: Domain
    output_retention: PeriodText
    basis: Literal["ordinary", "pipa_28_2"] = "ordinary"
    generalise: dict[Name, Step] = field(default_factory=dict)
    l: PositiveInt = 1  # noqa: E741 - the l of l-diversity, the page's word
    below: Literal["suppress"] = "suppress"
    deny_categories: tuple[Category, ...] = ()
