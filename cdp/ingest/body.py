"""From the bytes of a request to JSON that decodes, or one typed error.

- gzip is told by its first two bytes; headers lie in both directions.
- Inflating stops at the cap, whatever ``Content-Length`` or the gzip trailer promise.
- The repair pass runs only when the envelope does not decode: real clients send bare
  ``NaN`` and lone surrogates, and one float must not cost a whole batch.
- Every pass is linear in the body, whatever stands in it: anybody may send these bytes.

Source: RFC 1952 (gzip), RFC 8259 (JSON); the house page on the wire, section 4.
"""

import math
import re
import zlib
from typing import Final

from cdp.ingest.errors import (
    BadEncodingError,
    BodyTooLargeError,
    TooDeepError,
    UnsupportedEncodingError,
)

MAX_BODY_BYTES: Final = 5 * 1024 * 1024
MAX_DEPTH: Final = 64

_GZIP_MAGIC: Final = b"\x1f\x8b"
_CHUNK_BYTES: Final = 64 * 1024
_GZIP_WINDOW: Final = 31  # zlib: 16 for the gzip wrapper, 15 for the largest window
# Clients write one member. Each further one costs a copy of what is left, and a quarter
# of a million empty ones fit into a body.
_MAX_MEMBERS: Final = 64
_KNOWN_ENCODINGS: Final = frozenset({"", "gzip", "identity"})

# A string, also one that never ends: were that no match, the scan would begin again at
# each quote inside it. Possessive, for there is one way only to read a string.
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_TOKENS = re.compile(_STRING + rb"|-?\bInfinity\b|\bNaN\b", re.DOTALL)
_NUMBERS = re.compile(_STRING + rb"|-?[0-9][0-9.eE+-]*+", re.DOTALL)
_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a whole pair
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"  # half a pair
    rb"|\\.",
    re.DOTALL,
)
_NOT_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))
_STRUCTURE = re.compile(_STRING + rb"|[\[{]|[\]}]", re.DOTALL)


def plain(body: bytes, content_encoding: str = "") -> bytes:
    """Return the body inflated where it is gzip.

    Args:
        body: as received, at most ``MAX_BODY_BYTES`` long.
        content_encoding: the header, for a clear refusal of what we cannot read.

    Raises:
        BodyTooLargeError: longer than the cap, before or after inflating.
        BadEncodingError: the gzip data are cut or corrupt.
        UnsupportedEncodingError: the header names an encoding that is not gzip, and the
            body is no gzip either.
    """
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLargeError(f"a body holds at most {MAX_BODY_BYTES} bytes")
    if body.startswith(_GZIP_MAGIC):
        return _inflate(body)
    encoding = content_encoding.strip().lower()
    if encoding not in _KNOWN_ENCODINGS:
        raise UnsupportedEncodingError("send the body plain or as gzip")
    return body


def _inflate(body: bytes) -> bytes:
    parts: list[bytes] = []
    room = MAX_BODY_BYTES
    rest = body
    for _member in range(_MAX_MEMBERS):
        stream = zlib.decompressobj(_GZIP_WINDOW)
        try:
            while not stream.eof and rest:
                part = stream.decompress(rest, min(_CHUNK_BYTES, room + 1))
                rest = stream.unconsumed_tail
                room -= len(part)
                if room < 0:
                    raise BodyTooLargeError(
                        f"a body inflates to at most {MAX_BODY_BYTES} bytes"
                    )
                parts.append(part)
        except zlib.error as error:
            raise BadEncodingError("the gzip data are corrupt") from error
        if not stream.eof:
            raise BadEncodingError("the gzip data are cut")
        rest = stream.unused_data
        if not rest:
            return b"".join(parts)
    raise BadEncodingError(f"gzip data have at most {_MAX_MEMBERS} members")


def repair(body: bytes) -> bytes:
    """Return ``body`` with what real clients get wrong put right, in one linear scan.

    Bare ``NaN`` and ``Infinity`` become ``null``, half a surrogate pair becomes U+FFFD,
    a
    byte order mark goes. Everything else stays as it is, also what is not JSON.
    """
    return _TOKENS.sub(_mend, body.removeprefix(b"\xef\xbb\xbf"))


def _mend(token: "re.Match[bytes]") -> bytes:
    text = token.group()
    if not text.startswith(b'"'):
        return b"null"
    if b"\\u" not in text:
        return text
    return _ESCAPES.sub(lambda m: b"\\ufffd" if m.group(1) else m.group(), text)


def bound_numbers(item: bytes) -> bytes:
    """Return ``item`` with ``null`` for every number that no double holds."""
    return _NUMBERS.sub(_bound, item)


def _bound(token: "re.Match[bytes]") -> bytes:
    text = token.group()
    if text.startswith(b'"'):
        return text
    try:
        return text if math.isfinite(float(text)) else b"null"
    except ValueError:
        return text


def check_depth(body: bytes) -> None:
    """Refuse JSON that nests deeper than ``MAX_DEPTH`` levels.

    Raises:
        TooDeepError: it does.
    """
    # Peel what is innermost, level by level: brackets inside strings can only make this
    # look deeper than it is, and then the exact scan below decides.
    brackets = body.translate(None, _NOT_BRACKETS)
    for peeled_levels in range(MAX_DEPTH):
        if peeled_levels + len(brackets) <= MAX_DEPTH:
            return
        peeled = brackets.replace(b"{}", b"").replace(b"[]", b"")
        if len(peeled) == len(brackets):
            break
        brackets = peeled
    depth = 0
    for token in _STRUCTURE.finditer(body):
        first = token.group()[:1]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise TooDeepError(f"JSON may nest {MAX_DEPTH} levels deep")
        elif first in b"]}":
            depth -= 1
