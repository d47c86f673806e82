"""A job pulls a release: pseudonymous features for one purpose, with their grant.

The release fixes purpose and recipient. The answer is an Arrow stream, Parquet or
NDJSON by ``Accept``; the grant travels in the metadata and in headers.
"""

import base64
import hashlib
import io
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
from litestar import Response, get
from litestar.params import FromPath, FromQuery

from cdp.api.errors import error_body
from cdp.api.instants import asked
from cdp.api.place import place_of
from cdp.api.rulings import denied_answer
from cdp.api.services import AnyRequest, TheServices
from cdp.audit import Kind
from cdp.features import pull
from cdp.gate import AccessRequest, Answer, Denied
from cdp.kernel import FeatureGrant

ARROW: Final = "application/vnd.apache.arrow.stream"
PARQUET: Final = "application/vnd.apache.parquet"
NDJSON: Final = "application/x-ndjson"
_TOKEN: Final = "token"  # noqa: S105 - the name of a column


def to_arrow(table: pa.Table) -> bytes:
    """Return the table as an Arrow IPC stream."""
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table)
    return out.getvalue()


def to_parquet(table: pa.Table) -> bytes:
    """Return the table as a Parquet file."""
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def to_ndjson(table: pa.Table) -> bytes:
    """Return one JSON object a line: tokens in hex, decimals as text, no grant."""
    lines = []
    for row in table.to_pylist():
        if isinstance(row.get(_TOKEN), bytes):
            row[_TOKEN] = row[_TOKEN].hex()
        lines.append(msgspec.json.encode(row))
    return b"\n".join(lines) + (b"\n" if lines else b"")


_FORMATS: Final[dict[str, Callable[[pa.Table], bytes]]] = {
    ARROW: to_arrow,
    PARQUET: to_parquet,
    NDJSON: to_ndjson,
}
_ANYTHING: Final = frozenset({"", "*/*", "application/*"})


def _format(accept: str) -> str | None:
    for part in accept.split(","):
        wanted = part.partition(";")[0].strip().lower()
        if wanted in _FORMATS:
            return wanted
        if wanted in _ANYTHING:
            return ARROW
    return None


@get("/v1/releases/{release:str}", sync_to_thread=True, tags=["releases"])
def get_release(
    request: AnyRequest,
    services: TheServices,
    release: FromPath[str],
    as_of: FromQuery[datetime | None] = None,
) -> Response[Any]:
    """Pull a release as Arrow, Parquet or NDJSON."""
    caller = services.caller(request)
    media_type = _format(request.headers.get("accept", ""))
    if media_type is None:
        return Response(
            error_body("release.format", f"ask for one of {', '.join(_FORMATS)}"),
            status_code=406,
        )
    declared = services.in_force.policy.releases.get(release)
    ruling = pull(
        services.gate,
        AccessRequest(
            caller=caller,
            what=Kind.RELEASE_PULL,
            purpose=declared.purpose
            if declared
            else services.purpose_of(caller, Kind.RELEASE_PULL, None),
            release=release,
            as_of=asked(as_of),
            reason_code=request.query_params.get("reason_code"),
            ticket=request.query_params.get("ticket"),
            place=place_of(request),
        ),
    )
    if isinstance(ruling, Denied):
        return denied_answer(ruling)
    return _deliver(ruling.value, media_type)


def _deliver(answer: Answer, media_type: str) -> Response[bytes]:
    body = _FORMATS[media_type](answer.table)
    return Response(
        body, media_type=media_type, headers=grant_headers(answer.grant, body)
    )


def grant_headers(grant: FeatureGrant, body: bytes) -> dict[str, str]:
    """Return the grant as headers; ``Repr-Digest`` is of the bytes sent (RFC 9530)."""
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    return {
        "Cache-Control": "no-store",
        "Policy-Version": grant.policy_version,
        "Consent-Watermark": str(grant.consent_watermark),
        "Key-Epoch": str(grant.key_epoch),
        "Withheld": msgspec.json.encode(grant.withheld).decode(),
        "Expires": grant.expires_at.strftime("%a, %d %b %Y %H:%M:%S GMT"),
        "Repr-Digest": f"sha-256=:{digest}:",
        "Access-Record": grant.record,
    }


HANDLERS: Final[list[Any]] = [get_release]
