"""The rules of identity, as one value that the caller compiles from its policy.

- The order of ``namespaces`` is the order of strength: of anchors, of edges, of names.
- A namespace that no rule names does not exist: its values are dropped, and evidence at
  handles of one that existed before ties nothing.
- All numbers are policy. The ones of ``STANDARD_NAMESPACES`` are where a policy starts.

Source: the design page "Identity", sections 1, 2 and 4.
"""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from functools import cached_property

import msgspec

from cdp.identity.blocked import BLOCKED_VALUES, RESERVED_DOMAINS


class Form(StrEnum):
    """How a value of a namespace is brought into its one spelling."""

    TEXT = "text"
    EMAIL = "email"
    EMAIL_GA = "email_ga"
    PHONE = "phone"
    DEVICE = "device"


# Of these the digest covers SHA-256 of the normal form, so that a client that hashes
# before it sends meets the one that does not.
HASHED_FORMS = frozenset({Form.EMAIL, Form.EMAIL_GA, Form.PHONE})
_HASHED_SUFFIX = "_sha256"


class Namespace(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of identifier and what a profile may hold of it.

    Args:
        name: as the policy and the store call it.
        form: its normal form.
        strong: a strong identifier names a person; a weak one can be shared and cut.
        unique: two distinct values are two persons. ``per_profile`` is 1 then.
        per_profile: how many values one profile may hold.
        degree_stronger: how many distinct stronger neighbours a handle may have; None
            for no limit.
        degree_all: how many distinct neighbours it may have at all.
    """

    name: str
    form: Form
    strong: bool
    unique: bool = False
    per_profile: int
    degree_stronger: int | None
    degree_all: int


STANDARD_NAMESPACES = (
    Namespace(
        name="user_id",
        form=Form.TEXT,
        strong=True,
        unique=True,
        per_profile=1,
        degree_stronger=None,
        degree_all=5_000,
    ),
    Namespace(
        name="email",
        form=Form.EMAIL,
        strong=True,
        per_profile=5,
        degree_stronger=3,
        degree_all=200,
    ),
    Namespace(
        name="phone",
        form=Form.PHONE,
        strong=True,
        per_profile=5,
        degree_stronger=3,
        degree_all=200,
    ),
    Namespace(
        name="device",
        form=Form.DEVICE,
        strong=False,
        per_profile=20,
        degree_stronger=5,
        degree_all=200,
    ),
    Namespace(
        name="cookie",
        form=Form.DEVICE,
        strong=False,
        per_profile=200,
        degree_stronger=5,
        degree_all=50,
    ),
)


class IdentityRules(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Every rule of this room.

    Args:
        namespaces: in order of strength, the strongest first.
        version: of the normal forms; stored with each digest.
        max_handles: the most handles one profile may hold.
        rename_class: the most values one renamed person may have had.
        blocked: values that are no identifier in any namespace, in lower case.
        reserved_domains: mail domains that belong to nobody; empty for tests and demos.
        role_addresses: mail addresses of an office, in normal form.
        blocked_by_source: by name of the source, values that are nobody's there.
    """

    namespaces: tuple[Namespace, ...] = STANDARD_NAMESPACES
    version: int = 1
    max_handles: int = 300
    rename_class: int = 10
    blocked: frozenset[str] = BLOCKED_VALUES
    reserved_domains: frozenset[str] = RESERVED_DOMAINS
    role_addresses: frozenset[str] = frozenset()
    blocked_by_source: dict[str, frozenset[str]] = {}

    @cached_property
    def by_name(self) -> dict[str, Namespace]:
        """Each namespace by its name."""
        return {namespace.name: namespace for namespace in self.namespaces}

    @cached_property
    def rank_of(self) -> dict[str, int]:
        """Each namespace's place in the order of strength; 0 is the strongest."""
        return {namespace.name: rank for rank, namespace in enumerate(self.namespaces)}

    @cached_property
    def by_field(self) -> dict[str, Namespace]:
        """Namespaces by the names a policy may use, ``email_sha256`` for one."""
        hashed = {
            namespace.name + _HASHED_SUFFIX: namespace
            for namespace in self.namespaces
            if namespace.form in HASHED_FORMS
        }
        return hashed | self.by_name

    def anchor(self, namespaces: Sequence[str]) -> int:
        """Return the index of the strongest of an event's identifiers, in wire order.

        Raises:
            KeyError: a namespace that no rule names.
        """
        rank_of = self.rank_of
        return min(range(len(namespaces)), key=lambda i: rank_of[namespaces[i]])

    @cached_property
    def blocked_hashes(self) -> frozenset[bytes]:
        """SHA-256 of every value that is blocked by name."""
        values = {
            "",
            "0",
            "-1",
            "00000000-0000-0000-0000-000000000000",
            *self.blocked,
            *self.role_addresses,
        }
        return frozenset(hashlib.sha256(value.encode()).digest() for value in values)
