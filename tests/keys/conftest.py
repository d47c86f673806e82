"""A fresh ring, and where it lies."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cdp.kernel import FixedClock
from cdp.keys import KeyRing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ring.json"


@pytest.fixture
def ring(path: Path, clock: FixedClock) -> KeyRing:
    return KeyRing.create(path, clock=clock)


@pytest.fixture(scope="module")
def shared_ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    """One ring for all examples of a property: making a key costs a write to disk."""
    clock = FixedClock(datetime(2026, 11, 25, 12, tzinfo=UTC))
    return KeyRing.create(tmp_path_factory.mktemp("keys") / "ring.json", clock=clock)
