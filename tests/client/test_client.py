"""The client against a small service in memory that speaks the real protocol."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pyarrow as pa
import pytest

from cdp.client import (
    Client,
    FeatureFrame,
    HashMismatchError,
    RefusedError,
    UnreachableError,
    UnreadableAnswerError,
    content_hash,
)
from cdp.kernel import FeatureGrant, FixedClock
from cdp.kernel.grant import METADATA_KEY, UnreadableGrantError

SECRET = "made up for this test"
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
ROWS = pa.table({"token": [b"a", b"b"], "frequency_365d": [3, 4]})


def grant(rows: pa.Table) -> FeatureGrant:
    return FeatureGrant(
        release="rfm",
        purpose="segmentation",
        recipient="crm",
        policy_version="00",
        consent_watermark=7,
        domain="segmentation:crm",
        key_epoch=1,
        as_of=NOON,
        rows=rows.num_rows,
        withheld={},
        expires_at=NOON + timedelta(days=90),
        sha256=content_hash(rows),
        record="r",
        leaf="00",
    )


def stream(rows: pa.Table, slip: FeatureGrant | None) -> bytes:
    if slip is not None:
        rows = rows.replace_schema_metadata({METADATA_KEY: slip.to_json()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue())


class Service:
    """Gives tokens t1, t2, ... and answers with what it was told to."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self.answer = answer
        self.tokens = 0
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        if request.url.path != "/oauth/token":
            return self.answer(request)
        form = dict(httpx.QueryParams(request.content.decode()))
        if form != {
            "grant_type": "client_credentials",
            "client_id": "job",
            "client_secret": SECRET,
        }:
            return problem(401, "auth.refused")
        self.tokens += 1
        body = {"access_token": f"t{self.tokens}", "expires_in": 900}
        return httpx.Response(200, content=msgspec.json.encode(body))


def problem(status: int, code: str) -> httpx.Response:
    body = msgspec.json.encode({"code": code, "message": "no"})
    return httpx.Response(status, content=body)


def client_of(service: Service, clock: FixedClock, secret: str = SECRET) -> Client:
    return Client(
        "http://core.test",
        "job",
        secret,
        clock=clock,
        transport=httpx.MockTransport(service),
    )


@pytest.fixture
def noon() -> FixedClock:
    return FixedClock(NOON)


def test_one_call_gives_rows_and_their_grant(noon: FixedClock) -> None:
    service = Service(lambda _: httpx.Response(200, content=stream(ROWS, grant(ROWS))))
    frame = client_of(service, noon).features("rfm", as_of=NOON)
    assert frame.grant == grant(ROWS)
    assert frame.table.to_pydict() == ROWS.to_pydict()
    assert pa.table(frame).num_rows == len(frame) == 2
    assert frame.tokens.to_pylist() == [b"a", b"b"]
    asked = service.seen[-1]
    assert asked.url.path == "/v1/releases/rfm"
    assert asked.url.params["as_of"] == "2026-11-01T12:00:00+00:00"
    assert asked.headers["Accept"] == "application/vnd.apache.arrow.stream"
    assert asked.headers["Authorization"] == "Bearer t1"


def test_a_token_is_used_until_shortly_before_its_end(noon: FixedClock) -> None:
    service = Service(lambda _: httpx.Response(200, content=stream(ROWS, grant(ROWS))))
    client = client_of(service, noon)
    client.features("rfm")
    noon.advance(timedelta(seconds=869))
    client.features("rfm")
    assert service.tokens == 1
    noon.advance(timedelta(seconds=1))
    client.features("rfm")
    assert service.tokens == 2


def test_a_refused_token_is_renewed_once_and_no_more(noon: FixedClock) -> None:
    service = Service(lambda _: problem(401, "auth.expired"))
    with pytest.raises(RefusedError) as refused:
        client_of(service, noon).features("rfm")
    assert (refused.value.status, refused.value.reason) == (401, "auth.expired")
    assert service.tokens == 2


def test_a_denial_arrives_with_its_code_and_is_not_repeated(noon: FixedClock) -> None:
    service = Service(lambda _: problem(403, "gate.role"))
    with pytest.raises(RefusedError) as refused:
        client_of(service, noon).features("rfm", purpose="analytics")
    assert refused.value.reason == "gate.role"
    pulls = [r for r in service.seen if r.url.path == "/v1/releases/rfm"]
    assert len(pulls) == 1


def test_a_wrong_secret_is_refused_and_never_printed(noon: FixedClock) -> None:
    client = client_of(Service(lambda _: problem(500, "internal")), noon, "wrong-one")
    with pytest.raises(RefusedError) as refused:
        client.features("rfm")
    assert "wrong-one" not in repr(client) + str(refused.value)


def test_changed_rows_are_not_handed_over(noon: FixedClock) -> None:
    other = ROWS.set_column(1, "frequency_365d", pa.array([3, 5]))
    service = Service(lambda _: httpx.Response(200, content=stream(other, grant(ROWS))))
    with pytest.raises(HashMismatchError):
        client_of(service, noon).features("rfm")


def test_rows_without_a_readable_grant_are_not_handed_over(noon: FixedClock) -> None:
    service = Service(lambda _: httpx.Response(200, content=stream(ROWS, None)))
    with pytest.raises(UnreadableGrantError):
        client_of(service, noon).features("rfm")


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(200, content=b"hello"), httpx.Response(502, content=b"<html>")],
    ids=["no stream", "no code"],
)
def test_an_answer_of_another_protocol_is_named_so(
    answer: httpx.Response, noon: FixedClock
) -> None:
    with pytest.raises(UnreadableAnswerError):
        client_of(Service(lambda _: answer), noon).features("rfm")


def test_a_service_that_is_not_there_is_named_so(noon: FixedClock) -> None:
    def nobody(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(UnreachableError):
        client_of(Service(nobody), noon).features("rfm")


def test_a_frame_shows_no_row() -> None:
    frame = FeatureFrame(table=ROWS, grant=grant(ROWS))
    assert repr(frame) == (
        "FeatureFrame('rfm', purpose='segmentation', rows=2, "
        "as_of=2026-11-01T12:00:00+00:00)"
    )


def test_a_post_carries_the_token_and_json(noon: FixedClock) -> None:
    service = Service(lambda _: httpx.Response(200, content=b"{}"))
    with client_of(service, noon) as client:
        client.post("/v1/consent/query", {"purpose": "segmentation"})
    asked = service.seen[-1]
    assert asked.content == b'{"purpose":"segmentation"}'
    assert asked.headers["Authorization"] == "Bearer t1"
