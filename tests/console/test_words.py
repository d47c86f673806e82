"""Both languages have words for everything that a decision can come to."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum

import msgspec
import pytest

from cdp.consent import REASONS, Actor, Basis, Carrier, Rank
from cdp.console.answers import TROUBLES
from cdp.console.when import LANGUAGES, Language, clock_time, instant
from cdp.console.words import Words
from cdp.console.words_en import EN
from cdp.console.words_ko import KO

BOTH = pytest.mark.parametrize("words", [KO, EN], ids=LANGUAGES)
HANGUL = re.compile("[가-힣]")


def codes(kind: type[Enum]) -> set[object]:
    return {member.value for member in kind}


@BOTH
def test_every_code_has_its_words(words: Words) -> None:
    assert codes(Carrier) <= set(words.carriers)
    assert {int(rank) for rank in Rank} == set(words.ranks)
    assert codes(Actor) == set(words.actors)
    assert codes(Basis) == set(words.grounds)
    assert {reason.value for reason in REASONS.values()} <= set(words.reasons)
    broken = {"nothing_here", "broken", "unreadable", "refused"}
    assert {trouble for _, trouble in TROUBLES.values()} | broken == set(words.troubles)


def texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for part in value.values():
                yield from texts(part)
        case tuple():
            for part in value:
                yield from texts(part)
        case msgspec.Struct():
            yield from texts(msgspec.structs.astuple(value))
        case _:
            pass


@BOTH
def test_no_text_is_empty(words: Words) -> None:
    assert all(text.strip() for text in texts(words))


def test_both_tables_have_the_same_entries_and_the_same_gaps() -> None:
    for name in Words.__struct_fields__:
        ours, theirs = getattr(KO, name), getattr(EN, name)
        if isinstance(ours, dict):
            assert set(ours) == set(theirs), name
        gaps = [[text.count("{}") for text in texts(each)] for each in (ours, theirs)]
        assert gaps[0] == gaps[1], name


def test_each_language_is_itself() -> None:
    foreign = {EN.other_language}
    assert not [t for t in texts(EN) if HANGUL.search(t) and t not in foreign]
    own = [text for text in texts(KO) if text != KO.other_language]
    assert all(HANGUL.search(text) for text in own)


@BOTH
def test_a_code_that_is_newer_than_the_table_is_told_in_general_words(
    words: Words,
) -> None:
    assert words.reason("consent.of_tomorrow") == words.other_reason
    assert words.reason(None) == words.other_reason
    assert words.carrier("of_tomorrow") == words.other_carrier
    assert words.rank(9) == words.other_rank


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("user.contact.email", "your e-mail address"),
        ("user.contact.fax", "how to reach you"),
        ("user.shoe", "data about you"),
        ("system.x.y", "technical data"),
        ("shoe", "shoe"),
    ],
)
def test_a_category_is_named_by_the_nearest_that_has_words(key: str, said: str) -> None:
    assert EN.category(key) == said


@pytest.mark.parametrize(
    ("period", "english", "korean"),
    [
        ("P1Y", "1 year", "1년"),
        ("P2Y", "2 years", "2년"),
        ("P1Y6M", "1 year 6 months", "1년 6개월"),
        ("P90D", "90 days", "90일"),
    ],
)
def test_periods_are_read_out(period: str, english: str, korean: str) -> None:
    assert (EN.period(period), KO.period(period)) == (english, korean)


NOON = datetime(2026, 11, 25, 12, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "zone", "said"),
    [
        ("ko", "Asia/Seoul", "2026년 11월 25일 21:05 (KST)"),
        ("en", "Asia/Seoul", "25 November 2026, 21:05 (KST)"),
        ("en", "America/Los_Angeles", "25 November 2026, 04:05 (PST)"),
        ("ko", "UTC", "2026년 11월 25일 12:05 (UTC)"),
    ],
)
def test_an_instant_is_told_in_the_zone_of_the_person(
    language: Language, zone: str, said: str
) -> None:
    made = instant(NOON, zone, language)
    assert f">{said}<" in made
    assert 'datetime="2026-11-25T' in made
    assert "21:05 (KST)" in clock_time(NOON, "Asia/Seoul")
