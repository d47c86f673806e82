"""Sets of subjects: whom an access touched, committed so that each is provable.

- A subject is an *ordinal*: a dense number below 2**48 that stands for a handle. A set
  is cut into parts by ``ordinal >> 16``; a part is stored as the Roaring bitmap of the
  low halves.
- The commitment is an RFC 6962 tree over the parts in ascending order. A leaf's data is
  ``"cdp/subj/v1" || salt_p || u32 part || u32 count || low halves as big-endian u16``,
  and ``salt_p = HMAC-SHA-256(salt, "cdp/subj/v1" || u32 part)``: it fixes the set and
  not an encoding, and one part can be opened without the others.
- Each *set* has a salt of its own (decision 0011): opening a part of what was returned
  must not help to guess the part of what was withheld.

Refuses: an ordinal outside [0, 2**48).

Source: the project's audit design, section 4; RoaringFormatSpec for the stored bytes.
"""

import hmac
from array import array
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from cdp.audit.errors import BadProofError, BadRecordError
from cdp.audit.merkle import (
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_inclusion,
)
from cdp.audit.tiles import subtree_roots

Ordinals = npt.NDArray[np.int64]
Lows = npt.NDArray[np.uint16]

PART_BITS: Final = 16
_LOW_MASK: Final = (1 << PART_BITS) - 1
_MAX_ORDINAL: Final = 2**48 - 1
_LABEL: Final = b"cdp/subj/v1"


class Part(msgspec.Struct, frozen=True, eq=False):
    """The members of a set whose ordinals share the bits above the low 16.

    ``lows``: (n,) uint16, ascending, without repetition, n >= 1.
    """

    number: int
    lows: Lows


class SetRoot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the envelope says of a set: how many parts, and their root in hex."""

    parts: int
    root: str


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The proof of one part: its place, its members, its salt and its path."""

    position: int
    number: int
    lows: tuple[int, ...]
    salt: bytes
    path: tuple[bytes, ...]


def split(ordinals: Ordinals) -> list[Part]:
    """Cut a set of ordinals into its parts, ascending.

    Args:
        ordinals: (n,) int64 in any order; a repetition counts once.

    Raises:
        BadRecordError: an ordinal is outside [0, 2**48).
    """
    if not len(ordinals):
        return []
    # Not np.unique: it hashes, a hundred times slower than sorting on a million.
    ranked = np.sort(ordinals)
    members = ranked[np.flatnonzero(np.diff(ranked, prepend=ranked[0] - 1))]
    if members[0] < 0 or members[-1] > _MAX_ORDINAL:
        raise BadRecordError("an ordinal is outside [0, 2^48)")
    numbers = members >> PART_BITS
    lows = (members & _LOW_MASK).astype(np.uint16)
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    pieces = np.split(lows, starts[1:])
    found = numbers[starts].tolist()
    return [Part(n, piece) for n, piece in zip(found, pieces, strict=True)]


def part_salt(salt: bytes, number: int) -> bytes:
    """Return the salt of one part, from the salt of its set."""
    return hmac.digest(salt, _LABEL + number.to_bytes(4, "big"), "sha256")


def part_leaf(number: int, lows: Lows, salt: bytes) -> bytes:
    """Return the leaf hash of one part under its own salt."""
    head = number.to_bytes(4, "big") + len(lows).to_bytes(4, "big")
    return leaf_hash(_LABEL + salt + head + lows.astype(">u2").tobytes())


def commit(parts: Sequence[Part], salt: bytes) -> SetRoot:
    """Commit to a set under its salt (32 bytes)."""
    return SetRoot(parts=len(parts), root=root_of(_leaves(parts, salt)).hex())


def open_part(parts: Sequence[Part], salt: bytes, number: int) -> Opening:
    """Open one part and no other.

    Raises:
        ValueError: the set has no such part.
    """
    position = [part.number for part in parts].index(number)
    leaves = _leaves(parts, salt)

    def node(level: int, index: int) -> bytes:
        (root,) = subtree_roots(leaves[index << level : (index + 1) << level])
        return root

    return Opening(
        position=position,
        number=number,
        lows=tuple(parts[position].lows.tolist()),
        salt=part_salt(salt, number),
        path=tuple(inclusion_proof(position, len(leaves), node)),
    )


def verify_member(ordinal: int, opening: Opening, root: SetRoot) -> None:
    """Check that ``ordinal`` is in the set to which ``root`` commits.

    Raises:
        BadProofError: the opening does not prove it.
    """
    number, low = ordinal >> PART_BITS, ordinal & _LOW_MASK
    if opening.number != number or low not in opening.lows:
        raise BadProofError("the opened part does not hold the subject")
    lows = np.asarray(opening.lows, dtype=np.uint16)
    leaf = part_leaf(number, lows, opening.salt)
    expected = bytes.fromhex(root.root)
    verify_inclusion(opening.position, root.parts, leaf, opening.path, expected)


def pack(lows: Lows) -> bytes:
    """Return the Roaring bytes of low halves."""
    # An array of uint32 is the one input that the library copies in one go.
    return BitMap(array("I", lows.astype(np.uint32).tobytes())).serialize()


def unpack(stored: bytes) -> Lows:
    """Return the low halves of stored Roaring bytes, ascending.

    Raises:
        BadRecordError: the bytes are not a bitmap of low halves.
    """
    try:
        members = np.asarray(BitMap.deserialize(stored).to_array(), dtype=np.int64)
    except (ValueError, IndexError) as error:
        raise BadRecordError("a stored part is not a bitmap") from error
    whole = len(members) > 0 and members[0] >= 0 and members[-1] <= _LOW_MASK
    lows = members.astype(np.uint16)
    # The library forgives trailing bytes and unsorted members; an auditor does not.
    if not whole or bool((np.diff(members) <= 0).any()) or pack(lows) != stored:
        raise BadRecordError("a stored part is not the bitmap of its members")
    return lows


def contains_any(stored: bytes, lows: BitMap) -> bool:
    """Whether a stored part holds one of ``lows``."""
    return BitMap.deserialize(stored).intersect(lows)


def _leaves(parts: Sequence[Part], salt: bytes) -> list[bytes]:
    return [part_leaf(p.number, p.lows, part_salt(salt, p.number)) for p in parts]
