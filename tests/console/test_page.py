"""A page is whole, calm and closed: words, equal answers, headers, and no way out."""

import base64
import hashlib
import itertools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from cdp.console.card import Saved
from cdp.console.choices import Choice, Choices, Level
from cdp.console.page import (
    WORDS,
    Controller,
    choices_page,
    landing,
    trouble_page,
)
from cdp.console.style import STYLE
from cdp.console.when import LANGUAGES, Language
from cdp.gate import DecidedBy, Preference
from cdp.policy import Title, Told
from tests.console.visitor import Seen, Shop, part_of

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
TOKEN = "T" * 43
EVIL = '<script>alert("1")</script>'
BOTH = pytest.mark.parametrize("language", LANGUAGES)


def said(*, grants: bool, carrier: str = "page", rank: int = 1) -> DecidedBy:
    return DecidedBy(
        grants=grants,
        rank=rank,
        carrier=carrier,
        actor="self",
        sender=None,
        decided_at=NOON,
        recorded_at=NOON,
    )


OPEN = Preference(
    purpose="analytics",
    granted=True,
    reason=None,
    rule="R3",
    conflict=False,
    notice="privacy.2",
    decided_by=said(grants=True, carrier="tcf", rank=3),
    valid_to=NOON + timedelta(days=365),
    reconfirm_due=NOON + timedelta(days=300),
    no_ask_before=None,
    recipients={"crm": True, "ads": False},
)
CLOSED = msgspec.structs.replace(
    OPEN,
    granted=False,
    reason="consent.withdrawn",
    notice=None,
    decided_by=said(grants=False),
    valid_to=None,
    reconfirm_due=None,
    no_ask_before=NOON + timedelta(days=180),
    recipients={},
)
TOLD = Told(
    purpose=Title(ko="도움이 되는 화면을 알기 위하여", en="to learn which pages help"),
    items=("user.behavior", "user.contact.email"),
    retention="P1Y6M",
    refusal=Title(ko="달라지는 것이 없습니다", en="nothing changes"),
    recipients=("crm",),
    countries=("US",),
)
CHOICE = Choice(
    purpose="analytics",
    title="Analytics",
    ground="consent",
    state=OPEN,
    notice="privacy.3",
    told=TOLD,
    offers_yes=True,
    needs_guardian=False,
    after_signal=False,
)


def page_of(
    choice: Choice,
    language: Language = "en",
    saved: Saved | None = None,
    level: Level | None = None,
) -> str:
    choices = Choices(
        offered=(choice,),
        required=(("Provision", "contract"),),
        level=level,
        zone="Asia/Seoul",
        usable_until=NOON + timedelta(minutes=15),
    )
    return choices_page(language, choices, TOKEN, saved=saved)


def change(**fields: object) -> Choice:
    return msgspec.structs.replace(CHOICE, **fields)


def test_a_purpose_says_what_was_decided_when_where_and_for_how_long() -> None:
    text = part_of(page_of(CHOICE), "p-analytics")
    for words in (
        "In use",
        "Yes",
        "25 November 2026, 21:00 (KST)",
        "the cookie banner",
        "a banner that follows an industry standard",
        "25 November 2027, 21:00 (KST)",
        "21 September 2027, 21:00 (KST)",
        "privacy.2",
        "crm",
        "ads",
    ):
        assert words in text


def test_a_purpose_says_what_a_yes_is_given_to() -> None:
    text = part_of(page_of(change(state=CLOSED)), "p-analytics")
    for words in (
        "to learn which pages help",
        "what you view and buy, your e-mail address",
        "1 year 6 months",
        "nothing changes",
        "US",
        "privacy.3",
    ):
        assert words in text
    assert "<details open>" in page_of(change(state=CLOSED))
    assert "<details>" in page_of(CHOICE)


@BOTH
@pytest.mark.parametrize("reason", sorted(WORDS["en"].reasons))
def test_every_reason_is_told_in_words(language: Language, reason: str) -> None:
    state = msgspec.structs.replace(CLOSED, reason=reason)
    page = page_of(change(state=state), language)
    assert WORDS[language].reasons[reason] in part_of(page, "p-analytics")
    assert reason not in page


@BOTH
def test_yes_and_no_have_equal_weight(language: Language) -> None:
    for state in (OPEN, CLOSED):
        page = page_of(change(state=state), language)
        form = Seen(page).form("yes:analytics")
        assert list(form.buttons) == ["yes:analytics", "no:analytics"]
        marks = re.findall(r'<button type="submit" name="answer"([^>]*)>', page)
        assert {re.sub(' value="[^"]*"', "", mark) for mark in marks} == {""}


def test_nothing_is_chosen_beforehand() -> None:
    kinds = {
        own.get("type") for tag, own in Seen(page_of(CHOICE)).tags if tag == "input"
    }
    assert kinds == {"hidden"}
    assert "checked" not in page_of(CHOICE)


def test_a_no_is_offered_where_a_yes_would_not_count() -> None:
    for choice in (
        change(state=CLOSED, offers_yes=False, notice=None, told=None),
        change(state=CLOSED, offers_yes=False, needs_guardian=True),
    ):
        seen = Seen(page_of(choice))
        assert seen.answers == {"no", "no:analytics"}
    assert "There is no text" in page_of(change(offers_yes=False, told=None))
    assert "parent or guardian has to agree" in page_of(
        change(offers_yes=False, needs_guardian=True)
    )


def test_a_default_says_that_nobody_answered() -> None:
    state = msgspec.structs.replace(OPEN, decided_by=None, notice=None)
    text = part_of(page_of(change(state=state, ground="opt_out")), "p-analytics")
    assert "allowed until you object" in text
    assert "None so far" in text


def test_what_rests_on_no_consent_is_objected_to() -> None:
    text = part_of(page_of(change(ground="legitimate_interest")), "p-analytics")
    assert "I object" in text
    assert "I agree" not in text


def test_an_answer_that_does_not_count_yet_is_told_so() -> None:
    state = msgspec.structs.replace(CLOSED, reason="consent.guardian")
    saved = Saved(purposes=("analytics",), yes=True, receipt="abc")
    page = page_of(change(state=state), saved=saved)
    assert "it is not in use yet" in part_of(page, "p-analytics")
    assert 'role="status"' in page
    assert "<code>abc</code>" in page
    assert "<title>Saved" in page


@BOTH
def test_a_page_says_whose_it_is_where_that_is_set(language: Language) -> None:
    shop = Controller(name="A shop", contact="privacy@shop.example")
    page = landing(language, TOKEN, shop)
    assert "<strong>A shop</strong>" in page
    assert "privacy@shop.example" in page
    assert "<strong>" not in landing(language, TOKEN)


def test_a_level_is_one_press_of_four() -> None:
    level = Level(now=2, offered=(0, 1, 2, 3))
    seen = Seen(page_of(CHOICE, level=level))
    assert {f"level:{number}" for number in range(4)} <= seen.answers
    assert "Now: 2" in seen.text
    alone = Seen(page_of(CHOICE, level=Level(now=2, offered=(0,))))
    assert "agree to the purposes above one by one" in alone.text


@BOTH
def test_what_somebody_wrote_is_text(language: Language) -> None:
    choice = change(
        title=EVIL,
        notice=EVIL,
        told=msgspec.structs.replace(
            TOLD, purpose=Title(ko=EVIL, en=EVIL), recipients=(EVIL,)
        ),
        state=msgspec.structs.replace(OPEN, notice=EVIL, recipients={EVIL: True}),
    )
    saved = Saved(purposes=("analytics",), yes=True, receipt=EVIL)
    for page in (page_of(choice, language, saved), landing(language, EVIL)):
        assert "<script" not in page
        assert "&lt;script&gt;" in page


PAGES: dict[str, Callable[[Language], str]] = {
    "landing": lambda language: landing(language, TOKEN),
    "choices": lambda language: page_of(
        CHOICE,
        language,
        Saved(purposes=("analytics",), yes=True, receipt="abc"),
        Level(now=2, offered=(0, 1)),
    ),
    "trouble": lambda language: trouble_page(language, "later", TOKEN),
}


@BOTH
@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_used_by_everybody(name: str, language: Language) -> None:
    page = PAGES[name](language)
    seen = Seen(page)
    tags = [tag for tag, _ in seen.tags]
    assert page.startswith("<!doctype html>")
    assert seen.tags[0] == ("html", {"lang": language})
    assert tags.count("h1") == tags.count("main") == tags.count("title") == 1
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = [own["id"] for _, own in seen.tags if "id" in own]
    assert len(ids) == len(set(ids))
    labels = {
        own["aria-labelledby"] for _, own in seen.tags if "aria-labelledby" in own
    }
    assert labels <= set(ids)
    assert not {"script", "img", "iframe", "object"} & set(tags)
    assert not [own for _, own in seen.tags if "style" in own or "tabindex" in own]
    assert not [own for _, own in seen.tags if any(key.startswith("on") for key in own)]
    names = re.findall(r"<button[^>]*>(.*?)</button>", page)
    assert names
    assert len(names) == len(set(names)), "two buttons of one name"


@BOTH
@pytest.mark.parametrize("name", PAGES)
def test_no_page_points_anywhere_else(name: str, language: Language) -> None:
    seen = Seen(PAGES[name](language))
    targets = [
        own[key]
        for _, own in seen.tags
        for key in ("href", "src", "action")
        if own.get(key)
    ]
    assert all(str(target).startswith(("/p/", "data:,")) for target in targets)
    assert "url(" not in STYLE
    assert "@import" not in STYLE


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


def schemes() -> list[dict[str, str]]:
    found = []
    for block in re.findall(r":root\{([^}]*)\}", STYLE):
        colours = dict(re.findall(r"--([a-z-]+):(#[0-9a-f]+)", block))
        full = {
            k: v if len(v) == 7 else "#" + "".join(c * 2 for c in v[1:])
            for k, v in colours.items()
        }
        found.append(full)
    return found


@pytest.mark.parametrize("scheme", schemes(), ids=["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(scheme: dict[str, str]) -> None:
    for front, back in (
        ("ink", "back"),
        ("ink", "card"),
        ("ink", "tell"),
        ("soft", "back"),
        ("soft", "card"),
        ("mark", "back"),
        ("on", "on-back"),
    ):
        assert contrast(scheme[front], scheme[back]) >= 7, (front, back)
    assert contrast(scheme["mark"], scheme["card"]) >= 3
    assert contrast(scheme["line"], scheme["card"]) >= 3


def test_every_page_has_the_headers_of_a_page(shop: Shop) -> None:
    landing_page = shop.client.get(shop.link("u-headers"))
    opened = shop.press(Seen(landing_page.text), "/p/open")
    pages = [
        landing_page,
        opened,
        shop.answer(Seen(opened.text), "no"),
        shop.press(Seen(opened.text), "/p/finish"),
        shop.client.post("/p/open", data={"token": TOKEN}),
        shop.client.get("/p/a/b"),
    ]
    wanted = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert f"style-src 'sha256-{wanted}'" in policy
        assert "form-action 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert "noindex" in page.headers["x-robots-tag"]
        assert "set-cookie" not in page.headers
        assert f"<style>{STYLE}</style>" in page.text
