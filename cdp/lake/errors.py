"""What can go wrong in the lake, grouped by who must act."""

from typing import ClassVar

from cdp.kernel import CdpError


class LakeError(CdpError):
    """Root of this room's errors."""

    code: ClassVar[str] = "lake"


# Us: a caller inside the core asked for something that cannot be.


class ShapeError(LakeError):
    """A dataset or a column has a name or a type that the lake refuses."""

    code: ClassVar[str] = "lake.shape"


class UnknownColumnError(LakeError):
    """A view asks for a column that its dataset does not declare."""

    code: ClassVar[str] = "lake.unknown_column"


class EngineError(LakeError):
    """The query engine gave up: out of memory, a file that vanished, a bad plan."""

    code: ClassVar[str] = "lake.engine"


# The operator.


class SchemaConflictError(LakeError):
    """A column of the table has another type than the policy declares.

    A changed type is a new field: give it a new name.
    """

    code: ClassVar[str] = "lake.schema_conflict"


class LakeAheadError(LakeError):
    """The table holds commits that the store has never heard of.

    The store was restored from a backup, or the folder belongs to another store. Moving
    rows now would make the table skip them.
    """

    code: ClassVar[str] = "lake.ahead_of_store"


class LakeDamagedError(LakeError):
    """The table does not show the rows that its own log says it took over.

    Nothing was removed from the inbox.
    """

    code: ClassVar[str] = "lake.damaged"
