"""Receipts: one record, provable offline with nothing but the log's verifier key.

A receipt (``.tlog-proof``) is its heading, optionally an ``extra`` that no signature
covers, the index, the inclusion path, an empty line and the checkpoint, verbatim.

Source: C2SP tlog-proof.
"""

import base64
import binascii
from collections.abc import Iterable
from typing import Final

import msgspec

from cdp.audit.checkpoint import Checkpoint, open_checkpoint, parse_size
from cdp.audit.errors import BadCheckpointError, BadReceiptError
from cdp.audit.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from cdp.audit.note import VerifierKey

_HEADING: Final = "c2sp.org/tlog-proof@v1"
# A path has one hash for each level of a tree below 2**63 leaves.
_MAX_HASHES: Final = 63


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Where a record stands, its path to the root, and the checkpoint over it."""

    index: int
    proof: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def to_bytes(self) -> bytes:
        """Return the file."""
        lines = [_HEADING]
        if self.extra is not None:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(value).decode() for value in self.proof]
        return "\n".join(lines).encode() + b"\n\n" + self.checkpoint


def parse_receipt(raw: bytes) -> Receipt:
    """Read a receipt without believing it.

    Raises:
        BadReceiptError: it is malformed.
    """
    head, gap, checkpoint = raw.partition(b"\n\n")
    try:
        lines = head.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise BadReceiptError("the receipt is not UTF-8") from error
    if not gap or not checkpoint or lines.pop(0) != _HEADING:
        raise BadReceiptError("the receipt has another form")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = _base64(lines.pop(0).removeprefix("extra "))
    if not lines or not lines[0].startswith("index "):
        raise BadReceiptError("the receipt names no index")
    try:
        index = parse_size(lines.pop(0).removeprefix("index "))
    except BadCheckpointError as error:
        raise BadReceiptError("the index is not a plain number") from error
    proof = tuple(_base64(line) for line in lines)
    if len(proof) > _MAX_HASHES or any(len(value) != HASH_BYTES for value in proof):
        raise BadReceiptError("the path is too long, or a hash is not 32 bytes")
    return Receipt(index=index, proof=proof, checkpoint=checkpoint, extra=extra)


def verify_receipt(
    raw: bytes, entry: bytes, keys: Iterable[VerifierKey], *, origin: str
) -> tuple[int, Checkpoint]:
    """Check that ``entry`` is in the log; return its index and the checkpoint.

    Raises:
        BadReceiptError, BadNoteError, BadCheckpointError: a part is malformed or
        unsigned. BadProofError: the entry is not the one that was logged.
    """
    receipt = parse_receipt(raw)
    point = open_checkpoint(receipt.checkpoint, keys, origin=origin)
    verify_inclusion(
        receipt.index, point.size, leaf_hash(entry), receipt.proof, point.root
    )
    return receipt.index, point


def _base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise BadReceiptError("a line is not base64") from error
    if base64.b64encode(data).decode() != text:
        raise BadReceiptError("a line's base64 has a second spelling")
    return data
