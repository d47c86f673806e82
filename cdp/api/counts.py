"""What was taken and what was not: counts for operators, never a person's value."""

from typing import Any, Final

from litestar import Response, get

from cdp.api.rulings import denied_answer
from cdp.api.services import AnyRequest, Services, TheServices
from cdp.audit import Kind
from cdp.gate import Denied
from cdp.ingest import read_counts, read_drops, read_refusals, read_totals

_ACT: Final = Kind.ACCESS_CHANGE  # an operator's right; these counts are theirs to see


def _denied(request: AnyRequest, services: Services) -> Denied | None:
    return services.people.admit(services.access(request, _ACT))


@get("/v1/ingest/counts", sync_to_thread=True, tags=["ingest"])
def get_counts(request: AnyRequest, services: TheServices) -> Response[Any]:
    """Return accepted, deduplicated and refused events by source."""
    denied = _denied(request, services)
    if denied is not None:
        return denied_answer(denied)
    with services.database.snapshot() as connection:
        return Response({"sources": read_counts(connection)} | read_totals(connection))


@get("/v1/ingest/refused", sync_to_thread=True, tags=["ingest"])
def get_refused(request: AnyRequest, services: TheServices) -> Response[Any]:
    """Return refusals by source, hour and code, and dropped fields by rule and path."""
    denied = _denied(request, services)
    if denied is not None:
        return denied_answer(denied)
    with services.database.snapshot() as connection:
        return Response(
            {"refused": read_refusals(connection), "dropped": read_drops(connection)}
        )


HANDLERS: Final[list[Any]] = [get_counts, get_refused]
