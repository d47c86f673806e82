"""A house with its front open: one HTTP client, keys and tokens at hand.

Requests go through the real application; the clock of the house stands.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx
from litestar.testing import TestClient

from cdp.app import SHIPPED_POLICIES, create_app
from tests.support.house import House

# What an event or a request may leave behind. A request that was refused leaves none.
_TABLES = (
    "audit_queue",
    "audit_record",
    "consent_signal",
    "evidence",
    "identifier",
    "ingest_count",
    "ingest_drop",
    "ingest_seen",
    "lake_inbox",
    "lake_quarantine",
)


def still_house(root: Path, **given: Any) -> House:
    """Return a house whose flusher and publisher stand still.

    Its tests count what waits for the lake, and publish by hand.
    """
    return House(root, flush_seconds=3_600.0, publish_seconds=3_600.0, **given)


class Web:
    """A house that answers HTTP, until it is left."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.client = TestClient(create_app(house.service))
        self._tokens: dict[tuple[str, str], str] = {}

    def __enter__(self) -> Self:
        self.client.__enter__()
        return self

    def __exit__(self, *_failure: object) -> None:
        self.client.__exit__()
        self.house.close()

    def key(self, source: str = "shop") -> str:
        """The write key of a source, which is added when it is new."""
        return self.house.keys.get(source) or self.house.source(source)

    def post(
        self,
        path: str,
        body: object,
        *,
        source: str | None = "shop",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Post bytes as they are, anything else as JSON; the key is a header."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        own = {} if source is None else {"X-Write-Key": self.key(source)}
        sent = own | dict(headers or {})
        return self.client.post(
            path,
            content=content,
            headers=[(name.encode(), value.encode()) for name, value in sent.items()],
        )

    def batch(
        self, items: Sequence[object], *, source: str | None = "shop", **more: Any
    ) -> httpx.Response:
        """Post a batch; ``more`` stands in the envelope."""
        return self.post("/v1/batch", {"batch": list(items)} | more, source=source)

    def bearer(self, role: str, purpose: str) -> dict[str, str]:
        """Return the header of a client that has this role for this purpose."""
        known = self._tokens.get((role, purpose))
        if known is None:
            name = f"{role}-{purpose}".replace("_", "-")
            client_id, secret = self.house.client(name, role, purpose)
            form = {
                "grant_type": "client_credentials",
                "client_id": client_id,
                "client_secret": secret,
            }
            answer = self.client.post("/oauth/token", data=form)
            known = str(answer.json()["access_token"])
            self._tokens[role, purpose] = known
        return {"Authorization": f"Bearer {known}"}

    def stored(self) -> dict[str, int]:
        """How many rows stand in each table that an event may reach."""
        return {
            table: int(self.house.rows(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608 - names of ours
            for table in _TABLES
        }

    def inbox(self) -> int:
        """How many events wait for the lake."""
        return self.stored()["lake_inbox"]

    def records(self, kind: str, outcome: str | None = None) -> list[dict[str, Any]]:
        """The records of one kind, as an officer is shown them."""
        core = self.house.core
        core.log.sequence(core.database)
        query = {"kind": kind, "limit": "1000", "reason_code": "test"}
        if outcome is not None:
            query["outcome"] = outcome
        answer = self.client.get(
            "/v1/audit/records",
            params=query | {"open_payload": "true"},
            headers=self.bearer("compliance", "compliance"),
        )
        assert answer.status_code == httpx.codes.OK, answer.text
        found: list[dict[str, Any]] = answer.json()["records"]
        return found

    def publish(self) -> None:
        """Sign what is new, as the service's own loop would."""
        self.house.core.log.sequence(self.house.core.database)
        self.house.core.log.publish(self.house.core.database)


def is_error(answer: httpx.Response, status: int, code: str) -> bool:
    """Whether an answer is this refusal, in the one shape of an error."""
    body = answer.json()
    return (
        answer.status_code == status
        and set(body) == {"code", "message"}
        and body["code"] == code
        and bool(body["message"])
        and answer.headers["content-type"].startswith("application/json")
        and answer.headers["cache-control"] == "no-store"
    )


def policies_with_origins(folder: Path, origins: Mapping[str, Sequence[str]]) -> Path:
    """Return a copy of the shipped policies in which sources list these origins."""
    shutil.copytree(SHIPPED_POLICIES, folder)
    document = folder / "sources.yaml"
    text = document.read_text(encoding="utf-8")
    for source, listed in origins.items():
        line = f"key: {source}\n"
        assert line in text, source
        text = text.replace(line, f"{line}origins: {json.dumps(list(listed))}\n")
    document.write_text(text, encoding="utf-8")
    return folder
