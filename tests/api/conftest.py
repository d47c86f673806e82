"""Webs: one for each file of tests on SQLite, and a fresh one on each database."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from cdp.runtime import configure_logging
from tests.support.web import Web, policies_with_origins, still_house

ORIGIN = "https://shop.example"


@pytest.fixture(scope="module", autouse=True)
def service_logs() -> Iterator[None]:
    """Log as the service does: a failure without the values that it was about."""
    root = logging.getLogger()
    handlers, raising = root.handlers[:], logging.raiseExceptions
    configure_logging("info")
    yield
    structlog.reset_defaults()
    root.handlers[:], logging.raiseExceptions = handlers, raising


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A web on SQLite that the tests of one file share: count differences."""
    with Web(still_house(tmp_path_factory.mktemp("house"))) as web:
        yield web


@pytest.fixture(scope="module")
def browser_web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """The same, and the source ``app-kr`` lists the origin of a shop's pages."""
    root = tmp_path_factory.mktemp("browser")
    policies = policies_with_origins(root / "policies", {"app-kr": [ORIGIN]})
    with Web(still_house(root / "house", policies=policies)) as web:
        web.house.source("app-kr", kind="public")
        yield web


@pytest.fixture
def both(store_url: str, tmp_path: Path) -> Iterator[Web]:
    """A web of one test, once on each database."""
    with Web(still_house(tmp_path / "house", store=store_url)) as web:
        yield web
