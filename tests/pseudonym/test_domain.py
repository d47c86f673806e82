"""A domain has one name, and an instant one epoch."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.pseudonym import Domain, UnnamedDomainError, domain_name, epoch_of

START = datetime(1970, 1, 1, tzinfo=UTC)
words = st.text("ab.", min_size=1, max_size=3)
domains = st.builds(lambda p, r: Domain(purpose=p, recipient=r), words, words)


@given(first=domains, second=domains)
def test_two_domains_have_two_names(first: Domain, second: Domain) -> None:
    assert (domain_name(first) == domain_name(second)) == (first == second)


@pytest.mark.parametrize("part", ["", "a/b", "a\nb", "a\0"])
def test_a_part_that_would_blur_two_names_is_refused(part: str) -> None:
    for domain in (
        Domain(purpose=part, recipient="crm"),
        Domain(purpose="segmentation", recipient=part),
    ):
        with pytest.raises(UnnamedDomainError):
            domain_name(domain)


@given(
    day=st.integers(0, 60_000),
    micros=st.integers(0, 86_399_999_999),
    period=st.integers(1, 400),
)
def test_an_epoch_begins_with_a_day_and_lasts_its_period(
    day: int, micros: int, period: int
) -> None:
    instant = START + timedelta(days=day, microseconds=micros)
    epoch = epoch_of(instant, period)
    begins = START + timedelta(days=epoch * period)
    assert begins <= instant < begins + timedelta(days=period)


def test_the_usual_epoch_is_ninety_days() -> None:
    assert epoch_of(START) == 0
    assert epoch_of(START + timedelta(days=90) - timedelta(microseconds=1)) == 0
    assert epoch_of(START + timedelta(days=90)) == 1
    assert epoch_of(datetime(2026, 11, 25, tzinfo=UTC)) == 230


def test_an_instant_in_another_zone_is_the_same_instant() -> None:
    seoul = datetime.fromisoformat("1970-04-01T08:59:59+09:00")
    assert epoch_of(seoul) == 0
    assert epoch_of(seoul + timedelta(seconds=1)) == 1


def test_there_is_no_epoch_before_1970_and_none_of_no_days() -> None:
    with pytest.raises(ValueError, match="1970"):
        epoch_of(START - timedelta(microseconds=1))
    with pytest.raises(ValueError, match="one day"):
        epoch_of(START, 0)
