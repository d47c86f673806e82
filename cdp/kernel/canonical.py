"""Canonical bytes: one value, one spelling, so that a hash of it means something.

The form is RFC 8785 (JSON Canonicalization Scheme) on the part of JSON that the project
allows itself: objects with ASCII keys, lists, text, booleans, null and integers that a
double holds exactly. On that part msgspec's sorted encoder already writes the RFC's
bytes, many times faster than a general library; the tests compare the two.

Refuses floats (their spelling is where canonical forms differ) and larger integers.

Source: RFC 8785 sections 3.2.2 and 3.2.3.
"""

from typing import ClassVar

import msgspec

from cdp.kernel.errors import CdpError

# 2**53 - 1, RFC 8785 section 3.2.2.3: beyond it a double may change the number.
_MAX_INTEGER = 9_007_199_254_740_991

_encoder = msgspec.json.Encoder(order="sorted")


class NotCanonicalError(CdpError):
    """The value has no canonical form here."""

    code: ClassVar[str] = "kernel.not_canonical"


def canonical(value: object) -> bytes:
    """Return the RFC 8785 bytes of ``value``.

    Args:
        value: A struct, or dicts, lists, tuples, text, integers, booleans and None.

    Raises:
        NotCanonicalError: a float, an integer beyond 2**53 - 1, bytes, or a key that is
            not ASCII text.
    """
    plain = msgspec.to_builtins(value, builtin_types=(bytes,))
    _check(plain)
    return _encoder.encode(plain)


def _check(value: object) -> None:
    match value:
        case None | bool() | str():
            pass
        case int():
            if abs(value) > _MAX_INTEGER:
                raise NotCanonicalError("an integer is beyond 2**53 - 1")
        case dict():
            for key, item in value.items():
                if not isinstance(key, str) or not key.isascii():
                    raise NotCanonicalError("a key is not ASCII text")
                _check(item)
        case list() | tuple():
            for item in value:
                _check(item)
        case _:
            kind = type(value).__name__
            raise NotCanonicalError(f"a {kind} has no canonical form here")
