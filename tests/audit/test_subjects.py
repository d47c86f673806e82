"""Sets of subjects: one commitment for one set, and each part provable alone."""

import hmac
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from cdp.audit.errors import BadProofError, BadRecordError
from cdp.audit.merkle import root_of
from cdp.audit.subjects import (
    Part,
    commit,
    contains_any,
    open_part,
    pack,
    part_salt,
    split,
    unpack,
    verify_member,
)
from tests.audit.house import ordinals

SALT = bytes(range(32))
# Few parts, few members, so that both repeat.
members = st.integers(0, 3).flatmap(
    lambda part: st.integers(0, 20).map(lambda low: (part << 16) + low)
)
sets = st.lists(members, min_size=1, max_size=60)


def naive_commitment(values: set[int], salt: bytes) -> tuple[int, str]:
    """The definition, written down without NumPy and without our tree of parts."""
    numbers = sorted({value >> 16 for value in values})
    hashes = []
    for number in numbers:
        lows = sorted(value & 0xFFFF for value in values if value >> 16 == number)
        own = hmac.digest(salt, b"cdp/subj/v1" + number.to_bytes(4, "big"), "sha256")
        data = b"cdp/subj/v1" + own + number.to_bytes(4, "big")
        data += len(lows).to_bytes(4, "big")
        data += b"".join(low.to_bytes(2, "big") for low in lows)
        hashes.append(sha256(b"\x00" + data).digest())
    return len(numbers), root_of(hashes).hex()


@given(sets)
def test_the_commitment_is_the_one_defined(values: list[int]) -> None:
    root = commit(split(ordinals(*values)), SALT)
    assert (root.parts, root.root) == naive_commitment(set(values), SALT)


@given(sets, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(values: list[int], chance: object) -> None:
    shuffled = sorted(values * 2, key=lambda value: hash((value, id(chance))))
    again = commit(split(ordinals(*shuffled)), SALT)
    assert again == commit(split(ordinals(*values)), SALT)


@given(sets, members)
def test_another_set_has_another_commitment(values: list[int], other: int) -> None:
    changed = set(values) ^ {other}
    root = commit(split(ordinals(*values)), SALT)
    assert commit(split(ordinals(*changed)), SALT) != root
    assert commit(split(ordinals(*values)), bytes(32)) != root


@given(sets)
def test_each_member_is_proven_by_its_part_alone(values: list[int]) -> None:
    parts = split(ordinals(*values))
    root = commit(parts, SALT)
    for value in values:
        opening = open_part(parts, SALT, value >> 16)
        verify_member(value, opening, root)
        assert opening.salt == part_salt(SALT, value >> 16)
        with pytest.raises(BadProofError):
            verify_member(value + 100, opening, root)
        with pytest.raises(BadProofError):
            verify_member(value, opening, commit(parts, bytes(32)))


@given(sets)
def test_what_is_stored_reads_back(values: list[int]) -> None:
    parts = split(ordinals(*values))
    for part in parts:
        again = unpack(pack(part.lows))
        assert again.tolist() == part.lows.tolist()
        assert contains_any(pack(part.lows), BitMap([part.lows[-1].item()]))
        assert not contains_any(pack(part.lows), BitMap([500]))
    found = {(p.number << 16) + low for p in parts for low in p.lows.tolist()}
    assert found == set(values)


def test_a_million_subjects_have_sixteen_parts() -> None:
    parts = split(np.arange(1_000_000, dtype=np.int64))
    assert [part.number for part in parts] == list(range(16))
    assert sum(len(part.lows) for part in parts) == 1_000_000


def test_nobody_is_a_set_without_parts() -> None:
    assert split(ordinals()) == []
    assert commit([], SALT).parts == 0


@pytest.mark.parametrize("value", [-1, 2**48])
def test_an_ordinal_has_48_bits(value: int) -> None:
    assert split(ordinals(2**48 - 1)) != []
    with pytest.raises(BadRecordError):
        split(ordinals(value))


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"nonsense",
        pack(np.asarray([1, 2], dtype=np.uint16)) + b"x",
        BitMap([70_000]).serialize(),
        BitMap().serialize(),
    ],
)
def test_a_stored_part_that_is_not_exact_is_refused(stored: bytes) -> None:
    with pytest.raises(BadRecordError):
        unpack(stored)


def test_a_part_that_is_not_there_cannot_be_opened() -> None:
    with pytest.raises(ValueError, match="not in list"):
        open_part([Part(1, np.asarray([1], dtype=np.uint16))], SALT, 2)
