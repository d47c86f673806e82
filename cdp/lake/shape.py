"""The shape of a dataset's table: which columns, of which type.

A shape is the policy's dataset as the lake needs it: checked once, so that no name that
comes from a policy file is ever trusted again as part of a path or of a query.

- The engine's own columns come first and are the same everywhere: ``handle`` (NULL when
  the event was stripped), ``closed`` (one bit per purpose ordinal), ``seq`` and ``n``
  (the row's id: position of its commit and number in it), ``occurred_at``.
- ``bucket`` is in the path of a file and not in it: ``handle & 31``, -1 for NULL.
- Every type has one form in each of four places, and they stand here side by side.

Refuses column names that are not plain lower-case words or are the engine's own,
dataset names that cannot be a folder, and types it does not know.

Source: policy grammar, kind ``dataset``; DECIMAL(18,4) so that sums are exact.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, Protocol

import ibis.expr.datatypes as dt
import msgspec
import pyarrow as pa

from cdp.lake.errors import ShapeError, UnknownColumnError

BUCKETS = 32
NO_HANDLE = -1
OCCURRED_AT = "occurred_at"
ROW_ID = ("seq", "n")
ENGINE_COLUMNS = ("handle", "closed", *ROW_ID)
# The gate puts ``profile`` beside the columns of a view.
_RESERVED = frozenset({*ENGINE_COLUMNS, "bucket", "profile"})
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
# A dataset's key becomes a folder's name: no separator, no leading dot.
_DATASET = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_DATASET_LENGTH = 64  # of the inbox's column


class ColumnType(StrEnum):
    """The types that a dataset may declare."""

    TEXT = "text"
    INT = "int"
    DECIMAL = "decimal"
    BOOL = "bool"
    TIMESTAMP = "timestamp"
    DATE = "date"
    YEAR = "year"
    TEXTS = "list[text]"
    INTS = "list[int]"
    DECIMALS = "list[decimal]"


class _Form(msgspec.Struct, frozen=True):
    """One type in the inbox (as decoded), in Arrow, in Delta's log and in Ibis."""

    inbox: Any
    arrow: pa.DataType
    delta: object
    plan: dt.DataType


def _within(low: int, high: int) -> Any:
    return Annotated[int, msgspec.Meta(ge=low, le=high)]


DECIMAL_SCALE = 4
_DECIMAL_MAX = 10**18 - 1  # DECIMAL(18,4) as an integer scaled by 10**4
# Years 1 to 9999, so that every engine and every Python library can name the instant.
INSTANTS = (-62_135_596_800_000_000, 253_402_300_799_999_999)
_DAYS = (-719_162, 2_932_896)

_INT = _within(-(2**63), 2**63 - 1)
_DECIMAL = _within(-_DECIMAL_MAX, _DECIMAL_MAX)
_ARROW_DECIMAL = pa.decimal128(18, DECIMAL_SCALE)
_PLAN_DECIMAL = dt.Decimal(18, DECIMAL_SCALE)


def _delta_list(element: str) -> dict[str, object]:
    return {"type": "array", "elementType": element, "containsNull": True}


FORMS: dict[ColumnType, _Form] = {
    ColumnType.TEXT: _Form(str, pa.string(), "string", dt.string),
    ColumnType.INT: _Form(_INT, pa.int64(), "long", dt.int64),
    ColumnType.DECIMAL: _Form(
        _DECIMAL, _ARROW_DECIMAL, f"decimal(18,{DECIMAL_SCALE})", _PLAN_DECIMAL
    ),
    ColumnType.BOOL: _Form(bool, pa.bool_(), "boolean", dt.boolean),
    # Naive, and UTC by definition: an aware one drags a zone library into reads.
    ColumnType.TIMESTAMP: _Form(
        _within(*INSTANTS), pa.timestamp("us"), "timestamp_ntz", dt.Timestamp(scale=6)
    ),
    ColumnType.DATE: _Form(_within(*_DAYS), pa.date32(), "date", dt.date),
    ColumnType.YEAR: _Form(_within(1, 9999), pa.int16(), "short", dt.int16),
    ColumnType.TEXTS: _Form(
        list[str], pa.list_(pa.string()), _delta_list("string"), dt.Array(dt.string)
    ),
    ColumnType.INTS: _Form(
        list[_INT],  # type: ignore[valid-type]  # built at run time, for msgspec
        pa.list_(pa.int64()),
        _delta_list("long"),
        dt.Array(dt.int64),
    ),
    ColumnType.DECIMALS: _Form(
        list[_DECIMAL],  # type: ignore[valid-type]  # built at run time, for msgspec
        pa.list_(_ARROW_DECIMAL),
        _delta_list(f"decimal(18,{DECIMAL_SCALE})"),
        dt.Array(_PLAN_DECIMAL),
    ),
}

ENGINE_FORMS: dict[str, _Form] = {
    "handle": FORMS[ColumnType.INT],
    "closed": FORMS[ColumnType.INT],
    "seq": FORMS[ColumnType.INT],
    "n": _Form(int, pa.int32(), "integer", dt.int32),
}


class Declared(Protocol):
    """A column as the policy declares it."""

    @property
    def name(self) -> str:
        """The column's name."""
        ...

    @property
    def type(self) -> str:
        """The column's type, as written in the policy."""
        ...


class Column(msgspec.Struct, frozen=True):
    """One column of a dataset: a checked name and a known type."""

    name: str
    type: ColumnType


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """One dataset's table. Made by ``shape_of`` alone.

    ``columns`` holds the declared columns by name, ``occurred_at`` among them.
    """

    dataset: str
    columns: dict[str, Column]

    def form(self, name: str) -> _Form:
        """Return the forms of one column, the engine's own included.

        Raises:
            UnknownColumnError: the dataset does not declare it.
        """
        if name in ENGINE_FORMS:
            return ENGINE_FORMS[name]
        try:
            return FORMS[self.columns[name].type]
        except KeyError as error:
            raise UnknownColumnError(f"{self.dataset} has no column {name}") from error


def shape_of(dataset: str, declared: Iterable[Declared]) -> Shape:
    """Check a dataset's columns and return its shape.

    Raises:
        ShapeError: a name or a type is refused, a name comes twice, or ``occurred_at``
            is missing or no timestamp.
    """
    if len(dataset) > _DATASET_LENGTH or not _DATASET.fullmatch(dataset):
        raise ShapeError("a dataset's name cannot be the name of a folder")
    columns: dict[str, Column] = {}
    for column in declared:
        if not _NAME.fullmatch(column.name) or column.name in _RESERVED:
            raise ShapeError(f"{dataset}: a column may not be called {column.name!r}")
        if column.name in columns:
            raise ShapeError(f"{dataset}: column {column.name} comes twice")
        try:
            kind = ColumnType(column.type)
        except ValueError as error:
            raise ShapeError(
                f"{dataset}: column {column.name} has no known type"
            ) from error
        columns[column.name] = Column(column.name, kind)
    clock = columns.get(OCCURRED_AT)
    if clock is None or clock.type is not ColumnType.TIMESTAMP:
        raise ShapeError(f"{dataset} declares no timestamp {OCCURRED_AT}")
    return Shape(dataset=dataset, columns=columns)
