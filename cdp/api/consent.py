"""Consent over HTTP: take a decision down, ask what stands, ask why.

Look-ups are POST: an identifier never stands in a URL.
"""

from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from litestar import Response, post
from litestar.params import JSONBody

from cdp.api.instants import Instant
from cdp.api.rulings import answered, denied_answer
from cdp.api.services import AnyRequest, TheServices
from cdp.audit import Kind
from cdp.gate import Subject
from cdp.ingest import PersonDecision

# The name of a text that the person was shown, such as ``banner-7``.
Notice: TypeAlias = Annotated[
    str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class IdentifierBody(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """One identifier, as the caller has it."""

    namespace: str
    value: str
    source: str = ""
    region: str | None = None

    def __repr__(self) -> str:
        return f"IdentifierBody({self.namespace!r})"

    @property
    def subject(self) -> Subject:
        """The identifier as the gate takes it."""
        return Subject(
            namespace=self.namespace,
            value=self.value,
            source=self.source,
            region=self.region,
        )


class DecisionBody(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A person's decision: ``grant`` or ``deny`` by purpose key."""

    identifier: IdentifierBody
    purposes: dict[str, Literal["grant", "deny"]]
    decided_at: Instant | None = None
    jurisdiction: str | None = None
    actor: Literal["self", "guardian", "agent", "operator"] = "self"
    notice: Notice | None = None
    evidence: Literal["plain", "conflict_notice", "reconfirmation"] | None = None


class QueryBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question about one person; without a purpose, about all of them."""

    identifier: IdentifierBody
    purpose: str | None = None
    valid_at: Instant | None = None
    known_at: Instant | None = None


class ExplainBody(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A question for the reasons of one decision."""

    identifier: IdentifierBody
    purpose: str
    valid_at: Instant | None = None
    known_at: Instant | None = None


@post("/v1/consent", status_code=200, sync_to_thread=True, tags=["consent"])
def post_consent(
    request: AnyRequest, services: TheServices, data: JSONBody[DecisionBody]
) -> Response[Any]:
    """Take a person's decision down; answer what holds now and the record's id."""
    access = services.access(request, Kind.CONSENT_CHANGE)
    denied = services.people.admit(access)
    if denied is not None:
        return denied_answer(denied)
    kept = services.desk.take(
        PersonDecision(
            subject=data.identifier.subject,
            verdicts=data.purposes,
            decided_at=data.decided_at,
            jurisdiction=data.jurisdiction,
            actor=data.actor,
            notice=data.notice,
            evidence=data.evidence,
            client=access.caller.client_id,
            session=access.caller.token_id,
            source_address=access.place.source_address,
        )
    )
    return Response(kept, headers={"Cache-Control": "no-store"})


@post("/v1/consent/query", status_code=200, sync_to_thread=True, tags=["consent"])
def post_query(
    request: AnyRequest, services: TheServices, data: JSONBody[QueryBody]
) -> Response[Any]:
    """Return what stands for a person, now or at a past instant."""
    return answered(
        services.people.consent_query(
            services.access(request, Kind.CONSENT_READ),
            data.identifier.subject,
            about=data.purpose,
            valid_at=data.valid_at,
            known_at=data.known_at,
        )
    )


@post("/v1/consent/explain", status_code=200, sync_to_thread=True, tags=["consent"])
def post_explain(
    request: AnyRequest, services: TheServices, data: JSONBody[ExplainBody]
) -> Response[Any]:
    """Return one decision with its winner, its rule and the losers."""
    return answered(
        services.people.consent_explain(
            services.access(request, Kind.CONSENT_READ),
            data.identifier.subject,
            about=data.purpose,
            valid_at=data.valid_at,
            known_at=data.known_at,
        )
    )


HANDLERS: Final[list[Any]] = [post_consent, post_query, post_explain]
