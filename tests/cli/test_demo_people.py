"""The made-up part of the demo: the same on every run, and plainly made up."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cdp.cli.demo import people
from cdp.cli.demo.people import SEGMENT_SOURCE, SOURCES, Choice, make_up

HOUSEHOLDS = range(1, 2501)


def test_the_screen_says_that_it_is_made_up() -> None:
    assert "MADE UP" in people.MADE_UP
    assert "MADE UP" in (people.__doc__ or "")


@given(st.lists(st.integers(1, 3000), unique=True, max_size=80).map(sorted))
def test_the_same_numbers_give_the_same_people(households: list[int]) -> None:
    assert make_up(households) == make_up(households)


def test_a_person_who_shares_no_device_depends_on_nobody_else() -> None:
    everyone = make_up(HOUSEHOLDS)
    for household, person in everyone.items():
        alone = make_up([0, 1, 10**6, household])[household]
        if not person.shares_device:
            assert alone == person


def test_identifiers_belong_to_one_household_but_for_the_shared_devices() -> None:
    everyone = make_up(HOUSEHOLDS).values()
    singles = Counter(
        value
        for person in everyone
        for value in (person.email, person.user_id, *person.cookies)
        if value is not None
    )
    assert set(singles.values()) == {1}
    devices = Counter(person.device for person in everyone if person.device)
    shared = Counter(p.device for p in everyone if p.shares_device)
    assert set(shared.values()) == {2}
    assert {d for d, n in devices.items() if n > 1} == set(shared)
    assert len(shared) == 42


def test_an_address_can_be_nobodys() -> None:
    assert all(p.email.endswith(".example") for p in make_up(HOUSEHOLDS).values())


def test_every_kind_of_household_is_there() -> None:
    everyone = list(make_up(HOUSEHOLDS).values())
    assert {p.choice for p in everyone} == set(Choice)
    assert {p.source for p in everyone} == set(SOURCES)
    assert {p.jurisdiction for p in everyone} == {"KR", "EU", "US-CA"}
    assert {len(p.cookies) for p in everyone} == {1, 2}
    assert any(p.gpc for p in everyone)
    assert any(p.device is None for p in everyone)
    assert any(p.user_id is None for p in everyone)
    kr = sum(p.jurisdiction == "KR" for p in everyone)
    assert kr > len(everyone) / 2


def test_no_gpc_browser_speaks_through_the_segment_client() -> None:
    """The library sets no header, so it could not say it."""
    assert not any(
        p.gpc for p in make_up(HOUSEHOLDS).values() if p.source == SEGMENT_SOURCE
    )


def test_the_segment_client_speaks_for_about_a_tenth() -> None:
    everyone = make_up(HOUSEHOLDS).values()
    assert 0.08 < sum(p.by_segment_client for p in everyone) / len(everyone) < 0.12


def test_a_choice_says_the_three_categories_or_nothing() -> None:
    for choice in Choice:
        for said in people.SAYS[choice]:
            assert said is None or list(said) == [
                "Functional",
                "Analytics",
                "Advertising",
            ]
    assert people.SAYS[Choice.SILENT] == (None, None)


def test_a_repr_shows_no_identifier() -> None:
    assert repr(make_up([7])[7]) == "Person(7)"
