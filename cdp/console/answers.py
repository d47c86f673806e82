"""From values and errors to HTTP: the headers of every page, and what went wrong.

- Nothing is kept by browsers or proxies, nothing may frame a page, nothing is loaded
  from anywhere, and no address of ours is told to another site.
- An error becomes a page in the person's language, with what happened and the way out.
  What is ours to mend is logged without its values.

Source: CSP Level 3; the Fetch standard's referrer policies.
"""

from typing import Any, Final

from litestar import MediaType, Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.status_codes import HTTP_500_INTERNAL_SERVER_ERROR

from cdp.console.html import Html
from cdp.console.page import trouble_page
from cdp.console.style import STYLE_HASH
from cdp.console.when import LANGUAGES, Language
from cdp.ingest import DecisionRefusedError
from cdp.kernel import CdpError
from cdp.runtime import get_logger

AnyRequest = Request[Any, Any, State]

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; img-src data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}

# From the code of an error to its status, and to its words (``Words.troubles``).
TROUBLES: Final = {
    "auth.invalid_link": (403, "link"),
    "auth.session_over": (403, "session"),
    "page.form": (400, "unreadable"),
    "page.text_changed": (409, "text_changed"),
    "store.overloaded": (429, "later"),
    "store.unavailable": (503, "later"),
    "store.conflict": (503, "later"),
}
# What the operator must mend, as for machines: come again.
_OPERATOR: Final = ("keys.ring", "lake.engine")
_FRAMEWORK: Final = {404: "nothing_here", 405: "nothing_here"}
_BROKEN: Final = (HTTP_500_INTERNAL_SERVER_ERROR, "broken")
_RETRY_AFTER_SECONDS: Final = 30


def is_page(request: AnyRequest) -> bool:
    """Whether an address is one of the pages', so that its errors are pages too."""
    path = request.url.path
    return path == "/p" or path.startswith("/p/")


def language_of(request: AnyRequest) -> Language:
    """Return the language that the address names, else one that the browser asks for.

    Source: RFC 9110 section 12.5.4, taken in the order written: people set it in it.
    """
    asked = request.query_params.get("lang", "")
    wished = request.headers.get("accept-language", "").split(",")
    for wish in (asked, *(one.split(";")[0].strip()[:2].lower() for one in wished)):
        for language in LANGUAGES:
            if wish == language:
                return language
    return LANGUAGES[0]


def answered(
    page: Html, request: AnyRequest, status: int = 200, **more: str
) -> Response[str]:
    """Return a page with the headers of every page."""
    return Response(
        page,
        status_code=status,
        media_type=MediaType.HTML,
        headers=HEADERS | {"Content-Language": language_of(request)} | more,
    )


def answer_page(
    request: AnyRequest, error: Exception, session: str | None = None
) -> Response[str]:
    """Turn whatever a page's route raised into a page.

    Args:
        session: the token of a session that is still good, to go on with.
    """
    status, trouble = read_trouble(error)
    if status >= HTTP_500_INTERNAL_SERVER_ERROR:
        get_logger("console").error("page.failed", status=status, exc_info=error)
    more = {"Retry-After": str(_RETRY_AFTER_SECONDS)} if trouble == "later" else {}
    if isinstance(error, HTTPException) and error.headers:
        more |= error.headers  # such as `Allow`, of the framework's own
    page = trouble_page(language_of(request), trouble, session)
    return answered(page, request, status, **more)


def read_trouble(error: Exception) -> tuple[int, str]:
    """Return the status of an error, and which words tell it."""
    if isinstance(error, CdpError):
        known = TROUBLES.get(error.code)
        if known is not None:
            return known
        if isinstance(error, DecisionRefusedError):
            return 422, "refused"
        return (503, "later") if error.code.startswith(_OPERATOR) else _BROKEN
    if isinstance(error, HTTPException) and error.status_code < _BROKEN[0]:
        return error.status_code, _FRAMEWORK.get(error.status_code, "unreadable")
    if isinstance(error, UnicodeDecodeError):
        return 400, "unreadable"
    return _BROKEN
