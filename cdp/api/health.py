"""Is it alive, is it ready, and what does it count? No answer names a person."""

from typing import Any, Final

from litestar import Response, get

from cdp.api.services import TheServices
from cdp.runtime import StoreUnavailableError


@get("/health", tags=["operation"])
async def get_health() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


@get("/ready", sync_to_thread=True, tags=["operation"])
def get_ready(services: TheServices) -> Response[dict[str, str]]:
    """Say whether requests would be served now."""
    try:
        ready = services.is_ready()
    except StoreUnavailableError:
        ready = False
    return Response(
        {"status": "ready" if ready else "unavailable"},
        status_code=200 if ready else 503,
    )


@get("/metrics", sync_to_thread=True, tags=["operation"])
def get_metrics(services: TheServices) -> Response[bytes]:
    """Return the counters for Prometheus."""
    services.refresh_metrics()
    return Response(
        services.metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8"
    )


HANDLERS: Final[list[Any]] = [get_health, get_ready, get_metrics]
