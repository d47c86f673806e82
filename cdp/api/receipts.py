"""Receipts over HTTP: the signed file of one decision, by its random id."""

from typing import Any, Final

from litestar import MediaType, Response, get
from litestar.params import FromPath

from cdp.api.rulings import denied_answer
from cdp.api.services import AnyRequest, TheServices
from cdp.audit import Kind
from cdp.gate import Denied


@get("/v1/consent/receipts/{receipt_id:str}", sync_to_thread=True, tags=["consent"])
def get_receipt(
    request: AnyRequest, services: TheServices, receipt_id: FromPath[str]
) -> Response[Any]:
    """Return a receipt exactly as it was signed; the look is a record of the log."""
    access = services.access(request, Kind.CONSENT_READ)
    ruling = services.receipts.receipt(access, receipt_id)
    if isinstance(ruling, Denied):
        return denied_answer(ruling)
    return Response(
        ruling.value,
        media_type=MediaType.JSON,
        headers={"Cache-Control": "no-store"},
    )


HANDLERS: Final[list[Any]] = [get_receipt]
