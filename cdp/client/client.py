"""The client of a segmentation job: one call, one frame.

    client = Client("https://cdp.example", client_id, client_secret)
    frame = client.features("rfm")

- The secret buys short-lived tokens and is sent to the token endpoint alone; a token is
  kept in memory and renewed shortly before it ends.
- A pull is never repeated behind the caller's back: each one is an access of its own in
  the log. Only a token that was refused is renewed, once.
- An answer is checked against its grant before it is returned.

The one module of the room that opens a connection.

Source: RFC 6749 section 4.4 (client credentials), RFC 6750 (bearer tokens).
"""

from datetime import datetime, timedelta
from http import HTTPStatus
from types import TracebackType
from typing import Self

import httpx
import msgspec
import pyarrow as pa

from cdp.client.errors import (
    RefusedError,
    UnreachableError,
    UnreadableAnswerError,
)
from cdp.client.frame import FeatureFrame
from cdp.kernel import Clock, SystemClock

ARROW_STREAM = "application/vnd.apache.arrow.stream"

# A token is renewed this long before it ends, so that none ends on its way.
_MARGIN = timedelta(seconds=30)


class _Token(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: int


class _Problem(msgspec.Struct, frozen=True):
    code: str
    message: str


class Client:
    """Pulls features as one client of the service. Its repr shows no secret.

    Args:
        base_url: Where the service answers.
        client_id: Public name of the client.
        client_secret: What ``cdp client add`` printed, once.
        clock: Says when a token has to be renewed.
        timeout: For the whole answer to begin.
        transport: Another way to the service than a socket, for tests and embedding.
    """

    def __init__(
        self,
        base_url: str,
        client_id: str,
        client_secret: str,
        *,
        clock: Clock | None = None,
        timeout: timedelta = timedelta(minutes=5),
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._id = client_id
        self._secret = client_secret
        self._clock = clock or SystemClock()
        self._bearer: str | None = None
        self._renew_at: datetime | None = None
        # Settings of the environment (proxies, netrc) could carry the secret elsewhere.
        self._http = httpx.Client(
            base_url=base_url,
            timeout=timeout.total_seconds(),
            transport=transport,
            trust_env=False,
        )

    def features(
        self,
        release: str,
        *,
        purpose: str | None = None,
        as_of: datetime | None = None,
    ) -> FeatureFrame:
        """Pull one release and return its rows with their grant.

        Args:
            release: Name of the release in the service's policy.
            purpose: What the rows are for; None leaves it to the release.
            as_of: Aware instant of the features; None is the service's now.

        Raises:
            RefusedError: the service denied it; ``reason`` is its code.
            UnreachableError: no answer.
            UnreadableAnswerError: an answer that is no Arrow stream.
            UnreadableGrantError, HashMismatchError: rows without their grant.
        """
        query: dict[str, str] = {}
        if purpose is not None:
            query["purpose"] = purpose
        if as_of is not None:
            query["as_of"] = as_of.isoformat()
        answer = self.get(f"/v1/releases/{release}", query, accept=ARROW_STREAM)
        try:
            table = pa.ipc.open_stream(answer.content).read_all()
        except pa.ArrowException as error:
            raise UnreadableAnswerError("the answer is no Arrow stream") from error
        return FeatureFrame.read(table)

    def get(
        self, path: str, query: dict[str, str] | None = None, *, accept: str
    ) -> httpx.Response:
        """Send an authenticated GET, return its 200 answer; raises as ``features``."""
        request = self._http.build_request(
            "GET", path, params=query, headers={"Accept": accept}
        )
        return self._authenticated(request)

    def post(self, path: str, body: object) -> httpx.Response:
        """Send an authenticated JSON POST; raises as ``features``."""
        request = self._http.build_request(
            "POST",
            path,
            content=msgspec.json.encode(body),
            headers={"Content-Type": "application/json"},
        )
        return self._authenticated(request)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({str(self._http.base_url)!r}, {self._id!r})"

    def _authenticated(self, request: httpx.Request) -> httpx.Response:
        request.headers["Authorization"] = f"Bearer {self._token()}"
        answer = self._send(request)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            # Revoked or rotated since: one fresh token, then the refusal is real.
            self._bearer = None
            request.headers["Authorization"] = f"Bearer {self._token()}"
            answer = self._send(request)
        return _accepted(answer)

    def _token(self) -> str:
        now = self._clock.now()
        if self._bearer and self._renew_at and now < self._renew_at:
            return self._bearer
        form = {
            "grant_type": "client_credentials",
            "client_id": self._id,
            "client_secret": self._secret,
        }
        answer = self._send(self._http.build_request("POST", "/oauth/token", data=form))
        try:
            token = msgspec.json.decode(_accepted(answer).content, type=_Token)
        except msgspec.MsgspecError as error:
            raise UnreadableAnswerError("the answer holds no token") from error
        self._bearer = token.access_token
        self._renew_at = now + timedelta(seconds=token.expires_in) - _MARGIN
        return self._bearer

    def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            return self._http.send(request)
        except httpx.HTTPError as error:
            kind = type(error).__name__
            raise UnreachableError(f"no answer from the service: {kind}") from error


def _accepted(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    try:
        problem = msgspec.json.decode(answer.content, type=_Problem)
    except msgspec.MsgspecError as error:
        raise UnreadableAnswerError(
            f"status {answer.status_code} without a code"
        ) from error
    raise RefusedError(answer.status_code, problem.code, problem.message)
