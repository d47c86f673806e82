"""A ring that cannot be trusted is not opened; the error says how to mend it."""

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.kernel import FixedClock
from cdp.keys import (
    KeyRing,
    KeyRingDamagedError,
    KeyRingError,
    KeyRingExistsError,
    KeyRingFormatError,
    KeyRingMissingError,
    KeyRingModeError,
    KeyRingRootError,
    KeyRingUnreadableError,
    KeyRingUnwritableError,
    KeyRingVersionError,
)

Stored = dict[str, Any]


@pytest.fixture
def edit(ring: KeyRing, path: Path) -> Callable[[Callable[[Stored], None]], None]:
    """Change the file of a ring that holds two keys."""
    ring.mac("one", b"x")
    ring.mac("two", b"x")

    def apply(change: Callable[[Stored], None]) -> None:
        stored = json.loads(path.read_text())
        change(stored)
        path.write_text(json.dumps(stored))

    return apply


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def test_a_new_ring_is_for_its_owner_alone(path: Path, clock: FixedClock) -> None:
    former = os.umask(0)
    try:
        KeyRing.create(path, clock=clock)
    finally:
        os.umask(former)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_ring_is_never_overwritten(
    ring: KeyRing, path: Path, clock: FixedClock
) -> None:
    before = path.read_bytes()
    with pytest.raises(KeyRingExistsError, match="not overwritten"):
        KeyRing.create(path, clock=clock)
    assert path.read_bytes() == before
    assert KeyRing.open(path).ring_id == ring.ring_id


def test_a_ring_cannot_be_made_in_a_folder_that_is_missing(
    path: Path, clock: FixedClock
) -> None:
    with pytest.raises(KeyRingUnwritableError, match="write in that folder"):
        KeyRing.create(path.parent / "missing" / "ring.json", clock=clock)


def test_a_missing_ring_says_that_it_is_missing(path: Path) -> None:
    with pytest.raises(KeyRingMissingError, match="cdp init"):
        KeyRing.open(path)


@pytest.mark.parametrize("bit", [0o040, 0o020, 0o010, 0o004, 0o002, 0o001])
def test_any_right_of_group_or_others_is_refused(
    ring: KeyRing, path: Path, bit: int
) -> None:
    path.chmod(0o600 | bit)
    with pytest.raises(KeyRingModeError, match=f"chmod 600 {path}"):
        KeyRing.open(path)
    path.chmod(0o400)
    assert KeyRing.open(path).ring_id == ring.ring_id


def test_a_folder_and_a_circle_of_links_are_unreadable(tmp_path: Path) -> None:
    with pytest.raises(KeyRingUnreadableError, match="is not a file"):
        KeyRing.open(tmp_path)
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    with pytest.raises(KeyRingUnreadableError, match="cannot be read"):
        KeyRing.open(circle)


def test_a_linked_ring_stays_a_link_when_a_key_is_made(
    ring: KeyRing, path: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(path)
    value = KeyRing.open(link).mac("new", b"x")
    assert link.is_symlink()
    assert ring.mac("new", b"x") == value


@pytest.mark.parametrize(
    "raw", [b"", b"not json", b"[1]", b"\xff\xfe", b'{"a":', b"[" * 99_999]
)
def test_what_is_not_json_is_refused(ring: KeyRing, path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    with pytest.raises(KeyRingFormatError, match="restore it"):
        KeyRing.open(path)


def test_other_json_is_not_a_ring(ring: KeyRing, path: Path) -> None:
    path.write_text('{"format": "something else", "version": 1}')
    with pytest.raises(KeyRingFormatError, match="is not a key ring"):
        KeyRing.open(path)


@pytest.mark.parametrize("version", [0, 2])
def test_another_version_is_refused(
    edit: Callable[[Callable[[Stored], None]], None], path: Path, version: int
) -> None:
    edit(lambda stored: stored.update(version=version))
    with pytest.raises(KeyRingVersionError, match=f"version {version}"):
        KeyRing.open(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda stored: stored.update(more=1),
        lambda stored: stored.pop("root"),
        lambda stored: stored.update(root=b64(bytes(16))),
        lambda stored: stored.update(root="not base64!"),
        lambda stored: stored["secrets"][0]["address"].update(kind="unknown"),
        lambda stored: stored["secrets"][0].pop("wrapped"),
    ],
    ids=["more", "no root", "short root", "no base64", "kind", "no secret"],
)
def test_a_file_of_another_form_is_refused(
    edit: Callable[[Callable[[Stored], None]], None],
    path: Path,
    change: Callable[[Stored], None],
) -> None:
    edit(change)
    root = json.loads(path.read_text()).get("root", "no root")
    with pytest.raises(KeyRingFormatError) as caught:
        KeyRing.open(path)
    assert root not in str(caught.value)


def test_a_wrong_root_is_told_from_damage(
    edit: Callable[[Callable[[Stored], None]], None], path: Path
) -> None:
    edit(lambda stored: stored.update(root=b64(bytes(range(32)))))
    with pytest.raises(KeyRingRootError, match="does not open ring"):
        KeyRing.open(path)


def test_a_wrong_root_is_noticed_in_an_empty_ring(ring: KeyRing, path: Path) -> None:
    stored = json.loads(path.read_text())
    stored["root"] = b64(bytes(range(32)))
    path.write_text(json.dumps(stored))
    with pytest.raises(KeyRingRootError):
        KeyRing.open(path)


def test_a_secret_that_does_not_unwrap_is_named(
    edit: Callable[[Callable[[Stored], None]], None], path: Path
) -> None:
    edit(lambda stored: stored["secrets"][1].update(wrapped=b64(bytes(40))))
    with pytest.raises(KeyRingDamagedError, match="mac 'two' epoch 1"):
        KeyRing.open(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda stored: stored["secrets"].reverse(),
        lambda stored: stored["secrets"].pop(),
        lambda stored: stored["secrets"].append(stored["secrets"][0]),
        lambda stored: stored["secrets"][0]["address"].update(name="other"),
        lambda stored: stored["secrets"][0]["address"].update(epoch=2),
        lambda stored: stored["destroyed"].append(stored["secrets"][0]["address"]),
        lambda stored: stored.update(created_at="2020-01-01T00:00:00+00:00"),
        lambda stored: stored.pop("tag"),
    ],
    ids=["order", "less", "twice", "name", "epoch", "destroyed", "time", "no tag"],
)
def test_a_ring_that_was_edited_by_hand_is_refused(
    edit: Callable[[Callable[[Stored], None]], None],
    path: Path,
    change: Callable[[Stored], None],
) -> None:
    edit(change)
    with pytest.raises(KeyRingDamagedError, match="something else than this service"):
        KeyRing.open(path)


def test_a_key_that_was_destroyed_cannot_be_put_back_by_hand(
    ring: KeyRing, path: Path
) -> None:
    ring.mac("month", b"x")
    held = json.loads(path.read_text())
    ring.destroy("mac", "month")
    stored = json.loads(path.read_text())
    stored["secrets"], stored["destroyed"] = held["secrets"], []
    path.write_text(json.dumps(stored))
    with pytest.raises(KeyRingDamagedError):
        KeyRing.open(path)


def pair(ring: KeyRing) -> tuple[bytes, bytes]:
    return ring.digester("email").digest(b"x"), ring.domain_key("d", "prp", 1)


@given(data=st.data())
def test_a_flipped_bit_never_gives_another_key(
    shared_ring: KeyRing, tmp_path: Path, data: st.DataObject
) -> None:
    whole = (pair(shared_ring), tmp_path / "flipped.json")
    raw = bytearray(Path(shared_ring._file.path).read_bytes())  # noqa: SLF001 - its file
    position = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[position // 8] ^= 1 << position % 8
    keys, path = whole
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(raw)
    try:
        opened = KeyRing.open(path)
    except KeyRingError:
        return
    assert pair(opened) == keys


@given(data=st.data())
def test_a_ring_that_is_cut_anywhere_is_refused(
    shared_ring: KeyRing, tmp_path: Path, data: st.DataObject
) -> None:
    pair(shared_ring)
    raw = Path(shared_ring._file.path).read_bytes()  # noqa: SLF001 - its file
    path = tmp_path / "cut.json"
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    # All but the line feed at the end.
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw) - 2))])
    with pytest.raises(KeyRingFormatError):
        KeyRing.open(path)
