"""The grammar of ``policies/``: one struct for each kind of document.

These structs are the values that other rooms read: a loaded policy holds them as they
were decoded, with every default filled in.

- A key that no struct names is refused: a typo must not read as silence.
- Types are strict, so that the YAML 1.1 traps (``NO`` is false, ``21:00`` is 1260)
  fail.
- A number that takes part in a transform is a ``Decimal``; the bundle holds no float.

Refuses: meaning that takes two documents to see. That is ``lint``.
Refused kinds, until a room reads them: ``feature``, ``plan``, ``test``, ``notice``
(docs/decisions/0020-what-the-policy-reads-today.md).
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta
from msgspec.structs import force_setattr

Key: TypeAlias = Annotated[
    str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$", max_length=64)
]
Name: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$", max_length=48)]
# A data category: the dotted names of the fideslang taxonomy, plus our own below them.
Category: TypeAlias = Annotated[
    str, Meta(pattern=r"^(user|system)(\.[a-z0-9_]+)*$", max_length=96)
]
# ISO 8601, whole calendar units: P90D, P13M, P2Y, P1Y6M.
PeriodText: TypeAlias = Annotated[
    str, Meta(pattern=r"^P(?=[0-9])([0-9]{1,3}Y)?([0-9]{1,4}M)?([0-9]{1,5}D)?$")
]
Hour: TypeAlias = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
CountryCode: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Z]{2}$")]
PositiveInt: TypeAlias = Annotated[int, Meta(ge=1)]

BasisType: TypeAlias = Literal[
    "consent", "opt_out", "contract", "legal_obligation", "legitimate_interest"
]
FieldType: TypeAlias = Literal[
    "text",
    "int",
    "decimal",
    "bool",
    "timestamp",
    "date",
    "ip",
    "list[text]",
    "list[int]",
    "list[decimal]",
]
ColumnType: TypeAlias = Literal[
    "text",
    "int",
    "decimal",
    "bool",
    "timestamp",
    "date",
    "year",
    "list[text]",
    "list[int]",
    "list[decimal]",
]
DetectKind: TypeAlias = Literal[
    "KR_RRN",
    "KR_FRN",
    "KR_PASSPORT",
    "KR_DRIVER_LICENSE",
    "CARD",
    "EMAIL",
    "PHONE",
]


_SEGMENT = r"[A-Za-z_$][A-Za-z0-9_$ -]{0,63}(\[\])?"
_PATH = re.compile(rf"{_SEGMENT}(\.{_SEGMENT}){{0,15}}")


def _plain(value: Decimal) -> Decimal:
    """Return the one spelling of a number: 100, 1E+2 and 100.0 are one policy."""
    if not value.is_finite():
        raise ValueError("a number is finite")
    return Decimal(f"{value.normalize():f}")


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a document."""


class Child(_Part, frozen=True, kw_only=True):
    """From which age a person decides alone, in full years."""

    below: PositiveInt
    needs: Literal["guardian", "opt_in"]
    guardian_below: PositiveInt | None = None


class Night(_Part, frozen=True, kw_only=True):
    """The hours in which advertising needs a consent of its own (야간 광고)."""

    start: Hour = msgspec.field(name="from")
    end: Hour = msgspec.field(name="to")
    channels: tuple[Key, ...]


class Reconfirm(_Part, frozen=True, kw_only=True):
    """How often consent to these purposes is confirmed again (수신동의 확인)."""

    every: PeriodText
    purposes: tuple[Key, ...]


class Jurisdiction(
    _Part, frozen=True, kw_only=True, tag_field="kind", tag="jurisdiction"
):
    """The law of a place, as far as a rule depends on it."""

    key: Key
    zone: str
    default: Literal["opt_in", "opt_out"]
    child: Child
    night: Night | None = None
    reconfirm: Reconfirm | None = None
    refuse: tuple[Category, ...] = ()


class Title(_Part, frozen=True, kw_only=True):
    """A name for people, in both languages."""

    ko: str
    en: str


class Basis(_Part, frozen=True, kw_only=True):
    """The legal ground of a purpose in one jurisdiction."""

    type: BasisType
    law: str = ""
    separate: Key | None = None


class Signals(_Part, frozen=True, kw_only=True):
    """What a purpose needs from each consent standard; all listed items must grant."""

    tcf: tuple[Annotated[int, Meta(ge=1, le=11)], ...] = ()
    gpp: tuple[
        Literal["SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut"], ...
    ] = ()
    consent_mode: tuple[
        Literal[
            "ad_storage", "analytics_storage", "ad_user_data", "ad_personalization"
        ],
        ...,
    ] = ()
    category: tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...] = ()
    gpc: Literal["deny", "ignore"] = "ignore"


class Scope(_Part, frozen=True, kw_only=True):
    """Whom and where the consent of a purpose names besides ourselves."""

    recipients: tuple[Key, ...] = ()
    countries: tuple[CountryCode, ...] = ()


class Purpose(_Part, frozen=True, kw_only=True, tag_field="kind", tag="purpose"):
    """What data is used for.

    ``basis`` and ``max_age`` are by jurisdiction. ``silent_part: deny`` lets one handle
    without a decision deny the whole profile.
    """

    key: Key
    title: Title
    basis: dict[Key, Basis]
    signals: Signals = Signals()
    max_age: dict[Key, PeriodText] = {}
    scope: Scope = Scope()
    needs_identity: bool = True
    required: bool = False
    silent_part: Literal["default", "deny"] = "default"


class Source(_Part, frozen=True, kw_only=True, tag_field="kind", tag="source"):
    """What the sender of that name declares; its key is with ``auth``.

    ``namespaces`` renames identifier namespaces for this source alone. ``region`` is
    where its phone numbers without a country code are from. ``historical`` is how far
    back its events may lie.
    """

    key: Key
    dataset: Key | None = None
    origins: tuple[Annotated[str, Meta(pattern=r"^https?://[^/*]+$")], ...] = ()
    namespaces: dict[Name, Name] = {}
    dedupe_group: Key | None = None
    region: CountryCode | None = None
    historical: PeriodText | None = None


class TruncateIP(_Part, frozen=True, kw_only=True):
    """How many leading bits of an address survive."""

    v4: Annotated[int, Meta(ge=0, le=24)]
    v6: Annotated[int, Meta(ge=0, le=64)]


class TopCode(_Part, frozen=True, kw_only=True):
    """The edges a number is clamped to."""

    min: Decimal | None = None
    max: Decimal | None = None

    def __post_init__(self) -> None:
        for name in ("min", "max"):
            edge = getattr(self, name)
            if edge is not None:
                force_setattr(self, name, _plain(edge))


class MapValues(_Part, frozen=True, kw_only=True):
    """A table of texts. ``other`` is a value, ``drop_field`` or ``drop_event``."""

    values: dict[str, str]
    other: str


class Hierarchy(_Part, frozen=True, kw_only=True):
    """A table of ``policies/hierarchies/`` and the level to go up to."""

    name: Name
    to: Name


class URLParts(_Part, frozen=True, kw_only=True):
    """``keep`` segments of the path; 0 keeps the host alone."""

    keep: Annotated[int, Meta(ge=0, le=8)]


class Step(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """One transform: exactly one of these is given."""

    truncate_ip: TruncateIP | None = None
    year_band: Annotated[int, Meta(ge=1, le=100)] | None = None
    floor: Literal["hour", "day", "week", "month"] | None = None
    round: Decimal | None = None
    bucket: tuple[Decimal, ...] | None = None
    top_code: TopCode | None = None
    map: MapValues | None = None
    hierarchy: Hierarchy | None = None
    url: URLParts | None = None

    def __post_init__(self) -> None:
        given = [
            name for name in self.__struct_fields__ if getattr(self, name) is not None
        ]
        if len(given) != 1:
            raise ValueError(f"a step names exactly one transform, not {len(given)}")
        if self.round is not None:
            force_setattr(self, "round", _plain(self.round))
        if self.bucket is not None:
            force_setattr(self, "bucket", tuple(map(_plain, self.bucket)))
        if self.round is not None and self.round <= 0:
            raise ValueError("round needs a step above zero")
        if self.bucket is not None and (
            not self.bucket or list(self.bucket) != sorted(set(self.bucket))
        ):
            raise ValueError("bucket needs rising edges")
        if self.top_code is not None:
            low, high = self.top_code.min, self.top_code.max
            if low is None and high is None:
                raise ValueError("top_code needs an edge")
            if low is not None and high is not None and low > high:
                raise ValueError("top_code has min above max")

    @property
    def transform(self) -> str:
        """The name of the one transform that is given."""
        return next(
            name for name in self.__struct_fields__ if getattr(self, name) is not None
        )


class Detect(_Part, frozen=True, kw_only=True):
    """What to look for in free text, and what a hit does."""

    kinds: Annotated[tuple[DetectKind, ...], Meta(min_length=1)]
    on_hit: Literal["drop_field", "drop_event", "mask"]


class Field(_Part, frozen=True, kw_only=True):
    """One thing a dataset may store: a typed column, or an identifier.

    ``from`` is a path, or several: a column takes the first that has a value, an
    identifier takes each.
    """

    # Checked below: msgspec 0.22.0 corrupts memory on a union of a list with a text
    # that has a pattern and a length.
    source: str | tuple[str, ...] = msgspec.field(name="from")
    category: Category
    identifier: Name | None = None
    type: FieldType | None = None
    transform: tuple[Step, ...] = ()
    purposes: tuple[Key, ...] = ()
    retention: PeriodText | None = None
    sealed: bool = False
    detect: Detect | None = None
    deny: bool = False
    why: str = ""

    def __post_init__(self) -> None:
        if not self.paths or not all(_PATH.fullmatch(path) for path in self.paths):
            raise ValueError("from needs paths such as properties.items[].name")

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths it is read from, in order of preference."""
        return (self.source,) if isinstance(self.source, str) else self.source

    @property
    def column_type(self) -> ColumnType | None:
        """The type of its column in the lake; ``None`` when it has no column."""
        if self.type is None or self.deny:
            return None
        if any(step.year_band is not None for step in self.transform):
            return "year"
        return "text" if self.type == "ip" else self.type


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A typed column of the lake."""

    name: str
    type: ColumnType
    purposes: tuple[str, ...]
    category: str
    retention: str | None = None


class Dataset(_Part, frozen=True, kw_only=True, tag_field="kind", tag="dataset"):
    """Every field that may be stored of one kind of event."""

    key: Key
    fields: dict[Name, Field]
    unknown_fields: Literal["drop"] = "drop"
    without_consent: Literal["strip", "refuse"] = "strip"
    retention: PeriodText | None = None

    @property
    def schema(self) -> tuple[Column, ...]:
        """The typed columns, sorted by name."""
        return tuple(
            Column(
                name=name,
                type=kind,
                purposes=field.purposes,
                category=field.category,
                retention=field.retention or self.retention,
            )
            for name, field in sorted(self.fields.items())
            if (kind := field.column_type) is not None
        )


class Role(_Part, frozen=True, kw_only=True, tag_field="kind", tag="role"):
    """What the holder of a role may do, and for which purposes."""

    key: Key
    may: tuple[Key, ...]
    purposes: tuple[Key, ...]
    title: Title | None = None


class Recipient(_Part, frozen=True, kw_only=True, tag_field="kind", tag="recipient"):
    """Who receives what leaves. Recipients of one pool share what they hold."""

    key: Key
    role: Key
    relation: Literal["self", "processor", "third_party"]
    country: CountryCode
    pool: Key


class Columns(_Part, frozen=True, kw_only=True):
    """The columns of a release by what they could tell."""

    quasi: tuple[Name, ...] = ()
    sensitive: tuple[Name, ...] = ()
    plain: tuple[Name, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Every column: quasi, then sensitive, then plain."""
        return (*self.quasi, *self.sensitive, *self.plain)


class Domain(_Part, frozen=True, kw_only=True):
    """How the pseudonyms of a release are made and for how long one key lives."""

    mode: Literal["prp"]
    epoch: PeriodText
    reidentify: Literal["never", "two_approvers"]


class Release(_Part, frozen=True, kw_only=True, tag_field="kind", tag="release"):
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
    generalise: dict[Name, Step] = {}
    l: PositiveInt = 1  # noqa: E741 - the l of l-diversity, the page's word
    below: Literal["suppress"] = "suppress"
    deny_categories: tuple[Category, ...] = ()


class Degree(_Part, frozen=True, kw_only=True):
    """How many neighbours a handle may have before it ties nothing."""

    all: PositiveInt
    stronger: PositiveInt | None = None


class Namespace(_Part, frozen=True, kw_only=True):
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


class Blocked(_Part, frozen=True, kw_only=True):
    """Values that are nobody's identifier."""

    values: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    email_domains: tuple[str, ...] = ()
    role_addresses: tuple[str, ...] = ()
    per_source: dict[Key, tuple[str, ...]] = {}


class IdentityPolicy(
    _Part, frozen=True, kw_only=True, tag_field="kind", tag="identity"
):
    """Namespaces, limits and blocked values. There is exactly one."""

    namespaces: Annotated[tuple[Namespace, ...], Meta(min_length=1)]
    key: Key = "identity"
    max_handles: PositiveInt = 300
    rename_class: PositiveInt = 10
    blocked: Blocked = Blocked()


Document: TypeAlias = (
    Jurisdiction
    | Purpose
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
