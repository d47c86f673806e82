"""Where trackers post: the Segment format, on its usual paths.

Carries bytes to ``cdp.ingest`` and its answer back; decides nothing.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from litestar import HttpMethod, MediaType, Response, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.types import OperationIDCreator

from cdp.api.errors import cors, error_body
from cdp.api.place import client_address
from cdp.api.services import AnyRequest, TheCollector
from cdp.ingest import (
    MAX_BODY_BYTES,
    Arrival,
    Collector,
    KeyUnknownError,
    OriginNotAllowedError,
    RequestKeys,
    SlowBodyError,
)
from cdp.runtime import OverloadedError

KINDS: Final = {
    "track": ("track", "t"),
    "identify": ("identify", "i"),
    "page": ("page", "p"),
    "screen": ("screen", "s"),
    "group": ("group", "g"),
    "alias": ("alias", "a"),
}
BATCH_PATHS: Final = ["/v1/batch", "/v1/b", "/v1/import"]
_RECEIVE_SECONDS: Final = 30
_NO_STORE: Final = {"Cache-Control": "no-store"}
_METRICS_ANSWER: Final = (
    b'{"success":true,"ok":true,"receivedEvents":0,"okEvents":0,"errors":[]}'
)


def named(name: str) -> OperationIDCreator:
    """Return what names an operation for each method and path it stands under."""

    def name_of(_handler: object, method: str, path: Sequence[object]) -> str:
        last = str(path[-1]) if path else ""
        return f"{name}_{last}_{method.lower()}"

    return name_of


def preflight(request: AnyRequest, collector: Collector) -> Response[bytes]:
    """Answer a browser's preflight for any origin that some source lists."""
    origin = listed_origin(request, collector)
    if origin is None:
        raise OriginNotAllowedError("no source lists this origin")
    return Response(
        b"",
        headers=cors(origin)
        | {
            "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
            "Access-Control-Allow-Headers": (
                "authorization, content-type, content-encoding, x-retry-count, "
                "x-write-key, x-enable-debug, x-ip-policy, sp-anonymous"
            ),
            "Access-Control-Max-Age": "600",
        },
    )


def listed_origin(request: AnyRequest, collector: Collector) -> str | None:
    """Return the request's origin if some source lists it; errors may echo it then."""
    origin = request.headers.get("origin")
    if origin is None or not collector.lists_origin(origin):
        return None
    request.state.listed_origin = origin
    return origin


async def take(
    request: AnyRequest, collector: Collector, kind: str | None
) -> Response[bytes]:
    """Hand one request to the collector."""
    if request.method == HttpMethod.OPTIONS:
        return preflight(request, collector)
    listed_origin(request, collector)
    if collector.is_overloaded:
        raise OverloadedError("too much work is waiting; come again")
    try:
        async with asyncio.timeout(_RECEIVE_SECONDS):
            body = await request.body()
    except TimeoutError as error:
        raise SlowBodyError("the body took too long") from error
    headers = request.headers
    origin = headers.get("origin")
    arrival = Arrival(
        kind=kind,
        body=body,
        content_encoding=headers.get("content-encoding", ""),
        keys=RequestKeys(
            authorization=headers.get("authorization"),
            header=headers.get("x-write-key"),
            query=tuple(request.query_params.getall("writeKey", [])),
        ),
        origin=origin,
        gpc=headers.get("sec-gpc"),
        client_address=client_address(request),
    )
    answer = await collector.receive(arrival)
    return Response(
        answer,
        status_code=200,
        media_type=MediaType.JSON,
        headers=_NO_STORE | cors(origin),
    )


_TAKES: Final[dict[str, Any]] = {
    "http_method": [HttpMethod.POST, HttpMethod.OPTIONS],
    "status_code": 200,
    "request_max_body_size": MAX_BODY_BYTES,
    "tags": ["ingest"],
}


@route(BATCH_PATHS, operation_id=named("post_batch"), **_TAKES)
async def post_batch(request: AnyRequest, collector: TheCollector) -> Response[bytes]:
    """Take a batch of events; each has its own outcome."""
    return await take(request, collector, None)


def _single(kind: str, paths: tuple[str, ...]) -> HTTPRouteHandler:
    async def post_single(
        request: AnyRequest, collector: TheCollector
    ) -> Response[bytes]:
        return await take(request, collector, kind)

    post_single.__doc__ = f"Take one event of type {kind}."
    return route(
        [f"/v1/{path}" for path in paths],
        operation_id=named(f"post_{kind}"),
        **_TAKES,
    )(post_single)


@route("/v1/m", operation_id=named("post_client_metrics"), **_TAKES)
async def post_client_metrics(
    request: AnyRequest, collector: TheCollector
) -> Response[bytes]:
    """Take a client's own metrics: they are not read and not stored."""
    if request.method == HttpMethod.OPTIONS:
        return preflight(request, collector)
    return Response(
        _METRICS_ANSWER,
        media_type=MediaType.JSON,
        headers=_NO_STORE | cors(listed_origin(request, collector)),
    )


@route(
    "/v1/projects/{write_key:str}/settings",
    http_method=[HttpMethod.GET, HttpMethod.OPTIONS],
    operation_id=named("get_settings"),
    status_code=200,
    tags=["ingest"],
)
async def get_settings(
    request: AnyRequest, collector: TheCollector, write_key: FromPath[str]
) -> Response[Any]:
    """Tell the browser client where to send; it never starts without."""
    if request.method == HttpMethod.OPTIONS:
        return preflight(request, collector)
    listed = listed_origin(request, collector)
    try:
        collector.check_key(write_key, request.headers.get("origin"))
    except KeyUnknownError:
        body = error_body("ingest.not_found", "there is nothing at this path")
        return Response(body, status_code=404, headers=_NO_STORE | cors(listed))
    host = request.headers.get("host", "localhost")
    settings: dict[str, object] = {"apiKey": write_key, "apiHost": f"{host}/v1"}
    if request.url.scheme == "http":
        settings["protocol"] = "http"
    return Response(
        {"integrations": {"Segment.io": settings}},
        # A cache must not give a browser the answer that a program got.
        headers={"Cache-Control": "max-age=300", "Vary": "Origin"} | cors(listed),
    )


HANDLERS: Final[list[Any]] = [
    post_batch,
    *(_single(kind, paths) for kind, paths in KINDS.items()),
    post_client_metrics,
    get_settings,
]
