"""What a feature is: a name, a window, a unit, a version, and how it is computed.

- A feature depends on the events in its window and on the moment; on nothing else. Not
  on the order in which events arrived, not on the clock, not on the engine.
- Ties are broken by value, sums are of exact decimals: the same events give the same
  bits.
- A feature without a purpose cannot be exported, so it cannot be made.
- A changed definition is a new version.

Refuses to run anything: a feature builds a plan, the gate runs it.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias

import ibis.expr.types as ir
import msgspec

from cdp.features.moment import Moment

PROFILE = "profile"

Aggregate: TypeAlias = Callable[[ir.Table, Moment], ir.Value]
"""Events and a moment in; an aggregate over the events of one profile out."""

Ranking: TypeAlias = Callable[[ir.Table, Moment], ir.Table]
"""Events and a moment in; one row for each profile that has something to rank."""


class Kind(StrEnum):
    """The type of a feature's column in an answer."""

    INT = "int"
    FLOAT = "float"
    TEXT = "text"


class FeatureInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy's lint must know of a feature: no code, only names."""

    name: str
    inputs: tuple[str, ...]
    kind: Kind
    purposes: tuple[str, ...]


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """One named feature.

    Args:
        inputs: columns of the dataset that it reads.
        window_days: days of 24 hours back from the moment; None for all there is.
        unit: of the value.
        null_meaning: what a missing value says about the person.
        purposes: what it was made for; at least one.
        build: an aggregate, computed together with all others in one pass, or a
            ranking, which needs a pass of its own and has a column of the feature's
            name.
    """

    name: str
    inputs: tuple[str, ...]
    kind: Kind
    window_days: int | None
    unit: str
    null_meaning: str
    version: int
    purposes: tuple[str, ...]
    build: Aggregate | Ranking
    is_ranking: bool = False

    def __post_init__(self) -> None:
        if not self.purposes:
            raise ValueError(f"feature {self.name} has no purpose")

    @property
    def info(self) -> FeatureInfo:
        """What the policy's lint must know."""
        return FeatureInfo(
            name=self.name, inputs=self.inputs, kind=self.kind, purposes=self.purposes
        )
