"""One key per handle, made once, and destroyed for good."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cdp.kernel import FixedClock
from cdp.keys import (
    DataKeys,
    DataKeysError,
    KeyRing,
    KeyRingModeError,
    KeyUnknownError,
)

LARGEST = 2**63 - 1


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data-keys.db"


@pytest.fixture
def data_keys(file: Path, ring: KeyRing) -> Iterator[DataKeys]:
    with DataKeys(file, ring) as data_keys:
        yield data_keys


def test_a_handle_has_one_key_for_ever(
    data_keys: DataKeys, file: Path, ring: KeyRing
) -> None:
    keys = data_keys.for_handles([1, 2, LARGEST, 1])
    assert set(keys) == {1, 2, LARGEST}
    assert len(set(keys.values())) == 3
    assert all(len(key) == 32 for key in keys.values())
    assert data_keys.for_handles([LARGEST, 2, 1]) == keys
    with DataKeys(file, ring) as again:
        assert again.for_handles([1, 2, LARGEST], create=False) == keys


def test_asking_without_making_makes_nothing(data_keys: DataKeys) -> None:
    assert data_keys.for_handles([1], create=False) == {}
    assert data_keys.for_handles([]) == {}


def test_a_destroyed_key_is_gone_and_never_made_again(data_keys: DataKeys) -> None:
    kept = data_keys.for_handles([1, 2, 3])[2]
    assert data_keys.destroy([1, 3, 3, 99]) == 2
    assert data_keys.for_handles([1, 2, 3, 99]) == {2: kept}
    assert data_keys.destroy([1]) == 0


def test_a_destroyed_key_is_in_no_byte_of_the_files(
    data_keys: DataKeys, file: Path, ring: KeyRing
) -> None:
    data_keys.for_handles(range(1, 200))
    wrapped = {
        handle: ring.wrapper("data-keys").wrap(key)
        for handle, key in data_keys.for_handles(range(1, 200)).items()
    }

    def bytes_on_disk() -> bytes:
        return b"".join(p.read_bytes() for p in file.parent.glob(f"{file.name}*"))

    assert all(each in bytes_on_disk() for each in wrapped.values())
    data_keys.destroy(range(1, 100))
    left = bytes_on_disk()
    assert not any(wrapped[handle] in left for handle in range(1, 100))
    assert all(wrapped[handle] in left for handle in range(100, 200))


def test_a_destruction_that_fails_destroys_nothing(data_keys: DataKeys) -> None:
    keys = data_keys.for_handles([1, 2])
    with pytest.raises(OverflowError):
        data_keys.destroy([1, 2, LARGEST + 1])
    assert data_keys.for_handles([1, 2], create=False) == keys
    assert data_keys.destroy([1]) == 1


def test_many_handles_need_no_more_binds_than_the_database_has(
    data_keys: DataKeys,
) -> None:
    keys = data_keys.for_handles(range(40_000))
    assert len(set(keys.values())) == 40_000
    assert data_keys.for_handles(range(40_000), create=False) == keys


def test_two_that_make_the_same_key_make_one(
    data_keys: DataKeys, file: Path, ring: KeyRing
) -> None:
    with DataKeys(file, ring) as other, ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda d: d.for_handles(range(50)), [data_keys, other] * 4)
        )
    assert all(answer == answers[0] for answer in answers)


def test_the_file_is_for_its_owner_alone(
    data_keys: DataKeys, file: Path, ring: KeyRing
) -> None:
    data_keys.for_handles([1])
    for part in file.parent.glob(f"{file.name}*"):
        assert part.stat().st_mode & 0o077 == 0
    data_keys.close()
    file.chmod(0o660)
    with pytest.raises(KeyRingModeError, match=f"chmod 600 {file}"):
        DataKeys(file, ring)


def test_a_file_that_is_no_database_is_refused(
    file: Path, tmp_path: Path, ring: KeyRing
) -> None:
    file.touch(mode=0o600)
    file.write_bytes(b"something else" * 100)
    with pytest.raises(DataKeysError):
        DataKeys(file, ring)
    with pytest.raises(DataKeysError):
        DataKeys(tmp_path / "missing" / "data-keys.db", ring)


def test_a_closed_file_answers_nothing(data_keys: DataKeys) -> None:
    data_keys.close()
    with pytest.raises(DataKeysError):
        data_keys.for_handles([1])


def test_a_destroyed_wrapping_key_destroys_every_data_key_under_it(
    data_keys: DataKeys, ring: KeyRing
) -> None:
    data_keys.for_handles([1])
    ring.destroy("wrap", "data-keys", 1)
    # New handles are under the next epoch.
    assert set(data_keys.for_handles([1, 2])) == {2}


def test_another_ring_opens_no_data_key(
    data_keys: DataKeys, file: Path, tmp_path: Path, clock: FixedClock
) -> None:
    data_keys.for_handles([1])
    stranger = KeyRing.create(tmp_path / "stranger.json", clock=clock)
    with DataKeys(file, stranger) as other, pytest.raises(KeyUnknownError):
        other.for_handles([1])


def test_it_prints_no_key(data_keys: DataKeys) -> None:
    assert repr(data_keys) == "DataKeys('data-keys.db')"
