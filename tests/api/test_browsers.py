"""Browsers: a source lists its origins, and nobody else's page may read an answer."""

import pytest

from tests.api.conftest import ORIGIN
from tests.support.house import order
from tests.support.web import Web, is_error

ELSEWHERE = "https://elsewhere.example"
EVENT = order("browser-1", user="u1", cookie="0a1b2c3d-0000-4000-8000-00000000abcd")


def test_a_listed_origin_may_send_and_is_echoed(browser_web: Web) -> None:
    answer = browser_web.post(
        "/v1/t", EVENT, source="app-kr", headers={"Origin": ORIGIN}
    )
    assert answer.json()["ok"] is True
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "Retry-After" in answer.headers["access-control-expose-headers"]
    assert answer.headers["vary"] == "Origin"


def test_errors_are_echoed_to_a_listed_origin_too(browser_web: Web) -> None:
    headers = {"Origin": ORIGIN}
    for source, body, status in (
        ("app-kr", b"not json", 400),
        (None, b'{"batch":[]}', 401),
        ("app-kr", b" " * 6_000_000, 413),
    ):
        answer = browser_web.post("/v1/b", body, source=source, headers=headers)
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize(
    "origin",
    [ELSEWHERE, "null", ORIGIN + ".evil.example", ORIGIN + ":444", ORIGIN.upper(), "*"],
)
def test_another_origin_is_refused_and_never_echoed(
    browser_web: Web, origin: str
) -> None:
    before = browser_web.stored()
    answer = browser_web.post(
        "/v1/t", EVENT, source="app-kr", headers={"Origin": origin}
    )
    assert is_error(answer, 403, "ingest.origin_not_allowed")
    assert "access-control-allow-origin" not in answer.headers
    assert browser_web.stored() == before


def test_a_source_without_origins_takes_no_browser(browser_web: Web) -> None:
    browser_web.house.source("shop-eu", kind="public", jurisdiction="EU")
    answer = browser_web.post(
        "/v1/t", EVENT, source="shop-eu", headers={"Origin": ORIGIN}
    )
    assert is_error(answer, 403, "ingest.origin_not_allowed")


@pytest.mark.parametrize(
    "path", ["/v1/batch", "/v1/t", "/v1/identify", "/v1/m", "/v1/projects/x/settings"]
)
def test_a_preflight_needs_no_key(browser_web: Web, path: str) -> None:
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    answer = browser_web.client.options(path, headers=asked)
    assert (answer.status_code, answer.content) == (200, b"")
    headers = answer.headers
    assert headers["access-control-allow-origin"] == ORIGIN
    assert headers["access-control-max-age"] == "600"
    assert headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
    allowed = headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "content-type", "x-write-key", "sp-anonymous"} <= {
        *allowed
    }
    for origin in (ELSEWHERE, "null"):
        answer = browser_web.client.options(path, headers=asked | {"Origin": origin})
        assert is_error(answer, 403, "ingest.origin_not_allowed")
        assert "access-control-allow-origin" not in answer.headers


def test_no_answer_sets_a_cookie_or_redirects(browser_web: Web) -> None:
    client = browser_web.client
    for path in ("/v1/batch", "/v1/batch/", "/v1/t", "/v1/m"):
        answer = client.post(
            path, content=b"{}", headers={"Cookie": "sid=1"}, follow_redirects=False
        )
        assert not 300 <= answer.status_code < 400
        assert answer.status_code not in (501, 505)
        assert "set-cookie" not in answer.headers


def test_the_settings_of_a_browser_source_name_its_own_key(browser_web: Web) -> None:
    key = browser_web.key("app-kr")
    answer = browser_web.client.get(
        f"/v1/projects/{key}/settings", headers={"Origin": ORIGIN}
    )
    assert answer.json() == {
        "integrations": {
            "Segment.io": {
                "apiKey": key,
                "apiHost": "testserver.local/v1",
                "protocol": "http",
            }
        }
    }
    assert answer.headers["cache-control"] == "max-age=300"
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["vary"] == "Origin"


def test_the_settings_of_an_unknown_key_are_not_there(browser_web: Web) -> None:
    client = browser_web.client
    answer = client.get("/v1/projects/nobody/settings")
    assert is_error(answer, 404, "ingest.not_found")
    key = browser_web.key("app-kr")
    answer = client.get(f"/v1/projects/{key}/settings", headers={"Origin": ELSEWHERE})
    assert is_error(answer, 403, "ingest.origin_not_allowed")
    assert "access-control-allow-origin" not in answer.headers
