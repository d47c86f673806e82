"""Kernel: the few words that every room speaks.

Owns ids, the clock, the root of all errors, canonical bytes and the grant of an answer.

- Pure, but for the one class that asks what time it is and the one that draws an id.
- Standard library and msgspec only.

Refuses: IO, settings, and any knowledge of the rooms above.
"""

from cdp.kernel.canonical import NotCanonicalError, canonical
from cdp.kernel.clock import Clock, FixedClock, SystemClock, from_micros, to_micros
from cdp.kernel.errors import CdpError
from cdp.kernel.grant import METADATA_KEY, FeatureGrant, UnreadableGrantError
from cdp.kernel.ids import Handle, ProfileId, Seq, new_handle, new_profile_id, uuid7

__all__ = [
    "METADATA_KEY",
    "CdpError",
    "Clock",
    "FeatureGrant",
    "FixedClock",
    "Handle",
    "NotCanonicalError",
    "ProfileId",
    "Seq",
    "SystemClock",
    "UnreadableGrantError",
    "canonical",
    "from_micros",
    "new_handle",
    "new_profile_id",
    "to_micros",
    "uuid7",
]
