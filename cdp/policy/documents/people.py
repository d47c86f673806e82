"""What data is used for, and what people were told about it.

- A purpose is what consent is about; its ``scope`` names whom and where else it covers.
- A notice is a version of a text that people were shown. A changed item, retention or
  recipient is another notice, and old grants keep to what their own one said (R17).

Source: GDPR Art. 6, 7; PIPA Art. 15(2), 17(2), 22(1), 28-8(2).
"""

from datetime import date
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, field

from cdp.policy.documents.parts import (
    SHA256,
    Category,
    CountryCode,
    Key,
    LanguageCode,
    Part,
    PeriodText,
    Title,
    in_place,
)

BasisType: TypeAlias = Literal[
    "consent", "opt_out", "contract", "legal_obligation", "legitimate_interest"
]
# The consents that are taken one by one, in the order of PIPA 22(1).
SeparateClass: TypeAlias = Literal[
    "collection",
    "third_party",
    "other_purpose",
    "recipient_other_purpose",
    "sensitive",
    "unique_identifier",
    "promotion",
]


class Basis(Part, frozen=True, kw_only=True):
    """The legal ground of a purpose in one jurisdiction.

    ``separate`` is which of the separate consents of PIPA 22(1) it is; none is the
    first of them, collection.
    """

    type: BasisType
    law: str = ""
    separate: SeparateClass | None = None

    @property
    def separate_class(self) -> SeparateClass:
        """Its class by PIPA 22(1), where one is asked for."""
        return self.separate or "collection"


class Signals(Part, frozen=True, kw_only=True):
    """What a purpose needs from each consent standard; all listed items must grant."""

    tcf: tuple[Annotated[int, Meta(ge=1, le=11)], ...] = ()
    gpp: tuple[
        Literal[
            "SaleOptOut",
            "SharingOptOut",
            "TargetedAdvertisingOptOut",
            "SensitiveDataProcessing",
        ],
        ...,
    ] = ()
    consent_mode: tuple[
        Literal[
            "ad_storage", "analytics_storage", "ad_user_data", "ad_personalization"
        ],
        ...,
    ] = ()
    category: tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...] = ()
    gpc: Literal["deny", "ignore"] = "ignore"


class Scope(Part, frozen=True, kw_only=True):
    """Whom and where the consent of a purpose names besides ourselves."""

    recipients: tuple[Key, ...] = ()
    countries: tuple[CountryCode, ...] = ()


class Purpose(Part, frozen=True, kw_only=True, tag_field="kind", tag="purpose"):
    """What data is used for.

    ``basis`` and ``max_age`` are by jurisdiction or family. ``silent_part: deny`` lets
    one handle without a decision deny the whole profile. ``channel`` is how an ad of
    this purpose is sent; ``night_of`` is the purpose whose ads at night this one is
    asked for. ``level`` is from which personalisation level on it is open.
    """

    key: Key
    title: Title
    basis: dict[Key, Basis]
    signals: Signals = Signals()
    max_age: dict[Key, PeriodText] = field(default_factory=dict)
    scope: Scope = Scope()
    needs_identity: bool = True
    required: bool = False
    silent_part: Literal["default", "deny"] = "default"
    channel: Key | None = None
    night_of: Key | None = None
    level: Annotated[int, Meta(ge=1, le=3)] | None = None

    def basis_in(self, place: str) -> Basis | None:
        """Return the ground in a jurisdiction: its own word, else its family's."""
        return in_place(self.basis, place)

    def max_age_in(self, place: str) -> str | None:
        """Return how long a grant lasts in a jurisdiction; None: no limit of ours."""
        return in_place(self.max_age, place)


class Told(Part, frozen=True, kw_only=True):
    """What a notice says about one purpose: the items of PIPA 15(2), 17(2), 28-8(2).

    Args:
        purpose: what it is for, in the words of the text.
        items: the data it takes, as categories; each stands for those below it.
        retention: for how long.
        refusal: that one may refuse, and what follows from it.
        recipients: who else receives it.
        countries: where it goes to abroad.
    """

    purpose: Title
    items: tuple[Category, ...] = ()
    retention: PeriodText | None = None
    refusal: Title | None = None
    recipients: tuple[Key, ...] = ()
    countries: tuple[CountryCode, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether it says all four items of PIPA 15(2)."""
        return bool(self.items and self.retention and self.refusal)


class Notice(Part, frozen=True, kw_only=True, tag_field="kind", tag="notice"):
    """A version of what people were shown.

    Args:
        texts: the SHA-256 of the shown text (UTF-8), by language.
        start: the first day on which it was shown.
        until: the first day on which it was not; None while it is.
        zone: whose days these are, an IANA name.
        separately: the classes of PIPA 22(1) that have a choice of their own in it.
        covers_past: purposes for which it speaks of data collected before, too (R11).
    """

    key: Key
    texts: Annotated[dict[LanguageCode, SHA256], Meta(min_length=1)]
    start: date = field(name="from")
    until: date | None = None
    zone: str = "UTC"
    separately: tuple[SeparateClass, ...] = ()
    purposes: Annotated[dict[Key, Told], Meta(min_length=1)]
    covers_past: tuple[Key, ...] = ()

    def __post_init__(self) -> None:
        if self.until is not None and self.until <= self.start:
            raise ValueError("until is a day after from")
