"""Checkpoints, and the worked example of the log's formats from end to end."""

import pytest

from cdp.audit.checkpoint import open_checkpoint, parse_body, sign_checkpoint
from cdp.audit.errors import BadCheckpointError
from cdp.audit.merkle import Edge, consistency_proof, inclusion_proof, leaf_hash
from cdp.audit.note import VerifierKey
from cdp.audit.tiles import Builder, encode_bundle, nodes_from_tiles
from cdp.keys import Signer
from tests.audit.house import ORIGIN, vectors

SIGNER = Signer("worked", 1, bytes(range(32)))
KEY = VerifierKey(name=ORIGIN, algorithm=1, public=SIGNER.public)
ENTRIES = [b'{"seq":%d,"act":"read"}' % n for n in range(3)]
LEAVES = [
    "55306be130023efc30526c4ee8f81bbd0bed4a9eca10aa1e0f453c19dc5ce171",
    "b9571435eba5b9456b7c6a6f298d6ac2f4ce53be28fec0a9cf9e453fe211517c",
    "c9275ee7159ae302161d1e9467b1d55d31c01ded56f68cd0bdef576d73d5ce10",
]
NODE_01 = "79f8a43c66dc0ab6ef5f0d038fefbb6304a2ad95336e45d8a85674b2285d11a5"
ROOT = "bd47d367d1ba95cb7134a35aa77c0aeff1a422ae6b936ca5cbb2211e1bc5e62e"
BUNDLE = "".join(
    f"0016{b'{'.hex()}2273657122{b':'.hex()}3{n}2c22616374223a2272656164227d"
    for n in range(3)
)
CHECKPOINT = """\
cdp.example.com/audit
3
vUfTZ9G6lctxNKNap3wK7/GkIq5rk2yly7IhHhvF5i4=

\u2014 cdp.example.com/audit \
DQKugL1Hk+X989pyg9nkIRnV3B1xjOEFCwJYWnvA4Xho+wH04SW65y1gSSN7O1yYv28QRNfW6PV2JPnWyueOym14HAU=
"""


def test_the_worked_example_comes_out_byte_for_byte() -> None:
    assert KEY.text == (
        "cdp.example.com/audit+0d02ae80+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
    )
    leaves = [leaf_hash(entry) for entry in ENTRIES]
    assert [leaf.hex() for leaf in leaves] == LEAVES
    edge = Edge().extend(leaves)
    assert [value.hex() for value in edge.hashes] == [NODE_01, LEAVES[2]]
    assert edge.root().hex() == ROOT
    builder = Builder(lambda *_: None)
    for leaf in leaves:
        builder.push(leaf)
    ((path, tile),) = builder.partials()
    assert (str(path), tile) == ("tile/0/000.p/3", b"".join(leaves))
    assert encode_bundle(ENTRIES).hex() == BUNDLE
    nodes = nodes_from_tiles(lambda _level, _number: tile)
    assert [p.hex() for p in inclusion_proof(2, 3, nodes)] == [NODE_01]
    assert [p.hex() for p in inclusion_proof(0, 3, nodes)] == LEAVES[1:]
    assert [p.hex() for p in consistency_proof(2, 3, nodes)] == [LEAVES[2]]
    assert [p.hex() for p in consistency_proof(1, 3, nodes)] == LEAVES[1:]
    point = sign_checkpoint(ORIGIN, 3, edge.root(), SIGNER.public, SIGNER.sign)
    assert point.note == CHECKPOINT.encode()
    assert open_checkpoint(point.note, [KEY], origin=ORIGIN) == point


def test_the_published_texts_are_told_apart() -> None:
    for case in vectors("checkpoint_body")["cases"]:
        if case.get("wantErr"):
            with pytest.raises(BadCheckpointError):
                parse_body(case["text"], root_bytes=None)
            continue
        body = parse_body(case["text"], root_bytes=None)
        assert body.text == case["text"]
        assert body.rest == case.get("rest", "")
        if "origin" in case:
            assert (body.origin, body.size) == (case["origin"], case["size"])
            assert body.root == case["hash_utf8"].encode()
        with pytest.raises(BadCheckpointError, match="bytes"):
            parse_body(case["text"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\n3\n", "\n03\n"),
        ("\n3\n", "\n+3\n"),
        ("\n3\n", "\n-3\n"),
        ("\n3\n", "\n\uff13\n"),
        ("\n3\n", "\n9223372036854775808\n"),
        ("5i4=", "5i5="),
        ("5i4=", "5i4"),
        ("5i4=", "5i4=="),
        ("5i4=\n", "5i4="),
        ("audit\n", "a\u0075dit\n\n"),
    ],
)
def test_no_second_spelling_is_read(before: str, after: str) -> None:
    text = CHECKPOINT.split("\n\n", maxsplit=1)[0] + "\n"
    assert parse_body(text).size == 3
    with pytest.raises(BadCheckpointError):
        parse_body(text.replace(before, after))


def test_a_checkpoint_of_another_log_is_refused() -> None:
    point = sign_checkpoint("other", 3, bytes(32), SIGNER.public, SIGNER.sign)
    key = VerifierKey(name="other", algorithm=1, public=SIGNER.public)
    with pytest.raises(BadCheckpointError, match="another log"):
        open_checkpoint(point.note, [key], origin=ORIGIN)
