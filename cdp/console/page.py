"""From values to pages: the landing page, the choices, the end, and what went wrong.

- Everything works without a script and without the stylesheet: headings, lists and
  forms say what belongs together.
- The token of a link or a session stands in a hidden field, never in a link that a page
  offers, but for the landing page, whose address it is.
- A button is named by its text and its purpose, for those who hear it alone.

Pure.

Source: WCAG 2.2 level AA.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from cdp.console.card import Saved, card, told
from cdp.console.choices import Choices, Level
from cdp.console.forms import answers, form, hidden
from cdp.console.html import Html, joined, tag
from cdp.console.style import STYLE
from cdp.console.when import Language, clock_time
from cdp.console.words import Words
from cdp.console.words_en import EN
from cdp.console.words_ko import KO

WORDS: Final[dict[Language, Words]] = {"ko": KO, "en": EN}
_OTHER: Final[dict[Language, Language]] = {"ko": "en", "en": "ko"}


class Controller(msgspec.Struct, frozen=True, kw_only=True):
    """Whose page it is, and how a person reaches them; empty where it is not set."""

    name: str = ""
    contact: str = ""


NOBODY: Final = Controller()


def landing(language: Language, token: str, controller: Controller = NOBODY) -> Html:
    """Return the page behind a link: one button. Opening it is not looking at it."""
    words, other = WORDS[language], _OTHER[language]
    return _document(
        language,
        words.title,
        tag(
            "p",
            tag(
                "a",
                words.other_language,
                href=f"/p/{token}?lang={other}",
                lang=other,
                hreflang=other,
            ),
            class_="language",
        ),
        tag("h1", words.title),
        tag("p", tag("strong", controller.name)) if controller.name else None,
        tag("p", words.landing),
        tag("p", words.landing_once, class_="soft"),
        form(
            "open",
            language,
            hidden("token", token),
            answers(tag("button", words.landing_open, type="submit")),
        ),
        tag("p", words.landing_not_mine, class_="soft"),
        _contact(words, controller),
    )


def choices_page(
    language: Language,
    choices: Choices,
    session: str,
    *,
    saved: Saved | None = None,
    controller: Controller = NOBODY,
) -> Html:
    """Return the page with everything that stands and everything that can be said."""
    words = WORDS[language]
    title = words.title if saved is None else f"{words.saved} - {words.title}"
    is_wide = saved is not None and len(saved.purposes) != 1
    return _document(
        language,
        title,
        _switch(language, session),
        tag("h1", words.title),
        tag("p", tag("strong", controller.name)) if controller.name else None,
        tag("p", words.lead),
        tag("p", *_filled(words.usable_until, _until(choices)), class_="soft"),
        told(words, choices.offered, saved) if saved and is_wide else None,
        _all_off(words, language, session),
        tag("h2", words.choices),
        tag("p", words.each_apart, class_="soft"),
        *(
            card(words, language, choices, choice, session, saved)
            for choice in choices.offered
        ),
        _level(words, language, choices.level, session),
        _required(words, choices.required),
        form(
            "finish",
            language,
            hidden("session", session),
            answers(tag("button", words.finish, type="submit", class_="quiet")),
        ),
        _contact(words, controller),
    )


def finished_page(language: Language) -> Html:
    """Return the page that says that the visit is over."""
    words = WORDS[language]
    return _document(
        language,
        words.finished,
        tag("h1", words.finished),
        tag("p", words.finished_lead),
    )


def trouble_page(language: Language, trouble: str, session: str | None = None) -> Html:
    """Return the page that says what did not work, and the way out.

    Args:
        session: the token of a session that is still good: it can go on.
    """
    words = WORDS[language]
    said = words.troubles[trouble]
    again = None
    if session is not None:
        button = tag("button", words.landing_open, type="submit")
        again = form("show", language, hidden("session", session), answers(button))
    return _document(
        language,
        said.heading,
        tag("h1", said.heading),
        tag("p", said.happened),
        tag("p", said.way_out),
        again,
    )


def _contact(words: Words, controller: Controller) -> Html | None:
    if not controller.contact:
        return None
    return tag("p", words.contact.format(controller.contact), class_="soft")


def _document(language: Language, title: str, *content: str | None) -> Html:
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="robots", content="noindex, nofollow, noarchive"),
        tag("title", title),
        # Browsers ask for an icon of their own accord; this says there is none.
        tag("link", rel="icon", href="data:,"),
        tag("style", Html(STYLE)),
    )
    body = tag("body", tag("main", *content))
    return joined(Html("<!doctype html>"), tag("html", head, body, lang=language))


def _filled(text: str, *values: str) -> Sequence[str]:
    """Return the parts of ``text`` with ``values`` in place of each ``{}``."""
    parts = text.split("{}")
    filled = [parts[0]]
    for value, part in zip(values, parts[1:], strict=True):
        filled += [value, part]
    return filled


def _switch(language: Language, session: str) -> Html:
    words, other = WORDS[language], _OTHER[language]
    button = tag(
        "button", words.other_language, type="submit", class_="quiet", lang=other
    )
    return tag(
        "div",
        form("show", other, hidden("session", session), button),
        class_="language",
    )


def _until(choices: Choices) -> Html:
    return clock_time(choices.usable_until, choices.zone)


def _all_off(words: Words, language: Language, session: str) -> Html:
    return tag(
        "section",
        tag("h2", words.all_off, id="all-off"),
        tag("p", words.all_off_lead, class_="soft"),
        form(
            "save",
            language,
            hidden("session", session),
            answers(
                tag(
                    "button",
                    words.all_off_button,
                    type="submit",
                    name="answer",
                    value="no",
                )
            ),
        ),
        aria_labelledby="all-off",
    )


def _level(
    words: Words, language: Language, level: Level | None, session: str
) -> Html | None:
    if level is None:
        return None
    buttons = [
        tag(
            "button",
            words.levels[number],
            type="submit",
            name="answer",
            value=f"level:{number}",
        )
        for number in level.offered
    ]
    return tag(
        "section",
        tag("h2", words.level, id="level"),
        tag("p", words.level_lead, class_="soft"),
        tag("p", words.level_now.format(words.levels[level.now])),
        tag("p", words.level_apart) if len(buttons) == 1 else None,
        form("save", language, hidden("session", session), answers(*buttons)),
        aria_labelledby="level",
    )


def _required(words: Words, required: Sequence[tuple[str, str]]) -> Html | None:
    if not required:
        return None
    return tag(
        "section",
        tag("h2", words.required, id="required"),
        tag("p", words.required_lead, class_="soft"),
        tag(
            "ul",
            *(
                tag("li", f"{title}: {words.grounds.get(ground, ground)}")
                for title, ground in required
            ),
        ),
        aria_labelledby="required",
    )
