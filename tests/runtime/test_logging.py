"""A log line cannot carry a person's value or a secret, whoever writes it."""

import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from cdp.kernel import CdpError
from cdp.runtime.logging import configure_logging, get_logger, redact

SENTINEL = "minji.kim@shop.example"


@pytest.fixture
def configured(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging("debug")
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_code_and_a_count_pass(
    configured: None, capsys: pytest.CaptureFixture[str]
) -> None:
    get_logger("ingest").info("ingest.committed", rows=7, code="ingest.ok")
    said = capsys.readouterr().err
    assert '"event": "ingest.committed"' in said
    assert '"rows": 7' in said
    assert '"logger": "ingest"' in said


def test_an_undeclared_key_and_a_free_value_do_not_pass(
    configured: None, capsys: pytest.CaptureFixture[str]
) -> None:
    log = get_logger("ingest")
    log.warning("ingest.odd", email=SENTINEL, code=SENTINEL, rows={"a": SENTINEL})
    log.warning("%s".replace("%s", SENTINEL))
    logging.getLogger("somebody").error("value was %s", SENTINEL)
    said = capsys.readouterr().err
    assert SENTINEL not in said
    assert "minji" not in said
    assert said.count("foreign.message") == 2


def test_a_traceback_keeps_lines_and_no_foreign_message(
    configured: None, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        try:
            raise ValueError(f"bad value {SENTINEL}")  # noqa: TRY301 - the point
        except ValueError as error:
            raise CdpError("it failed") from error
    except CdpError:
        get_logger("app").exception("request.failed")
    said = capsys.readouterr().err
    assert SENTINEL not in said
    assert "CdpError internal" in said
    assert "ValueError" in said
    assert "test_logging.py:" in said


@given(st.dictionaries(st.text(max_size=8), st.text() | st.binary() | st.integers()))
def test_no_text_outside_the_safe_alphabet_ever_passes(line: dict[str, object]) -> None:
    shown = redact(None, "info", dict(line))
    for value in shown.values():
        if isinstance(value, str):
            assert "@" not in value
            assert " " not in value
