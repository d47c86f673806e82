"""A body is inflated up to the cap, mended where clients err, and refused by name."""

import gzip
import json
import tracemalloc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.ingest.body import MAX_BODY_BYTES, check_depth, plain, repair
from cdp.ingest.errors import (
    BadEncodingError,
    BodyTooLargeError,
    TooDeepError,
    UnsupportedEncodingError,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def test_gzip_is_told_by_its_bytes_and_not_by_the_header() -> None:
    assert plain(gzip.compress(b"{}")) == b"{}"
    assert plain(b"{}", "gzip") == b"{}"


def test_two_gzip_members_are_one_body() -> None:
    assert plain(gzip.compress(b"[1,") + gzip.compress(b"2]")) == b"[1,2]"


def test_a_bomb_is_refused_within_little_memory() -> None:
    bomb = gzip.compress(b"\0" * 100_000_000)
    tracemalloc.start()
    with pytest.raises(BodyTooLargeError):
        plain(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * 1024 * 1024


def test_a_plain_body_over_the_cap_is_refused() -> None:
    with pytest.raises(BodyTooLargeError):
        plain(b" " * (MAX_BODY_BYTES + 1))


@pytest.mark.parametrize("cut", [1, 5, 12])
def test_cut_gzip_is_refused(cut: int) -> None:
    with pytest.raises(BadEncodingError):
        plain(gzip.compress(b'{"batch":[]}')[:-cut])


def test_corrupt_gzip_is_refused() -> None:
    body = bytearray(gzip.compress(b'{"batch":[]}' * 10))
    body[12] ^= 0xFF
    with pytest.raises(BadEncodingError):
        plain(bytes(body))


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "lz64"])
def test_other_encodings_are_refused_by_name(encoding: str) -> None:
    with pytest.raises(UnsupportedEncodingError):
        plain(b"x", encoding)


def test_bare_numbers_become_null_outside_strings_only() -> None:
    body = b'{"a":NaN,"b":[-Infinity,Infinity],"c":"NaN and Infinity"}'
    assert msgspec.json.decode(repair(body)) == {
        "a": None,
        "b": [None, None],
        "c": "NaN and Infinity",
    }


def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_stays() -> None:
    body = rb'{"a":"\ud83d","b":"\ud83d\ude00","c":"\\ud83d"}'
    assert msgspec.json.decode(repair(body)) == {
        "a": "\ufffd",
        "b": "\U0001f600",
        "c": r"\ud83d",
    }


def test_a_byte_order_mark_goes() -> None:
    assert repair(b"\xef\xbb\xbf{}") == b"{}"


@given(json_values)
def test_repair_leaves_good_json_alone(value: object) -> None:
    body = json.dumps(value).encode()
    assert repair(body) == body


def test_depth_is_counted_outside_strings() -> None:
    check_depth(b"[" * 64 + b"]" * 64)
    check_depth(b'["' + b"[" * 100 + b'"]')
    check_depth(b"[" + b"[]," * 100 + b"[]]")
    with pytest.raises(TooDeepError):
        check_depth(b"[" * 65 + b"]" * 65)
