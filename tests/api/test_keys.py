"""Where a write key may stand, and what two of them mean."""

import base64

import httpx
import pytest

from tests.support.house import order
from tests.support.web import Web, is_error


def basic(user: str, password: str = "") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def send(
    web: Web,
    *,
    headers: dict[str, str] | None = None,
    query: str = "",
    path: str = "/v1/batch",
    **body: object,
) -> httpx.Response:
    content = {"batch": []} if path == "/v1/batch" else order("keys", user="u1")
    return web.post(path + query, content | body, source=None, headers=headers)


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track"])
def test_a_key_may_stand_in_each_of_its_places(web: Web, path: str) -> None:
    key = web.key()
    places: list[dict[str, object]] = [
        {"headers": {"Authorization": basic(key)}},
        {"headers": {"Authorization": basic(key, "ignored")}},
        {"headers": {"Authorization": f"Bearer {key}"}},
        {"headers": {"Authorization": f"bearer {key}"}},
        {"headers": {"X-Write-Key": key}},
        {"writeKey": key},
        {"api_key": key},
        {"query": f"?writeKey={key}"},
    ]
    for place in places:
        answer = send(web, path=path, **place)  # type: ignore[arg-type] # a table
        assert answer.status_code == 200, place


def test_equal_keys_in_two_places_are_one_key(web: Web) -> None:
    key = web.key()
    headers = {"Authorization": basic(key), "X-Write-Key": key}
    answer = send(web, headers=headers, query=f"?writeKey={key}", writeKey=key)
    assert answer.status_code == 200


@pytest.mark.parametrize("mask", ["***", "id:***", "", None, 5, ["x"], {}])
def test_a_mask_or_nothing_in_the_body_is_no_second_key(web: Web, mask: object) -> None:
    headers = {"X-Write-Key": web.key()}
    assert send(web, headers=headers, writeKey=mask).status_code == 200
    assert is_error(send(web, writeKey=mask), 401, "ingest.key_unknown")


def test_two_keys_are_refused(web: Web) -> None:
    key, other = web.key(), web.key("other")
    before = web.stored()
    pairs = [
        {"headers": {"X-Write-Key": key}, "writeKey": other},
        {"headers": {"X-Write-Key": key}, "query": f"?writeKey={other}"},
        {"headers": {"X-Write-Key": key, "Authorization": basic(other)}},
        {"headers": {"X-Write-Key": key, "Authorization": f"Bearer {other}"}},
        {"query": f"?writeKey={key}&writeKey={other}"},
        {"writeKey": key, "api_key": other},
        {"headers": {"X-Write-Key": key}, "writeKey": "nobody-has-this-one"},
    ]
    for pair in pairs:
        answer = send(web, **pair)  # type: ignore[arg-type] # a table
        assert is_error(answer, 401, "ingest.key_conflict"), pair
        assert key not in answer.text
        assert other not in answer.text
    assert web.stored() == before


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer cdpt_eyJ.an-oauth-token",
        "Bearer",
        "Basic",
        "Basic not base64",
        "Basic \u00e9",
        "Basic " + base64.b64encode(b"\xff\xfe:").decode(),
        "Basic " + base64.b64encode(b":password").decode(),
        "Digest abc",
        "\u00e9\u00e9",
        "Bearer \ud55c\uad6d",
    ],
)
def test_an_authorization_that_is_no_key_of_ours_is_refused(
    web: Web, authorization: str
) -> None:
    answer = send(web, headers={"Authorization": authorization})
    assert is_error(answer, 401, "ingest.key_unknown")


def test_a_key_inside_an_item_is_dropped_unread(web: Web) -> None:
    item = order("key-inside", user="u1", writeKey="another-key-altogether")
    assert web.batch([item]).json()["ok"] is True
    assert is_error(web.batch([item], source=None), 401, "ingest.key_unknown")


def test_a_server_key_has_no_place_in_a_browser(web: Web) -> None:
    before = web.stored()
    headers = {"X-Write-Key": web.key(), "Origin": "https://shop.example"}
    answer = send(web, headers=headers)
    assert is_error(answer, 401, "ingest.key_conflict")
    assert "access-control-allow-origin" not in answer.headers
    assert web.stored() == before
