"""Receipts: read as published, and nothing that was changed is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.audit.checkpoint import sign_checkpoint
from cdp.audit.errors import BadReceiptError
from cdp.audit.merkle import leaf_hash, root_of
from cdp.audit.note import VerifierKey
from cdp.audit.receipt import Receipt, parse_receipt, verify_receipt
from cdp.kernel import CdpError
from cdp.keys import Signer
from tests.audit.house import ORIGIN, vectors

SIGNER = Signer("receipt", 1, bytes(range(32)))
KEY = VerifierKey(name=ORIGIN, algorithm=1, public=SIGNER.public)
LEAVES = [leaf_hash(b"zero"), leaf_hash(b"one")]


def receipt(extra: bytes | None = None) -> bytes:
    point = sign_checkpoint(ORIGIN, 2, root_of(LEAVES), SIGNER.public, SIGNER.sign)
    return Receipt(
        index=1, proof=(LEAVES[0],), checkpoint=point.note, extra=extra
    ).to_bytes()


def test_the_published_receipts_are_told_apart() -> None:
    for case in vectors("tlog_proof")["cases"]:
        raw = case["text"].encode()
        if "wantErr" in case:
            with pytest.raises(BadReceiptError):
                parse_receipt(raw)
        else:
            assert parse_receipt(raw).to_bytes() == raw


def test_a_receipt_proves_its_record_and_no_other() -> None:
    index, point = verify_receipt(receipt(b"hint"), b"one", [KEY], origin=ORIGIN)
    assert (index, point.size) == (1, 2)
    assert parse_receipt(receipt(b"hint")).extra == b"hint"
    with pytest.raises(CdpError):
        verify_receipt(receipt(), b"two", [KEY], origin=ORIGIN)


@given(st.integers(0, len(receipt()) * 8 - 1))
def test_no_receipt_with_a_flipped_bit_is_believed(bit: int) -> None:
    raw = bytearray(receipt())
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CdpError):
        verify_receipt(bytes(raw), b"one", [KEY], origin=ORIGIN)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\n\nx",
        b"c2sp.org/tlog-proof@v1\n\nx",
        b"c2sp.org/tlog-proof@v1\nindex 1\n\n",
        b"c2sp.org/tlog-proof@v1\nindex 01\n\nx",
        b"c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\nx",
        b"c2sp.org/tlog-proof@v1\nextra AB==\nindex 1\n\nx",
    ],
)
def test_malformed_receipts_are_refused(raw: bytes) -> None:
    with pytest.raises(BadReceiptError):
        parse_receipt(raw)
