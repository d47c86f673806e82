"""A link to a person's own page over HTTP: made by a client, sent by the client.

We send nothing to anybody: whoever asks knows how to reach the person.
"""

from datetime import timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Response, post
from litestar.params import JSONBody

from cdp.api.consent import IdentifierBody
from cdp.api.rulings import denied_answer
from cdp.api.services import AnyRequest, TheServices
from cdp.audit import Kind
from cdp.ingest import LinkWish

# A week: a letter takes as long. A day is the default.
_MAX_MINUTES: Final = 7 * 24 * 60


class LinkBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose page, in which language, and for how long the link works."""

    identifier: IdentifierBody
    jurisdiction: str | None = None
    language: Literal["ko", "en"] = "ko"
    ttl_minutes: Annotated[int, msgspec.Meta(ge=1, le=_MAX_MINUTES)] = 24 * 60


@post("/v1/consent/links", status_code=200, sync_to_thread=True, tags=["consent"])
def post_link(
    request: AnyRequest, services: TheServices, data: JSONBody[LinkBody]
) -> Response[Any]:
    """Make a one-time link to a person's preference page."""
    access = services.access(request, Kind.CONSENT_CHANGE)
    denied = services.people.admit(access)
    if denied is not None:
        return denied_answer(denied)
    link = services.links.make(
        LinkWish(
            subject=data.identifier.subject,
            language=data.language,
            jurisdiction=data.jurisdiction,
            ttl=timedelta(minutes=data.ttl_minutes),
            client=access.caller.client_id,
            session=access.caller.token_id,
            source_address=access.place.source_address,
            agent=access.place.agent,
        )
    )
    answer = {
        "url": f"{services.public_url}/p/{link.token}?lang={data.language}",
        "expires_at": link.expires_at,
    }
    return Response(answer, headers={"Cache-Control": "no-store"})


HANDLERS: Final[list[Any]] = [post_link]
