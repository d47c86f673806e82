"""An answer: rows under pseudonyms, and the grant that travels with them.

- Rows are ordered by token, so that their order tells nothing and the same request at
  the same watermark gives the same bytes.
- Exactly the release's columns leave, and ``token`` before them.
- The grant is in the table's metadata; the content hash in it does not cover metadata.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cdp.kernel import METADATA_KEY, FeatureGrant

TOKEN = "token"  # noqa: S105 - the name of a column
_HEAD = 1  # the key id, the same byte in every token of one answer


class Answer(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What leaves. ``table`` carries the grant in its schema metadata."""

    table: pa.Table
    grant: FeatureGrant

    def __repr__(self) -> str:
        return f"Answer({self.grant.release!r}, rows={self.grant.rows})"


def under_tokens(
    rows: pa.Table, columns: Sequence[str], tokens: npt.NDArray[np.uint8]
) -> pa.Table:
    """Return ``token`` and the columns named, in token order.

    Args:
        rows: One row for each token, in the same order.
        tokens: (n_rows, width) uint8, distinct.
    """
    order = _rising(tokens)
    named = [TOKEN, *columns]
    taken = rows.select(list(columns)).take(pa.array(order))
    arrays = [_binary(tokens[order]), *taken.columns]
    return pa.table(dict(zip(named, arrays, strict=True)))


def with_grant(table: pa.Table, grant: FeatureGrant) -> pa.Table:
    """Return the table with the grant in its metadata, and nothing else there."""
    return table.replace_schema_metadata({METADATA_KEY: grant.to_json()})


def _rising(tokens: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return the order of the tokens as bytes."""
    # Two big-endian numbers sort like the 16 bytes they are, and much faster.
    words = np.ascontiguousarray(tokens[:, _HEAD:]).view(">u8").astype(np.uint64)
    return np.lexsort((words[:, 1], words[:, 0]))


def _binary(tokens: npt.NDArray[np.uint8]) -> pa.Array:
    count, width = tokens.shape
    ends = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    data = pa.py_buffer(np.ascontiguousarray(tokens))
    return pa.Array.from_buffers(pa.binary(), count, [None, pa.py_buffer(ends), data])
