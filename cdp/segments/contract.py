"""The input contract: rows may be used when their grant says so, and only then.

``admit`` is the one way from a frame to numbers. In this order it refuses

1. a frame without a grant;
2. a grant for another purpose than the model's;
3. a grant that has ended;
4. pseudonyms of another domain than the model was fitted in;
5. rows that are not those the grant was given for;
6. a column that is missing, or is not a number.

Two kinds of nothing are kept apart: a null is unknown and becomes NaN; a row that has
any bit set in ``_withheld`` holds refused data and is marked, never imputed.

Refuses to ask what time it is: ``now`` is an argument.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
import numpy as np
import pyarrow as pa

from cdp.client import ContentError, content_hash
from cdp.kernel import FeatureGrant
from cdp.kernel.grant import METADATA_KEY, UnreadableGrantError
from cdp.segments.errors import GrantError, GrantReason

TOKEN = "token"  # noqa: S105 - a column's name, not a secret
WITHHELD = "_withheld"


class Admitted(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Numbers that may be used, as long as ``grant`` lasts.

    ``X`` is (n_rows, n_columns) float64 in row order, NaN where a value is unknown.
    ``refused`` is (n_rows,) bool: rows of which a value was withheld.
    """

    tokens: pa.Array
    X: np.ndarray
    columns: tuple[str, ...]
    refused: np.ndarray
    grant: FeatureGrant


def admit(
    frame: object,
    *,
    columns: Sequence[str],
    purpose: str,
    now: datetime,
    domain: str | None = None,
) -> Admitted:
    """Check a frame against its grant and return the columns as numbers.

    Args:
        frame: Anything with ``__arrow_c_stream__``; its grant is the attribute
            ``grant`` or, without one, stands in the schema's metadata.
        columns: The numeric features that the model needs, in its order.
        purpose: The model's purpose.
        now: Aware instant of the use.
        domain: The domain that the model was fitted in; None before it was.

    Raises:
        GrantError: as the module says.
    """
    table, grant = _opened(frame)
    if grant.purpose != purpose:
        raise GrantError(
            GrantReason.PURPOSE,
            f"granted for {grant.purpose!r}, asked for {purpose!r}",
        )
    if now >= grant.expires_at:
        raise GrantError(
            GrantReason.EXPIRED, f"ended at {grant.expires_at.isoformat()}"
        )
    if domain is not None and grant.domain != domain:
        raise GrantError(
            GrantReason.DOMAIN, f"tokens of {grant.domain!r}, a model of {domain!r}"
        )
    if not _matches(table, grant):
        raise GrantError(GrantReason.CONTENT, f"not the rows of record {grant.record}")
    return Admitted(
        tokens=_one(table.column(TOKEN)),
        X=matrix(table, columns),
        columns=tuple(columns),
        refused=_refused(table),
        grant=grant,
    )


def matrix(table: pa.Table, columns: Sequence[str]) -> np.ndarray:
    """Return the columns as (n_rows, n_columns) float64, NaN for null.

    Raises:
        GrantError: a column is missing, or is not a number.
    """
    X = np.empty((table.num_rows, len(columns)), dtype=np.float64)
    for place, name in enumerate(columns):
        if name not in table.column_names:
            raise GrantError(GrantReason.COLUMN_MISSING, f"no column {name!r}")
        column = table.column(name)
        if not _is_number(column.type):
            raise GrantError(
                GrantReason.COLUMN_TYPE, f"{name!r} is {column.type}, not a number"
            )
        X[:, place] = _one(column.cast(pa.float64(), safe=False)).to_numpy(
            zero_copy_only=False
        )
    return X


def _opened(frame: object) -> tuple[pa.Table, FeatureGrant]:
    table = pa.table(frame)
    grant = getattr(frame, "grant", None)
    if isinstance(grant, FeatureGrant):
        return table, grant
    raw = (table.schema.metadata or {}).get(METADATA_KEY)
    if raw is None:
        raise GrantError(GrantReason.ABSENT, "the rows carry no grant")
    try:
        return table, FeatureGrant.from_json(raw)
    except UnreadableGrantError as error:
        raise GrantError(GrantReason.ABSENT, "the grant is unreadable") from error


def _matches(table: pa.Table, grant: FeatureGrant) -> bool:
    try:
        return content_hash(table) == grant.sha256
    except ContentError:
        return False


def _refused(table: pa.Table) -> np.ndarray:
    if WITHHELD not in table.column_names:
        return np.zeros(table.num_rows, dtype=bool)
    mask = _one(table.column(WITHHELD).cast(pa.int64())).fill_null(0)
    return np.asarray(mask.to_numpy(zero_copy_only=False) != 0)


def _is_number(kind: pa.DataType) -> bool:
    t = pa.types
    return bool(t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind))


def _one(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    # An empty column combines into an empty chunked array in some releases of Arrow.
    return whole if isinstance(whole, pa.Array) else pa.array([], type=column.type)
