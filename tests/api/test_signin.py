"""The token endpoint: OAuth 2 client credentials, and what a token opens."""

import base64
from datetime import timedelta
from typing import Any

import httpx
import pytest

from cdp.auth import set_client_state
from cdp.kernel import FixedClock
from tests.support.web import Web, is_error

GRANT = {"grant_type": "client_credentials"}


@pytest.fixture(scope="module")
def credentials(web: Web) -> tuple[str, str]:
    return web.house.client("job", "segmentation", "segmentation")


def form(web: Web, **fields: str) -> httpx.Response:
    return web.client.post("/oauth/token", data=fields)


def basic(user: str, password: str) -> dict[str, str]:
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {encoded}"}


def test_a_secret_buys_a_short_lived_token(
    web: Web, credentials: tuple[str, str]
) -> None:
    client_id, secret = credentials
    answer = form(web, client_id=client_id, client_secret=secret, **GRANT)
    body = answer.json()
    assert answer.status_code == 200
    assert set(body) == {"access_token", "token_type", "expires_in"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 900)
    assert answer.headers["cache-control"] == "no-store"
    by_header = web.client.post(
        "/oauth/token", data=GRANT, headers=basic(client_id, secret)
    )
    assert by_header.status_code == 200
    known = web.records("auth.sign_in", "allowed")
    assert sum(record["payload"]["client"] == client_id for record in known) == 2


def test_a_wrong_secret_and_an_unknown_client_look_alike(
    web: Web, credentials: tuple[str, str]
) -> None:
    client_id, secret = credentials
    before = len(web.records("auth.sign_in", "denied"))
    wrong = form(web, client_id=client_id, client_secret=secret + "x", **GRANT)
    unknown = form(web, client_id="c_000000000000", client_secret=secret, **GRANT)
    odd = form(web, client_id="\u00e9' OR 1=1", client_secret="\0", **GRANT)
    assert wrong.status_code == 401
    assert wrong.json() == unknown.json() == odd.json()
    assert set(wrong.json()) == {"error", "code", "message"}
    assert wrong.json()["error"] == "invalid_client"
    assert wrong.headers["www-authenticate"].startswith("Basic")
    denied = web.records("auth.sign_in", "denied")
    assert len(denied) == before + 3
    assert all(record["envelope"]["reason"] for record in denied)
    # A guess at an id is the caller's word and may hold anything.
    assert all(record["payload"].get("client") is None for record in denied)


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({}, 400, "unsupported_grant_type"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, 400, "unsupported_grant_type"),
        (GRANT, 401, "invalid_client"),
        (GRANT | {"client_id": "c_000000000000"}, 401, "invalid_client"),
        (GRANT | {"client_secret": "x"}, 401, "invalid_client"),
    ],
)
def test_what_is_no_sign_in_is_refused(
    web: Web, fields: dict[str, str], status: int, error: str
) -> None:
    answer = form(web, **fields)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["code"] == f"auth.{error}"


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic",
        "Basic \u00e9",
        "Basic !!!",
        "Basic /w==",
        "Basic Og==",
        "Bearer x",
        "\0",
    ],
)
def test_odd_credentials_are_refused(web: Web, authorization: str) -> None:
    answer = web.client.post(
        "/oauth/token",
        data=GRANT,
        headers=[(b"Authorization", authorization.encode().replace(b"\0", b""))],
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_body_that_is_no_form_is_refused(web: Web) -> None:
    for body in (b"\xff\xfe", b"%%%", b"{}", b"a" * 10_000, b"&=&=&"):
        answer = web.client.post("/oauth/token", content=body)
        assert answer.status_code == 400, body[:9]
    assert is_error(
        web.client.post("/oauth/token", content=b"a" * 20_000),
        413,
        "ingest.body_too_large",
    )


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "auth.missing_token"),
        ("", "auth.missing_token"),
        ("Bearer", "auth.missing_token"),
        ("Basic Zm9vOmJhcg==", "auth.missing_token"),
        ("Bearer x", "auth.invalid_token"),
        ("Bearer cdpt_e30.AAAA", "auth.invalid_token"),
        ("Bearer \u00e9\u00e9", "auth.invalid_token"),
        ("Bearer " + "x" * 5_000, "auth.invalid_token"),
    ],
)
def test_a_call_without_a_good_token_is_refused(
    web: Web, authorization: str | None, code: str
) -> None:
    headers = (
        [] if authorization is None else [(b"Authorization", authorization.encode())]
    )
    calls: list[tuple[str, str, dict[str, Any] | None]] = [
        ("GET", "/v1/releases/rfm", None),
        ("GET", "/v1/audit/records", None),
        ("GET", "/v1/ingest/counts", None),
        ("GET", "/v1/ingest/refused", None),
        ("POST", "/v1/consent", {"purposes": {}}),
        ("POST", "/v1/consent/query", {}),
        ("POST", "/v1/consent/explain", {"purpose": "analytics"}),
        ("POST", "/v1/audit/subject", {}),
    ]
    subject = {"identifier": {"namespace": "user_id", "value": "u1"}}
    for method, path, body in calls:
        answer = web.client.request(
            method,
            path,
            json=None if body is None else subject | body,
            headers=headers,
        )
        assert is_error(answer, 401, code), path


def test_a_changed_token_is_refused(web: Web) -> None:
    bearer = web.bearer("segmentation", "segmentation")["Authorization"]
    for place in range(len("Bearer ") + 5, len(bearer), 7):
        letter = "A" if bearer[place] != "A" else "B"
        changed = bearer[:place] + letter + bearer[place + 1 :]
        answer = web.client.get("/v1/releases/rfm", headers={"Authorization": changed})
        assert is_error(answer, 401, "auth.invalid_token")


def test_a_token_ends_with_its_time_or_its_client(both: Web) -> None:
    bearer = both.bearer("segmentation", "segmentation")
    assert both.client.get("/v1/releases/rfm", headers=bearer).status_code == 200
    with both.house.core.database.transaction() as connection:
        set_client_state(connection, "segmentation-segmentation", "revoked")
    answer = both.client.get("/v1/releases/rfm", headers=bearer)
    assert is_error(answer, 401, "auth.revoked_client")
    clock = both.house.clock
    assert isinstance(clock, FixedClock)
    clock.advance(timedelta(minutes=15))
    answer = both.client.get("/v1/releases/rfm", headers=bearer)
    assert is_error(answer, 401, "auth.expired_token")
