"""The forms of a page: where they go, what is hidden in them, and their buttons.

Pure.
"""

from cdp.console.html import Html, tag
from cdp.console.when import Language


def form(act: str, language: Language, *content: str | None, anchor: str = "") -> Html:
    """Return a form that goes to one of our addresses.

    Args:
        anchor: the id of the part of the answer that the browser shows first.
    """
    action = f"/p/{act}?lang={language}{anchor and '#' + anchor}"
    return tag("form", *content, method="post", action=action)


def hidden(name: str, value: str) -> Html:
    """Return a field that nobody sees."""
    # Without this a browser may put an older value back into the field.
    return tag("input", type="hidden", name=name, value=value, autocomplete="off")


def answers(*buttons: Html) -> Html:
    """Return buttons side by side, all of one weight."""
    return tag("div", *buttons, class_="answers")
