"""A signature is of one message by one key, and everything else is no signature."""

from hypothesis import given
from hypothesis import strategies as st

from cdp.keys import KeyRing, verify_ed25519


@given(message=st.binary(max_size=64), other=st.binary(max_size=64))
def test_a_signature_is_of_its_message_alone(
    shared_ring: KeyRing, message: bytes, other: bytes
) -> None:
    signer = shared_ring.signer("log")
    signature = signer.sign(message)
    assert verify_ed25519(signer.public, signature, message)
    assert verify_ed25519(signer.public, signature, other) == (other == message)


@given(position=st.integers(0, 511))
def test_a_flipped_bit_is_no_signature(shared_ring: KeyRing, position: int) -> None:
    signer = shared_ring.signer("log")
    signature = bytearray(signer.sign(b"message"))
    signature[position // 8] ^= 1 << position % 8
    assert not verify_ed25519(signer.public, bytes(signature), b"message")


def test_another_name_is_another_signer(ring: KeyRing) -> None:
    log, receipts = ring.signer("log"), ring.signer("receipts")
    assert not verify_ed25519(log.public, receipts.sign(b"x"), b"x")
    assert len(log.public) == len(log.unsafe_reveal_seed()) == 32
    assert len(log.sign(b"x")) == 64


def test_bytes_of_a_wrong_length_are_no_key_and_no_signature(ring: KeyRing) -> None:
    signer = ring.signer("log")
    assert not verify_ed25519(b"", signer.sign(b"x"), b"x")
    assert not verify_ed25519(signer.public, b"", b"x")
