"""Paths, widths, bundles and the builder; and a log that other software wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.audit.checkpoint import sign_checkpoint
from cdp.audit.errors import BadTileError
from cdp.audit.merkle import (
    HASH_BYTES,
    Edge,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_inclusion,
)
from cdp.audit.note import parse_verifier_key
from cdp.audit.tiles import (
    Builder,
    TilePath,
    bundle_path,
    bundle_path_for_index,
    encode_bundle,
    levels,
    node_in_tile,
    nodes_from_tiles,
    number_path,
    parse_bundle,
    parse_number_path,
    parse_tile,
    tile_width,
)
from cdp.keys import Signer
from tests.audit.house import unbase64, vectors


def test_the_published_paths_come_out() -> None:
    cases = vectors("tlog_tiles_layout")
    for index, size, path in cases["entries_path_for_index"]:
        assert bundle_path_for_index(index, size) == path
    for number, width, path in cases["entries_path"]:
        assert bundle_path(number, width) == path
    for level, number, width, path in cases["tile_path"]:
        assert str(TilePath(level, number, width)) == path
    for level, path, *expected in cases["parse_ok"]:
        assert parse_tile(level, path) == TilePath(*expected)
    for level, path in cases["parse_err"]:
        with pytest.raises(BadTileError):
            parse_tile(level, path)
    for level, index, *expected in cases["node_to_tile"]:
        assert list(node_in_tile(level, index)) == expected


def test_the_published_bundles_are_told_apart() -> None:
    for case in vectors("tlog_tiles_layout")["bundle_parse"]:
        raw = bytes.fromhex(case["hex"])
        if case.get("wantErr"):
            with pytest.raises(BadTileError):
                parse_bundle(raw)
        elif "entries_hex" in case:
            assert [entry.hex() for entry in parse_bundle(raw)] == case["entries_hex"]
        else:
            assert parse_bundle(raw) == []


def test_a_log_of_70000_entries_has_the_published_tiles() -> None:
    case = vectors("tlog_tiles_layout")["c2sp_size_70000"]
    assert tile_width(0, 272, 70_000) == tile_width(1, 0, 70_000) == 256
    assert case["full_level0"] == 273
    assert tile_width(0, 273, 70_000) == case["partial_level0_width"]
    assert tile_width(1, 1, 70_000) == case["partial_level1_width"]
    assert tile_width(2, 0, 70_000) == case["partial_level2_width"]
    assert levels(70_000) == 3


def test_a_log_that_tessera_wrote_comes_out_byte_for_byte() -> None:
    case = vectors("tessera_testdata_log")
    key = parse_verifier_key(case["vkey"])
    signer = Signer(
        key.name, 1, unbase64(case["skey_note_format"].split("+", 4)[4])[1:]
    )
    assert signer.public == key.public
    written: dict[str, bytes] = {}
    builder, entries = Builder(lambda *_: None), []
    for size, text in enumerate(case["entries_utf8"], 1):
        entries.append(text.encode())
        builder.push(leaf_hash(entries[-1]))
        written.update((str(path), data) for path, data in builder.partials())
        written[bundle_path(0, size)] = encode_bundle(entries)
        point = sign_checkpoint(
            key.name, size, builder.root(), signer.public, signer.sign
        )
        written[f"checkpoint.{size}"] = written["checkpoint"] = point.note
    assert case["files"]
    for name, encoded in case["files"].items():
        assert written[name] == unbase64(encoded), name


@given(st.integers(0, 10**18 - 1), st.integers(0, 255))
def test_a_path_reads_back(number: int, width: int) -> None:
    assert parse_number_path(number_path(number, width)) == (number, width)


@pytest.mark.parametrize(
    "path", ["1", "0001", "x000/001", "000.p/0", "000.p/256", "000.p/01", "٠٠٠"]
)
def test_a_path_has_one_spelling(path: str) -> None:
    with pytest.raises(BadTileError):
        parse_number_path(path)


@given(st.lists(st.binary(max_size=50), max_size=20), st.integers(1, 5))
def test_a_bundle_reads_back_and_a_cut_one_does_not(
    entries: list[bytes], cut: int
) -> None:
    raw = encode_bundle(entries)
    assert parse_bundle(raw) == entries
    if entries and cut <= len(entries[-1]):
        with pytest.raises(BadTileError):
            parse_bundle(raw[:-cut])


def test_an_entry_that_a_uint16_cannot_measure_is_refused() -> None:
    assert len(encode_bundle([bytes(65_535)])) == 65_537
    with pytest.raises(BadTileError):
        encode_bundle([bytes(65_536)])


def test_tiles_hold_the_tree_across_two_levels() -> None:
    hashes = [leaf_hash(b"%d" % n) for n in range(66_000)]
    tiles: dict[tuple[int, int], bytes] = {}

    def keep(level: int, number: int, data: bytes) -> None:
        assert len(data) == 256 * HASH_BYTES
        tiles[level, number] = data

    builder = Builder(keep)
    for leaf in hashes:
        builder.push(leaf)
    assert builder.root() == Edge().extend(hashes).root()
    partials = {(p.level, p.number): data for p, data in builder.partials()}
    assert sorted(partials) == [(0, 257), (1, 1), (2, 0)]
    nodes = nodes_from_tiles(lambda lv, n: (tiles | partials)[lv, n])
    for index in (0, 255, 256, 65_535, 65_536, 65_999):
        proof = inclusion_proof(index, len(hashes), nodes)
        verify_inclusion(index, len(hashes), hashes[index], proof, root_of(hashes))


def test_a_tile_that_is_too_short_is_noticed() -> None:
    nodes = nodes_from_tiles(lambda _level, _number: bytes(32))
    with pytest.raises(BadTileError):
        nodes(0, 1)
