"""Verification finds every flipped bit, and names the record; erasure is no damage."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.audit import (
    AuditFilter,
    Kind,
    VerifyReport,
    parse_verifier_key,
    verify_files,
)
from cdp.audit.checkpoint import sign_checkpoint
from cdp.audit.facets import BLOCK
from cdp.audit.files import LogFolder
from cdp.audit.merkle import leaf_hash
from cdp.audit.note import VerifierKey
from cdp.audit.tiles import Builder, bundle_path, encode_bundle, parse_bundle
from cdp.kernel import FixedClock
from cdp.keys import Signer
from tests.audit.house import ORIGIN, House, ordinals, pull, sqlite_house

SIGNER = Signer("verify", 1, bytes(32))
KEY = VerifierKey(name=ORIGIN, algorithm=1, public=SIGNER.public)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One log of 520 records, published in three steps; nobody writes to it."""
    clock = FixedClock(datetime(2026, 11, 25, 12, tzinfo=UTC))
    house = sqlite_house(tmp_path_factory.mktemp("published"), clock)
    house.log.check_start(house.database)
    for count in (100, 210, 210):
        house.append([pull(n) for n in range(count)])
        house.log.publish(house.database)
    yield house
    house.database.close()


def check(house: House) -> VerifyReport:
    return house.log.verify(None)


def codes(report: VerifyReport) -> set[str]:
    return {fault.code for fault in report.faults}


def test_a_sound_log_verifies_from_its_files_alone(published: House) -> None:
    report = check(published)
    assert report.ok, report.faults
    assert (report.size, report.entries, report.tiles) == (520, 520, 4)
    assert published.log.verify(published.database).ok


@given(st.data())
def test_each_flipped_bit_in_any_file_is_found_and_named(
    published: House, data: st.DataObject
) -> None:
    file = data.draw(st.sampled_from(published.files()))
    whole = file.read_bytes()
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))
    changed = bytearray(whole)
    changed[bit // 8] ^= 1 << bit % 8
    file.write_bytes(changed)
    try:
        report = check(published)
    finally:
        file.write_bytes(whole)
    assert not report.ok
    name = str(file.relative_to(published.folder))
    if name == "checkpoint":
        assert codes(report) == {"checkpoint"}
        return
    first, last = _records_of(name)
    assert all(first <= f.first <= f.last <= last for f in report.faults), report
    if name.startswith("tile/0/"):
        damaged = first + bit // 256
        assert any(f.first <= damaged <= f.last for f in report.faults)


def _records_of(name: str) -> tuple[int, int]:
    if name.startswith("tile/1/"):
        return 0, 519
    number = int(name.split("/")[2][:3])
    return number * 256, min(number * 256 + 255, 519)


@given(st.integers(0, 519), st.data())
def test_a_forged_entry_is_named_exactly(
    published: House, index: int, data: st.DataObject
) -> None:
    width = 520 % 256 if index >= 512 else 0
    file = published.folder / bundle_path(index // 256, width)
    whole = file.read_bytes()
    entries = parse_bundle(whole)
    other = data.draw(
        st.integers(0, len(entries) - 1).filter(lambda n: n != index % 256)
    )
    entries[index % 256] = entries[other]
    file.write_bytes(encode_bundle(entries))
    try:
        report = check(published)
    finally:
        file.write_bytes(whole)
    assert [(f.code, f.first, f.last) for f in report.faults if f.code == "entry"] == [
        ("entry", index, index)
    ]


def test_an_entry_forged_together_with_its_tile_is_found(
    published: House, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(published.folder, tmp_path / "forged"))
    bundle, tile = copy / "tile/entries/000", copy / "tile/0/000"
    entries = parse_bundle(bundle.read_bytes())
    entries[7] = entries[8]
    bundle.write_bytes(encode_bundle(entries))
    tile.write_bytes(b"".join(leaf_hash(entry) for entry in entries))
    key = published.log.verifier_key
    report = verify_files(LogFolder(copy), [parse_verifier_key(key)], origin=ORIGIN)
    assert [(f.code, f.first, f.last) for f in report.faults] == [("entry", 0, 255)]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("checkpoint", "checkpoint"),
        ("tile/entries/000", "bundle"),
        ("tile/entries/002.p/8", "bundle"),
        ("tile/0/001", "tile"),
        ("tile/1/000.p/2", "tile"),
    ],
)
def test_a_missing_or_longer_file_is_found(
    published: House, tmp_path: Path, name: str, code: str
) -> None:
    copy = Path(shutil.copytree(published.folder, tmp_path / "copy"))
    keys = [parse_verifier_key(published.log.verifier_key)]
    whole = (copy / name).read_bytes()
    (copy / name).write_bytes(whole + b"\x00\x00")
    assert codes(verify_files(LogFolder(copy), keys, origin=ORIGIN)) == {code}
    (copy / name).unlink()
    report = verify_files(LogFolder(copy), keys, origin=ORIGIN)
    assert codes(report) == {code}
    assert str(report.faults[0]).startswith("index ")


def test_pruned_entries_are_allowed_below_a_stated_index(
    published: House, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(published.folder, tmp_path / "pruned"))
    (copy / "tile/entries/000").unlink()
    keys = [parse_verifier_key(published.log.verifier_key)]
    report = verify_files(LogFolder(copy), keys, origin=ORIGIN, from_index=256)
    assert (report.ok, report.entries) == (True, 264)
    assert not verify_files(LogFolder(copy), keys, origin=ORIGIN, from_index=255).ok


def test_an_earlier_checkpoint_must_be_extended(small_house: House) -> None:
    small_house.append([pull(n) for n in range(5)])
    first = small_house.log.publish(small_house.database)
    assert first is not None
    small_house.append([pull(n) for n in range(5)])
    small_house.log.publish(small_house.database)
    assert small_house.log.verify(None, old=first.note).ok
    signer = small_house.ring.signer(f"audit/{ORIGIN}")
    for size in (5, 11):
        fork = sign_checkpoint(ORIGIN, size, bytes(32), signer.public, signer.sign)
        assert codes(small_house.log.verify(None, old=fork.note)) == {"old"}
    stranger = sign_checkpoint(ORIGIN, 5, first.root, SIGNER.public, SIGNER.sign)
    assert codes(small_house.log.verify(None, old=stranger.note)) == {"checkpoint"}


def test_a_signed_root_that_the_entries_do_not_give_is_found(tmp_path: Path) -> None:
    folder, builder = LogFolder(tmp_path), Builder(lambda *_: None)
    builder.push(leaf_hash(b"{}"))
    for path, tile in builder.partials():
        folder.write(str(path), tile)
    folder.write(bundle_path(0, 1), encode_bundle([b"{}"]))
    point = sign_checkpoint(ORIGIN, 1, bytes(32), SIGNER.public, SIGNER.sign)
    folder.write("checkpoint", point.note)
    report = verify_files(folder, [KEY], origin=ORIGIN)
    assert codes(report) == {"envelope", "root"}


# The store against the files


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE audit_record SET envelope = x'00' WHERE idx = 3", "envelope"),
        ("UPDATE audit_record SET id = zeroblob(16) WHERE idx = 3", "store"),
        ("DELETE FROM audit_record WHERE idx = 3", "store"),
        ("UPDATE audit_state SET root = zeroblob(32)", "store"),
        ("UPDATE audit_state SET edge = zeroblob(length(edge))", "store"),
        ("DELETE FROM audit_payload WHERE idx = 3", "payload"),
        ("UPDATE audit_payload SET sealed = zeroblob(60) WHERE idx = 3", "payload"),
        ("UPDATE audit_payload SET month = 202610 WHERE idx = 3", "payload"),
        ("DELETE FROM audit_part WHERE idx = 3", "sets"),
        ("UPDATE audit_part SET part = part + 9 WHERE idx = 3", "sets"),
        ("UPDATE audit_part SET role = 1 WHERE idx = 3", "sets"),
        ("UPDATE audit_part SET members = x'00' WHERE idx = 3", "sets"),
        ("INSERT INTO audit_part VALUES (0, 2, 0, x'00')", "sets"),
    ],
)
def test_each_change_in_the_store_is_found(
    small_house: House, statement: str, code: str
) -> None:
    touched = ordinals(1, 2, 70_000)
    house = small_house
    house.append([pull(0), pull(1), pull(2), pull(3, returned=touched), pull(4)])
    house.log.publish(house.database)
    assert house.log.verify(house.database).ok
    house.tamper(statement)
    report = house.log.verify(house.database)
    assert code in codes(report), report.faults
    named = [fault for fault in report.faults if fault.code == code]
    assert any(fault.first <= 3 <= fault.last or fault.first == 2 for fault in named)


def test_a_swapped_payload_is_found(small_house: House) -> None:
    small_house.append([pull(n) for n in range(3)])
    small_house.log.publish(small_house.database)
    small_house.tamper(
        "UPDATE audit_payload SET sealed = "
        "(SELECT sealed FROM audit_payload WHERE idx = 1) WHERE idx = 2"
    )
    report = small_house.log.verify(small_house.database)
    assert [(f.code, f.first) for f in report.faults] == [("payload", 2)]


def test_a_changed_search_index_is_found(small_house: House) -> None:
    house = small_house
    house.append([pull(n) for n in range(BLOCK + 5)])
    house.log.publish(house.database)
    assert house.log.verify(house.database).ok
    house.tamper(
        "DELETE FROM audit_facet WHERE facet = (SELECT max(facet) FROM audit_facet)"
    )
    report = house.log.verify(house.database)
    assert [(f.code, f.first) for f in report.faults] == [("index", 0)]


def test_a_shredded_payload_is_told_apart_from_a_missing_one(house: House) -> None:
    house.append([pull(n, returned=ordinals(n)) for n in range(10)])
    (by,) = house.append([pull(kind=Kind.PAYLOAD_SHRED)])
    with house.database.transaction() as connection:
        assert house.log.shred(connection, [2, 3, 3, 99], by=by) == 2
        assert house.log.shred(connection, [2], by=by) == 0
    house.log.publish(house.database)
    report = house.log.verify(house.database)
    assert (report.ok, report.shredded) == (True, 2)
    with house.database.snapshot() as connection:
        assert house.log.subject(connection, [2]).records == ()
        page = house.log.query(connection, AuditFilter(), open_payload=True)
    states = {record.index: record.payload_state for record in page.records}
    assert states == {n: "shredded" if n in (2, 3) else "open" for n in range(11)}
    with house.database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM audit_tombstone WHERE idx = 3")
    report = house.log.verify(house.database)
    assert [(f.code, f.first) for f in report.faults] == [("payload", 3)]


def test_shredding_takes_a_record_out_of_the_index(small_house: House) -> None:
    house = small_house
    house.append([pull(n) for n in range(BLOCK + 5)])
    house.log.publish(house.database)
    (by,) = house.append([pull(kind=Kind.PAYLOAD_SHRED)])
    with house.database.transaction() as connection:
        house.log.shred(connection, range(500), by=by)
    house.log.publish(house.database)
    report = house.log.verify(house.database)
    assert (report.ok, report.shredded) == (True, 500), report.faults


def test_a_destroyed_month_is_shredded_and_not_damaged(
    small_house: House, clock: FixedClock
) -> None:
    small_house.append([pull(n) for n in range(3)])
    clock.advance(timedelta(days=31))
    small_house.append([pull(n) for n in range(3)])
    small_house.log.publish(small_house.database)
    small_house.ring.destroy("seal", "audit.payload.202611")
    report = small_house.log.verify(small_house.database)
    assert (report.ok, report.shredded) == (True, 3), report.faults
