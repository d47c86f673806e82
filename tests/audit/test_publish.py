"""Publishing: nothing is signed that was not read back, and no history twice."""

import shutil
from pathlib import Path

import pytest

from cdp.audit import (
    AnotherWriterError,
    Checkpoint,
    DamagedLogError,
    RolledBackError,
)
from cdp.audit.checkpoint import sign_checkpoint
from cdp.audit.checkpoint_store import CheckpointStore, Head
from cdp.audit.merkle import EMPTY_ROOT
from cdp.kernel import FixedClock
from cdp.keys import Signer
from cdp.runtime import StoreUnavailableError
from tests.audit.house import ORIGIN, House, pull, sqlite_house

SIGNER = Signer("publish", 1, bytes(32))


def grown(house: House, count: int) -> None:
    house.append([pull(n) for n in range(count)])
    house.log.publish(house.database)


def put_back(house: House, clock: FixedClock, copy: Path) -> House:
    """Put an older store file in the place of the newer one and start again."""
    house.database.close()
    for file in house.path.glob("store.db*"):
        file.unlink()
    shutil.copy(copy, house.path / "store.db")
    return sqlite_house(house.path, clock)


def copied(house: House, to: Path) -> Path:
    with house.database.transaction() as connection:
        connection.exec_driver_sql("SELECT 1")
    house.database.close()
    shutil.copy(house.path / "store.db", to)
    return to


def test_a_store_of_yesterday_is_refused(
    small_house: House, clock: FixedClock, tmp_path: Path
) -> None:
    grown(small_house, 10)
    yesterday = copied(small_house, tmp_path / "yesterday")
    grown(small_house, 10)
    house = put_back(small_house, clock, yesterday)
    with pytest.raises(RolledBackError, match="rolled back"):
        house.log.check_start(house.database)
    with pytest.raises(RolledBackError, match="rolled back"):
        house.log.publish(house.database)
    house.database.close()


@pytest.mark.parametrize("with_files", [True, False])
def test_a_store_of_yesterday_that_grew_again_is_refused(
    small_house: House, clock: FixedClock, tmp_path: Path, with_files: bool
) -> None:
    grown(small_house, 300)
    yesterday = copied(small_house, tmp_path / "yesterday")
    grown(small_house, 10)
    house = put_back(small_house, clock, yesterday)
    if not with_files:
        shutil.rmtree(house.folder)
    house.append([pull(n) for n in range(10)])
    with pytest.raises(RolledBackError, match="another root"):
        house.log.check_start(house.database)
    house.append([pull(n) for n in range(10)])
    with pytest.raises((RolledBackError, DamagedLogError)):
        house.log.check_start(house.database)
    with pytest.raises((RolledBackError, DamagedLogError)):
        house.log.publish(house.database)
    house.database.close()


def test_a_store_that_the_checkpoint_store_never_saw_is_refused(
    small_house: House,
) -> None:
    grown(small_house, 3)
    (small_house.path / "checkpoint.db").unlink()
    with pytest.raises(RolledBackError, match="exchanged"):
        small_house.log.check_start(small_house.database)
    with pytest.raises(RolledBackError, match="exchanged"):
        small_house.log.publish(small_house.database)


def test_a_store_ahead_of_its_checkpoint_is_normal(small_house: House) -> None:
    grown(small_house, 3)
    small_house.append([pull()])
    small_house.log.check_start(small_house.database)
    point = small_house.log.publish(small_house.database)
    assert point is not None
    assert point.size == 4


def test_publishing_again_without_news_changes_nothing(small_house: House) -> None:
    grown(small_house, 5)
    before = {file: file.read_bytes() for file in small_house.files()}
    again = small_house.log.publish(small_house.database)
    assert again == small_house.log.checkpoint()
    assert before == {file: file.read_bytes() for file in small_house.files()}


def test_a_checkpoint_file_that_a_crash_left_behind_is_put_right(
    small_house: House,
) -> None:
    grown(small_house, 5)
    old = (small_house.folder / "checkpoint").read_bytes()
    grown(small_house, 5)
    (small_house.folder / "checkpoint").write_bytes(old)
    small_house.log.publish(small_house.database)
    assert small_house.log.verify(small_house.database).size == 10


@pytest.mark.parametrize("damage", ["gone", "flipped", "cut"])
def test_derived_files_are_made_again(small_house: House, damage: str) -> None:
    grown(small_house, 600)
    for file in small_house.files():
        if "tile" in file.parts and "entries" not in file.parts:
            data = bytearray(file.read_bytes())
            data[5] ^= 1
            if damage == "gone":
                file.unlink()
            else:
                file.write_bytes(data if damage == "flipped" else data[:40])
    grown(small_house, 1)
    report = small_house.log.verify(small_house.database)
    assert report.ok, report.faults


def test_partial_files_go_when_the_full_one_is_there(small_house: House) -> None:
    for _ in range(4):
        grown(small_house, 100)
    names = {str(f.relative_to(small_house.folder)) for f in small_house.files()}
    assert names == {
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/0/001.p/144",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/44",
        "tile/entries/001.p/144",
    }


def test_a_changed_record_is_not_signed_and_is_named(small_house: House) -> None:
    grown(small_house, 10)
    small_house.append([pull(n) for n in range(10)])
    small_house.tamper("UPDATE audit_record SET envelope = x'00' WHERE idx = 7")
    with pytest.raises(DamagedLogError, match="record 7 is not the one"):
        small_house.log.publish(small_house.database)
    checkpoint = small_house.log.checkpoint()
    assert checkpoint is not None
    assert checkpoint.size == 10


def test_a_record_changed_before_it_was_signed_is_noticed(small_house: House) -> None:
    small_house.append([pull(n) for n in range(10)])
    small_house.tamper("UPDATE audit_record SET envelope = x'00' WHERE idx = 7")
    with pytest.raises(DamagedLogError, match="do not give the root"):
        small_house.log.publish(small_house.database)
    assert small_house.log.checkpoint() is None


@pytest.mark.parametrize("index", [4, 9])
def test_a_missing_record_is_named(small_house: House, index: int) -> None:
    small_house.append([pull(n) for n in range(10)])
    small_house.tamper("DELETE FROM audit_record WHERE idx = ?", (index,))
    with pytest.raises(DamagedLogError, match=f"record {index} is missing"):
        small_house.log.publish(small_house.database)


def test_the_head_moves_from_where_it_was_and_from_nowhere_else(
    tmp_path: Path,
) -> None:
    path = tmp_path / "checkpoint.db"
    one, two = CheckpointStore(path), CheckpointStore(path)
    assert one.head(ORIGIN) is None
    empty = one.begin(ORIGIN)
    assert empty == Head(size=0, root=EMPTY_ROOT, note=None) == two.begin(ORIGIN)
    assert path.stat().st_mode & 0o777 == 0o600
    first = sign_checkpoint(ORIGIN, 1, bytes(32), SIGNER.public, SIGNER.sign)
    rival = sign_checkpoint(ORIGIN, 1, bytes(31) + b"x", SIGNER.public, SIGNER.sign)
    one.swap(empty, first)
    with pytest.raises(AnotherWriterError, match="another process"):
        two.swap(empty, rival)
    wrong_root = Head(size=1, root=rival.root, note=None)
    with pytest.raises(AnotherWriterError):
        two.swap(wrong_root, rival)
    head = two.head(ORIGIN)
    assert head == Head(size=1, root=bytes(32), note=first.note)
    assert one.begin(ORIGIN) == head


def test_a_checkpoint_store_that_cannot_be_read_stops_everything(
    small_house: House,
) -> None:
    grown(small_house, 3)
    path = small_house.path / "checkpoint.db"
    path.write_bytes(b"not a database, and long enough to be looked at" * 100)
    with pytest.raises(DamagedLogError, match="checkpoint store"):
        small_house.log.check_start(small_house.database)
    path.write_bytes(b"")
    with pytest.raises(RolledBackError, match="exchanged"):
        small_house.log.check_start(small_house.database)
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreUnavailableError):
        small_house.log.check_start(small_house.database)


def test_two_publishers_never_sign_two_roots(
    small_house: House, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stall between reading and swapping lets the other publisher win."""
    small_house.append([pull()])
    rival = House(small_house.database, small_house.path, clock)
    swap = CheckpointStore.swap
    stalled: list[int] = []

    def stall(store: CheckpointStore, old: Head, new: Checkpoint) -> None:
        if not stalled:
            stalled.append(1)
            rival.append([pull()])
            rival.log.publish(rival.database)
        swap(store, old, new)

    monkeypatch.setattr(CheckpointStore, "swap", stall)
    with pytest.raises(AnotherWriterError):
        small_house.log.publish(small_house.database)
    monkeypatch.undo()
    checkpoint = small_house.log.checkpoint()
    assert checkpoint is not None
    assert checkpoint.size == 2
    assert small_house.log.verify(small_house.database).ok


def test_a_receipt_is_not_made_from_damaged_tiles(small_house: House) -> None:
    grown(small_house, 10)
    tile = small_house.folder / "tile/0/000.p/10"
    data = bytearray(tile.read_bytes())
    data[40] ^= 1
    tile.write_bytes(data)
    with pytest.raises(DamagedLogError):
        small_house.log.receipt(0)
    tile.unlink()
    with pytest.raises(DamagedLogError):
        small_house.log.receipt(0)
