"""Tiles and bundles: the files in which the log can be read by anyone.

- A tile holds up to 256 hashes of one level. Level 0 are leaf hashes; a hash of level L
  is the root of one *full* tile of level L-1, so a tile once full never changes.
- A bundle holds up to 256 entries, each after its length as a big-endian uint16.
- A partial file of width W lies beside the full one as ``.p/W`` and is a prefix of it.
- Numbers in paths are groups of three digits, all but the last with an ``x``.

Pure: paths, bytes and the builder that turns leaf hashes into tiles. ``files`` reads
and writes them.

Source: C2SP tlog-tiles.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from cdp.audit.errors import BadTileError
from cdp.audit.merkle import HASH_BYTES, Nodes, fold, node_hash, split_hashes

WIDTH: Final = 256
HEIGHT: Final = 8  # levels of the tree in one tile: 2**8 is WIDTH
MAX_ENTRY_BYTES: Final = 65_535  # what a uint16 can say
_MAX_LEVEL: Final = 63
_MAX_NUMBER: Final = 2**63 - 1
_GROUP: Final = 3


class TilePath(msgspec.Struct, frozen=True):
    """The address of one hash tile. ``width`` 0 is the full tile."""

    level: int
    number: int
    width: int = 0

    def __str__(self) -> str:
        return f"tile/{self.level}/{number_path(self.number, self.width)}"


def bundle_path(number: int, width: int = 0) -> str:
    """Return the path of a bundle of entries; ``width`` 0 is the full one."""
    return f"tile/entries/{number_path(number, width)}"


def bundle_path_for_index(index: int, size: int) -> str:
    """Return the path of the bundle that holds entry ``index`` in a log of ``size``."""
    number = index // WIDTH
    return bundle_path(number, tile_width(0, number, size) % WIDTH)


def number_path(number: int, width: int = 0) -> str:
    """Return ``number`` in groups of three, with ``.p/W`` for a partial file."""
    groups = [f"{number % 1000:03d}"]
    while number >= 1000:  # noqa: PLR2004 - groups of three digits
        number //= 1000
        groups.append(f"x{number % 1000:03d}")
    path = "/".join(reversed(groups))
    return f"{path}.p/{width}" if width else path


def parse_number_path(text: str) -> tuple[int, int]:
    """Read what ``number_path`` wrote: the number and the width (0 when full).

    Raises:
        BadTileError: it is not such a path.
    """
    path, partial, width = text.partition(".p/")
    groups = path.split("/")
    number = 0
    for at, group in enumerate(groups):
        is_last = at == len(groups) - 1
        digits = group if is_last else group.removeprefix("x")
        marked = is_last or group.startswith("x")
        if not marked or len(digits) != _GROUP or not _is_plain(digits):
            raise BadTileError("a tile path is made of groups of three digits")
        number = number * 1000 + int(digits)
    if number > _MAX_NUMBER or (len(groups) > 1 and groups[0] == "x000"):
        raise BadTileError("the tile's number is too large or has another spelling")
    if not partial:
        return number, 0
    if not _is_plain(width) or width[0] == "0" or not 0 < int(width) < WIDTH:
        raise BadTileError("the width of a partial file is 1 to 255")
    return number, int(width)


def parse_tile(level: str, number: str) -> TilePath:
    """Read a tile's address from the two parts of its path.

    Raises:
        BadTileError: it is none.
    """
    spelled = _is_plain(level) and str(int(level)) == level
    if not spelled or int(level) > _MAX_LEVEL:
        raise BadTileError("a tile's level is 0 to 63")
    found, width = parse_number_path(number)
    return TilePath(int(level), found, width)


def tile_width(level: int, number: int, size: int) -> int:
    """Return how many hashes tile ``number`` of ``level`` has in a log of ``size``."""
    return max(0, min(WIDTH, (size >> (HEIGHT * level)) - number * WIDTH))


def levels(size: int) -> int:
    """Return how many tile levels a log of ``size`` has."""
    return max(1, -(-size.bit_length() // HEIGHT)) if size else 0


def node_in_tile(level: int, index: int) -> tuple[int, int, int, int]:
    """Return where a tree node lives: tile level and number, level and index inside."""
    tile_level, inside = divmod(level, HEIGHT)
    number, at = divmod(index << inside, WIDTH)
    return tile_level, number, inside, at >> inside


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return the bundle of these entries.

    Raises:
        BadTileError: an entry is longer than 65,535 bytes.
    """
    if any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        raise BadTileError(f"an entry has more than {MAX_ENTRY_BYTES} bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def parse_bundle(data: bytes) -> list[bytes]:
    """Return the entries of a bundle.

    Raises:
        BadTileError: it is cut short.
    """
    entries, whole = read_bundle(data)
    if not whole:
        raise BadTileError("a bundle is cut short")
    return entries


def read_bundle(data: bytes) -> tuple[list[bytes], bool]:
    """Return the entries that can be read, and whether that is all of them."""
    entries: list[bytes] = []
    at = 0
    while at + 2 <= len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data):
            return entries, False
        entries.append(data[at + 2 : end])
        at = end
    return entries, at == len(data)


def subtree_roots(hashes: Sequence[bytes]) -> list[bytes]:
    """Join a tile's hashes into roots of complete subtrees, the largest first."""
    roots: list[bytes] = []
    row = list(hashes)
    while row:
        if len(row) % 2:
            roots.append(row.pop())
        row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    roots.reverse()
    return roots


class Builder:
    """Turns leaf hashes into tiles; only the right edge is in memory.

    Args:
        on_tile: called with level, number and bytes of each tile that becomes full.
        edge: the partial tile of each level, lowest first, to go on from.
        size: how many leaves these are.
    """

    def __init__(
        self,
        on_tile: Callable[[int, int, bytes], None],
        *,
        size: int = 0,
        edge: Sequence[bytes] = (),
    ) -> None:
        self.size = size
        self._on_tile = on_tile
        self._rows = [bytearray(data) for data in edge]

    def push(self, leaf: bytes) -> None:
        """Add the next leaf hash."""
        index = self.size
        self.size += 1
        value, level = leaf, 0
        while True:
            if level == len(self._rows):
                self._rows.append(bytearray())
            row = self._rows[level]
            row += value
            if len(row) < WIDTH * HASH_BYTES:
                return
            full = bytes(row)
            row.clear()
            self._on_tile(level, index // WIDTH, full)
            (value,) = subtree_roots(split_hashes(full))
            index //= WIDTH
            level += 1

    def partials(self) -> Iterator[tuple[TilePath, bytes]]:
        """Give the partial tile of each level that has one."""
        for level, row in enumerate(self._rows):
            if row:
                number = (self.size >> (HEIGHT * level)) // WIDTH
                width = len(row) // HASH_BYTES
                yield TilePath(level, number, width), bytes(row)

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        roots: list[bytes] = []
        for row in reversed(self._rows):
            roots += subtree_roots(split_hashes(bytes(row)))
        return fold(roots)


def nodes_from_tiles(read: Callable[[int, int], bytes]) -> Nodes:
    """Return a look-up of tree nodes over tiles.

    Args:
        read: gives the bytes of a tile by level and number; a longer one is fine.
    """
    seen: dict[tuple[int, int], bytes] = {}

    def node(level: int, index: int) -> bytes:
        tile_level, number, inside, at = node_in_tile(level, index)
        data = seen.get((tile_level, number))
        if data is None:
            data = seen[tile_level, number] = read(tile_level, number)
        first, end = at << inside, (at + 1) << inside
        hashes = split_hashes(data[first * HASH_BYTES : end * HASH_BYTES])
        if len(hashes) != end - first:
            raise BadTileError(f"tile {TilePath(tile_level, number)} is too short")
        (root,) = subtree_roots(hashes)
        return root

    return node


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isdigit()
