"""Which identifiers exist, how strong they are, and what is nobody's identifier."""

from typing import Annotated, Literal

from msgspec import Meta, field

from cdp.policy.documents.parts import Key, Name, Part, PositiveInt


class Degree(Part, frozen=True, kw_only=True):
    """How many neighbours a handle may have before it ties nothing."""

    all: PositiveInt
    stronger: PositiveInt | None = None


class Namespace(Part, frozen=True, kw_only=True):
    """A namespace of identifiers; the order of the list is the order of strength.

    ``unique``: one profile holds at most one value. ``normal`` names the normal form.
    """

    name: Name
    strength: Literal["strong", "weak"]
    normal: Literal["user_id", "email", "phone", "device"]
    per_profile: PositiveInt
    degree: Degree
    unique: bool = False
    rule_version: PositiveInt = 1


class Blocked(Part, frozen=True, kw_only=True):
    """Values that are nobody's identifier."""

    values: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    email_domains: tuple[str, ...] = ()
    role_addresses: tuple[str, ...] = ()
    per_source: dict[Key, tuple[str, ...]] = field(default_factory=dict)


class IdentityPolicy(Part, frozen=True, kw_only=True, tag_field="kind", tag="identity"):
    """Namespaces, limits and blocked values. There is exactly one."""

    namespaces: Annotated[tuple[Namespace, ...], Meta(min_length=1)]
    key: Key = "identity"
    max_handles: PositiveInt = 300
    rename_class: PositiveInt = 10
    blocked: Blocked = Blocked()
