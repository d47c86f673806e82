"""Verification from files alone: is every record the one that was signed?

- The checkpoint's signature is checked, every bundle is hashed again, every tile of
  every level is rebuilt and compared byte for byte, and the rebuilt root must be the
  signed one. Tiles are compared, never trusted: a reader that takes a hash from a tile
  it did not rebuild can be shown an entry and its tile changed together.
- A fault names the records it touches: a single one where the published tiles lead to
  the signed root, the range below a hash where they do not.
- Every entry must be an envelope of the project: canonical, known fields, codes alone.

Refuses: calling an empty folder sound.

Source: C2SP tlog-tiles; RFC 9162 section 2.1.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from cdp.audit.checkpoint import Checkpoint, open_checkpoint
from cdp.audit.errors import BadCheckpointError, BadNoteError, BadRecordError
from cdp.audit.files import CHECKPOINT, LogFolder
from cdp.audit.merkle import HASH_BYTES, leaf_hash, split_hashes
from cdp.audit.note import VerifierKey
from cdp.audit.record import Codes, check_envelope, read_envelope
from cdp.audit.tiles import (
    HEIGHT,
    WIDTH,
    Builder,
    TilePath,
    bundle_path,
    encode_bundle,
    levels,
    read_bundle,
    subtree_roots,
    tile_width,
)

FaultCode = Literal[
    "checkpoint",
    "bundle",
    "tile",
    "entry",
    "root",
    "envelope",
    "old",
    "store",
    "payload",
    "sets",
    "index",
]

_NO_HASH: Final = bytes(HASH_BYTES)


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Something that does not match, from record ``first`` to ``last``."""

    code: FaultCode
    first: int
    last: int
    text: str

    def __str__(self) -> str:
        where = f"{self.first}"
        if self.first != self.last:
            where += f"..{self.last}"
        return f"index {where}: {self.text}"


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification found.

    ``shredded`` counts payloads that were removed on purpose, as a record of the log
    says; they are no fault. ``entries`` and ``tiles`` were read and compared.
    """

    ok: bool
    size: int
    root: bytes
    faults: tuple[Fault, ...]
    entries: int
    tiles: int
    shredded: int
    checkpoint: Checkpoint | None


def verify_files(
    folder: LogFolder,
    keys: Sequence[VerifierKey],
    *,
    origin: str,
    from_index: int = 0,
    old: bytes | None = None,
) -> VerifyReport:
    """Check a log from its files.

    Args:
        folder: the files.
        keys: the log's verifier keys.
        origin: the log's name.
        from_index: the first record whose bundle must still be there.
        old: an earlier checkpoint of the same log, which this one must extend.
    """
    try:
        raw = folder.read(CHECKPOINT)
        if raw is None:
            return _refused("there is no checkpoint")
        point = open_checkpoint(raw, keys, origin=origin)
        earlier = None if old is None else open_checkpoint(old, keys, origin=origin)
    except (BadNoteError, BadCheckpointError) as error:
        return _refused(str(error))
    return _FileCheck(folder, point, from_index, earlier).run()


def _refused(text: str) -> VerifyReport:
    fault = Fault(code="checkpoint", first=0, last=0, text=text)
    return VerifyReport(
        ok=False,
        size=0,
        root=b"",
        faults=(fault,),
        entries=0,
        tiles=0,
        shredded=0,
        checkpoint=None,
    )


class _FileCheck:
    def __init__(
        self,
        folder: LogFolder,
        point: Checkpoint,
        from_index: int,
        earlier: Checkpoint | None,
    ) -> None:
        self._folder = folder
        self._point = point
        self._from = from_index
        self._earlier = earlier
        self._codes = Codes()
        self._faults: list[Fault] = []
        # (level, index within the level) of hashes that tile and rebuilt tree disagree
        # on.
        self._differences: list[tuple[int, int]] = []
        # Partial files of earlier sizes that are no prefix of what was rebuilt: told
        # only where nothing else is wrong, since they may be the ones that are right.
        self._older: list[Fault] = []
        self._entries = 0
        self._tiles = 0

    def run(self) -> VerifyReport:
        builder = Builder(self._compare_full)
        size = self._point.size
        self._compare_old(builder)
        for number in range(-(-size // WIDTH)):
            for leaf in self._leaves(number):
                builder.push(leaf)
                self._compare_old(builder)
        for path, data in builder.partials():
            self._compare(path.level, path.number, data)
        if self._earlier is not None and self._earlier.size > size:
            text = f"an earlier checkpoint has {self._earlier.size} records"
            self._fault("old", size, self._earlier.size - 1, text)
        self._explain(builder.root())
        found = [(fault.first, fault.last) for fault in self._faults]
        self._faults += [
            older
            for older in self._older
            if not any(
                first <= older.last and older.first <= last for first, last in found
            )
        ]
        self._faults.sort(key=lambda fault: (fault.first, fault.last))
        return VerifyReport(
            ok=not self._faults,
            size=size,
            root=self._point.root,
            faults=tuple(self._faults),
            entries=self._entries,
            tiles=self._tiles,
            shredded=0,
            checkpoint=self._point,
        )

    def _leaves(self, number: int) -> list[bytes]:
        """Return a bundle's leaf hashes; from the tile where entries are gone."""
        width = tile_width(0, number, self._point.size)
        first = number * WIDTH
        leaves: list[bytes] = []
        if first + width > self._from:
            entries = self._read_bundle(number, first, width)
            leaves = [leaf_hash(entry) for entry in entries]
            self._check_envelopes(first, entries)
            self._entries += len(entries)
        if len(leaves) < width:
            tile = self._folder.tile(0, number, self._point.size) or b""
            stand_in = split_hashes(tile)[len(leaves) : width]
            leaves += [hash_.ljust(HASH_BYTES, b"\x00") for hash_ in stand_in]
            leaves += [_NO_HASH] * (width - len(leaves))
        return leaves

    def _read_bundle(self, number: int, first: int, width: int) -> list[bytes]:
        name, last = bundle_path(number, width % WIDTH), first + width - 1
        data = self._folder.bundle(number, self._point.size)
        if data is None:
            self._fault("bundle", first, last, f"{name} is missing")
            return []
        entries, whole = read_bundle(data)
        is_exact = self._folder.read(name) is not None
        if len(entries) < width:
            text = f"{name} is cut short or has a wrong length"
            self._fault("bundle", first + len(entries), last, text)
        elif is_exact and (len(entries) > width or not whole):
            self._fault("bundle", last, last, f"{name} goes on after its last entry")
        entries = entries[:width]
        for partial, bytes_ in self._folder.partials(bundle_path(number)):
            if partial < width and bytes_ != encode_bundle(entries[:partial]):
                text = f"{bundle_path(number, partial)} is not the start of its bundle"
                self._older.append(_fault("bundle", first, first + partial - 1, text))
        return entries

    def _check_envelopes(self, first: int, entries: Sequence[bytes]) -> None:
        for index, entry in enumerate(entries, first):
            try:
                check_envelope(read_envelope(entry), self._codes)
            except BadRecordError as error:
                self._fault("envelope", index, index, str(error))

    def _compare_full(self, level: int, number: int, data: bytes) -> None:
        self._compare(level, number, data)

    def _compare(self, level: int, number: int, data: bytes) -> None:
        """Hold a published tile against the rebuilt one."""
        width = len(data) // HASH_BYTES
        path = TilePath(level, number, width % WIDTH)
        first, _ = _span(level, number * WIDTH)
        _, last = _span(level, number * WIDTH + width - 1)
        published = self._folder.read(str(path))
        is_exact = published is not None
        if published is None:
            published = self._folder.read(str(TilePath(level, number)))
        if published is None:
            self._fault("tile", first, last, f"{path} is missing")
            return
        if len(published) != len(data) and (is_exact or len(published) < len(data)):
            self._fault("tile", first, last, f"{path} has {len(published)} bytes")
            return
        self._tiles += 1
        if not published.startswith(data):
            for at in range(width):
                place = slice(at * HASH_BYTES, (at + 1) * HASH_BYTES)
                if published[place] != data[place]:
                    self._differences.append((level, number * WIDTH + at))
        for partial, bytes_ in self._folder.partials(str(TilePath(level, number))):
            expected = data[: partial * HASH_BYTES]
            if partial < width and bytes_ != expected:
                stale = TilePath(level, number, partial)
                _, end = _span(level, number * WIDTH + partial - 1)
                text = f"{stale} is not the start of its tile"
                self._older.append(_fault("tile", first, end, text))

    def _compare_old(self, builder: Builder) -> None:
        old = self._earlier
        if old is not None and old.size == builder.size and builder.root() != old.root:
            text = f"the first {old.size} records have another root than an earlier one"
            self._fault("old", 0, max(old.size - 1, 0), text)

    def _explain(self, root: bytes) -> None:
        """Turn differences into faults that name the guilty where it can be known."""
        sound = root == self._point.root
        named = [f.first for f in self._faults if f.code in ("bundle", "tile")]
        told = {
            (level, first >> (HEIGHT * level))
            for first in named
            for level in range(1, levels(self._point.size))
        }
        if not sound and not self._differences and not named:
            text = "the entries and their tiles do not give the signed root"
            self._fault("root", 0, max(self._point.size - 1, 0), text)
        proven: dict[tuple[int, int], bool] = {}
        for level, index in sorted(self._differences):
            if (level, index) in told:
                continue
            for above in range(level, levels(self._point.size)):
                told.add((above, index >> (HEIGHT * (above - level))))
            first, last = _span(level, index)
            last = min(last, self._point.size - 1)
            name = TilePath(level, index // WIDTH)
            if sound:
                text = (
                    f"hash {index % WIDTH} of {name} is damaged; the entries are fine"
                )
                self._fault("tile", first, last, text)
            elif level == 0 and self._proven(0, index // WIDTH, proven):
                self._fault("entry", first, last, "the entry is not the one signed")
            else:
                text = f"an entry and {name} disagree, and neither is proven"
                if level == 0:
                    first = index - index % WIDTH
                    last = min(first + WIDTH, self._point.size) - 1
                self._fault("entry", first, last, text)

    def _proven(
        self, level: int, number: int, known: dict[tuple[int, int], bool]
    ) -> bool:
        """Whether a published tile leads to the signed root through published tiles."""
        key = (level, number)
        if key in known:
            return known[key]
        size = self._point.size
        width = tile_width(level, number, size)
        data = self._published(level, number, width)
        proven = False
        if data is None:
            proven = False
        elif width < WIDTH:
            proven = self._edge_proven()
        elif self._proven(level + 1, number // WIDTH, known):
            above = tile_width(level + 1, number // WIDTH, size)
            parent = self._published(level + 1, number // WIDTH, above) or b""
            at = number % WIDTH * HASH_BYTES
            proven = subtree_roots(split_hashes(data)) == [parent[at : at + HASH_BYTES]]
        known[key] = proven
        return proven

    def _edge_proven(self) -> bool:
        edge: list[bytes] = []
        for level in range(levels(self._point.size)):
            number = (self._point.size >> (HEIGHT * level)) // WIDTH
            width = tile_width(level, number, self._point.size)
            data = self._published(level, number, width) if width else b""
            if data is None:
                return False
            edge.append(data)
        built = Builder(self._compare_full, size=self._point.size, edge=edge)
        return built.root() == self._point.root

    def _published(self, level: int, number: int, width: int) -> bytes | None:
        data = self._folder.tile(level, number, self._point.size)
        if data is None or len(data) < width * HASH_BYTES:
            return None
        return data[: width * HASH_BYTES]

    def _fault(self, code: FaultCode, first: int, last: int, text: str) -> None:
        self._faults.append(_fault(code, first, last, text))


def _fault(code: FaultCode, first: int, last: int, text: str) -> Fault:
    return Fault(code=code, first=first, last=last, text=text)


def _span(level: int, index: int) -> tuple[int, int]:
    """Return the first and last leaf below one hash of a tile level."""
    shift = HEIGHT * level
    return index << shift, ((index + 1) << shift) - 1
