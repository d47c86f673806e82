"""A ring for the keyed digests and the signatures of tokens."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cdp.kernel import FixedClock
from cdp.keys import KeyRing


@pytest.fixture(scope="session")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    clock = FixedClock(datetime(2026, 11, 25, 12, tzinfo=UTC))
    path: Path = tmp_path_factory.mktemp("auth") / "ring.json"
    return KeyRing.create(path, clock=clock)
