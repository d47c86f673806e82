"""Ages: what a fact says on a day, in a zone, and that nobody is made older by it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.consent import Age, How, KnownAge, born_by, know_ages
from cdp.consent.ages import full_years, of_age_at, was_below, youngest
from cdp.consent.repository.facts import ages_of
from cdp.kernel import Handle, to_micros
from cdp.runtime import Database
from tests.consent.house import at, micros
from tests.consent.world import undone

ZONES = st.sampled_from(["UTC", "Asia/Seoul", "America/Los_Angeles"])
DAYS = st.dates(date(1972, 1, 1), date(2060, 1, 1))


@pytest.mark.parametrize(
    ("age", "on", "born"),
    [
        (13, date(2026, 6, 1), date(2013, 6, 1)),
        (0, date(2026, 6, 1), date(2026, 6, 1)),
        (13, date(2028, 2, 29), date(2015, 2, 28)),
        (16, date(2028, 2, 29), date(2012, 2, 29)),
    ],
)
def test_an_age_says_by_when_somebody_was_born(age: int, on: date, born: date) -> None:
    assert born_by(age, on) == born


@given(st.integers(0, 110), DAYS)
def test_a_stated_age_is_that_age_on_its_day_and_no_more(age: int, on: date) -> None:
    noon = to_micros(datetime(on.year, on.month, on.day, 12, tzinfo=UTC))
    assert full_years(born_by(age, on), noon, "UTC") == age
    later = born_by(age, on) + timedelta(days=1)
    assert full_years(later, noon, "UTC") <= age


@pytest.mark.parametrize(
    ("born", "instant", "zone", "years"),
    [
        # Fourteen begins with the midnight of Seoul, nine hours before that of London.
        (date(2012, 6, 1), "2026-05-31T14:59:59+00:00", "Asia/Seoul", 13),
        (date(2012, 6, 1), "2026-05-31T15:00:00+00:00", "Asia/Seoul", 14),
        (date(2012, 6, 1), "2026-05-31T15:00:00+00:00", "UTC", 13),
        (date(2012, 2, 29), "2026-02-28T12:00:00+00:00", "UTC", 13),
        (date(2012, 2, 29), "2026-03-01T00:00:00+00:00", "UTC", 14),
        (date(2012, 2, 29), "2028-02-29T00:00:00+00:00", "UTC", 16),
    ],
)
def test_a_birthday_begins_at_the_midnight_of_the_place(
    born: date, instant: str, zone: str, years: int
) -> None:
    assert full_years(born, to_micros(datetime.fromisoformat(instant)), zone) == years


@given(DAYS, st.integers(1, 40), ZONES, st.integers(-48, 48))
def test_to_be_of_age_is_to_have_had_the_birthdays(
    born: date, years: int, zone: str, hours: int
) -> None:
    turns = of_age_at(born, years, zone)
    then = turns + hours * 3_600_000_000
    assert (full_years(born, then, zone) >= years) == (then >= turns)


def test_the_youngest_fact_of_a_person_counts() -> None:
    old, young = Age(date(1990, 1, 1), micros(0)), Age(date(2013, 1, 1), micros(0))
    assert youngest([]) is None
    assert youngest([old]) == old.born_by
    assert youngest([young, old]) == young.born_by
    assert was_below([old, young], 14, "Asia/Seoul")
    assert not was_below([old, young], 13, "Asia/Seoul")


CHILD, GROWN = date(2013, 1, 1), date(1990, 1, 1)


def test_the_newest_fact_of_a_handle_counts_and_the_old_one_stays(
    database: Database,
) -> None:
    one, other = Handle(1), Handle(2)
    with undone(database) as connection:

        def learn(born: date, hours: float, handle: Handle = one) -> set[Handle]:
            fact = KnownAge(handle, born, How.DECLARED)
            return know_ages(connection, [fact], at(hours))

        def known(hours: float) -> dict[int, date]:
            found = ages_of(connection, [one, other], micros(hours))
            return {handle: age.born_by for handle, age in found.items()}

        assert learn(CHILD, 1) == {one}
        assert learn(CHILD, 2) == set()
        assert learn(GROWN, 3) == {one}
        assert learn(CHILD, 4, other) == {other}
        assert known(0) == {}
        assert known(1) == known(2) == {1: CHILD}
        assert known(3) == {1: GROWN}
        assert known(4) == {1: GROWN, 2: CHILD}
        # The same day said again is news once there was a birthday in between.
        assert learn(GROWN, 3 + 24 * 400) == {one}


def test_of_two_facts_of_one_instant_the_younger_counts(database: Database) -> None:
    handle = Handle(1)
    with undone(database) as connection:
        for born, hours, is_news in (
            (GROWN, 5, True),
            (CHILD, 5, True),
            (GROWN, 5, False),
            # A clock that was set back hides nothing, and makes nobody older.
            (GROWN, 1, False),
        ):
            fact = KnownAge(handle, born, How.ACCOUNT)
            news = know_ages(connection, [fact], at(hours))
            assert news == ({handle} if is_news else set())
        assert know_ages(connection, [], at(6)) == set()
        both = [KnownAge(handle, born, How.ACCOUNT) for born in (CHILD, GROWN)]
        assert know_ages(connection, both, at(7)) == set()
        assert ages_of(connection, [handle], None)[1] == Age(CHILD, micros(5))
