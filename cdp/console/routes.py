"""The addresses of the preference page.

- ``GET`` of a link shows one button and touches nothing: previews and scanners of mail
  fetch links, and must not use them up.
- Everything after it is a POST whose session stands in the form. There is no cookie, so
  no other site can act in the person's name.
- Nothing that a form holds is logged.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody

from cdp.auth import LinkSession
from cdp.console.answers import AnyRequest, answer_page, answered, language_of
from cdp.console.card import Saved
from cdp.console.choices import LEVELS
from cdp.console.errors import FormError
from cdp.console.page import choices_page, finished_page, landing
from cdp.console.pages import Answer, Pages
from cdp.kernel import CdpError

ThePages: TypeAlias = NamedDependency[Pages]

_FORM: Final[dict[str, Any]] = {
    "status_code": 200,
    "sync_to_thread": True,
    "request_max_body_size": 8 * 1024,
    "include_in_schema": False,
}
_ANSWERS: Final = {"yes": True, "no": False}
_LEVELS: Final = frozenset(str(level) for level in LEVELS)


class OpenForm(msgspec.Struct, frozen=True):
    """The button of a link."""

    token: str


class SessionForm(msgspec.Struct, frozen=True):
    """A button that shows the page again, or ends it."""

    session: str


class AnswerForm(msgspec.Struct, frozen=True):
    """A button: ``yes:PURPOSE``, ``no:PURPOSE``, ``level:N``, or ``no`` to everything.

    ``notice`` is the text that stood beside it; ``signal`` says that the page told of
    the browser's signal.
    """

    session: str
    answer: str
    notice: str = ""
    signal: str = ""


@get("/p/{token:str}", sync_to_thread=False, include_in_schema=False)
def get_link(
    request: AnyRequest, pages: ThePages, token: FromPath[str]
) -> Response[str]:
    """Show the page behind a link: one button, whatever the token is."""
    page = landing(language_of(request), token, pages.controller)
    return answered(page, request)


@post("/p/open", **_FORM)
def post_open(
    request: AnyRequest, pages: ThePages, data: URLEncodedBody[OpenForm]
) -> Response[str]:
    """Use the link up, and show what stands."""

    def act() -> Response[str]:
        visit = pages.enter(data.token, pages.place_of(request))
        return _shown(request, pages, visit)

    return _counted(pages, "open", act)


@post("/p/show", **_FORM)
def post_show(
    request: AnyRequest, pages: ThePages, data: URLEncodedBody[SessionForm]
) -> Response[str]:
    """Show what stands once more, in the language of the address."""
    return _counted(
        pages, "show", lambda: _shown(request, pages, pages.visit(data.session))
    )


@post("/p/save", **_FORM)
def post_save(
    request: AnyRequest, pages: ThePages, data: URLEncodedBody[AnswerForm]
) -> Response[str]:
    """Take one answer down, and show what stands since."""

    def act() -> Response[str]:
        visit = pages.visit(data.session)
        try:
            saved = pages.answer(visit, pages.place_of(request), _read(data))
        except CdpError as error:
            # The visit goes on: whoever cannot save may look again.
            pages.metrics.page_acts.labels("save", error.code).inc()
            return answer_page(request, error, visit.token)
        return _shown(request, pages, visit, saved)

    return _counted(pages, "save", act)


@post("/p/finish", **_FORM)
def post_finish(
    request: AnyRequest, pages: ThePages, data: URLEncodedBody[SessionForm]
) -> Response[str]:
    """End the visit; one that is over stays over."""

    def act() -> Response[str]:
        pages.leave(data.session)
        return answered(finished_page(language_of(request)), request)

    return _counted(pages, "finish", act)


def _shown(
    request: AnyRequest, pages: Pages, visit: LinkSession, saved: Saved | None = None
) -> Response[str]:
    language = language_of(request)
    try:
        choices = pages.look(visit, pages.place_of(request), language)
    except CdpError as error:
        # The link is used up already: without a way back in it would be lost.
        return answer_page(request, error, visit.token)
    page = choices_page(
        language, choices, visit.token, saved=saved, controller=pages.controller
    )
    return answered(page, request)


def _read(form: AnswerForm) -> Answer:
    said, _, about = form.answer.partition(":")
    if said == "level" and about in _LEVELS:
        return Answer(level=int(about), yes=about != "0")
    if said not in _ANSWERS:
        raise FormError("an answer is yes, no or a level")
    return Answer(
        yes=_ANSWERS[said],
        purpose=about or None,
        notice=form.notice or None,
        told_of_signal=bool(form.signal),
    )


def _counted(
    pages: Pages, act: str, action: Callable[[], Response[str]]
) -> Response[str]:
    """Count what came of an act; a guess at a link is seen by its code alone."""
    try:
        done = action()
    except CdpError as error:
        pages.metrics.page_acts.labels(act, error.code).inc()
        raise
    pages.metrics.page_acts.labels(act, str(done.status_code)).inc()
    return done


HANDLERS: Final[list[Any]] = [get_link, post_open, post_show, post_save, post_finish]
