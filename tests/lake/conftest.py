"""A lake in an empty folder, over each of the two databases."""

from pathlib import Path

import pytest

from cdp.kernel import FixedClock
from cdp.lake import EngineSettings, Lake
from cdp.runtime import Database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def lake(folder: Path, database: Database, clock: FixedClock) -> Lake:
    engine = EngineSettings(threads=1, memory_bytes=256 << 20)
    return Lake(folder, database, clock, engine=engine)
