"""Worlds for the tests of the gate."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from cdp.kernel import FixedClock
from cdp.keys import KeyRing
from cdp.policy import Policy
from cdp.runtime import Database
from tests.gate.world import NOON, World, small_policy

Worlds = Callable[[], World]


@pytest.fixture(scope="session")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """The small policy."""
    return small_policy(tmp_path_factory.mktemp("policies"))


@pytest.fixture(scope="session")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    """One ring for all worlds: making keys is slow, and no test changes one."""
    path = tmp_path_factory.mktemp("ring") / "ring.json"
    return KeyRing.create(path, clock=FixedClock(NOON))


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every table, to copy."""
    path = tmp_path_factory.mktemp("store") / "store.db"
    database = Database(f"sqlite+pysqlite:///{path}")
    SQLModel.metadata.create_all(database.engine)
    database.close()
    return path


@pytest.fixture
def worlds(
    policy: Policy, ring: KeyRing, empty_store: Path, tmp_path: Path
) -> Iterator[Worlds]:
    """Make new worlds on SQLite; the one before is closed."""
    made: list[World] = []
    count = 0

    def new() -> World:
        nonlocal count
        count += 1
        while made:
            made.pop().close()
        home = tmp_path / f"w{count}"
        home.mkdir()
        shutil.copy(empty_store, home / "store.db")
        database = Database(f"sqlite+pysqlite:///{home}/store.db")
        made.append(World(database, ring, policy, home))
        return made[-1]

    yield new
    for world in made:
        world.close()


@pytest.fixture
def world(
    database: Database, policy: Policy, ring: KeyRing, tmp_path: Path
) -> Iterator[World]:
    """One world, once on each database."""
    world = World(database, ring, policy, tmp_path)
    yield world
    world.writer.close()
