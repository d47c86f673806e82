"""Console: a person's preference page. Pages for officers come later.

Owns the pages, their words in Korean and English, and the table from error to page.

- A page is one answer of HTML: no script, no cookie, no request to anywhere.
- What somebody wrote is text and never markup.
- A person is let in by a one-time link, and sees and changes what is theirs alone.

Refuses: deciding anything, and calling ``api``. Both web rooms ask the gate.

Source: house pages on consent (R18) and rights ("Identity");
docs/decisions/0090-a-page-by-a-link.md.
"""

from cdp.console.answers import answer_page, is_page
from cdp.console.page import Controller
from cdp.console.pages import Pages
from cdp.console.routes import HANDLERS

__all__ = ["HANDLERS", "Controller", "Pages", "answer_page", "is_page"]
