"""A data folder knows its key ring and its store, and keeps no secret."""

from pathlib import Path

import pytest

from cdp.kernel import FixedClock
from cdp.runtime.folder import (
    DataFolder,
    DataFolderError,
    WrongRingError,
    create_folder,
    open_folder,
)
from cdp.runtime.settings import SettingError, read_settings


def make(path: Path, clock: FixedClock, store: str | None = None) -> DataFolder:
    return create_folder(
        path,
        ring="a1",
        keys=path.parent / "ring.json",
        origin="cdp.test/audit",
        store=store,
        now=clock.now(),
    )


def test_another_key_ring_is_refused_by_name(tmp_path: Path, clock: FixedClock) -> None:
    make(tmp_path / "data", clock)
    folder = open_folder(tmp_path / "data")
    folder.check_ring("a1")
    with pytest.raises(WrongRingError, match="belongs to key ring a1"):
        folder.check_ring("b2")


def test_a_full_folder_is_not_made_into_a_data_folder(
    tmp_path: Path, clock: FixedClock
) -> None:
    (tmp_path / "x").write_text("something")
    with pytest.raises(DataFolderError, match="not empty"):
        make(tmp_path, clock)


def test_a_password_is_never_written_down(tmp_path: Path, clock: FixedClock) -> None:
    url = "postgresql://cdp:hunter2@127.0.0.1/cdp"
    folder = make(tmp_path / "data", clock, url)
    assert "hunter2" not in (tmp_path / "data" / "cdp.json").read_text()
    with pytest.raises(DataFolderError, match="--store"):
        folder.store_url(None)
    assert folder.store_url(url) == url


def test_a_folder_that_is_none_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(DataFolderError, match="cdp init"):
        open_folder(tmp_path)


def test_a_damaged_description_is_refused(tmp_path: Path, clock: FixedClock) -> None:
    make(tmp_path / "data", clock)
    (tmp_path / "data" / "cdp.json").write_text('{"format": 1')
    with pytest.raises(DataFolderError, match="cannot be read"):
        open_folder(tmp_path / "data")


def test_an_option_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDP_DATA", "from-environment")
    monkeypatch.setenv("CDP_FLUSH_SECONDS", "0.5")
    assert read_settings(data=None).data == Path("from-environment")
    assert read_settings(data=Path("given")).data == Path("given")
    assert read_settings().flush_seconds == 0.5


def test_a_setting_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CDP_FLUSH_SECONDS", "soon")
    with pytest.raises(SettingError, match="flush_seconds"):
        read_settings()
