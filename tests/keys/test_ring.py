"""The ring: made once, shared by all, never printed, and destroyed for good."""

import base64
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from cdp.kernel import FixedClock
from cdp.keys import (
    KeyDestroyedError,
    KeyRing,
    KeyRingMissingError,
    KeyRingModeError,
    KeyRingReplacedError,
    KeyRingUnwritableError,
    KeyUnknownError,
    KeyUseError,
)
from cdp.keys.contents import decode
from cdp.keys.sealing import Sealer

ROOT = Path(__file__).parents[2]


def faces(ring: KeyRing) -> list[bytes]:
    """One value of each kind of key."""
    return [
        ring.digester("email").digest(b"x"),
        ring.mac("token", b"x"),
        ring.signer("log").public,
        ring.domain_key("segmentation/crm", "prp", 230),
        ring.wrapper("data-keys").wrap(bytes(32)),
    ]


def test_a_ring_gives_the_same_keys_when_it_is_opened_again(
    ring: KeyRing, path: Path
) -> None:
    before = faces(ring)
    sealed = ring.seal("label", b"text", b"bound")
    again = KeyRing.open(path)
    assert again.ring_id == ring.ring_id
    assert faces(again) == before
    assert again.unseal("label", sealed, b"bound") == b"text"


def test_two_rings_share_no_key(
    ring: KeyRing, tmp_path: Path, clock: FixedClock
) -> None:
    other = KeyRing.create(tmp_path / "other.json", clock=clock)
    assert other.ring_id != ring.ring_id
    assert not set(faces(ring)) & set(faces(other))


def test_every_name_epoch_and_kind_has_a_key_of_its_own(ring: KeyRing) -> None:
    keys = [
        ring.digester("a").digest(b"x"),
        ring.digester("b").digest(b"x"),
        ring.mac("a", b"x"),
        ring.mac("b", b"x"),
        ring.domain_key("a", "prp", 1),
        ring.domain_key("a", "prp", 2),
        ring.domain_key("b", "prp", 1),
        ring.domain_key("a", "siv", 1)[:32],
    ]
    assert len(set(keys)) == len(keys)


def test_what_one_opener_makes_the_others_use(ring: KeyRing, path: Path) -> None:
    other = KeyRing.open(path)
    sealed = ring.seal("made after the other opened", b"text", b"")
    assert other.unseal("made after the other opened", sealed, b"") == b"text"
    assert faces(other) == faces(ring)


def test_threads_that_make_the_same_key_make_one(path: Path, ring: KeyRing) -> None:
    openers = [ring, *(KeyRing.open(path) for _ in range(7))]
    with ThreadPoolExecutor(8) as pool:
        digests = list(pool.map(lambda r: r.digester("n").digest(b"x"), openers * 4))
        sealed = list(pool.map(lambda r: r.seal("s", b"text", b""), openers * 4))
    assert len(set(digests)) == 1
    assert {ring.unseal("s", each, b"") for each in sealed} == {b"text"}


def test_processes_that_make_keys_at_once_lose_none(path: Path, ring: KeyRing) -> None:
    script = (
        "import sys; from pathlib import Path; from cdp.keys import KeyRing\n"
        "ring = KeyRing.open(Path(sys.argv[1]))\n"
        "own = [ring.mac(f'{sys.argv[2]}.{n}', b'x').hex() for n in range(10)]\n"
        "print(ring.digester('shared').digest(b'x').hex(), *own)\n"
    )
    running = [
        subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-c", script, str(path), str(number)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for number in range(3)
    ]
    answers = [process.communicate()[0].split() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    ring = KeyRing.open(path)
    for number, (shared, *own) in enumerate(answers):
        assert shared == ring.digester("shared").digest(b"x").hex()
        assert own == [ring.mac(f"{number}.{n}", b"x").hex() for n in range(10)]


def test_a_key_that_was_used_survives_a_kill(path: Path, ring: KeyRing) -> None:
    script = (
        "import sys; from pathlib import Path; from cdp.keys import KeyRing\n"
        "ring, n = KeyRing.open(Path(sys.argv[1])), 0\n"
        "while True:\n"
        "    print(n, ring.mac(f'k.{n}', b'x').hex(), flush=True)\n"
        "    n += 1\n"
    )
    with subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", script, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        used = [process.stdout.readline().split() for _ in range(20)]
        process.kill()
    again = KeyRing.open(path)
    assert [again.mac(f"k.{n}", b"x").hex() for n, _ in used] == [m for _, m in used]
    assert again.mac("made after the kill", b"x")


def test_a_destroyed_key_opens_nothing_and_is_never_made_again(
    ring: KeyRing, path: Path
) -> None:
    other = KeyRing.open(path)
    sealed = ring.seal("2026-11", b"text", b"")
    assert other.unseal("2026-11", sealed, b"") == b"text"
    assert ring.destroy("seal", "2026-11") is True
    for opener in (ring, other, KeyRing.open(path)):
        with pytest.raises(KeyDestroyedError, match="2026-11"):
            opener.unseal("2026-11", sealed, b"")
        with pytest.raises(KeyDestroyedError):
            opener.seal("2026-11", b"text", b"")
    assert ring.destroy("seal", "2026-11") is False


def test_a_destroyed_epoch_of_a_domain_stays_destroyed(ring: KeyRing) -> None:
    ring.domain_key("d", "prp", 7)
    kept = ring.domain_key("d", "prp", 8)
    assert ring.destroy("domain", "d", 7)
    with pytest.raises(KeyDestroyedError):
        ring.domain_key("d", "prp", 7)
    assert ring.domain_key("d", "prp", 8) == kept


def test_a_key_that_was_destroyed_before_it_was_made_is_never_made(
    ring: KeyRing,
) -> None:
    assert ring.destroy("domain", "d", 9) is False
    with pytest.raises(KeyDestroyedError):
        ring.domain_key("d", "prp", 9)


def test_the_newest_epoch_follows_the_destroyed_ones(ring: KeyRing) -> None:
    first = ring.digester("email")
    assert (first.epoch, ring.epochs("namespace", "email")) == (1, [1])
    ring.destroy("namespace", "email", 1)
    assert ring.epochs("namespace", "email") == []
    second = ring.digester("email")
    assert second.epoch == 2
    assert second.digest(b"x") != first.digest(b"x")
    assert ring.digester("email", epoch=2).digest(b"x") == second.digest(b"x")
    with pytest.raises(KeyDestroyedError):
        ring.digester("email", epoch=1)


def test_reading_never_makes_a_key(ring: KeyRing, path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(KeyUnknownError):
        ring.unseal("never sealed", bytes(40), b"")
    with pytest.raises(KeyUnknownError):
        ring.domain_key("d", "prp", 1, create=False)
    with pytest.raises(KeyUnknownError):
        ring.digester("email", epoch=3)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["", "x" * 201, "line\nfeed", "nul\0"])
def test_a_key_has_a_name_that_prints(ring: KeyRing, name: str) -> None:
    with pytest.raises(KeyUseError):
        ring.mac(name, b"x")
    with pytest.raises(KeyUseError):
        ring.destroy("mac", name)


def test_a_key_has_no_negative_epoch_and_a_mode_that_exists(ring: KeyRing) -> None:
    with pytest.raises(KeyUseError):
        ring.domain_key("d", "prp", -1)
    with pytest.raises(KeyUseError):
        ring.domain_key("d", "vault", 1)


def test_a_key_has_a_kind_that_the_file_can_be_read_with(ring: KeyRing) -> None:
    with pytest.raises(KeyUseError):
        ring.destroy(cast("Any", "invented"), "name")
    ring.mac("still", b"x")


def test_another_ring_at_the_same_place_is_not_used(
    ring: KeyRing, path: Path, tmp_path: Path, clock: FixedClock
) -> None:
    before = ring.mac("label", b"x")
    saved = path.read_bytes()
    KeyRing.create(tmp_path / "other.json", clock=clock)
    (tmp_path / "other.json").replace(path)
    with pytest.raises(KeyRingReplacedError, match=ring.ring_id):
        ring.mac("label", b"x")
    with pytest.raises(KeyRingReplacedError):
        ring.destroy("mac", "label")
    path.write_bytes(saved)
    assert ring.mac("label", b"x") == before


def test_nothing_prints_a_secret(ring: KeyRing, path: Path) -> None:
    faces(ring)
    ring.seal("label", b"text", b"")
    stored = json.loads(path.read_text())
    root = base64.b64decode(stored["root"])
    secrets = [
        root,
        ring.signer("log").unsafe_reveal_seed(),
        ring.domain_key("segmentation/crm", "prp", 230),
    ]
    things = (
        ring,
        ring.digester("email"),
        ring.signer("log"),
        ring.wrapper("w"),
        decode(path.read_bytes(), "ring"),
        Sealer("label", root),
    )
    shown = " ".join(f"{thing!r} {thing}" for thing in things)
    for secret in secrets:
        for spelling in (secret.hex(), base64.b64encode(secret).decode(), str(secret)):
            assert spelling not in shown
    assert ring.ring_id in shown


def test_a_key_that_cannot_be_saved_is_not_used(ring: KeyRing, path: Path) -> None:
    # A folder where the new file would be written: the write fails, whoever runs this.
    obstacle = path.with_name("ring.json.new")
    obstacle.mkdir()
    before = path.read_bytes()
    with pytest.raises(KeyRingUnwritableError, match="could not be saved"):
        ring.mac("new", b"x")
    assert path.read_bytes() == before
    obstacle.rmdir()
    value = ring.mac("new", b"x")
    assert KeyRing.open(path).mac("new", b"x") == value


def test_what_a_crash_left_beside_the_ring_is_overwritten(
    ring: KeyRing, path: Path
) -> None:
    beside = path.with_name("ring.json.new")
    beside.write_bytes(b'{"format": "cdp.key-')
    beside.chmod(0o644)
    value = ring.mac("new", b"x")
    assert not beside.exists()
    assert path.stat().st_mode & 0o777 == 0o600
    assert KeyRing.open(path).mac("new", b"x") == value


def test_a_ring_that_is_opened_to_others_while_it_is_used_is_refused_at_once(
    ring: KeyRing, path: Path
) -> None:
    ring.mac("label", b"x")
    path.chmod(0o640)
    with pytest.raises(KeyRingModeError):
        ring.mac("label", b"x")
    path.chmod(0o600)
    assert ring.mac("label", b"x")


def test_a_ring_that_vanishes_while_it_is_used_is_refused_at_once(
    ring: KeyRing, path: Path
) -> None:
    sealed = ring.seal("label", b"text", b"")
    path.unlink()
    with pytest.raises(KeyRingMissingError):
        ring.unseal("label", sealed, b"")
