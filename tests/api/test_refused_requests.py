"""A request that cannot be taken as a whole: one shape of answer, nothing stored."""

import gzip
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from cdp.auth import set_source_state
from cdp.ingest import MAX_BODY_BYTES
from cdp.runtime import Connection
from tests.support.house import order
from tests.support.web import Web, is_error

GOOD = order("good-1", user="u1")
BATCHES = ["/v1/batch", "/v1/b", "/v1/import"]
SINGLES = [
    f"/v1/{name}"
    for kind in ("track", "identify", "page", "screen", "group", "alias")
    for name in (kind, kind[0])
]

NOT_JSON = [
    b"",
    b" ",
    b"not json",
    b"{",
    b'{"batch":[',
    b'{"batch":[]} and more',
    b"{'batch':[]}",
    b"\xff\xfe{\x00}\x00",
    b"\x00\x01\x02\x03",
    b'{"batch":[],"sentAt":"\xff"}',
    b"batch=%5B%5D",
]
WRONG_SHAPE = [b"[]", b"null", b"1", b'"text"', b"true"]
WRONG_BATCH = [b"{}", b'{"batch":1}', b'{"batch":null}', b'{"batch":{}}', b'{"a":[]}']
SMALL = b'{"batch":[]}'


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track"])
@pytest.mark.parametrize("body", NOT_JSON)
def test_a_body_that_is_not_json_is_refused(web: Web, path: str, body: bytes) -> None:
    web.key()
    before = web.stored()
    assert is_error(web.post(path, body), 400, "ingest.invalid_json")
    assert web.stored() == before


@pytest.mark.parametrize("path", [*BATCHES, *SINGLES])
@pytest.mark.parametrize("body", WRONG_SHAPE)
def test_json_of_another_shape_is_refused(web: Web, path: str, body: bytes) -> None:
    assert is_error(web.post(path, body), 400, "ingest.invalid_envelope")


@pytest.mark.parametrize("path", BATCHES)
@pytest.mark.parametrize("body", WRONG_BATCH)
def test_a_batch_without_its_list_is_refused(web: Web, path: str, body: bytes) -> None:
    assert is_error(web.post(path, body), 400, "ingest.invalid_envelope")


@pytest.mark.parametrize("levels", [65, 1_000, 200_000])
def test_what_nests_too_deep_is_refused(web: Web, levels: int) -> None:
    deep = b'{"batch":[' + b"[" * levels + b"]" * levels + b"]}"
    assert is_error(web.post("/v1/batch", deep), 400, "ingest.too_deep")
    unclosed = b'{"a":' * levels
    assert is_error(web.post("/v1/track", unclosed), 400, "ingest.too_deep")


def test_brackets_inside_a_string_are_no_depth(web: Web) -> None:
    text = "[" * 500 + '\\"' + "{" * 500
    answer = web.batch([GOOD | {"messageId": "deep-text", "name": text}])
    assert answer.json()["ok"] is True


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track"])
def test_a_body_over_the_limit_is_refused(web: Web, path: str) -> None:
    before = web.stored()
    body = b'{"batch":[]}'.ljust(MAX_BODY_BYTES + 1)
    assert is_error(web.post(path, body), 413, "ingest.body_too_large")
    assert web.stored() == before


def test_a_body_of_the_limit_is_taken(web: Web) -> None:
    assert web.post("/v1/batch", SMALL.ljust(MAX_BODY_BYTES)).status_code == 200


def test_a_body_that_does_not_say_how_long_it_is_ends_at_the_limit(web: Web) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 100_000

    answer = web.client.post(
        "/v1/batch", content=endless(), headers={"X-Write-Key": web.key()}
    )
    assert is_error(answer, 413, "ingest.body_too_large")


def test_a_gzip_bomb_is_refused(web: Web) -> None:
    before = web.stored()
    bomb = gzip.compress(bytes(100_000_000), compresslevel=9)
    assert is_error(web.post("/v1/batch", bomb), 413, "ingest.body_too_large")
    assert web.stored() == before


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(SMALL)[:-9],
        gzip.compress(SMALL)[:12],
        b"\x1f\x8b",
        b"\x1f\x8b rest that is no gzip",
        gzip.compress(SMALL)[:-8] + b"wrong-checksum",
        gzip.compress(SMALL) + b"what follows is no gzip",
    ],
)
def test_gzip_that_is_cut_or_corrupt_is_refused(web: Web, body: bytes) -> None:
    assert is_error(web.post("/v1/batch", body), 400, "ingest.bad_encoding")


def test_a_body_of_many_empty_gzip_members_costs_little(web: Web) -> None:
    """Inflated one by one, what is left would be copied a hundred thousand times."""
    members = gzip.compress(b"") * 100_000
    assert is_error(web.post("/v1/batch", members), 400, "ingest.bad_encoding")


def test_a_string_that_never_ends_costs_little(web: Web) -> None:
    """A scan that began again at each quote inside it would take a day."""
    endless = b'{"batch":["' + b'\\"' * 2_000_000
    assert is_error(web.post("/v1/batch", endless), 400, "ingest.invalid_json")


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, br", "x"])
def test_other_encodings_are_refused(web: Web, encoding: str) -> None:
    answer = web.post("/v1/batch", SMALL, headers={"Content-Encoding": encoding})
    assert is_error(answer, 415, "ingest.unsupported_encoding")


@pytest.mark.parametrize("encoding", ["gzip", "identity", "GZIP", ""])
def test_gzip_is_told_by_its_bytes_and_not_by_a_header(web: Web, encoding: str) -> None:
    two_members = gzip.compress(SMALL[:5]) + gzip.compress(SMALL[5:])
    for body in (SMALL, gzip.compress(SMALL), two_members):
        answer = web.post("/v1/batch", body, headers={"Content-Encoding": encoding})
        assert answer.status_code == 200


def test_more_events_than_a_request_may_carry_are_refused(web: Web) -> None:
    before = web.stored()
    body = b'{"batch":[' + b",".join([b"{}"] * 2_501) + b"]}"
    assert is_error(web.post("/v1/batch", body), 413, "ingest.too_many_events")
    assert web.stored() == before


def test_an_unknown_path_is_not_there(web: Web) -> None:
    for path in ("/", "/v1", "/v1/merge", "/v1/unknown", "/v2/batch", "/sourceConfig"):
        assert web.post(path, SMALL).json()["code"] == "ingest.not_found", path
        assert web.post(path, SMALL).status_code == 404


def test_another_method_is_told_so(web: Web) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        answer = web.client.request(method, "/v1/batch")
        assert is_error(answer, 405, "ingest.method_not_allowed"), method
        assert "POST" in answer.headers["allow"]


def test_no_key_and_an_unknown_key_are_refused(web: Web) -> None:
    before = web.stored()
    body = {"batch": [GOOD]}
    assert is_error(web.post("/v1/batch", body, source=None), 401, "ingest.key_unknown")
    for key in ("nobody-has-this-key", "x", "\u00fc" * 5, "a" * 5_000):
        headers = {"X-Write-Key": key}
        answer = web.post("/v1/batch", body, source=None, headers=headers)
        assert is_error(answer, 401, "ingest.key_unknown")
        assert key not in answer.text
    assert web.stored() == before


def test_a_revoked_key_is_refused_from_that_moment(both: Web) -> None:
    key = both.key()
    assert both.batch([GOOD]).status_code == 200
    with both.house.core.database.transaction() as connection:
        set_source_state(connection, "shop", "revoked")
    before = both.stored()
    later = order("good-2", user="u1")
    # The map of keys is as old as the clock says; the transaction asks again.
    assert is_error(both.batch([later]), 401, "ingest.key_unknown")
    both.house.clock.advance(timedelta(seconds=2))  # type: ignore[attr-defined] # fixed
    assert is_error(both.batch([later]), 401, "ingest.key_unknown")
    assert both.client.get(f"/v1/projects/{key}/settings").status_code == 404
    assert both.stored() == before


def test_a_retiring_key_still_works(web: Web) -> None:
    web.house.source("retiring")
    with web.house.core.database.transaction() as connection:
        set_source_state(connection, "retiring", "retiring")
    assert web.batch([], source="retiring").status_code == 200


def test_too_much_waiting_work_is_told_before_the_body_is_read(web: Web) -> None:
    web.key()
    writer = web.house.service.writer
    go_on = threading.Event()
    begun = threading.Event()

    def stand(_connection: Connection, jobs: Sequence[None]) -> Sequence[None]:
        begun.set()
        go_on.wait(timeout=30)
        return jobs

    waiting = [writer.submit(stand, None)]
    assert begun.wait(timeout=30)
    try:
        while not writer.is_overloaded:
            waiting.append(writer.submit(stand, None))
        answer = web.post("/v1/batch", b"this body is not even read")
        assert is_error(answer, 429, "store.overloaded")
        assert 1 <= int(answer.headers["retry-after"]) <= 300
    finally:
        go_on.set()
    for job in waiting:
        job.result(timeout=60)
    assert web.batch([]).status_code == 200
