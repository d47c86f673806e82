"""A permutation of ids: one to one, there and back, and only with the key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.keys import KeyUseError, permute, unpermute

keys = st.binary(min_size=32, max_size=32)
columns = st.lists(st.binary(min_size=16, max_size=16), max_size=20)


def blocks(column: bytes) -> list[bytes]:
    return [column[start : start + 16] for start in range(0, len(column), 16)]


@given(key=keys, ids=columns)
def test_a_column_comes_back(key: bytes, ids: list[bytes]) -> None:
    assert blocks(unpermute(key, permute(key, b"".join(ids)))) == ids


@given(key=keys, ids=columns)
def test_each_id_has_one_image_wherever_it_stands(key: bytes, ids: list[bytes]) -> None:
    images = blocks(permute(key, b"".join(ids)))
    assert images == [permute(key, each) for each in ids]
    assert len(set(images)) == len(set(ids))


@given(first=keys, second=keys, each=st.binary(min_size=16, max_size=16))
def test_two_keys_share_no_image(first: bytes, second: bytes, each: bytes) -> None:
    assert (permute(first, each) == permute(second, each)) == (first == second)


@pytest.mark.parametrize("length", [1, 15, 17])
def test_half_an_id_is_refused(length: int) -> None:
    with pytest.raises(KeyUseError):
        permute(bytes(32), bytes(length))
    with pytest.raises(KeyUseError):
        unpermute(bytes(32), bytes(length))


@pytest.mark.parametrize("length", [0, 16, 24, 64])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(KeyUseError):
        permute(bytes(length), bytes(16))
