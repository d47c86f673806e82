"""A feature frame: rows of one answer and the grant that says what they are for.

- The two travel together: the grant stands in the table's metadata, and ``read``
  refuses a table without one.
- Whoever speaks Arrow reads the rows without a copy (``__arrow_c_stream__``).

Refuses to judge the grant: whether it covers a use is asked by ``cdp.segments``, when
it is used.

Source: the Arrow PyCapsule interface.
"""

from typing import Self

import msgspec
import pyarrow as pa

from cdp.client.content import TOKEN, content_hash
from cdp.client.errors import HashMismatchError
from cdp.kernel import FeatureGrant
from cdp.kernel.grant import METADATA_KEY, UnreadableGrantError


class FeatureFrame(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Rows in token order and their grant. Its repr shows no row."""

    table: pa.Table
    grant: FeatureGrant

    @classmethod
    def read(cls, table: pa.Table) -> Self:
        """Take the grant out of a table's metadata and check the rows against it.

        Raises:
            UnreadableGrantError: the metadata holds no grant.
            HashMismatchError: the rows are not those that the grant was given for.
            ContentError: the table has no unique tokens, or a type that no release has.
        """
        raw = (table.schema.metadata or {}).get(METADATA_KEY)
        if raw is None:
            raise UnreadableGrantError("the table carries no grant")
        frame = cls(table=table, grant=FeatureGrant.from_json(raw))
        if not frame.holds_what_was_granted():
            raise HashMismatchError(
                f"the rows are not those of record {frame.grant.record}"
            )
        return frame

    def holds_what_was_granted(self) -> bool:
        """Say whether the content hash of the rows is the grant's."""
        return content_hash(self.table) == self.grant.sha256

    @property
    def tokens(self) -> pa.ChunkedArray:
        """The pseudonyms, in row order."""
        return self.table.column(TOKEN)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        grant = self.grant
        return (
            f"FeatureFrame({grant.release!r}, purpose={grant.purpose!r}, "
            f"rows={len(self)}, as_of={grant.as_of.isoformat()})"
        )

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Give the rows to any other Arrow library."""
        return self.table.__arrow_c_stream__(requested_schema)
