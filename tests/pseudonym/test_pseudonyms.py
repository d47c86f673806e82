"""Pseudonyms are one to one inside a domain, and join with nothing outside it."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.kernel import FixedClock
from cdp.keys import KeyDestroyedError, KeyRing, KeyUnknownError
from cdp.pseudonym import (
    Domain,
    ForeignEpochError,
    UnknownShapeError,
    key_id,
    pseudonymize,
    reidentify,
)

CRM = Domain(purpose="segmentation", recipient="crm")
ADS = Domain(purpose="advertising", recipient="crm")
SHOP = Domain(purpose="segmentation", recipient="shop")

# Few domains and epochs, so that equal ones are common; 0 and 256 share a key id.
domains = st.sampled_from([CRM, ADS, SHOP])
epochs = st.sampled_from([0, 1, 230, 256])
ids = st.lists(
    st.one_of(
        st.binary(min_size=16, max_size=16), st.sampled_from([bytes(16), b"\xff" * 16])
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    clock = FixedClock(datetime(2026, 11, 25, 12, tzinfo=UTC))
    return KeyRing.create(tmp_path_factory.mktemp("psn") / "ring.json", clock=clock)


def rows(column: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> list[bytes]:
    return [row.tobytes() for row in column]


@given(domain=domains, epoch=epochs, column=ids)
def test_pseudonyms_are_a_bijection(
    ring: KeyRing, domain: Domain, epoch: int, column: list[bytes]
) -> None:
    given_ids = b"".join(column)
    pseudonyms = pseudonymize(ring, domain, epoch, given_ids)
    assert pseudonyms.shape == (len(column), 17)
    assert pseudonyms.flags.c_contiguous
    assert set(pseudonyms[:, 0].tolist()) <= {key_id(epoch)}
    assert len(set(rows(pseudonyms))) == len(set(column))
    back = reidentify(ring, domain, epoch, pseudonyms)
    assert back.shape == (len(column), 16)
    assert rows(back) == column


@given(domain=domains, epoch=epochs, column=ids, data=st.data())
def test_an_id_has_one_pseudonym_wherever_it_stands(
    ring: KeyRing, domain: Domain, epoch: int, column: list[bytes], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(column))
    first = rows(pseudonymize(ring, domain, epoch, b"".join(column)))
    second = rows(pseudonymize(ring, domain, epoch, b"".join(shuffled)))
    assert dict(zip(column, first, strict=True)) == dict(
        zip(shuffled, second, strict=True)
    )


@given(first=st.tuples(domains, epochs), second=st.tuples(domains, epochs), column=ids)
def test_two_domains_never_join(
    ring: KeyRing,
    first: tuple[Domain, int],
    second: tuple[Domain, int],
    column: list[bytes],
) -> None:
    one = rows(pseudonymize(ring, *first, b"".join(column))[:, 1:])
    other = rows(pseudonymize(ring, *second, b"".join(column))[:, 1:])
    if first == second:
        assert one == other
    else:
        assert not set(one) & set(other)


def test_two_rings_never_join(
    ring: KeyRing, tmp_path_factory: pytest.TempPathFactory, clock: FixedClock
) -> None:
    stranger = KeyRing.create(tmp_path_factory.mktemp("r") / "ring.json", clock=clock)
    column = bytes(range(160))
    one, other = (rows(pseudonymize(r, CRM, 1, column)) for r in (ring, stranger))
    assert not set(one) & set(other)


def test_bytes_and_arrays_are_the_same_column(ring: KeyRing) -> None:
    raw = bytes(range(160))
    array = np.frombuffer(raw, np.uint8).reshape(-1, 16)
    expected = pseudonymize(ring, CRM, 1, raw)
    assert np.array_equal(pseudonymize(ring, CRM, 1, array), expected)
    reversed_rows = pseudonymize(ring, CRM, 1, array[::-1])
    assert np.array_equal(reversed_rows, expected[::-1])
    assert np.array_equal(reidentify(ring, CRM, 1, expected.tobytes()), array)
    wider = np.zeros((10, 32), np.uint8)
    wider[:, :16] = array
    assert np.array_equal(pseudonymize(ring, CRM, 1, wider[:, :16]), expected)


@pytest.mark.parametrize(
    "column",
    [
        bytes(15),
        bytes(17),
        np.zeros((2, 17), np.uint8),
        np.zeros(32, np.uint8),
        np.zeros((2, 16), np.int8),
        np.zeros((2, 16, 1), np.uint8),
    ],
    ids=["short", "long", "wide", "flat", "signed", "deep"],
)
def test_a_column_that_is_not_made_of_ids_is_refused(
    ring: KeyRing, column: bytes | np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
) -> None:
    with pytest.raises(UnknownShapeError):
        pseudonymize(ring, CRM, 1, column)


def test_a_column_that_is_not_made_of_pseudonyms_is_refused(ring: KeyRing) -> None:
    with pytest.raises(UnknownShapeError):
        reidentify(ring, CRM, 1, bytes(16))


def test_a_pseudonym_of_another_epoch_is_told_apart(ring: KeyRing) -> None:
    both = np.concatenate(
        [pseudonymize(ring, CRM, epoch, bytes(16)) for epoch in (1, 2)]
    )
    with pytest.raises(ForeignEpochError, match="1 pseudonyms"):
        reidentify(ring, CRM, 1, both)


def test_turning_back_makes_no_key(ring: KeyRing) -> None:
    with pytest.raises(KeyUnknownError):
        reidentify(ring, CRM, 77, bytes([77]) + bytes(16))
    with pytest.raises(KeyUnknownError):
        reidentify(ring, CRM, 77, bytes([77]) + bytes(16))


def test_destroying_an_epoch_unlinks_what_it_made(ring: KeyRing) -> None:
    pseudonyms = pseudonymize(ring, CRM, 5, bytes(range(32)))
    kept = pseudonymize(ring, CRM, 6, bytes(range(32)))
    assert ring.destroy("domain", "segmentation/crm", 5)
    with pytest.raises(KeyDestroyedError):
        reidentify(ring, CRM, 5, pseudonyms)
    with pytest.raises(KeyDestroyedError):
        pseudonymize(ring, CRM, 5, bytes(16))
    assert reidentify(ring, CRM, 6, kept).tobytes() == bytes(range(32))
