"""HTML that cannot be broken by what stands in it.

- ``Html`` is markup; every other text is text, and is escaped when it is put into a
  tag. Nothing else turns text into markup.
- Gluing ``Html`` with ``+`` or in an f-string gives plain text again: the mistake shows
  as ``&lt;p&gt;`` on the page and not as a hole in it.

Pure.
"""

from html import escape
from typing import Final, TypeAlias


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


Child: TypeAlias = str | None
Attribute: TypeAlias = str | bool | None

_VOID: Final = frozenset({"input", "link", "meta"})


def tag(name: str, /, *children: Child, **attributes: Attribute) -> Html:
    """Return an element.

    Args:
        children: markup as it is, text escaped; None is left out.
        attributes: ``class_`` for ``class``, ``aria_label`` for ``aria-label``. True
            stands without a value; False and None are left out.
    """
    opened = f"<{name}{''.join(_attribute(*one) for one in attributes.items())}>"
    if name in _VOID:
        return Html(opened)
    return Html(f"{opened}{joined(*children)}</{name}>")


def joined(*children: Child) -> Html:
    """Return children one after the other, without an element around them."""
    return Html("".join(_child(child) for child in children if child is not None))


def _child(child: str) -> str:
    return child if isinstance(child, Html) else escape(child)


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    written = name.rstrip("_").replace("_", "-")
    return f" {written}" if value is True else f' {written}="{escape(value)}"'
