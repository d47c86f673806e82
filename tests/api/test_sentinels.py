"""No identifier, address or key of anybody in logs, counters or bodies of errors."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.house import NO, YES, consent, order
from tests.support.web import Web, still_house

USER = "sentinel-user-7741"
EMAIL = "sentinel.person@mail-sentinel.kr"
COOKIE = "5e17173e-1000-4000-8000-00000005e17e"
PHONE = "+821055557777"
ADDRESS = "203.0.113.77"
TEXT = "SENTINEL-text"
FIELD = "sentinel field with blanks"
SENTINELS = [USER, EMAIL, COOKIE, PHONE, ADDRESS, TEXT, FIELD, "sentinel"]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with Web(still_house(tmp_path / "house")) as web:
        yield web


def person(message_id: str, **more: Any) -> dict[str, Any]:
    item = order(message_id, user=USER, cookie=COOKIE, **more)
    item["context"] = consent(YES) | {
        "ip": ADDRESS,
        "userAgent": TEXT,
        "traits": {"email": EMAIL, "phone": PHONE},
    }
    # No column keeps any of these; `properties.query` would, with this consent.
    item["properties"] = {"note": TEXT, FIELD: TEXT, "nested": {FIELD: 1}}
    return item


def everything(web: Web) -> list[str]:
    """Send a person's data everywhere, well and badly; return what errors say."""
    key = web.key()
    good = person("sentinel-1")
    denied = order("sentinel-2", user=USER + "-no", preferences=NO)
    seen = []
    web.post("/v1/batch", {"batch": [good, denied]})
    # The answer to a client names its own message ids, and nothing else it sent.
    answer = web.post("/v1/batch", {"batch": [person("m-3", type=TEXT), TEXT, EMAIL]})
    seen.append(answer.text)
    raw = json.dumps({"batch": [good]}).encode()
    broken = [raw[:-2], raw + b"}", gzip.compress(raw)[:-4], b"[" * 70 + raw]
    for body in [*broken, json.dumps({"batch": EMAIL}).encode(), EMAIL.encode()]:
        seen.append(web.post("/v1/batch", body).text)
        seen.append(web.post("/v1/identify", body[:40]).text)
    seen.append(web.post("/v1/t", good, source=None).text)
    for headers in (
        {"X-Write-Key": USER},
        {"Authorization": f"Bearer {USER}"},
        {"X-Write-Key": key, "Authorization": f"Bearer {TEXT}"},
        {"X-Write-Key": key, "Origin": f"https://{USER}.example"},
        {"X-Write-Key": key, "Content-Encoding": TEXT},
    ):
        answer = web.post("/v1/t", good, source=None, headers=headers)
        seen.append(answer.text)
    client = web.client
    seen.append(client.get(f"/v1/{USER}?email={EMAIL}").text)
    seen.append(client.get(f"/v1/projects/{USER}/settings").text)
    seen.append(client.request("PUT", f"/v1/batch?user={USER}").text)
    form = {"grant_type": "client_credentials", "client_id": USER}
    seen.append(client.post("/oauth/token", data=form | {"client_secret": TEXT}).text)
    job = web.bearer("segmentation", "segmentation")
    seen.append(client.get(f"/v1/releases/{USER}", headers=job).text)
    seen.append(client.get(f"/v1/releases/rfm?as_of={TEXT}", headers=job).text)
    manager = web.bearer("consent_manager", "service")
    subject = {"namespace": "email", "value": EMAIL}
    decisions: list[dict[str, Any]] = [
        {"identifier": subject, "purposes": {TEXT: "grant"}},
        {"identifier": subject, "purposes": {"analytics": TEXT}},
        {"identifier": subject, "purposes": {"analytics": "deny"}, "notice": 5},
        {"identifier": subject | {TEXT: 1}, "purposes": {}},
        {"identifier": {"namespace": "email", "value": TEXT}, "purposes": {}},
        {"identifier": subject, "jurisdiction": TEXT, "purposes": {"linking": "deny"}},
    ]
    for decision in decisions:
        answer = client.post("/v1/consent", json=decision, headers=manager)
        seen.append(answer.text)
    asked = {"identifier": subject, "purpose": TEXT}
    seen.append(client.post("/v1/consent/query", json=asked, headers=manager).text)
    return seen


def test_nothing_of_a_person_is_in_logs_counters_or_errors(
    web: Web, capfd: pytest.CaptureFixture[str]
) -> None:
    key = web.key()
    said = everything(web)
    metrics = web.client.get("/metrics").text
    operator = web.bearer("operator", "operations")
    shown = web.client.get("/v1/ingest/refused", headers=operator).text
    out, err = capfd.readouterr()
    for text in (*said, metrics, shown, out, err):
        folded = text.casefold()
        for sentinel in (*SENTINELS, key):
            assert sentinel.casefold() not in folded, text[:200]


def test_a_failure_of_our_own_is_logged_without_values(
    web: Web, capfd: pytest.CaptureFixture[str]
) -> None:
    """A table that is gone is no case of ours: the log says where, and not on whom."""
    key = web.key()
    with web.house.core.database.transaction() as connection:
        connection.exec_driver_sql("DROP TABLE ingest_seen")
    answer = web.post("/v1/batch", {"batch": [person("sentinel-9")]})
    assert answer.status_code >= 500
    out, err = capfd.readouterr()
    assert "request.failed" in err
    for text in (answer.text, out, err):
        for sentinel in (*SENTINELS, key):
            assert sentinel.casefold() not in text.casefold()


def test_nothing_of_a_person_is_in_the_folder(tmp_path: Path) -> None:
    with Web(still_house(tmp_path / "house")) as web:
        key = web.key()
        everything(web)
        web.publish()
        web.house.core.lake.flush(web.house.core.shape)
        web.batch([person("sentinel-8")])
    hashes = [
        digest(value.encode()).hexdigest()
        for value in (USER, EMAIL, COOKIE, PHONE)
        for digest in (hashlib.sha256, hashlib.sha512)
    ]
    raw = [bytes.fromhex(digest) for digest in hashes]
    searched = 0
    for file in (tmp_path / "house").rglob("*"):
        if not file.is_file():
            continue
        searched += 1
        content = file.read_bytes()
        for sentinel in (*SENTINELS, key, *hashes):
            assert sentinel.encode() not in content, (file.name, sentinel)
        assert not any(digest in content for digest in raw), file.name
    assert searched > 10
