"""A shop that sends links, and a visitor who presses the buttons that a page has."""

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import httpx
import msgspec

from tests.support.web import Web


class Form(msgspec.Struct):
    """One form of a page: where it goes, what is hidden in it, and its buttons."""

    action: str
    hidden: dict[str, str]
    buttons: dict[str, str]


class Seen(HTMLParser):
    """A page as a browser reads it: its text, its forms, its ids and its tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.raw = text
        self.forms: list[Form] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        self.tags.append((tag, own))
        self._style = tag == "style"
        if tag == "form":
            self.forms.append(Form(own["action"] or "", {}, {}))
        if tag == "input":
            self.forms[-1].hidden[own["name"] or ""] = own["value"] or ""
        if tag == "button" and own.get("value"):
            self.forms[-1].buttons[own["value"] or ""] = own["name"] or ""

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if not self._style and data.strip():
            self.words.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def answers(self) -> set[str]:
        """Every answer that the page offers."""
        return {value for form in self.forms for value in form.buttons}

    def form(self, answer: str) -> Form:
        """The form with the button of this answer."""
        return next(form for form in self.forms if answer in form.buttons)


class Shop(Web):
    """A house that answers HTTP, and the pages of its people."""

    def link(self, user: str, **more: object) -> str:
        """Return the path of a new link to a person's page."""
        body = {"identifier": {"namespace": "user_id", "value": user}} | more
        headers = self.bearer("consent_manager", "service")
        answer = self.client.post("/v1/consent/links", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["url"])

    def press(self, page: Seen, action: str, **more: str) -> httpx.Response:
        """Press the only button of the form that goes to this address."""
        form = next(one for one in page.forms if one.action.startswith(action))
        return self.client.post(form.action, data=form.hidden | more)

    def answer(self, page: Seen, answer: str) -> httpx.Response:
        """Press the button of an answer."""
        form = page.form(answer)
        fields = form.hidden | {form.buttons[answer]: answer}
        return self.client.post(form.action.partition("#")[0], data=fields)

    def come_in(self, user: str, **more: object) -> Seen:
        """Follow a new link to a person's page."""
        landing = self.client.get(self.link(user, **more))
        opened = self.press(Seen(landing.text), "/p/open")
        assert opened.status_code == 200, opened.text
        return Seen(opened.text)

    def state(self, user: str, purpose: str) -> dict[str, Any]:
        """What the API says of one purpose."""
        body = {
            "identifier": {"namespace": "user_id", "value": user},
            "purpose": purpose,
        }
        headers = self.bearer("consent_manager", "service")
        answer = self.client.post("/v1/consent/query", json=body, headers=headers)
        [found] = answer.json()["states"]
        return dict(found)


def part_of(page: str, ident: str) -> str:
    """The text of the section with this id, without its markup."""
    found = re.search(rf'<section[^>]* id="{ident}".*?</section>', page, re.DOTALL)
    assert found is not None, ident
    return unescape(re.sub(r"<[^>]+>", " ", found.group()))
