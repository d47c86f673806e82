"""What an officer searches by, as bitmaps over blocks of 4,096 records.

A facet is one value of one field, as 64 bits: of a SHA-256 for the codes of the
envelope, of a keyed digest for what stands in the payload (client, actor, address,
ticket). A block's index says which of its records have the facet. Rare or common, alone
or together, a page needs one short bitmap for each facet and block, so its cost does
not grow with how the values are spread.

- The index is derived: whatever it names is read and compared before it is shown, and
  blocks that are not covered yet are read row by row.
- It is built after the fact and never in the transaction that appends.

Pure. ``search`` asks, ``repository`` stores.

Source: docs/decisions/0012-search-by-blocks.md.
"""

import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec
from pyroaring import BitMap

BLOCK_BITS: Final = 12
BLOCK: Final = 1 << BLOCK_BITS

# Fields of the envelope, then fields of the payload in the order of a search blob.
ENVELOPE_FIELDS: Final = (
    "kind",
    "outcome",
    "purpose",
    "recipient",
    "release",
    "reason",
    "policy",
)
PAYLOAD_FIELDS: Final = ("client", "actor", "source_address", "ticket")
_BLOB: Final = struct.Struct(f">{len(PAYLOAD_FIELDS)}q")
NOTHING: Final = _BLOB.pack(0, 0, 0, 0)

_WORD: Final = struct.Struct(">q")


class Searchable(msgspec.Struct, frozen=True):
    """The part of an envelope that can be searched; the rest is skipped."""

    t: int
    kind: str
    outcome: str
    purpose: str | None = None
    recipient: str | None = None
    release: str | None = None
    reason: str | None = None
    policy: str | None = None


decode_searchable: Final = msgspec.json.Decoder(Searchable).decode


class BlockIndex(NamedTuple):
    """The index of one block; times in milliseconds."""

    block: int
    first_at: int
    last_at: int
    members: dict[int, bytes]


def code_facet(field: str, value: str) -> int:
    """Return the facet of a code of the envelope."""
    return word(sha256(f"{field}\x00{value}".encode()).digest())


def word(digest: bytes) -> int:
    """Return the first 64 bits as a signed number; never 0, which means nothing."""
    (number,) = _WORD.unpack(digest[: _WORD.size])
    return int(number) or 1


def pack_search(facets: Mapping[str, int]) -> bytes:
    """Return the blob that is stored beside a payload."""
    return _BLOB.pack(*(facets.get(field, 0) for field in PAYLOAD_FIELDS))


def unpack_search(blob: bytes) -> dict[str, int]:
    """Return the facets of a blob by field."""
    found = zip(PAYLOAD_FIELDS, _BLOB.unpack(blob), strict=True)
    return {field: facet for field, facet in found if facet}


def index_block(
    block: int, rows: Iterable[tuple[int, bytes, bytes | None]]
) -> BlockIndex:
    """Build the index of one block.

    Args:
        block: its number, ``index >> 12``.
        rows: index, envelope and search blob (None where the payload is gone).
    """
    members: defaultdict[int, list[int]] = defaultdict(list)
    times: list[int] = []
    for index, envelope, blob in rows:
        offset = index & (BLOCK - 1)
        found = decode_searchable(envelope)
        times.append(found.t)
        for facet in _code_facets(
            found.kind,
            found.outcome,
            found.purpose,
            found.recipient,
            found.release,
            found.reason,
            found.policy,
        ):
            members[facet].append(offset)
        if blob is not None:
            for facet in _BLOB.unpack(blob):
                if facet:
                    members[facet].append(offset)
    packed = {facet: BitMap(offsets).serialize() for facet, offsets in members.items()}
    return BlockIndex(block, min(times), max(times), packed)


def matching(block: int, bitmaps: Iterable[bytes]) -> list[int]:
    """Return the indexes of a block that are in every bitmap, ascending."""
    sets = [BitMap.deserialize(bitmap) for bitmap in bitmaps]
    first = block << BLOCK_BITS
    return [first + offset for offset in BitMap.intersection(*sets)]


@lru_cache(maxsize=4096)
def _code_facets(*values: str | None) -> tuple[int, ...]:
    return tuple(
        code_facet(field, value)
        for field, value in zip(ENVELOPE_FIELDS, values, strict=True)
        if value is not None
    )
