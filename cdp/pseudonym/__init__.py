"""Pseudonym: the tokens under which persons leave the core, one language per domain.

Owns domains (purpose, recipient, epoch), the pseudonyms of profile ids in them, and the
way back.

- A million pseudonyms are one call.
- Two domains never join; destroying an epoch's key unlinks all it made.

Refuses: calling its output anonymous. Any input but random 16-byte ids.

Source: policy page section 8; EDPB Guidelines 01/2025; PIPA Art. 28-2 to 28-5
(가명정보).
"""

from cdp.pseudonym.domain import Domain, domain_name, epoch_of
from cdp.pseudonym.errors import (
    ForeignEpochError,
    PseudonymError,
    UnknownShapeError,
    UnnamedDomainError,
)
from cdp.pseudonym.pseudonyms import (
    ID_BYTES,
    PSEUDONYM_BYTES,
    key_id,
    pseudonymize,
    reidentify,
)

__all__ = [
    "ID_BYTES",
    "PSEUDONYM_BYTES",
    "Domain",
    "ForeignEpochError",
    "PseudonymError",
    "UnknownShapeError",
    "UnnamedDomainError",
    "domain_name",
    "epoch_of",
    "key_id",
    "pseudonymize",
    "reidentify",
]
