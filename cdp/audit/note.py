"""Signed notes and verifier keys: the envelope in which a checkpoint travels.

- A note is its text, an empty line, and signature lines; the *last* empty line
  separates. The signed bytes are the text with its last newline.
- A signature line is U+2014, a space, the key's name, a space and the base64 of key id
  and signature.
- A reader ignores keys it does not know. A known key with a bad signature rejects the
  note, and so does the absence of any known key.
- A key id is derived from the key: a name alone never finds a key.

Refuses: base64 that has a second spelling, control characters, a name with a space or
``+``, more than 100 signatures.

Source: C2SP signed-note; golang.org/x/mod/sumdb/note for what it leaves open (a
repeated signature line is dropped).
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Final

import msgspec

from cdp.audit.errors import BadKeyError, BadNoteError
from cdp.keys import verify_ed25519

ED25519: Final = 0x01
ECDSA: Final = 0x02

_ID_BYTES: Final = 4
_ED25519_PUBLIC_BYTES: Final = 32
# As many as Go reads; C2SP asks for 16 at least.
_MAX_SIGNATURES: Final = 100
_DASH: Final = "— "
_FIRST_PRINTABLE: Final = 0x20

# (public key, signature, message) -> whether it holds.
Check = Callable[[bytes, bytes, bytes], bool]
ALGORITHMS: Final[Mapping[int, Check]] = {ED25519: verify_ed25519}


class VerifierKey(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whose signature counts: a name and a public key."""

    name: str
    algorithm: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature line names this key."""
        if self.algorithm == ECDSA:
            return sha256(self.public).digest()[:_ID_BYTES]
        data = self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public
        return sha256(data).digest()[:_ID_BYTES]

    @property
    def text(self) -> str:
        """The key as people pass it around: ``name+hex(id)+base64(type || key)``."""
        encoded = base64.b64encode(bytes([self.algorithm]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """One signature line."""

    name: str
    key_id: bytes
    signature: bytes


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A note that was read and not yet believed."""

    text: str
    signatures: tuple[Signature, ...]


class OpenedNote(msgspec.Struct, frozen=True, kw_only=True):
    """A note that at least one known key has signed."""

    text: str
    verified: tuple[VerifierKey, ...]
    unverified: tuple[str, ...]


def parse_verifier_key(text: str) -> VerifierKey:
    """Read ``name+hex(id)+base64(type || key)``.

    Raises:
        BadKeyError: it is malformed, or the id is not the hash of the rest.
    """
    # The base64 alphabet has a '+' of its own, so the first two separate.
    parts = text.split("+", 2)
    if len(parts) != 3:  # noqa: PLR2004 - name, id, key
        raise BadKeyError("a verifier key has three parts")
    name, stated, encoded = parts
    data = _strict_base64(encoded)
    if not is_key_name(name) or not data:
        raise BadKeyError("the verifier key is malformed")
    key = VerifierKey(name=name, algorithm=data[0], public=data[1:])
    if stated != key.key_id.hex():
        raise BadKeyError("the verifier key's id is not the hash of its parts")
    if key.algorithm == ED25519 and len(key.public) != _ED25519_PUBLIC_BYTES:
        raise BadKeyError("an Ed25519 key has 32 bytes")
    return key


def is_key_name(name: str) -> bool:
    """Whether ``name`` may name a key: not empty, without spaces and ``+``."""
    return bool(name) and "+" not in name and not any(c.isspace() for c in name)


def sign_note(
    text: str, name: str, public: bytes, sign: Callable[[bytes], bytes]
) -> bytes:
    """Return the note of ``text``, signed with the Ed25519 key ``name``.

    Raises:
        BadNoteError: the text cannot be that of a note.
        BadKeyError: the name cannot name a key.
    """
    if not is_key_name(name):
        raise BadKeyError("a key name has no space and no '+'")
    if not text.endswith("\n") or not _is_printable(text):
        raise BadNoteError("a text ends in a newline and has no control characters")
    key = VerifierKey(name=name, algorithm=ED25519, public=public)
    line = base64.b64encode(key.key_id + sign(text.encode())).decode()
    return f"{text}\n{_DASH}{name} {line}\n".encode()


def parse_note(raw: bytes) -> Note:
    """Take a note apart without believing it.

    Raises:
        BadNoteError: it is malformed.
    """
    try:
        whole = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadNoteError("the note is not UTF-8") from error
    if not _is_printable(whole):
        raise BadNoteError("the note has control characters")
    text, gap, lines = whole.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise BadNoteError("the note has no signatures")
    signatures = tuple(_parse_line(line) for line in lines[:-1].split("\n"))
    if len(signatures) > _MAX_SIGNATURES:
        raise BadNoteError("the note has too many signatures")
    return Note(text=f"{text}\n", signatures=signatures)


def open_note(
    raw: bytes,
    keys: Iterable[VerifierKey],
    algorithms: Mapping[int, Check] = ALGORITHMS,
) -> OpenedNote:
    """Return the note's text and who signed it.

    Args:
        raw: the note.
        keys: whom the reader trusts. None at all rejects every note.
        algorithms: how to check each type of key; a key of another type is unknown.

    Raises:
        BadNoteError: malformed, a known key signed something else, or no known key
        signed.
    """
    note = parse_note(raw)
    known = {(key.name, key.key_id): key for key in keys if key.algorithm in algorithms}
    message = note.text.encode()
    verified: dict[tuple[str, bytes], VerifierKey] = {}
    unverified: dict[tuple[str, bytes], str] = {}
    for line in note.signatures:
        address = (line.name, line.key_id)
        key = known.get(address)
        if key is None:
            unverified[address] = line.name
        elif address not in verified:
            if not algorithms[key.algorithm](key.public, line.signature, message):
                raise BadNoteError(f"the signature of {line.name} does not hold")
            verified[address] = key
    if not verified:
        raise BadNoteError("no known key has signed the note")
    return OpenedNote(
        text=note.text,
        verified=tuple(verified.values()),
        unverified=tuple(unverified.values()),
    )


def _parse_line(line: str) -> Signature:
    if not line.startswith(_DASH):
        raise BadNoteError("a signature line begins with a dash and a space")
    name, space, encoded = line[len(_DASH) :].partition(" ")
    data = _strict_base64(encoded)
    if not space or not is_key_name(name) or data is None or len(data) <= _ID_BYTES:
        raise BadNoteError("a signature line is malformed")
    return Signature(name=name, key_id=data[:_ID_BYTES], signature=data[_ID_BYTES:])


def _is_printable(text: str) -> bool:
    return all(ord(c) >= _FIRST_PRINTABLE or c == "\n" for c in text)


def _strict_base64(text: str) -> bytes | None:
    """Decode standard, padded base64; None for anything that has another spelling."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    return data if base64.b64encode(data).decode() == text else None
