"""No code of a decision stands without words, in either language."""

from collections.abc import Mapping

import pytest

from cdp.consent import Carrier, Lost, Rank, Reason, Rule
from cdp.gate.wording import (
    CARRIERS,
    LOST,
    RANKS,
    REASONS,
    RULES,
    RuleWords,
    Words,
    in_words,
)


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (RULES, set(Rule)),
        (REASONS, set(Reason)),
        (LOST, set(Lost)),
        (CARRIERS, set(Carrier)),
        (RANKS, set(Rank)),
    ],
)
def test_every_code_has_words(
    table: Mapping[object, Words | RuleWords], codes: set[object]
) -> None:
    assert set(table) == codes
    for words in table.values():
        assert words.en.isascii()
        assert words.ko


def test_a_rule_is_named_with_its_source() -> None:
    assert all(words.source for words in RULES.values())
    assert in_words(RULES["R18"], "en", "R18") == Rule.R18.heading
    assert "철회" in in_words(RULES["R18"], "ko", "R18")


def test_a_code_without_words_stands_for_itself() -> None:
    assert in_words(None, "ko", "consent.new") == "consent.new"
