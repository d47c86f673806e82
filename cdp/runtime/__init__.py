"""Runtime: what every room needs from the machine.

Owns the settings reader, the database and its one counter, the writer that groups
commits, logging that cannot print a person's value, and the process locks of a data
folder.

Refuses: knowing any room above it.
"""

from cdp.runtime.background import Repeating
from cdp.runtime.database import (
    Connection,
    Database,
    StoreConflictError,
    StoreUnavailableError,
    after_commit,
)
from cdp.runtime.folder import (
    DataFolder,
    DataFolderError,
    WrongRingError,
    create_folder,
    open_folder,
)
from cdp.runtime.locks import FolderBusyError, FolderLock
from cdp.runtime.logging import configure_logging, get_logger
from cdp.runtime.metrics import Metrics
from cdp.runtime.repository import current_seq, draw_seq, insert_many, lock_seq
from cdp.runtime.settings import SettingError, Settings, read_settings
from cdp.runtime.writer import OverloadedError, Writer

__all__ = [
    "Connection",
    "DataFolder",
    "DataFolderError",
    "Database",
    "FolderBusyError",
    "FolderLock",
    "Metrics",
    "OverloadedError",
    "Repeating",
    "SettingError",
    "Settings",
    "StoreConflictError",
    "StoreUnavailableError",
    "Writer",
    "WrongRingError",
    "after_commit",
    "configure_logging",
    "create_folder",
    "current_seq",
    "draw_seq",
    "get_logger",
    "insert_many",
    "lock_seq",
    "open_folder",
    "read_settings",
]
