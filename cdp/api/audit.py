"""The log over HTTP, for officers: filters without identifiers, and one person's line.

Every query is a record itself. A page says what was scanned and on which checkpoint it
stands; nothing is cut silently.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from litestar import Response, get, post
from litestar.params import FromQuery, JSONBody, QueryParameter

from cdp.api.consent import IdentifierBody
from cdp.api.instants import Instant, asked
from cdp.api.rulings import answered
from cdp.api.services import AnyRequest, TheServices
from cdp.audit import AuditFilter, AuditPage, AuditRecord, Kind
from cdp.gate import Denied, Granted

_MAX_LIMIT: Final = 1_000
_MAX_INDEX: Final = 1 << 62

Index: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=_MAX_INDEX)]
Limit: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=_MAX_LIMIT)]
AskedIndex: TypeAlias = Annotated[int | None, QueryParameter(ge=0, le=_MAX_INDEX)]
AskedLimit: TypeAlias = Annotated[int, QueryParameter(ge=1, le=_MAX_LIMIT)]


class SubjectBody(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Whose data: one identifier; then the page, and whether to open the payloads."""

    identifier: IdentifierBody
    kind: Kind | None = None
    since: Instant | None = None
    until: Instant | None = None
    after: Index | None = None
    limit: Limit = 100
    open_payload: bool = False


@get("/v1/audit/records", sync_to_thread=True, tags=["audit"])
def get_records(
    request: AnyRequest,
    services: TheServices,
    kind: FromQuery[Kind | None] = None,
    outcome: FromQuery[Literal["allowed", "denied", "error"] | None] = None,
    purpose: FromQuery[str | None] = None,
    recipient: FromQuery[str | None] = None,
    release: FromQuery[str | None] = None,
    reason: FromQuery[str | None] = None,
    policy: FromQuery[str | None] = None,
    client: FromQuery[str | None] = None,
    since: FromQuery[datetime | None] = None,
    until: FromQuery[datetime | None] = None,
    until_index: AskedIndex = None,
    after: AskedIndex = None,
    limit: AskedLimit = 100,
    open_payload: FromQuery[bool] = False,
) -> Response[Any]:
    """Search the log; the search is a record."""
    return _paged(
        services.logbook.query(
            services.access(request, Kind.AUDIT_QUERY),
            AuditFilter(
                kind=kind,
                outcome=outcome,
                purpose=purpose,
                recipient=recipient,
                release=release,
                reason=reason,
                policy=policy,
                client=client,
                since=asked(since),
                until=asked(until),
                until_index=until_index,
            ),
            after=after,
            limit=limit,
            open_payload=open_payload,
        )
    )


@post("/v1/audit/subject", status_code=200, sync_to_thread=True, tags=["audit"])
def post_subject(
    request: AnyRequest, services: TheServices, data: JSONBody[SubjectBody]
) -> Response[Any]:
    """Return who touched a person's data, bulk pulls included."""
    return _paged(
        services.logbook.subject(
            services.access(request, Kind.AUDIT_QUERY),
            data.identifier.subject,
            asked=AuditFilter(kind=data.kind, since=data.since, until=data.until),
            after=data.after,
            limit=data.limit,
            open_payload=data.open_payload,
        )
    )


def _paged(ruling: Granted[Any] | Denied) -> Response[Any]:
    if isinstance(ruling, Denied):
        return answered(ruling)
    page: AuditPage = ruling.value.page
    checkpoint = page.checkpoint
    body = {
        "records": [_shown(record) for record in page.records],
        "complete": page.complete,
        "next": page.next,
        "scanned": list(page.scanned),
        "size": page.size,
        "pending": page.pending,
        "checkpoint": None
        if checkpoint is None
        else {"size": checkpoint.size, "root": checkpoint.root.hex()},
        "record": ruling.value.record,
    }
    return Response(body, headers={"Cache-Control": "no-store"})


def _shown(record: AuditRecord) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(record, builtin_types=(bytes,))
    shown["leaf"] = record.leaf.hex()
    return shown


HANDLERS: Final[list[Any]] = [get_records, post_subject]
