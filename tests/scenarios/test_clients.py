"""Unmodified client libraries against a running service: nothing lost, nothing twice.

The libraries are those that trackers install; they batch, compress, retry and sign in
as they do anywhere.
"""

import gc
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from tests.support.commands import ask
from tests.support.house import YES
from tests.support.process import Running

CONSENT = {"consent": {"categoryPreferences": YES}}


class Library(Protocol):
    """What the two libraries have in common."""

    def identify(self, user_id: str, **more: Any) -> object: ...
    def track(self, user_id: str, event: str, **more: Any) -> object: ...
    def page(self, user_id: str, **more: Any) -> object: ...
    def alias(self, previous_id: str, user_id: str, **more: Any) -> object: ...
    def group(self, user_id: str, group_id: str, **more: Any) -> object: ...
    def flush(self) -> None: ...
    def join(self) -> None: ...


class Tracker:
    """One library with its source; ``errors`` are what it gave up on."""

    def __init__(self, name: str, service: Running, write_key: str) -> None:
        self.name = name
        self.errors: list[Exception] = []
        given: dict[str, Any] = {
            "host": service.url,
            "on_error": self._failed,
            "upload_interval": 0.1,
            "timeout": 10,
        }
        self.library: Library = library(name)(write_key, **given)
        self._sent = 0

    def _failed(self, error: Exception, _items: object) -> None:
        self.errors.append(error)

    def flush(self) -> None:
        """Deliver what waits; a library that never comes back fails the test."""
        waiting = threading.Thread(target=self.library.flush, daemon=True)
        waiting.start()
        waiting.join(timeout=60)
        assert not waiting.is_alive()

    def finish(self) -> None:
        """Deliver what waits, then end the library's threads."""
        self.flush()
        self.library.join()

    def one_of_each(self, user: str) -> int:
        """Send each kind of call once; return how many."""
        send = self.library
        traits = {"email": f"{user}@mail.kr", "age_band": "35-44"}
        send.identify(user, traits=traits, context=dict(CONSENT))
        properties = {"revenue": 12.5, "products": [{"category": "MILK"}]}
        send.track(user, "Order Completed", properties=properties, context=CONSENT)
        send.page(user, name="Home", context=dict(CONSENT))
        send.alias(f"{user}-before", user, context=dict(CONSENT))
        send.group(user, "a household", context=dict(CONSENT))
        return 5


def library(name: str) -> Any:
    """Return the client class of a library."""
    if name == "segment":
        from segment.analytics.client import (  # type: ignore[import-untyped] # noqa: PLC0415 - no types; each by its own name
            Client,
        )
    else:
        from rudderstack.analytics.client import (  # type: ignore[import-untyped] # noqa: PLC0415 - no types; each by its own name
            Client,
        )
    return Client


class Shop:
    """A running service with a source for each test and an operator who counts."""

    def __init__(self, root: Path) -> None:
        self.data = root / "data"
        ask("init", "--data", self.data, "--keys", root / "keys" / "ring.json")
        self.operator = self.client("operator", "operator", "operations")
        self.service = Running(self.data).start()

    def client(self, name: str, role: str, purpose: str) -> dict[str, Any]:
        words = ("client", "add", name, "--role", role, "--purpose", purpose)
        return ask(*words, "--data", self.data)

    def tracker(self, library_name: str, source: str) -> Tracker:
        made = ask(
            "source", "add", source, "--kind", "server", "--jurisdiction", "KR",
            "--data", self.data,
        )  # fmt: skip
        return Tracker(library_name, self.service, made["write_key"])

    def counts(self, source: str) -> dict[str, Any]:
        with httpx.Client(base_url=self.service.url, trust_env=False) as client:
            form = {
                "grant_type": "client_credentials",
                "client_id": self.operator["client_id"],
                "client_secret": self.operator["client_secret"],
            }
            token = client.post("/oauth/token", data=form).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            answer = client.get("/v1/ingest/counts", headers=headers)
        found: dict[str, Any] = answer.json()["sources"][source]
        return found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NO_PROXY", "127.0.0.1")
        environment.setenv("no_proxy", "127.0.0.1")
        shop = Shop(tmp_path_factory.mktemp("shop"))
        yield shop
        assert shop.service.stop() == 0
    with warnings.catch_warnings():
        # The libraries leave the sockets of their sessions to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


both = pytest.mark.parametrize("name", ["segment", "rudder"])


@both
def test_each_kind_of_call_is_taken_once(shop: Shop, name: str) -> None:
    tracker = shop.tracker(name, f"{name}-kinds")
    sent = sum(tracker.one_of_each(f"{name}-user-{number}") for number in range(30))
    tracker.finish()
    assert tracker.errors == []
    counts = shop.counts(f"{name}-kinds")
    assert counts == {
        "accepted": sent,
        "quarantined": 0,
        "deduplicated": 0,
        "refused": {},
    }


@both
def test_one_bad_event_does_not_cost_its_batch(shop: Shop, name: str) -> None:
    tracker = shop.tracker(name, f"{name}-bad")
    send = tracker.library
    for number in range(10):
        send.track("u1", f"Event {number}", context=CONSENT)
    send.track("u1", "", context=CONSENT)
    send.group("u1", " ", context=dict(CONSENT))
    for number in range(10):
        send.track("u1", f"Event {number}", context=CONSENT)
    tracker.finish()
    assert tracker.errors == []
    counts = shop.counts(f"{name}-bad")
    assert counts["accepted"] == 20
    assert counts["refused"] == {
        "ingest.missing_event": 1,
        "ingest.missing_group": 1,
    }


@both
def test_the_same_batch_twice_counts_once(shop: Shop, name: str) -> None:
    tracker = shop.tracker(name, f"{name}-twice")
    for _ in range(2):
        for number in range(10):
            tracker.library.track(
                "u1", "Order Completed", context=CONSENT, message_id=f"m{number}"
            )
        tracker.flush()
    tracker.finish()
    assert tracker.errors == []
    counts = shop.counts(f"{name}-twice")
    assert (counts["accepted"], counts["deduplicated"]) == (10, 10)


@both
def test_a_bare_nan_does_not_cost_the_batch(shop: Shop, name: str) -> None:
    tracker = shop.tracker(name, f"{name}-nan")
    send = tracker.library
    for value in (1.0, float("nan"), float("inf"), -float("inf"), 2.0):
        properties = {"revenue": value, "nested": [value]}
        send.track("u1", "Order Completed", properties=properties, context=CONSENT)
    tracker.finish()
    assert tracker.errors == []
    assert shop.counts(f"{name}-nan")["accepted"] == 5


@both
def test_a_restart_in_between_loses_nothing_and_repeats_nothing(
    shop: Shop, name: str
) -> None:
    tracker = shop.tracker(name, f"{name}-restart")
    send = tracker.library
    stop = threading.Event()
    sent = 0

    def keep_sending() -> None:
        nonlocal sent
        while not stop.is_set():
            send.track("u1", "Order Completed", context=CONSENT)
            sent += 1
            time.sleep(0.005)

    sender = threading.Thread(target=keep_sending)
    sender.start()
    time.sleep(0.5)
    assert shop.service.stop() == 0
    time.sleep(0.3)
    shop.service.start()
    time.sleep(0.3)
    stop.set()
    sender.join()
    tracker.finish()
    assert tracker.errors == []
    counts = shop.counts(f"{name}-restart")
    assert counts["accepted"] == sent > 0
    assert counts["refused"] == {}


@both
def test_a_revoked_key_is_told_and_the_client_gives_up(shop: Shop, name: str) -> None:
    tracker = shop.tracker(name, f"{name}-revoked")
    send = tracker.library
    send.track("u1", "Order Completed", context=CONSENT)
    tracker.flush()
    ask("source", "state", f"{name}-revoked", "revoked", "--data", shop.data)
    send.track("u1", "Order Completed", context=CONSENT)
    tracker.finish()
    [error] = tracker.errors
    assert getattr(error, "code", "") == "ingest.key_unknown"
    assert getattr(error, "status", 0) == 401
    assert shop.counts(f"{name}-revoked")["accepted"] == 1
