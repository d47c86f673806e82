"""The grant of an answer: the slip that says what its caller was allowed.

``gate`` writes it, ``client`` carries it, ``segments`` obeys it. It travels in the
metadata of Arrow and Parquet and in HTTP headers, so that a job can prove later what it
was allowed.
"""

from datetime import datetime
from typing import ClassVar

import msgspec

from cdp.kernel.errors import CdpError

METADATA_KEY = b"cdp.grant"


class UnreadableGrantError(CdpError):
    """The metadata of a table holds no grant, or one that does not decode."""

    code: ClassVar[str] = "grant.unreadable"


class FeatureGrant(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What one answer allows.

    ``rows`` counts persons given; ``withheld`` counts persons left out, by reason.
    ``record`` and ``leaf`` name the access record in the log: its id and its leaf hash
    in
    hex, so that a receipt can be demanded later. ``sha256`` is of the rows' canonical
    form.
    """

    release: str
    purpose: str
    recipient: str
    policy_version: str
    consent_watermark: int
    domain: str
    key_epoch: int
    as_of: datetime
    rows: int
    withheld: dict[str, int]
    expires_at: datetime
    sha256: str
    record: str
    leaf: str

    def to_json(self) -> bytes:
        """Return the grant as it stands in metadata."""
        return msgspec.json.encode(self)

    @staticmethod
    def from_json(raw: bytes) -> "FeatureGrant":
        """Decode what ``to_json`` wrote.

        Raises:
            UnreadableGrantError: the bytes are not a grant.
        """
        try:
            return msgspec.json.decode(raw, type=FeatureGrant)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UnreadableGrantError(
                "the metadata holds no readable grant"
            ) from error
