"""What the pages say: one table for each language, with the same entries.

- A missing entry is a type error, not a hole on a page.
- Reasons, carriers, ranks and grounds have words of their own, by their stable codes; a
  code that is newer than the table is told in general words.
- Plain language: a person without any knowledge of the law must understand it.

Pure.

Source: GDPR 7(2), 12(1); PIPA 22(1), "명확하게 인지할 수 있도록".
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

_UNIT: Final = re.compile(r"([0-9]+)([YMD])")


class Trouble(msgspec.Struct, frozen=True):
    """What a page says when something does not work: what happened, the way out."""

    heading: str
    happened: str
    way_out: str


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """Every text of the pages in one language. ``{}`` stands for what is put in."""

    title: str
    other_language: str

    # Before the link is opened.
    landing: str
    landing_once: str
    landing_open: str
    landing_not_mine: str

    # The choices.
    lead: str
    usable_until: str
    choices: str
    each_apart: str
    all_off: str
    all_off_lead: str
    all_off_button: str
    is_on: str
    is_off: str
    why_off: str
    on_by_default: str
    elsewhere_on: str
    details: str
    decision: str
    said_yes: str
    said_no: str
    said_nothing: str
    decided_at: str
    came_from: str
    answer_kind: str
    answered_by: str
    lasts_until: str
    lasts_open: str
    reconfirm: str
    no_ask: str
    notice: str
    passed_on: str
    not_passed_on: str

    # The two buttons of a purpose.
    agree: str
    agree_again: str
    refuse: str
    withdraw: str
    object_to: str
    stop_objecting: str

    # What is agreed to.
    terms: str
    terms_purpose: str
    terms_items: str
    terms_retention: str
    terms_refusal: str
    terms_recipient: str
    terms_country: str
    notice_today: str
    no_terms: str
    needs_guardian: str
    signal_notice: str

    # Personalisation.
    level: str
    level_lead: str
    level_now: str
    level_apart: str
    levels: tuple[str, str, str, str]

    # What needs no consent.
    required: str
    required_lead: str
    ground: str

    # After a choice.
    saved: str
    saved_on: str
    saved_off: str
    saved_not_yet: str
    receipt: str
    contact: str
    finish: str
    finished: str
    finished_lead: str
    language_name: str

    # What codes mean.
    reasons: Mapping[str, str]
    other_reason: str
    carriers: Mapping[str, str]
    other_carrier: str
    ranks: Mapping[int, str]
    other_rank: str
    actors: Mapping[str, str]
    grounds: Mapping[str, str]
    categories: Mapping[str, str]
    units: Mapping[str, tuple[str, str]]
    troubles: Mapping[str, Trouble]

    def reason(self, code: str | None) -> str:
        """Say why something is off."""
        return self.reasons.get(code or "", self.other_reason)

    def carrier(self, code: str) -> str:
        """Say what brought a decision."""
        return self.carriers.get(code, self.other_carrier)

    def category(self, key: str) -> str:
        """Name a category of data by the words of the nearest one above it."""
        name = key
        while name:
            if name in self.categories:
                return self.categories[name]
            name = name.rpartition(".")[0]
        return key

    def period(self, text: str) -> str:
        """Say a calendar period such as ``P1Y6M``."""
        return " ".join(
            self.units[unit][number != "1"].format(number)
            for number, unit in _UNIT.findall(text)
        )

    def rank(self, number: int) -> str:
        """Say how direct a decision was."""
        return self.ranks.get(number, self.other_rank)
