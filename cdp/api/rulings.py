"""From the gate's answer to HTTP: a denial is a status, a code, its record's id."""

from typing import Any, Final

from litestar import Response

from cdp.api.errors import error_body
from cdp.gate import Denied, Granted

_NOT_FOUND: Final = frozenset({"gate.unknown"})
_MESSAGES: Final = {
    "gate.role": "this client may not do that for this purpose",
    "gate.reason_missing": "this act needs a reason code and a ticket",
    "gate.unknown": "there is no such release, purpose or receipt",
    "gate.as_of": "an answer cannot be of the future",
    "gate.no_basis": "the purpose has no legal basis in every jurisdiction",
    "gate.recipient": "the consent does not name this recipient",
    "gate.column": "the release asks for what its purpose may not see",
}


def denied_answer(denied: Denied) -> Response[dict[str, str]]:
    """Return 404 for what the policy does not know, and 403 for every other denial."""
    code = str(denied.reason)
    body = error_body(code, _MESSAGES.get(code, "the gate says no"))
    if denied.record:
        body["record"] = denied.record
    return Response(
        body,
        status_code=404 if code in _NOT_FOUND else 403,
        headers={"Cache-Control": "no-store"},
    )


def answered(ruling: Granted[Any] | Denied) -> Response[Any]:
    """Return what was granted as JSON, or the denial."""
    match ruling:
        case Granted():
            return Response(ruling.value, headers={"Cache-Control": "no-store"})
        case Denied():
            return denied_answer(ruling)
