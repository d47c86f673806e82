"""Where a request came from (접속지).

``X-Forwarded-For`` is believed only from addresses that the operator named; else
anybody could write what stands in the log.
"""

from collections.abc import Container
from typing import Any

from litestar import Request
from litestar.datastructures import State

from cdp.gate import Place

_MAX_AGENT = 256


def client_address(request: Request[Any, Any, State]) -> str | None:
    """Return the address of the client, through a trusted proxy where there is one."""
    direct = request.client.host if request.client else None
    trusted: Container[str] = request.app.state.get("trusted_proxies", ())
    if direct is not None and direct in trusted:
        chain = request.headers.get("x-forwarded-for", "").split(",")
        return chain[-1].strip() or direct
    return direct


def place_of(request: Request[Any, Any, State]) -> Place:
    """Return the place of an access, for its record."""
    agent = request.headers.get("user-agent")
    return Place(
        source_address=client_address(request),
        agent=agent[:_MAX_AGENT] if agent else None,
    )
