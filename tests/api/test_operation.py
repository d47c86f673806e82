"""Health, readiness, counters, and a description that names every route."""

import re

from litestar.routes import HTTPRoute

from cdp.app import create_app
from tests.support.house import order
from tests.support.web import Web

ROUTES = {
    ("post", f"/v1/{name}")
    for kind in ("track", "identify", "page", "screen", "group", "alias")
    for name in (kind, kind[0])
} | {
    ("post", "/v1/batch"),
    ("post", "/v1/b"),
    ("post", "/v1/import"),
    ("post", "/v1/m"),
    ("get", "/v1/projects/{write_key}/settings"),
    ("post", "/oauth/token"),
    ("get", "/v1/releases/{release}"),
    ("post", "/v1/consent"),
    ("post", "/v1/consent/query"),
    ("post", "/v1/consent/explain"),
    ("post", "/v1/consent/links"),
    ("get", "/v1/consent/receipts/{receipt_id}"),
    ("get", "/v1/audit/records"),
    ("post", "/v1/audit/subject"),
    ("get", "/v1/ingest/counts"),
    ("get", "/v1/ingest/refused"),
    ("get", "/log/{path}"),
    ("get", "/log/vkey"),
    ("get", "/health"),
    ("get", "/ready"),
    ("get", "/metrics"),
}
# For people: no part of the description of the API.
PAGES = {
    ("get", "/p/{token}"),
    ("post", "/p/open"),
    ("post", "/p/show"),
    ("post", "/p/save"),
    ("post", "/p/finish"),
}


def test_health_and_readiness_answer(both: Web) -> None:
    assert both.client.get("/health").json() == {"status": "ok"}
    ready = both.client.get("/ready")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})


def test_metrics_count_events_by_source_and_reason(both: Web) -> None:
    both.batch([order("metric", user="u1"), "bad", order("metric", user="u1")])
    both.post("/v1/batch", b"not json")
    text = both.client.get("/metrics").text
    for line in (
        'cdp_ingest_requests_total{code="ok",source="shop"} 1.0',
        'cdp_ingest_requests_total{code="ingest.invalid_json",source=""} 1.0',
        'cdp_ingest_events_total{outcome="accepted",reason="",source="shop"} 1.0',
        'cdp_ingest_events_total{outcome="deduplicated",reason="",source="shop"} 1.0',
        'outcome="refused",reason="ingest.not_an_object",source="shop"} 1.0',
        "cdp_inbox_rows 1.0",
    ):
        assert line in text, line


def test_the_description_names_every_route(web: Web) -> None:
    answer = web.client.get("/schema/openapi.json")
    assert answer.status_code == 200
    paths = answer.json()["paths"]
    described = {(method, path) for path, of in paths.items() for method in of}
    assert described >= ROUTES
    assert {item for item in described if item[0] != "options"} == ROUTES


def test_every_route_that_is_served_is_one_of_these(web: Web) -> None:
    served = {
        (method.lower(), re.sub(r":[a-z]+}", "}", route.path))
        for route in create_app(web.house.service).routes
        if isinstance(route, HTTPRoute) and not route.path.startswith("/schema")
        for handler in route.route_handlers
        for method in handler.http_methods
    }
    assert {item for item in served if item[0] != "options"} == ROUTES | PAGES


def test_each_operation_has_a_name_of_its_own(web: Web) -> None:
    paths = web.client.get("/schema/openapi.json").json()["paths"]
    names = [of["operationId"] for path in paths.values() for of in path.values()]
    assert len(names) == len(set(names))
