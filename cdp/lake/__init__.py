"""The lake: behavioural events by handle, from the inbox to the table.

Owns the SQL inbox and quarantine, the Delta table of each dataset, and the engine that
reads both as one.

- What landed is shown exactly once by every view, before, while and after it moves.
- A row is at or below a watermark or it is not: ``seq`` cuts events as it cuts
  decisions.
- The lake holds handles and typed values that the policy declared; nothing else fits
  in.

Refuses identifiers, keys, and columns that no policy names. Who may look is not decided
here: the callers are the gate, ingest and rights.

Source: docs/architecture.md (the life of an event), docs/decisions/0030 and 0031.
"""

from cdp.lake.delta import Compacted
from cdp.lake.engine import EngineSettings, LakeView
from cdp.lake.errors import (
    EngineError,
    LakeAheadError,
    LakeDamagedError,
    LakeError,
    SchemaConflictError,
    ShapeError,
    UnknownColumnError,
)
from cdp.lake.lake import FlushReport, Lake
from cdp.lake.repository import (
    inbox_counts,
    land,
    quarantine,
    quarantine_counts,
)
from cdp.lake.rows import LandedRow, QuarantinedRow
from cdp.lake.shape import Column, ColumnType, Shape, shape_of

__all__ = [
    "Column",
    "ColumnType",
    "Compacted",
    "EngineError",
    "EngineSettings",
    "FlushReport",
    "Lake",
    "LakeAheadError",
    "LakeDamagedError",
    "LakeError",
    "LakeView",
    "LandedRow",
    "QuarantinedRow",
    "SchemaConflictError",
    "Shape",
    "ShapeError",
    "UnknownColumnError",
    "inbox_counts",
    "land",
    "quarantine",
    "quarantine_counts",
    "shape_of",
]
