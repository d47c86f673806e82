"""Who there is, who may be used, and where each of them ended up.

Columns, never rows of people: everything is an array whose index is a handle's or a
profile's position, so that a million is a handful of vector operations.

- ``Population``: all live handles, the profile of each, its number in the audit
  bitmaps.
- ``Standing``: what consent says of each handle for one scope at one instant.
- ``Accounts`` of one answer: every profile is returned or withheld for one reason, so
  the counts add up to the population by construction.

A profile is withheld for the strongest reason of its handles: what a person said
outweighs what nobody said.
"""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cdp.kernel import Seq

Int64s: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Bytes: TypeAlias = npt.NDArray[np.uint8]

RETURNED = 0
"""The place of a profile that is in the answer; any other place is a reason's code."""


class Population(msgspec.Struct, frozen=True, kw_only=True):
    """All live profiles at one watermark.

    Args:
        handles: (n_handles,) int64, ascending.
        profiles: (n_handles,) int64, position of the handle's profile in ``ids``.
        ordinals: (n_handles,) int64, the handle's number in the audit bitmaps.
        ids: (n_profiles, 16) uint8, profile ids. They never leave the core.
    """

    watermark: Seq
    handles: Int64s
    profiles: Int64s
    ordinals: Int64s
    ids: Bytes

    @property
    def size(self) -> int:
        """How many profiles there are."""
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Population(watermark={self.watermark}, size={self.size})"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What consent says of the handles of a population, for one scope at one instant.

    Args:
        granted: (n_handles,) bool, in the population's order.
        covers_past: (n_handles,) bool, the grant opens what was collected under a
        denial.
        codes: (n_handles,) int64, why a handle is closed; a stronger reason has a
            higher code, all are above ``RETURNED``. Meaningless where granted.
    """

    granted: Bools
    covers_past: Bools
    codes: Int64s

    def __repr__(self) -> str:
        return f"Standing(granted={int(self.granted.sum())} of {self.granted.size})"


class Accounts(msgspec.Struct, frozen=True, kw_only=True):
    """Where every profile of a population ended up in one answer.

    Args:
        returned: Profiles in the answer.
        withheld: Profiles left out, by reason; reasons that hold nobody are left out.
        returned_ordinals: Audit numbers of all handles of the returned profiles.
        withheld_ordinals: The same for the others.
    """

    returned: int
    withheld: dict[str, int]
    returned_ordinals: Int64s
    withheld_ordinals: Int64s

    def __repr__(self) -> str:
        return f"Accounts(returned={self.returned}, withheld={self.withheld})"


def all_allow(one: Standing, other: Standing) -> Standing:
    """Return what two scopes come to where both must allow.

    A handle that one of them grants is closed for the other's reason.
    """
    codes = np.maximum(
        np.where(one.granted, RETURNED, one.codes),
        np.where(other.granted, RETURNED, other.codes),
    )
    return Standing(
        granted=one.granted & other.granted,
        covers_past=one.covers_past & other.covers_past,
        codes=codes,
    )


def usable(population: Population, standing: Standing) -> pa.Table:
    """Return the relation that the lake is joined with: the live grants of the scope.

    Columns ``handle``, ``profile`` (both int64) and ``covers_past``.
    """
    granted = standing.granted
    return pa.table(
        {
            "handle": population.handles[granted],
            "profile": population.profiles[granted],
            "covers_past": standing.covers_past[granted],
        }
    )


def places_of(population: Population, standing: Standing) -> Int64s:
    """Return for each profile why consent keeps it out: its strongest reason's code.

    ``RETURNED`` stands for a profile with at least one live grant.
    """
    places = np.zeros(population.size, dtype=np.int64)
    np.maximum.at(places, population.profiles, standing.codes)
    places[population.profiles[standing.granted]] = RETURNED
    return places


def account(
    population: Population, places: Int64s, reasons: Mapping[int, str]
) -> Accounts:
    """Count the profiles by place and build both sets of the record.

    Args:
        places: (n_profiles,) int64, ``RETURNED`` or a code of ``reasons``.
    """
    codes, counts = np.unique(places, return_counts=True)
    found = dict(zip(codes.tolist(), counts.tolist(), strict=True))
    inside = (places == RETURNED)[population.profiles]
    withheld = {reasons[code]: n for code, n in found.items() if code != RETURNED}
    return Accounts(
        returned=found.get(RETURNED, 0),
        withheld=dict(sorted(withheld.items())),
        returned_ordinals=population.ordinals[inside],
        withheld_ordinals=population.ordinals[~inside],
    )
