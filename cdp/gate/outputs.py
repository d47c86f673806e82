"""The release ledger: what left, for whom, over which people.

An output is written down in the transaction of its record, so the ledger holds exactly
what left. The population is a set of audit numbers, never of handles or profile ids.
"""

from datetime import datetime

import msgspec
import numpy as np
import numpy.typing as npt
from pyroaring import BitMap64

from cdp.kernel import Seq


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """One release that left.

    Args:
        id: The id of its access record.
        pool: Recipients of one pool share what they hold.
        population: Audit numbers of all handles of the profiles in it, as 64-bit
        Roaring. sha256: Content hash of its rows, lower-case hex.
    """

    id: str
    release: str
    pool: str
    domain: str
    key_epoch: int
    columns: tuple[str, ...]
    policy: str
    watermark: Seq
    population: bytes
    rows: int
    sha256: str
    as_of: datetime
    made_at: datetime
    expires_at: datetime


def packed(ordinals: npt.NDArray[np.int64]) -> bytes:
    """Return a set of audit numbers as it is kept."""
    return bytes(BitMap64(ordinals.astype(np.uint64)).serialize())
