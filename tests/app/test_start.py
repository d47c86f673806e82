"""The core refuses to be built on what does not fit, and says what to do."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from litestar.testing import TestClient

from cdp.app import SHIPPED_POLICIES, SchemaError, create_app, open_core
from cdp.audit import RolledBackError
from cdp.keys import KeyRing, KeyRingError
from cdp.policy import PolicyError
from cdp.runtime import DataFolderError, FolderBusyError, Settings, WrongRingError
from tests.support.house import House, order


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of a house that was used and closed."""
    house = House(tmp_path / "house")
    house.post("shop", [order("m1", user="u1")])
    house.core.publish()
    house.close()
    return house.settings


def keys_of(settings: Settings) -> Path:
    assert settings.keys is not None
    return settings.keys


def with_policies(
    settings: Settings, folder: Path, change: Callable[[Path], object]
) -> Settings:
    """Return the settings with a copy of the policies, changed."""
    shutil.copytree(SHIPPED_POLICIES, folder)
    change(folder)
    return msgspec.structs.replace(settings, policies=folder)


def edit(name: str, old: str, new: str) -> Callable[[Path], object]:
    """Return a change of one document."""

    def change(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def test_what_was_closed_opens_again(settings: Settings) -> None:
    open_core(settings).close()


def test_the_folder_remembers_its_key_ring(settings: Settings) -> None:
    open_core(msgspec.structs.replace(settings, keys=None)).close()


def test_a_folder_that_is_none_is_refused(settings: Settings, tmp_path: Path) -> None:
    nowhere = msgspec.structs.replace(settings, data=tmp_path / "nowhere")
    with pytest.raises(DataFolderError, match="nowhere is no data folder"):
        open_core(nowhere)


def test_a_folder_of_another_key_ring_is_refused(
    settings: Settings, tmp_path: Path
) -> None:
    other = House(tmp_path / "other")
    other.close()
    mixed = msgspec.structs.replace(settings, keys=other.settings.keys)
    with pytest.raises(WrongRingError) as refused:
        open_core(mixed)
    said = str(refused.value)
    assert KeyRing.open(keys_of(settings)).ring_id in said
    assert KeyRing.open(keys_of(mixed)).ring_id in said


def test_a_missing_key_ring_is_refused(settings: Settings) -> None:
    keys_of(settings).unlink()
    with pytest.raises(KeyRingError, match="there is no key ring at") as refused:
        open_core(settings)
    assert refused.value.code == "keys.ring_missing"


def test_a_key_ring_that_others_can_read_is_refused(settings: Settings) -> None:
    keys_of(settings).chmod(0o640)
    with pytest.raises(KeyRingError, match="chmod 600") as refused:
        open_core(settings)
    assert refused.value.code == "keys.ring_mode"


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"[]", b'{"format":99}'])
def test_a_damaged_key_ring_is_refused(settings: Settings, content: bytes) -> None:
    keys_of(settings).write_bytes(content)
    with pytest.raises(KeyRingError):
        open_core(settings)


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no yaml": (
        lambda folder: (folder / "roles.yaml").write_text("kind: [role\n"),
        "roles.yaml",
    ),
    "not utf-8": (
        lambda folder: (folder / "roles.yaml").write_bytes(b"kind: \xff\xfe\n"),
        "roles.yaml",
    ),
    "an unknown key": (
        edit("releases.yaml", "k: 20", "k: 20\nkk: 5"),
        "releases.yaml",
    ),
    "a wrong type": (edit("releases.yaml", "k: 20", "k: many"), "releases.yaml"),
    "a purpose that is not there": (
        edit("releases.yaml", "purpose: segmentation", "purpose: growth"),
        "releases.yaml",
    ),
    "a purpose without a basis": (
        edit("purposes.yaml", "  unknown: {type: consent}\n", ""),
        "purposes.yaml",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_policy_names_file_line_and_rule(
    settings: Settings, tmp_path: Path, name: str
) -> None:
    change, file = BROKEN[name]
    broken = with_policies(settings, tmp_path / "policies", change)
    with pytest.raises(PolicyError) as refused:
        open_core(broken, apply=True)
    faults = [fault for fault in refused.value.faults if fault.file.endswith(file)]
    assert faults, refused.value
    for fault in faults:
        assert fault.line > 0 or fault.rule == "unreadable", fault
        assert fault.rule
        assert f"{fault.file}:{fault.line}: {fault.rule}: " in str(refused.value)


def test_a_folder_without_policies_is_refused(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "missing"):
        with pytest.raises(PolicyError):
            open_core(msgspec.structs.replace(settings, policies=folder), apply=True)


def test_a_refusal_leaves_the_policy_in_force(
    settings: Settings, tmp_path: Path
) -> None:
    core = open_core(settings)
    version = core.in_force.policy.version
    core.close()
    change = edit("releases.yaml", "k: 20", "k: many")
    broken = with_policies(settings, tmp_path / "policies", change)
    with pytest.raises(PolicyError):
        open_core(broken, apply=True)
    # A command goes on under what is in force, and never reads the documents.
    for given in (settings, broken):
        core = open_core(given)
        assert core.in_force.policy.version == version
        core.close()


def test_only_a_service_puts_another_policy_in_force(
    settings: Settings, tmp_path: Path
) -> None:
    change = edit("releases.yaml", "k: 20", "k: 21")
    other = with_policies(settings, tmp_path / "policies", change)
    command = open_core(other)
    before = command.in_force.policy.version
    command.close()
    service = open_core(other, apply=True)
    assert service.in_force.policy.version != before
    service.close()
    after = open_core(settings)
    assert after.in_force.policy.releases["rfm"].k == 21
    after.close()


def store_of(settings: Settings) -> Path:
    return settings.data / "store.db"


@pytest.mark.parametrize(
    ("revision", "says"),
    [("0000", "newer"), ("ffff", "newer")],
)
def test_a_store_of_a_revision_that_nobody_knows_is_refused(
    settings: Settings, revision: str, says: str
) -> None:
    with sqlite3.connect(store_of(settings)) as store:
        store.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    store.close()
    with pytest.raises(SchemaError, match=says):
        open_core(settings)


def test_a_store_older_than_the_last_checkpoint_is_refused(
    settings: Settings, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    shutil.copy(store_of(settings), backup)
    house = House(tmp_path / "house")
    house.source("later")
    house.keys["shop"] = house.keys["later"]
    house.post("later", [order("m2", user="u1")])
    house.core.publish()
    house.close()
    for name in ("store.db-wal", "store.db-shm"):
        (settings.data / name).unlink(missing_ok=True)
    shutil.copy(backup, store_of(settings))
    with pytest.raises(RolledBackError):
        open_core(settings)


def test_a_second_service_on_one_folder_is_refused(tmp_path: Path) -> None:
    first, second = House(tmp_path / "house"), House(tmp_path / "house")
    with TestClient(create_app(first.service)) as client:
        assert client.get("/ready").status_code == 200
        with pytest.raises(FolderBusyError):
            second.service.start()
        assert client.get("/ready").status_code == 200
    second.close()
    first.close()
