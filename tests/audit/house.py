"""A log with all that it needs, and the published cases that others pass, too."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sqlmodel import SQLModel

from cdp.audit import Appended, AuditLog, Draft, Kind
from cdp.kernel import Clock
from cdp.keys import KeyRing
from cdp.runtime import Database

ORIGIN = "cdp.example.com/audit"
SHARED = Path(__file__).parents[2].parent / "shared"


def vectors(name: str) -> Any:
    path = SHARED / "vectors" / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"the shared vectors are not beside the project ({name}.json)")
    return json.loads(path.read_text(encoding="utf-8"))


def unbase64(text: str | None) -> bytes:
    return base64.b64decode(text or "")


class House:
    """One log: its store, ring, files and checkpoint store, in one temporary folder."""

    def __init__(self, database: Database, path: Path, clock: Clock) -> None:
        self.database = database
        self.path = path
        ring = path / "ring.json"
        self.ring = (
            KeyRing.open(ring) if ring.exists() else KeyRing.create(ring, clock=clock)
        )
        self.folder = path / "log"
        self.log = AuditLog(
            ring=self.ring,
            folder=self.folder,
            checkpoint_path=path / "checkpoint.db",
            origin=ORIGIN,
            clock=clock,
        )

    def append(self, drafts: Sequence[Draft]) -> list[Appended]:
        with self.database.transaction() as connection:
            appended = self.log.append(connection, drafts)
        self.log.sequence(self.database)
        return appended

    def envelopes(self) -> list[bytes]:
        rows = self.rows("SELECT idx, envelope FROM audit_record")
        return [bytes(row[1]) for row in rows]

    def rows(self, query: str) -> list[Any]:
        with self.database.snapshot() as connection:
            return list(connection.exec_driver_sql(f"{query} ORDER BY 1"))

    def files(self) -> list[Path]:
        return sorted(file for file in self.folder.rglob("*") if file.is_file())

    def tamper(self, statement: str, values: tuple[Any, ...] = ()) -> None:
        """Change what is stored, as somebody who owns the database can."""
        with self.database.transaction() as connection:
            for trigger in ("audit_record_no_update", "audit_record_no_delete"):
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {trigger}")
            changed = connection.exec_driver_sql(statement, values)
            assert changed.rowcount > 0


def sqlite_house(path: Path, clock: Clock) -> House:
    path.mkdir(parents=True, exist_ok=True)
    database = Database(f"sqlite+pysqlite:///{path}/store.db")
    SQLModel.metadata.create_all(database.engine)
    return House(database, path, clock)


def ordinals(*values: int) -> npt.NDArray[np.int64]:
    return np.asarray(values, dtype=np.int64)


def pull(n: int = 0, **more: Any) -> Draft:
    """Return the draft of some access; ``n`` makes one differ from the next."""
    wanted: dict[str, Any] = {
        "kind": Kind.RELEASE_PULL,
        "actor_kind": "job",
        "purpose": "segmentation",
        "release": "rfm",
        "recipient": "crm",
        "policy": f"{n % 3:064x}",
        "watermark": n,
        "counts": {"returned": n, "withheld.consent.withdrawn": n % 25},
        "client": f"client{n % 5}",
        "actor": f"person{n % 7}",
        "source_address": "192.0.2.7",
        "reason_code": "campaign",
    }
    return Draft(**(wanted | more))
