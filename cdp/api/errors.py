"""From a room's error to an HTTP answer: one table, one shape.

Every error body is ``{"code", "message"}``. A code that the table does not know is ours
to mend: 500, and the message stays inside.
"""

from typing import Final

from litestar import MediaType, Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.status_codes import (
    HTTP_400_BAD_REQUEST,
    HTTP_500_INTERNAL_SERVER_ERROR,
)

from cdp.kernel import CdpError
from cdp.runtime import get_logger

STATUS: Final = {
    "ingest.bad_encoding": 400,
    "ingest.invalid_json": 400,
    "ingest.invalid_envelope": 400,
    "ingest.too_deep": 400,
    "ingest.key_unknown": 401,
    "ingest.key_conflict": 401,
    "ingest.origin_not_allowed": 403,
    "ingest.timeout": 408,
    "ingest.body_too_large": 413,
    "ingest.too_many_events": 413,
    "ingest.unsupported_encoding": 415,
    "auth.missing_token": 401,
    "auth.invalid_token": 401,
    "auth.expired_token": 401,
    "auth.revoked_client": 401,
    "consent.invalid": 422,
    "consent.unknown_purpose": 422,
    "consent.future": 422,
    "consent.bundled": 422,
    "consent.guardian_unverified": 422,
    "consent.unknown_notice": 422,
    "store.overloaded": 429,
    "store.unavailable": 503,
    "store.conflict": 503,
}

# What the operator must mend (a full disk, a key ring out of reach): come again.
_OPERATOR: Final = ("keys.ring", "lake.engine")
_COME_AGAIN: Final = (503, "store.unavailable", "the service cannot do it now")

# Codes for what the framework refuses before a room sees it.
_FRAMEWORK: Final = {
    400: ("request.invalid", "the request cannot be read"),
    401: ("auth.required", "sign in first"),
    404: ("ingest.not_found", "there is nothing at this path"),
    405: ("ingest.method_not_allowed", "this path takes another method"),
    413: ("ingest.body_too_large", "the body is too large"),
}

RETRY_AFTER_SECONDS: Final = 2


def error_body(code: str, message: str) -> dict[str, str]:
    """Return the one shape of an error."""
    return {"code": code, "message": message}


def answer_error(
    request: Request[object, object, State], error: Exception
) -> Response[dict[str, str]]:
    """Turn whatever a route raised into an answer."""
    status, code, message = _read(error)
    if status >= HTTP_500_INTERNAL_SERVER_ERROR:
        get_logger("api").error("request.failed", status=status, exc_info=error)
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, HTTPException) and error.headers:
        headers |= error.headers  # such as `Allow`, of the framework's own
    if status in (429, 503):
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return Response(
        error_body(code, message),
        status_code=status,
        headers=headers | cors(request.state.get("listed_origin")),
        media_type=MediaType.JSON,
    )


def cors(origin: str | None) -> dict[str, str]:
    """Return the headers a browser wants; ``origin`` is one that some source lists."""
    if origin is None:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "Retry-After",
        "Vary": "Origin",
    }


def _read(error: Exception) -> tuple[int, str, str]:
    if isinstance(error, CdpError):
        status = STATUS.get(error.code)
        if status is not None:
            return status, error.code, str(error)
        if error.code.startswith(_OPERATOR):
            return _COME_AGAIN
    elif isinstance(error, (RecursionError, UnicodeDecodeError)):
        # A body that nests too deep or is not UTF-8: the framework lets the decoder's
        # own errors through. Nothing else here recurses, or decodes what came.
        return (HTTP_400_BAD_REQUEST, *_FRAMEWORK[HTTP_400_BAD_REQUEST])
    elif (
        isinstance(error, HTTPException)
        and error.status_code < HTTP_500_INTERNAL_SERVER_ERROR
    ):
        known = _FRAMEWORK.get(error.status_code, _FRAMEWORK[HTTP_400_BAD_REQUEST])
        return (error.status_code, *known)
    return (
        HTTP_500_INTERNAL_SERVER_ERROR,
        "internal",
        "something failed here; it is in the service's log",
    )
