"""The tree, its edge and its proofs, against published cases and a naive tree."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.audit.errors import BadProofError
from cdp.audit.merkle import (
    EMPTY_ROOT,
    Edge,
    Nodes,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from tests.audit.house import unbase64, vectors

sizes = st.integers(1, 300)


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(count)]


def naive_root(hashes: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(naive_root(hashes[:split]), naive_root(hashes[split:]))


def naive_nodes(hashes: list[bytes]) -> Nodes:
    def node(level: int, index: int) -> bytes:
        piece = hashes[index << level : (index + 1) << level]
        assert len(piece) == 1 << level
        return naive_root(piece)

    return node


def test_the_published_inclusion_cases_pass() -> None:
    for case in vectors("merkle_inclusion")["cases"]:
        arguments = (
            case["leafIdx"],
            case["treeSize"],
            unbase64(case["leafHash"]),
            [unbase64(value) for value in case["proof"] or []],
            unbase64(case["root"]),
        )
        if case["wantErr"]:
            with pytest.raises(BadProofError):
                verify_inclusion(*arguments)
        else:
            verify_inclusion(*arguments)


def test_the_published_consistency_cases_pass() -> None:
    for case in vectors("merkle_consistency")["cases"]:
        arguments = (
            case["size1"],
            case["size2"],
            unbase64(case["root1"]),
            unbase64(case["root2"]),
            [unbase64(value) for value in case["proof"] or []],
        )
        if case["wantErr"]:
            with pytest.raises(BadProofError):
                verify_consistency(*arguments)
        else:
            verify_consistency(*arguments)


def test_the_reference_tree_of_certificate_transparency_comes_out() -> None:
    cases = vectors("rfc6962_hash_and_tree")
    hashes = [leaf_hash(bytes.fromhex(text)) for text in cases["leaf_inputs_hex"]]
    flat = [naive_nodes(hashes)(lv, i) for lv in range(4) for i in range(8 >> lv)]
    expected = cases["node_hashes_hex_flat_levels_8_4_2_1"]
    for computed, text in zip(flat, expected, strict=True):
        assert text is None or computed.hex() == text
    for size, text in enumerate(cases["root_hashes_hex_sizes_1_to_8"], 1):
        assert text is None or root_of(hashes[:size]).hex() == text
    assert cases["empty_root"] == EMPTY_ROOT.hex()
    leaf, node = cases["hasher"]
    assert leaf_hash(leaf["leaf_utf8"].encode()).hex() == leaf["hash"]
    left, right = (text.encode() for text in node["node_utf8"])
    assert node_hash(left, right).hex() == node["hash"]


@given(sizes, sizes)
def test_an_edge_grows_to_the_root_of_the_naive_tree(first: int, more: int) -> None:
    hashes = leaves(first + more)
    edge = Edge().extend(hashes[:first])
    again = Edge.from_bytes(edge.size, edge.to_bytes())
    assert again == edge
    assert edge.root() == naive_root(hashes[:first])
    assert again.extend(hashes[first:]).root() == naive_root(hashes)


def test_an_edge_of_another_length_is_refused() -> None:
    with pytest.raises(BadProofError):
        Edge.from_bytes(3, bytes(32))


def test_every_leaf_of_every_small_tree_is_proven_by_a_path_of_the_right_length() -> (
    None
):
    hashes = leaves(40)
    for size in range(1, 41):
        root, nodes = naive_root(hashes[:size]), naive_nodes(hashes[:size])
        for index in range(size):
            proof = inclusion_proof(index, size, nodes)
            verify_inclusion(index, size, hashes[index], proof, root)
            inner = (index ^ (size - 1)).bit_length()
            assert len(proof) == inner + (index >> inner).bit_count()


def test_every_small_tree_extends_each_of_its_beginnings() -> None:
    hashes = leaves(40)
    for new in range(1, 41):
        nodes = naive_nodes(hashes[:new])
        for old in range(1, new + 1):
            proof = consistency_proof(old, new, nodes)
            roots = naive_root(hashes[:old]), naive_root(hashes[:new])
            verify_consistency(old, new, *roots, proof)


@given(st.data(), sizes)
def test_no_changed_inclusion_proof_holds(data: st.DataObject, size: int) -> None:
    hashes = leaves(size)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, naive_nodes(hashes))
    root = naive_root(hashes)
    changed = _changed(data, [hashes[index], root, *proof])
    if changed == [hashes[index], root, *proof]:
        changed.append(bytes(32))
    with pytest.raises(BadProofError):
        verify_inclusion(index, size, changed[0], changed[2:], changed[1])
    other = data.draw(st.integers(-1, size).filter(lambda i: i != index))
    with pytest.raises(BadProofError):
        verify_inclusion(other, size, hashes[index], proof, root)


@given(st.data(), st.integers(2, 300))
def test_no_changed_consistency_proof_holds(data: st.DataObject, new: int) -> None:
    hashes = leaves(new)
    old = data.draw(st.integers(1, new - 1))
    proof = consistency_proof(old, new, naive_nodes(hashes))
    roots = [naive_root(hashes[:old]), naive_root(hashes)]
    changed = _changed(data, [*roots, *proof])
    with pytest.raises(BadProofError):
        verify_consistency(old, new, changed[0], changed[1], changed[2:])


def test_no_proof_leads_out_of_the_tree() -> None:
    nodes = naive_nodes(leaves(3))
    with pytest.raises(ValueError, match="not in a tree"):
        inclusion_proof(3, 3, nodes)
    for old, new in ((0, 3), (4, 3)):
        with pytest.raises(ValueError, match="no proof leads"):
            consistency_proof(old, new, nodes)
        with pytest.raises(BadProofError):
            verify_consistency(old, new, EMPTY_ROOT, EMPTY_ROOT, [])


def _changed(data: st.DataObject, hashes: list[bytes]) -> list[bytes]:
    """Flip a bit, cut a hash short, drop one, add one, or swap two that differ."""
    at = data.draw(st.integers(0, len(hashes) - 1))
    value = bytearray(hashes[at])
    match data.draw(st.sampled_from(["flip", "cut", "drop", "add"])):
        case "flip":
            bit = data.draw(st.integers(0, 255))
            value[bit // 8] ^= 1 << bit % 8
        case "cut":
            value.pop()
        case "drop" if at >= 2:
            return hashes[:at] + hashes[at + 1 :]
        case _:
            return [*hashes, data.draw(st.binary(min_size=32, max_size=32))]
    return [*hashes[:at], bytes(value), *hashes[at + 1 :]]
