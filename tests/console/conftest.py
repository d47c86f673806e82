"""Webs of the page's tests: one for a file on SQLite, a fresh one on each database."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from cdp.runtime import configure_logging
from tests.console.visitor import Shop
from tests.support.web import still_house


@pytest.fixture(scope="module", autouse=True)
def service_logs() -> Iterator[None]:
    """Log as the service does."""
    root = logging.getLogger()
    handlers, raising = root.handlers[:], logging.raiseExceptions
    configure_logging("info")
    yield
    structlog.reset_defaults()
    root.handlers[:], logging.raiseExceptions = handlers, raising


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop on SQLite that the tests of one file share: people of their own each."""
    with Shop(still_house(tmp_path_factory.mktemp("house"))) as shop:
        yield shop


@pytest.fixture
def both(store_url: str, tmp_path: Path) -> Iterator[Shop]:
    """A shop of one test, once on each database."""
    with Shop(still_house(tmp_path / "house", store=store_url)) as shop:
        yield shop
