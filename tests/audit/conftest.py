"""A house on each database, and one on SQLite alone where files are what is tested."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cdp.kernel import FixedClock
from cdp.runtime import Database
from tests.audit.house import House, sqlite_house


@pytest.fixture
def house(database: Database, tmp_path: Path, clock: FixedClock) -> House:
    made = House(database, tmp_path, clock)
    made.log.check_start(database)
    return made


@pytest.fixture
def small_house(tmp_path: Path, clock: FixedClock) -> Iterator[House]:
    made = sqlite_house(tmp_path / "house", clock)
    made.log.check_start(made.database)
    yield made
    made.database.close()
