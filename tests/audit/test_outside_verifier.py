"""Software of strangers accepts our log, and finds a changed byte in it.

Built from the folder beside the project with Debian's Go; skipped where one is missing.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cdp.kernel import FixedClock
from tests.audit.house import SHARED, House, pull, sqlite_house

GOPATH = Path("/usr/share/gocode")  # where Debian's golang-golang-x-mod-dev puts x/mod


@pytest.fixture(scope="session")
def verify_tlog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    go, source = shutil.which("go"), SHARED / "tools" / "verify_tlog"
    if go is None:
        pytest.skip("no Go here: apt-get install golang-go golang-golang-x-mod-dev")
    if not source.is_dir():
        pytest.skip("the outside verifier's source is not beside the project")
    if not (GOPATH / "src" / "golang.org" / "x" / "mod").is_dir():
        pytest.skip("Go is here without x/mod: apt-get install golang-golang-x-mod-dev")
    built = tmp_path_factory.mktemp("go") / "verify_tlog"
    subprocess.run(  # noqa: S603 - the program and its source are the ones named above
        [go, "build", "-o", str(built), "."],
        cwd=source,
        env={
            "PATH": os.defpath,
            "GO111MODULE": "off",
            "GOPATH": str(GOPATH),
            "GOCACHE": str(built.parent / "cache"),
        },
        check=True,
        capture_output=True,
        timeout=300,
    )
    return built


def run(tool: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - the tool that was just built
        [str(tool), *arguments], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("size", [3, 256, 700])
def test_the_outside_verifier_accepts_a_log_and_finds_a_changed_byte(
    verify_tlog: Path, small_house: House, size: int
) -> None:
    house = small_house
    house.append([pull(n) for n in range(size // 2)])
    old = house.log.publish(house.database)
    assert old is not None
    earlier = house.path / "earlier"
    earlier.write_bytes(old.note)
    house.append([pull(n) for n in range(size - size // 2)])
    house.log.publish(house.database)
    key = ("-vkey", house.log.verifier_key)
    sound = run(verify_tlog, *key, "-old", str(earlier), str(house.folder))
    assert sound.returncode == 0, sound.stderr
    assert f"size={size} " in sound.stdout

    receipt, entry = house.path / "receipt", house.path / "entry"
    receipt.write_bytes(house.log.receipt(size - 1))
    entry.write_bytes(house.envelopes()[size - 1])
    proven = run(verify_tlog, *key, "-receipt", str(receipt), "-entry", str(entry))
    assert proven.returncode == 0, proven.stderr

    number, width = divmod(size, 256)
    name = f"tile/entries/00{number}.p/{width}" if width else "tile/entries/000"
    file = house.folder / name
    changed = bytearray(file.read_bytes())
    changed[10] ^= 1
    file.write_bytes(changed)
    forged = run(verify_tlog, *key, str(house.folder))
    first = size - width if width else 0
    assert forged.returncode == 1
    assert f"index {first}:" in forged.stderr
    own = house.log.verify(None)
    assert any(fault.first == first for fault in own.faults)


def test_the_two_verifiers_agree_over_three_levels_of_tiles(
    verify_tlog: Path, tmp_path: Path, clock: FixedClock
) -> None:
    house = sqlite_house(tmp_path / "large", clock)
    house.log.check_start(house.database)
    drafts = [pull(n) for n in range(1_000)]
    for _ in range(66):
        house.append(drafts)
    house.log.publish(house.database)
    result = run(verify_tlog, "-vkey", house.log.verifier_key, str(house.folder))
    own = house.log.verify(None)
    house.database.close()
    assert (result.returncode, own.ok) == (0, True), result.stderr
    assert f"entries={own.entries} tiles={own.tiles}" in result.stdout
