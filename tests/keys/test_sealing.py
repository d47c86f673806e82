"""What is sealed opens with the same key and associated data, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.keys import DeterministicSealer, KeyRing, KeyUseError, UnsealError

texts = st.binary(max_size=64)
few = st.sampled_from([b"", b"a", b"b"])


@given(text=texts, associated=texts)
def test_what_was_sealed_opens(
    shared_ring: KeyRing, text: bytes, associated: bytes
) -> None:
    sealed = shared_ring.seal("label", text, associated)
    assert shared_ring.unseal("label", sealed, associated) == text
    assert len(sealed) == len(text) + 29
    assert shared_ring.seal("label", text, associated) != sealed


@given(text=texts, associated=few, position=st.integers(0), bit=st.integers(0, 7))
def test_a_flipped_bit_opens_nothing(
    shared_ring: KeyRing, text: bytes, associated: bytes, position: int, bit: int
) -> None:
    sealed = bytearray(shared_ring.seal("label", text, associated))
    sealed[position % len(sealed)] ^= 1 << bit
    with pytest.raises(UnsealError):
        shared_ring.unseal("label", bytes(sealed), associated)


@given(length=st.integers(0, 45))
def test_a_cut_text_opens_nothing(shared_ring: KeyRing, length: int) -> None:
    sealed = shared_ring.seal("label", b"seventeen letters", b"")
    with pytest.raises(UnsealError):
        shared_ring.unseal("label", sealed[:length], b"")


def test_other_associated_data_and_another_label_open_nothing(ring: KeyRing) -> None:
    sealed = ring.seal("label", b"text", b"record 7")
    ring.seal("other", b"text", b"record 7")
    with pytest.raises(UnsealError, match="label"):
        ring.unseal("label", sealed, b"record 8")
    with pytest.raises(UnsealError, match="other"):
        ring.unseal("other", sealed, b"record 7")


def test_an_error_tells_nothing_of_the_text(ring: KeyRing) -> None:
    sealed = ring.seal("label", b"kim@example.com", b"")
    with pytest.raises(UnsealError) as caught:
        ring.unseal("label", sealed, b"kim")
    assert "kim" not in str(caught.value)


@given(text=st.binary(min_size=1, max_size=64), associated=st.lists(few, max_size=3))
def test_equal_texts_have_equal_deterministic_seals(
    text: bytes, associated: list[bytes]
) -> None:
    sealer = DeterministicSealer(bytes(range(64)))
    sealed = sealer.seal(text, associated)
    assert sealer.seal(text, associated) == sealed
    assert sealer.unseal(sealed, associated) == text
    with pytest.raises(UnsealError):
        sealer.unseal(sealed, [*associated, b"more"])
    with pytest.raises(UnsealError):
        sealer.unseal(sealed[:-1] + bytes([sealed[-1] ^ 1]), associated)


def test_a_deterministic_seal_wants_two_whole_keys() -> None:
    with pytest.raises(KeyUseError):
        DeterministicSealer(bytes(32))


def test_an_empty_or_short_deterministic_text_is_refused() -> None:
    sealer = DeterministicSealer(bytes(range(64)))
    with pytest.raises(KeyUseError):
        sealer.seal(b"", [])
    with pytest.raises(UnsealError):
        sealer.unseal(b"short", [])
