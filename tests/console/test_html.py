"""What somebody wrote is text on a page, whatever they wrote."""

from hypothesis import given
from hypothesis import strategies as st

from cdp.console.html import Html, joined, tag

MARKS = set("<>&\"'")


def test_text_is_escaped_and_markup_is_not() -> None:
    inner = tag("b", "<i>")
    assert inner == "<b>&lt;i&gt;</b>"
    assert tag("p", inner, " & ", None) == "<p><b>&lt;i&gt;</b> &amp; </p>"


def test_attributes_are_named_and_escaped() -> None:
    made = tag("a", "x", class_="c", aria_label='"', href=None, hidden=True, open=False)
    assert made == '<a class="c" aria-label="&quot;" hidden>x</a>'
    assert tag("input", type="hidden", name="n") == '<input type="hidden" name="n">'


def test_glued_markup_is_text_again() -> None:
    glued = tag("b", "x") + tag("i", "y")
    assert not isinstance(glued, Html)
    assert tag("p", glued) == "<p>&lt;b&gt;x&lt;/b&gt;&lt;i&gt;y&lt;/i&gt;</p>"


@given(st.text(), st.text())
def test_no_text_leaves_its_place(child: str, value: str) -> None:
    made = tag("p", child, title=value)
    body = made.removeprefix('<p title="').removesuffix("</p>")
    shown, _, text = body.partition('">')
    assert not MARKS & set(shown.replace("&", "")) - {"&"}
    assert "<" not in text
    assert ">" not in text
    assert joined(made) == made
