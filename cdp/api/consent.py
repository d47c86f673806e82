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
from cdp.ingest import PersonDecision, RawStatement

# The name of a text that the person was shown, such as ``banner-7``.
Notice: TypeAlias = Annotated[
    str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Asking: TypeAlias = Literal["use", "send", "ask"]
DeviceText: TypeAlias = Annotated[str, msgspec.Meta(max_length=1024)]


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


class StatementBody(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A statement of a consent standard, as it was received somewhere else."""

    standard: Literal[
        "tcf",
        "gpp",
        "consent_mode",
        "ga4",
        "segment",
        "rudderstack",
        "snowplow",
        "gpc",
    ]
    value: Any

    def __repr__(self) -> str:
        return f"StatementBody({self.standard!r})"


class ProofBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What shows that a decision was taken as the law asks.

    Args:
        form: the screen or form that was shown.
        method: the lawful method (PIPA decree 17(2)).
        guardian_check: how a guardian was verified (PIPA decree 17-2).
        address: of the person's device; digested with ``agent``, never kept.
    """

    form: Notice | None = None
    method: (
        Literal[
            "written",
            "telephone",
            "telephone_and_web",
            "website",
            "email",
            "equivalent",
        ]
        | None
    ) = None
    guardian_check: (
        Literal[
            "text_message",
            "payment_card",
            "phone_identity",
            "written",
            "email",
            "telephone",
            "equivalent",
        ]
        | None
    ) = None
    address: DeviceText | None = None
    agent: DeviceText | None = None

    def __repr__(self) -> str:
        return "ProofBody(...)"


class DecisionBody(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A person's decision: verdicts by purpose, or a level, or a raw statement.

    ``remind`` is the operator's: the person was told what stands. ``age`` is in full
    years, at the decision.
    """

    identifier: IdentifierBody
    purposes: dict[str, Literal["grant", "deny", "remind"]] = {}
    level: Annotated[int, msgspec.Meta(ge=0, le=3)] | None = None
    statement: StatementBody | None = None
    proof: ProofBody = ProofBody()
    age: Annotated[int, msgspec.Meta(ge=0, le=150)] | None = None
    decided_at: Instant | None = None
    jurisdiction: str | None = None
    actor: Literal["self", "guardian", "agent", "operator"] = "self"
    notice: Notice | None = None
    evidence: Literal["plain", "conflict_notice", "reconfirmation"] | None = None

    @property
    def raw(self) -> RawStatement | None:
        """The raw statement as the desk takes it."""
        if self.statement is None:
            return None
        return RawStatement(
            standard=self.statement.standard, value=self.statement.value
        )


class QueryBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question about one person; without a purpose, about all of them.

    ``intent``: may the data be used, may an ad be sent at ``valid_at``, may the person
    be asked again.
    """

    identifier: IdentifierBody
    purpose: str | None = None
    intent: Asking = "use"
    valid_at: Instant | None = None
    known_at: Instant | None = None


class ExplainBody(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A question for the reasons of one decision."""

    identifier: IdentifierBody
    purpose: str
    intent: Asking = "use"
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
            level=data.level,
            statement=data.raw,
            form=data.proof.form,
            method=data.proof.method,
            guardian_check=data.proof.guardian_check,
            device_address=data.proof.address,
            agent=data.proof.agent,
            age=data.age,
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
            intent=data.intent,
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
            intent=data.intent,
            valid_at=data.valid_at,
            known_at=data.known_at,
        )
    )


HANDLERS: Final[list[Any]] = [post_consent, post_query, post_explain]
