"""The log's public files: checkpoint, tiles, entry bundles. No personal data in them.

Anybody may fetch them; that is the point. A full tile never changes and is cached for
ever, the checkpoint for seconds.

Source: C2SP tlog-tiles.
"""

import re
from typing import Any, Final

from litestar import Response, get
from litestar.params import FromPath

from cdp.api.errors import error_body
from cdp.api.services import TheServices

_TILE: Final = re.compile(
    r"tile/(?:entries|[0-9]|[1-5][0-9]|6[0-3])(?:/x[0-9]{3})*/[0-9]{3}"
    r"(?:\.p/(?:[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?"
)


@get("/log/{path:path}", sync_to_thread=True, tags=["log"])
def get_log_file(services: TheServices, path: FromPath[str]) -> Response[Any]:
    """Serve one file of the log."""
    name = path.lstrip("/")
    is_checkpoint = name == "checkpoint"
    if not is_checkpoint and not _TILE.fullmatch(name):
        return _missing()
    try:
        data = (services.log_folder / name).read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return _missing()
    if is_checkpoint:
        return Response(
            data,
            media_type="text/plain; charset=utf-8",
            headers={"Cache-Control": "max-age=1"},
        )
    return Response(
        data,
        media_type="application/octet-stream",
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )


@get("/log/vkey", tags=["log"])
async def get_verifier_key(services: TheServices) -> Response[str]:
    """Return the log's verifier key, for whoever has no better way to learn it."""
    return Response(services.log.verifier_key + "\n", media_type="text/plain")


def _missing() -> Response[Any]:
    body = error_body("ingest.not_found", "there is nothing at this path")
    return Response(body, status_code=404)


HANDLERS: Final[list[Any]] = [get_log_file, get_verifier_key]
