"""Canonical bytes are RFC 8785's, ids tell nothing, and time is exact."""

from datetime import UTC, datetime, timedelta

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from cdp.kernel import (
    FeatureGrant,
    FixedClock,
    NotCanonicalError,
    canonical,
    from_micros,
    new_handle,
    to_micros,
    uuid7,
)
from cdp.kernel.grant import UnreadableGrantError

_MAX = 2**53 - 1
keys = st.text(st.characters(max_codepoint=127), max_size=5)
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-_MAX, _MAX)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner),
    max_leaves=12,
)


@given(plain)
def test_canonical_bytes_are_those_of_a_general_implementation(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type] # any JSON


@pytest.mark.parametrize("value", [1.5, 2**53, -(2**53), b"x", {"é": 1}, {"a": [0.0]}])
def test_what_has_no_safe_spelling_is_refused(value: object) -> None:
    with pytest.raises(NotCanonicalError):
        canonical(value)


@given(st.datetimes(timezones=st.just(UTC)))
def test_microseconds_lose_nothing(instant: datetime) -> None:
    assert from_micros(to_micros(instant)) == instant


def test_a_record_id_is_a_uuid7_that_sorts_by_time() -> None:
    first = datetime(2026, 11, 25, tzinfo=UTC)
    ids = [uuid7(first + timedelta(milliseconds=n)) for n in range(50)]
    assert ids == sorted(ids)
    assert {item.version for item in ids} == {7}
    assert {item.variant for item in ids} == {"specified in RFC 4122"}


def test_a_handle_fits_a_signed_column() -> None:
    assert all(1 <= new_handle() < 2**63 for _ in range(1000))


def test_a_fixed_clock_moves_only_when_it_is_moved(clock: FixedClock) -> None:
    before = clock.now()
    clock.advance(timedelta(seconds=-3))
    assert before - clock.now() == timedelta(seconds=3)


def test_a_grant_survives_its_metadata(clock: FixedClock) -> None:
    grant = FeatureGrant(
        release="rfm",
        purpose="segmentation",
        recipient="crm",
        policy_version="ab" * 32,
        consent_watermark=7,
        domain="segmentation/crm",
        key_epoch=1,
        as_of=clock.now(),
        rows=2,
        withheld={"consent.never_asked": 1},
        expires_at=clock.now(),
        sha256="cd" * 32,
        record="r",
        leaf="ef" * 32,
    )
    assert FeatureGrant.from_json(grant.to_json()) == grant
    with pytest.raises(UnreadableGrantError):
        FeatureGrant.from_json(grant.to_json()[:-2])
    with pytest.raises(UnreadableGrantError):
        FeatureGrant.from_json(b'{"release":"rfm"}')
