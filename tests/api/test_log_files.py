"""The log's public files: anybody may fetch them, and nothing else of the folder."""

import re

import pytest

from tests.support.house import order
from tests.support.web import Web, is_error


def test_checkpoint_tiles_and_key_are_there_for_anybody(both: Web) -> None:
    for number in range(5):
        both.batch([order(f"file-{number}", user="u1")])
    both.publish()
    checkpoint = both.client.get("/log/checkpoint")
    assert checkpoint.status_code == 200
    origin, size, _root, _empty, signature = checkpoint.text.splitlines()[:5]
    assert origin == "cdp.test/audit"
    assert int(size) >= 5
    assert signature.startswith("\u2014 cdp.test/audit ")
    key = both.client.get("/log/vkey").text
    assert re.fullmatch(r"cdp\.test/audit\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+\n", key)
    tile = both.client.get(f"/log/tile/0/000.p/{size}")
    assert len(tile.content) == 32 * int(size)
    assert "immutable" in tile.headers["cache-control"]
    entries = both.client.get(f"/log/tile/entries/000.p/{size}")
    assert entries.status_code == 200
    assert b"u1" not in entries.content


@pytest.mark.parametrize(
    "path",
    [
        "/log",
        "/log/",
        "/log/tile",
        "/log/tile/0",
        "/log/tile/0/999",
        "/log/tile/0/000.p/256",
        "/log/tile/0/000.p/0",
        "/log/tile/64/000",
        "/log/tile/00/000",
        "/log/tile/entries/x1/000",
        "/log/checkpoint/x",
        "/log/publisher.lock",
        "/log/%2e%2e/cdp.json",
        "/log/..%2fcdp.json",
        "/log/tile/../../cdp.json",
        "/log/tile/0/000%00",
        "/log/tile/0/000%0a",
        "/log//etc/passwd",
        "/log/%2fetc%2fpasswd",
        "/log/\u0660",
        "/log/tile/0/\u0660\u0660\u0660",
    ],
)
def test_nothing_else_is(web: Web, path: str) -> None:
    answer = web.client.get(path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"code", "message"}


def test_the_log_cannot_be_written(web: Web) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = web.client.request(method, "/log/checkpoint", content=b"x")
        assert is_error(answer, 405, "ingest.method_not_allowed")
