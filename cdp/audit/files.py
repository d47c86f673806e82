"""The log's folder: the only module that writes the files which strangers read.

A file appears whole or not at all: temporary file, fsync, rename; then the folder is
fsynced before anything refers to it. Full tiles and bundles never change.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cdp.audit.tiles import WIDTH, TilePath, bundle_path, tile_width

CHECKPOINT: Final = "checkpoint"


class LogFolder:
    """Files by their path in the log.

    Args:
        path: the folder; made when the first file is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unsynced: set[Path] = set()

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, None when there is none."""
        try:
            return (self.path / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, name: str, data: bytes) -> None:
        """Write a file durably; its folder is durable after ``sync``."""
        target = self.path / name
        self._make(target.parent)
        draft = target.parent / f".{target.name}.new"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            with open(handle, "wb", closefd=False) as file:
                file.write(data)
            os.fsync(handle)
        finally:
            os.close(handle)
        draft.replace(target)
        self._unsynced.add(target.parent)

    def sync(self) -> None:
        """Make the names of everything written so far durable."""
        for folder in self._unsynced:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        self._unsynced.clear()

    def tile(self, level: int, number: int, size: int) -> bytes | None:
        """Return a tile as a log of ``size`` has it: the partial file, or the full one.

        A full file may be longer than asked for; the caller cuts it.
        """
        width = tile_width(level, number, size) % WIDTH
        data = self.read(str(TilePath(level, number, width)))
        return data if data is not None else self.read(str(TilePath(level, number)))

    def bundle(self, number: int, size: int) -> bytes | None:
        """Return a bundle as a log of ``size`` has it, as ``tile`` does."""
        width = tile_width(0, number, size) % WIDTH
        data = self.read(bundle_path(number, width))
        return data if data is not None else self.read(bundle_path(number))

    def partials(self, full: str) -> Iterator[tuple[int, bytes]]:
        """Give width and bytes of every partial file beside the full file ``full``."""
        folder = self.path / f"{full}.p"
        if folder.is_dir():
            for file in sorted(folder.iterdir()):
                if file.name.isascii() and file.name.isdigit():
                    yield int(file.name), file.read_bytes()

    def drop_partials(self, full: str) -> None:
        """Remove the partial files that the full file ``full`` makes superfluous."""
        folder = self.path / f"{full}.p"
        if folder.is_dir():
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()

    def _make(self, folder: Path) -> None:
        if folder.is_dir():
            return
        if folder != self.path:
            self._make(folder.parent)
        folder.mkdir(parents=folder == self.path, exist_ok=True)
        self._unsynced.add(folder.parent)
