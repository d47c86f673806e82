"""Sets of ids as TCF writes them: a field of bits, or a list of ranges.

Both answer ``7 in vendors`` from the bits as they came. Ids are expanded by ``ids()``
alone, so a range of 65,535 vendors costs what a range of one does.

- Whoever makes a set has checked its bits; nothing here fails.
- ``max_id`` is the highest id that the sender could have named (``MaxVendorId``). An id
  above it is not in the set, and neither is zero.

Source: IAB TCF consent string format v2, sections Vendor Consent Section and
Publisher Restrictions Section (``RangeEntry``).
"""

from collections.abc import Iterator
from itertools import chain, compress
from struct import Struct
from typing import Final, TypeAlias

import msgspec

FLAG_BITS: Final = 1
ID_BITS: Final = 16
_ID: Final = 0xFFFF
ONLY_ID_BITS: Final = FLAG_BITS + ID_BITS
RANGE_BITS: Final = FLAG_BITS + 2 * ID_BITS

# Any 33 bits lie within the eight bytes that begin with their first byte.
WORD: Final = Struct(">Q")
WORD_BYTES: Final = WORD.size
_AFTER_ENTRY: Final = 8 * WORD_BYTES - RANGE_BITS
# The digits of a binary number as bytes that are false and true.
_FLAGS: Final = bytes.maketrans(b"01", b"\0\1")


class BitField(msgspec.Struct, frozen=True, gc=False):
    """One bit for each id; id 1 is the most significant of ``max_id`` bits."""

    mask: int
    max_id: int

    def __contains__(self, number: int) -> bool:
        return 0 < number <= self.max_id and bool(
            self.mask >> (self.max_id - number) & 1
        )

    def ids(self) -> frozenset[int]:
        """Return the ids whose bit is set."""
        flags = f"{self.mask:0{self.max_id}b}".encode().translate(_FLAGS)
        return frozenset(compress(range(1, self.max_id + 1), flags))


class IdRanges(msgspec.Struct, frozen=True, gc=False):
    """``entries`` ranges as they came, from bit ``at`` of ``octets`` on.

    Entries may overlap and stand in any order: the standard asks for none.
    """

    octets: bytes
    at: int
    entries: int
    max_id: int

    def __repr__(self) -> str:
        return f"IdRanges(entries={self.entries}, max_id={self.max_id})"

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Yield the first and the last id of each entry, in the order they came."""
        at = self.at
        for _ in range(self.entries):
            (word,) = WORD.unpack_from(self.octets, at >> 3)
            entry = word >> _AFTER_ENTRY - (at & 7)
            first = entry >> ID_BITS & _ID
            if entry >> 2 * ID_BITS & 1:
                at += RANGE_BITS
                yield first, entry & _ID
            else:
                at += ONLY_ID_BITS
                yield first, first

    def __contains__(self, number: int) -> bool:
        # The walk of ``ranges`` once more: a generator takes three times as long, and
        # this is asked of each string.
        octets, at = self.octets, self.at
        for _ in range(self.entries):
            entry = WORD.unpack_from(octets, at >> 3)[0] >> _AFTER_ENTRY - (at & 7)
            first = entry >> ID_BITS & _ID
            if entry >> 2 * ID_BITS & 1:
                if first <= number <= entry & _ID:
                    return True
                at += RANGE_BITS
            elif first == number:
                return True
            else:
                at += ONLY_ID_BITS
        return False

    def ids(self) -> frozenset[int]:
        """Return every id of every range; this is what takes time and room."""
        every = (range(first, last + 1) for first, last in self.ranges())
        return frozenset(chain.from_iterable(every))


IdSet: TypeAlias = BitField | IdRanges
