"""What may be stored: datasets, their fields, and how a value is made coarser.

A number that takes part in a transform is a ``Decimal``; the bundle holds no float.
"""

import re
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta
from msgspec.structs import force_setattr

from cdp.policy.documents.parts import Category, Key, Name, Part, PeriodText

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


class TruncateIP(Part, frozen=True, kw_only=True):
    """How many leading bits of an address survive."""

    v4: Annotated[int, Meta(ge=0, le=24)]
    v6: Annotated[int, Meta(ge=0, le=64)]


class TopCode(Part, frozen=True, kw_only=True):
    """The edges a number is clamped to."""

    min: Decimal | None = None
    max: Decimal | None = None

    def __post_init__(self) -> None:
        for name in ("min", "max"):
            edge = getattr(self, name)
            if edge is not None:
                force_setattr(self, name, _plain(edge))


class MapValues(Part, frozen=True, kw_only=True):
    """A table of texts. ``other`` is a value, ``drop_field`` or ``drop_event``."""

    values: dict[str, str]
    other: str


class Hierarchy(Part, frozen=True, kw_only=True):
    """A table of ``policies/hierarchies/`` and the level to go up to."""

    name: Name
    to: Name


class URLParts(Part, frozen=True, kw_only=True):
    """``keep`` segments of the path; 0 keeps the host alone."""

    keep: Annotated[int, Meta(ge=0, le=8)]


class Step(Part, frozen=True, kw_only=True, omit_defaults=True):
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


class Detect(Part, frozen=True, kw_only=True):
    """What to look for in free text, and what a hit does."""

    kinds: Annotated[tuple[DetectKind, ...], Meta(min_length=1)]
    on_hit: Literal["drop_field", "drop_event", "mask"]


class Field(Part, frozen=True, kw_only=True):
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


class Dataset(Part, frozen=True, kw_only=True, tag_field="kind", tag="dataset"):
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
