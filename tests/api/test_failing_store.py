"""A store that cannot write: 503, nothing half-written, and no data leaves.

SQLite itself is told that its file may not grow, or may not be written; PostgreSQL that
another session holds what every writer takes first. Nothing is replaced by a double.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import event

from tests.support.house import House, order
from tests.support.web import Web, is_error, still_house

WHY = {"reason_code": "access_request"}
PERSON = {"namespace": "user_id", "value": "u1"}


@contextmanager
def each_connection(house: House, statement: str) -> Iterator[None]:
    """Say ``statement`` first on every connection to the store; forget it after."""
    engine = house.core.database.engine

    def say(raw: Any, _record: object) -> None:
        raw.execute(statement)
        raw.commit()

    event.listen(engine, "connect", say)
    engine.dispose()
    try:
        yield
    finally:
        event.remove(engine, "connect", say)
        engine.dispose()


@contextmanager
def full_disk(house: House) -> Iterator[None]:
    """Let the store's file have no page more than it has now."""
    [(pages,)] = house.rows("PRAGMA page_count")
    with each_connection(house, f"PRAGMA max_page_count={pages}"):
        yield


@contextmanager
def read_only_disk(house: House) -> Iterator[None]:
    """Let nothing be written, as after an error of the disk."""
    with each_connection(house, "PRAGMA query_only=ON"):
        yield


def is_unavailable(answer: httpx.Response) -> bool:
    seconds = int(answer.headers["retry-after"])
    return is_error(answer, 503, "store.unavailable") and 1 <= seconds <= 300


def many(start: str) -> list[dict[str, Any]]:
    """More than fits into the pages that are there."""
    return [
        order(f"{start}-{number}", user=f"{start}-{number}", event="x" * 150)
        for number in range(400)
    ]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with Web(still_house(tmp_path / "house")) as web:
        web.batch([order("first", user="u1")])
        yield web


def test_a_full_disk_keeps_nothing_of_a_batch_and_a_resend_keeps_all(web: Web) -> None:
    before = web.stored()
    with full_disk(web.house):
        assert is_unavailable(web.batch(many("full")))
        assert web.stored() == before
        assert is_unavailable(web.batch(many("full")))
    assert web.stored() == before
    answer = web.batch(many("full"))
    assert (answer.status_code, answer.json()["okEvents"]) == (200, 400)
    after = web.stored()
    assert after["lake_inbox"] == before["lake_inbox"] + 400
    assert after["audit_record"] == before["audit_record"] + 1
    web.publish()
    assert web.house.core.log.verify(web.house.core.database).ok


def test_a_request_that_fails_does_not_take_its_neighbours_along(web: Web) -> None:
    with full_disk(web.house):
        statuses = {web.batch(many(f"n{number}")).status_code for number in range(3)}
    assert statuses == {503}
    assert web.batch([order("after", user="u1")]).json()["ok"] is True


def calls(web: Web) -> dict[str, Any]:
    """One call of each kind that gives something away, ready to be made."""
    client = web.client
    job = web.bearer("segmentation", "segmentation")
    officer = web.bearer("compliance", "compliance")
    manager = web.bearer("consent_manager", "service")
    client_id, secret = web.house.client("late", "segmentation", "segmentation")
    decision = {"identifier": PERSON, "purposes": {"analytics": "deny"}}
    asked = {"identifier": PERSON, "purpose": "analytics"}
    form = {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": secret,
    }
    return {
        "events": lambda: web.batch([order("late", user="u1")]),
        "release": lambda: client.get("/v1/releases/rfm", headers=job),
        "denied release": lambda: client.get("/v1/releases/rfm", headers=officer),
        "unknown release": lambda: client.get("/v1/releases/no", headers=job),
        "decision": lambda: client.post("/v1/consent", json=decision, headers=manager),
        "query": lambda: client.post("/v1/consent/query", json=asked, headers=manager),
        "explain": lambda: client.post(
            "/v1/consent/explain", json=asked, headers=manager
        ),
        "log": lambda: client.get("/v1/audit/records", params=WHY, headers=officer),
        "subject": lambda: client.post(
            "/v1/audit/subject",
            params=WHY,
            json={"identifier": PERSON},
            headers=officer,
        ),
        "sign in": lambda: client.post("/oauth/token", data=form),
    }


def test_without_a_record_no_data_leaves(web: Web) -> None:
    made = calls(web)
    assert made["release"]().status_code == 200
    before = web.stored()
    with read_only_disk(web.house):
        for name, call in made.items():
            assert is_unavailable(call()), name
        assert web.client.get("/health").status_code == 200
    assert web.stored() == before
    for name, call in made.items():
        assert call().status_code in (200, 403, 404), name


def test_a_key_that_cannot_be_saved_is_not_used(web: Web) -> None:
    """The first pull of a domain makes its key; without a place for it nothing goes."""
    headers = web.bearer("segmentation", "segmentation")
    folder = web.house.settings.keys.parent  # type: ignore[union-attr] # it was given
    away = folder.with_name("away")
    folder.rename(away)
    try:
        answer = web.client.get("/v1/releases/rfm", headers=headers)
        assert is_unavailable(answer)
        assert str(folder) not in answer.text
    finally:
        away.rename(folder)
    assert web.client.get("/v1/releases/rfm", headers=headers).status_code == 200


def test_postgresql_that_does_not_come_free_is_unavailable(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    uri = str(request.getfixturevalue("postgres"))
    with psycopg.connect(uri, autocommit=True) as own:
        own.execute("DROP SCHEMA IF EXISTS held CASCADE")
        own.execute("CREATE SCHEMA held")
    search = "options=-csearch_path%3Dheld%20-clock_timeout%3D300"
    store = f"{uri}{'&' if '?' in uri else '?'}{search}"
    with Web(still_house(tmp_path / "house", store=store)) as web:
        web.batch([order("first", user="u1")])
        made = calls(web)
        before = web.stored()
        with psycopg.connect(uri) as other:
            other.execute("SELECT * FROM held.counter FOR UPDATE")
            for name in ("events", "release", "decision", "log"):
                assert is_unavailable(made[name]()), name
            other.rollback()
        assert web.stored() == before
        for name in ("events", "release", "decision", "log"):
            assert made[name]().status_code == 200, name
