"""Checkpoints: what a log claims to be, in three lines, signed.

The lines are the origin (the log's URL without scheme, also the key's name), the size
in plain decimal, and the root in base64. We write no further lines and ignore those of
others.

Refuses: a root that is not 32 bytes, a size with a second spelling.

Source: C2SP tlog-checkpoint.
"""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from cdp.audit.errors import BadCheckpointError
from cdp.audit.merkle import HASH_BYTES
from cdp.audit.note import VerifierKey, open_note, sign_note

_MAX_SIZE: Final = 2**63 - 1
_MAX_DIGITS: Final = 19


class CheckpointBody(msgspec.Struct, frozen=True, kw_only=True):
    """The text of a checkpoint, taken apart."""

    origin: str
    size: int
    root: bytes
    rest: str = ""

    @property
    def text(self) -> str:
        """The lines as they are signed."""
        root = base64.b64encode(self.root).decode()
        return f"{self.origin}\n{self.size}\n{root}\n{self.rest}"


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A signed claim: the log ``origin`` has ``size`` records and this ``root``."""

    origin: str
    size: int
    root: bytes
    note: bytes


def parse_body(text: str, *, root_bytes: int | None = HASH_BYTES) -> CheckpointBody:
    """Take the text of a checkpoint apart.

    Args:
        text: the text of a note.
        root_bytes: how long the root must be; None for a log with other hashes.

    Raises:
        BadCheckpointError: a line is missing or malformed.
    """
    lines = text.split("\n", 3)
    if len(lines) != 4 or not lines[0]:  # noqa: PLR2004 - three lines and what follows
        raise BadCheckpointError("a checkpoint has an origin, a size and a root")
    origin, size, encoded, rest = lines
    try:
        root = base64.b64decode(encoded.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise BadCheckpointError("the root is not base64") from error
    if base64.b64encode(root).decode() != encoded:
        raise BadCheckpointError("the root's base64 has a second spelling")
    if root_bytes is not None and len(root) != root_bytes:
        raise BadCheckpointError(f"the root has {len(root)} bytes, not {root_bytes}")
    return CheckpointBody(origin=origin, size=parse_size(size), root=root, rest=rest)


def parse_size(text: str) -> int:
    """Read a plain decimal number without sign or leading zero, below 2**63.

    Raises:
        BadCheckpointError: it is not one.
    """
    plain = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    if not plain or (text[0] == "0" and text != "0") or int(text) > _MAX_SIZE:
        raise BadCheckpointError("a size is a plain decimal number below 2^63")
    return int(text)


def sign_checkpoint(
    origin: str, size: int, root: bytes, public: bytes, sign: Callable[[bytes], bytes]
) -> Checkpoint:
    """Sign the claim with the log's key, whose name is the origin."""
    body = CheckpointBody(origin=origin, size=size, root=root)
    note = sign_note(body.text, origin, public, sign)
    return Checkpoint(origin=origin, size=size, root=root, note=note)


def open_checkpoint(
    raw: bytes, keys: Iterable[VerifierKey], *, origin: str
) -> Checkpoint:
    """Return the checkpoint in ``raw``: signed by a known key, of ``origin``.

    Raises:
        BadNoteError: the note does not hold.
        BadCheckpointError: its text is no checkpoint, or one of another log.
    """
    body = parse_body(open_note(raw, keys).text)
    if body.origin != origin:
        raise BadCheckpointError("the checkpoint is of another log")
    return Checkpoint(origin=origin, size=body.size, root=body.root, note=raw)
