"""The token endpoint: OAuth 2 client credentials.

Every sign-in is a record, and so is every id with a wrong secret.

Source: RFC 6749 sections 4.4, 5.1 and 5.2.
"""

import base64
from typing import Any, Final
from urllib.parse import parse_qs, unquote_plus

from litestar import Response, post

from cdp.api.place import place_of
from cdp.api.services import AnyRequest, Services, TheServices
from cdp.audit import Draft, Kind
from cdp.auth import AuthError, Token, issue_token

_MAX_FORM: Final = 16 * 1024


def _answer(status: int, body: dict[str, Any]) -> Response[dict[str, Any]]:
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    if status == 401:  # noqa: PLR2004 - the status that asks for credentials
        headers["WWW-Authenticate"] = 'Basic realm="cdp"'
    return Response(body, status_code=status, headers=headers)


def _refused(status: int, error: str, message: str) -> Response[dict[str, Any]]:
    code = f"auth.{error}"
    return _answer(status, {"error": error, "code": code, "message": message})


@post("/oauth/token", status_code=200, request_max_body_size=_MAX_FORM, tags=["auth"])
async def post_token(
    request: AnyRequest, services: TheServices
) -> Response[dict[str, Any]]:
    """Give a short-lived bearer token to a client that proves its secret."""
    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    if form.get("grant_type") != ["client_credentials"]:
        return _refused(
            400, "unsupported_grant_type", "grant_type is client_credentials"
        )
    client_id, secret = _credentials(form, request.headers.get("authorization"))
    if not client_id or not secret:
        return _refused(401, "invalid_client", "name client_id and client_secret")
    return await _sign_in(request, services, client_id, secret)


def _credentials(
    form: dict[str, list[str]], authorization: str | None
) -> tuple[str, str]:
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() == "basic":
        try:
            text = base64.b64decode(encoded, validate=True).decode()
        except ValueError:  # no base64, no UTF-8, or not even ASCII
            return "", ""
        client_id, _, secret = text.partition(":")
        return unquote_plus(client_id), unquote_plus(secret)
    return form.get("client_id", [""])[0], form.get("client_secret", [""])[0]


async def _sign_in(
    request: AnyRequest, services: Services, client_id: str, secret: str
) -> Response[dict[str, Any]]:
    place = place_of(request)
    token: Token | None = None
    reason: str | None = None
    try:
        token = await _off_loop(services, client_id, secret)
    except AuthError as error:
        reason = error.code
    draft = Draft(
        kind=Kind.AUTH_SIGN_IN,
        outcome="allowed" if token else "denied",
        reason=reason,
        policy=services.in_force.policy.version,
        actor_kind="job",
        client=client_id if token else None,
        source_address=place.source_address,
        agent=place.agent,
    )
    await services.writer.run(services.append, draft)
    if token is None:
        return _refused(401, "invalid_client", "the client id or the secret is wrong")
    return _answer(
        200,
        {
            "access_token": token.access_token,
            "token_type": "Bearer",
            "expires_in": token.expires_in,
        },
    )


async def _off_loop(services: Services, client_id: str, secret: str) -> Token:
    # argon2 takes tens of milliseconds and 64 MiB: not on the loop that serves
    # trackers.
    return await services.off_loop(_issue, services, client_id, secret)


def _issue(services: Services, client_id: str, secret: str) -> Token:
    with services.database.snapshot() as connection:
        return issue_token(connection, services.ring, client_id, secret, services.clock)


HANDLERS: Final[list[Any]] = [post_token]
