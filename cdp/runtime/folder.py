"""A data folder: where the store's file, the lake and the log's files lie.

It remembers which key ring it belongs to (by the ring's public id), where that ring
lay, and which store it was made for, so that later commands need not be told again. It
holds no secret: a password in a store's URL is never written down.

Refuses: a folder that is not ours, one of another format, one of another key ring.
"""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final

import msgspec

from cdp.kernel import CdpError
from cdp.runtime.database import public_url, sqlite_url

_FILE: Final = "cdp.json"
_FORMAT: Final = 1


class DataFolderError(CdpError):
    """The data folder cannot be used; the message says why and what to do."""

    code: ClassVar[str] = "folder.unusable"


class WrongRingError(DataFolderError):
    """The key ring is not the one that this data folder was made with."""

    code: ClassVar[str] = "folder.wrong_ring"


class FolderInfo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``cdp.json`` says. ``store`` is empty for the embedded file."""

    format: int
    ring: str
    keys: str
    store: str
    origin: str
    created_at: datetime


class DataFolder:
    """An opened data folder and the places in it."""

    def __init__(self, path: Path, info: FolderInfo) -> None:
        self.path = path
        self.info = info

    @property
    def lake(self) -> Path:
        """The folder of the Delta tables."""
        return self.path / "lake"

    @property
    def log(self) -> Path:
        """The folder of the log's public files."""
        return self.path / "log"

    @property
    def locks(self) -> Path:
        """The folder of the process locks."""
        return self.path / "locks"

    def store_url(self, given: str | None) -> str:
        """Return the URL of the store.

        Args:
            given: what the operator says; None to take what the folder remembers.

        Raises:
            DataFolderError: the remembered URL had a password, which is not kept.
        """
        if given:
            return given
        if not self.info.store:
            return sqlite_url(self.path / "store.db")
        if "***" in self.info.store:
            raise DataFolderError(
                "this data folder belongs to a store whose password is not kept here: "
                "give --store, or set CDP_STORE"
            )
        return self.info.store

    def check_ring(self, ring_id: str) -> None:
        """Refuse another key ring than the folder's own.

        Raises:
            WrongRingError: it is another one.
        """
        if ring_id != self.info.ring:
            raise WrongRingError(
                f"the data folder {self.path} belongs to key ring {self.info.ring}, "
                f"and this is key ring {ring_id}: give the right --keys"
            )

    def remember_store(self, url: str) -> None:
        """Write down, without its password, which store serves this folder."""
        shown = public_url(url)
        if shown != self.info.store:
            self.info = msgspec.structs.replace(self.info, store=shown)
            _write(self.path / _FILE, self.info)


def create_folder(
    path: Path, *, ring: str, keys: Path, origin: str, store: str | None, now: datetime
) -> DataFolder:
    """Make an empty data folder.

    Raises:
        DataFolderError: the folder holds something already.
    """
    if path.exists() and any(path.iterdir()):
        raise DataFolderError(f"{path} is not empty: name a new folder with --data")
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    info = FolderInfo(
        format=_FORMAT,
        ring=ring,
        keys=str(keys.resolve()),
        store="",
        origin=origin,
        created_at=now,
    )
    folder = DataFolder(path, info)
    for place in (folder.lake, folder.log, folder.locks):
        place.mkdir(exist_ok=True)
    _write(path / _FILE, info)
    if store:
        folder.remember_store(store)
    return folder


def open_folder(path: Path) -> DataFolder:
    """Open a data folder that ``create_folder`` made.

    Raises:
        DataFolderError: there is none, or it cannot be read.
    """
    file = path / _FILE
    try:
        info = msgspec.json.decode(file.read_bytes(), type=FolderInfo)
    except FileNotFoundError as error:
        raise DataFolderError(
            f"{path} is no data folder: make one with `cdp init`"
        ) from error
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DataFolderError(f"{file} cannot be read") from error
    if info.format != _FORMAT:
        raise DataFolderError(
            f"{file} has format {info.format}, this program {_FORMAT}"
        )
    return DataFolder(path, info)


def _write(file: Path, info: FolderInfo) -> None:
    text = json.dumps(msgspec.to_builtins(info), indent=2, sort_keys=True) + "\n"
    temporary = file.with_suffix(".tmp")
    with temporary.open("w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(file)
