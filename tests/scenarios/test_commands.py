"""The operator's commands on a data folder, with a service on it and without one."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cdp.app import SHIPPED_POLICIES
from tests.support.commands import ask, run
from tests.support.house import order
from tests.support.process import Running, command


class Folder:
    """An initialized data folder; ``service`` runs on it, or None."""

    def __init__(self, data: Path, keys: Path, service: Running | None) -> None:
        self.data = data
        self.keys = keys
        self.service = service

    def post(self, *requests: tuple[list[dict[str, Any]], str]) -> list[httpx.Response]:
        """Send batches to the running service, or to one that runs for these alone."""
        if self.service is None:
            with Running(self.data) as service:
                return [send(service, items, key) for items, key in requests]
        return [send(self.service, items, key) for items, key in requests]


def send(service: Running, items: list[dict[str, Any]], key: str) -> httpx.Response:
    with httpx.Client(base_url=service.url, trust_env=False, timeout=30) as client:
        return client.post(
            "/v1/batch", json={"batch": items}, headers={"X-Write-Key": key}
        )


def orders(start: str, count: int) -> list[dict[str, Any]]:
    # Without a time of its own: the clock here is the machine's.
    return [
        order(f"{start}-{number}", user=f"u{number % 7}", timestamp=None)
        for number in range(count)
    ]


@pytest.fixture(params=["alone", "beside a service"])
def folder(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Folder]:
    monkeypatch.setenv("CDP_FLUSH_SECONDS", "3600")
    data, keys = tmp_path / "data", tmp_path / "keys" / "ring.json"
    made = ask("init", "--data", data, "--keys", keys)
    assert made["data"] == str(data)
    assert made["keys"] == str(keys)
    if request.param == "alone":
        yield Folder(data, keys, None)
        return
    with Running(data) as service:
        yield Folder(data, keys, service)


def test_the_commands_of_a_days_work(folder: Folder) -> None:
    at = ("--data", folder.data)
    shop = ("source", "add", "shop", "--kind", "server", "--jurisdiction", "KR")
    key = ask(*shop, *at)["write_key"]
    assert len(key) >= 32
    assert ":" not in key
    job = ("client", "add", "job", "--role", "segmentation", "--purpose")
    made = ask(*job, "segmentation", *at)
    assert set(made) >= {"client_id", "client_secret"}
    listed = ask("source", "list", *at)["rows"]
    assert [(row["name"], row["state"]) for row in listed] == [("shop", "active")]
    assert key not in json.dumps(listed)
    assert made["client_secret"] not in run("client", "list", *at).out

    # What was added counts at once, also for a service that runs already.
    [answer] = folder.post((orders("day", 30), key))
    assert answer.json()["okEvents"] == 30, answer.text
    flushed = ask("lake", "flush", *at)
    assert flushed["moved"] == 30
    assert ask("lake", "flush", *at)["moved"] == 0
    assert run("lake", "compact", *at).status == 0

    rotated = ask("source", "rotate", "shop", *at)["write_key"]
    assert rotated != key
    other = ("source", "add", "other", "--kind", "public")
    revoked = ask(*other, *at)["write_key"]
    assert run("source", "state", "other", "revoked", *at).status == 0
    answers = folder.post(([], key), ([], rotated), (orders("late", 1), revoked))
    assert [answer.status_code for answer in answers] == [200, 200, 401]

    migrated = ask("migrate", *at)
    assert migrated["from"] == migrated["to"]
    assert ask("audit", "publish", *at)["published_here"] is (folder.service is None)
    # A service publishes within a second or so.
    verified = ask("audit", "verify", *at)
    deadline = time.monotonic() + 20
    while verified["size"] < 5 and time.monotonic() < deadline:
        time.sleep(0.2)
        verified = ask("audit", "verify", *at)
    assert verified["ok"] is True
    assert verified["size"] >= 5
    assert ask("audit", "verify", "--files-only", *at)["ok"] is True


def test_a_refusal_is_one_line_with_its_code(folder: Folder) -> None:
    at = ("--data", folder.data)
    shop = ("source", "add", "shop", "--kind", "server", "--jurisdiction")
    assert run(*shop, "KR", *at).status == 0
    refusals = [
        ((*shop, "KR", *at), "auth.name_taken"),
        ((*shop, "Atlantis", *at), "KR"),
        (("source", "add", "No Name", "--kind", "public", *at), "auth.invalid_entry"),
        (("source", "add", "x", "--kind", "secret", *at), "public"),
        (("source", "state", "nobody", "revoked", *at), "auth.unknown_name"),
        (
            ("client", "add", "x", "--role", "king", "--purpose", "service", *at),
            "segmentation",
        ),
        (
            ("client", "add", "x", "--role", "operator", "--purpose", "fun", *at),
            "segmentation",
        ),
        (("init", *at, "--keys", folder.keys), "folder.unusable"),
        (("lake", "flush", "--data", folder.data / "no"), "folder.unusable"),
        (("audit", "verify", "--data", folder.data / "no"), "folder.unusable"),
        (
            ("source", "list", *at, "--keys", folder.keys.with_name("no.json")),
            "keys.ring_missing",
        ),
    ]
    for words, said in refusals:
        done = run(*words)
        assert done.status == 2, words
        assert said in done.err.replace("\n", " "), words
        assert "Traceback" not in done.err


def test_a_flipped_byte_in_any_file_of_the_log_is_found_by_its_index(
    tmp_path: Path,
) -> None:
    data, keys = tmp_path / "data", tmp_path / "keys" / "ring.json"
    assert run("init", "--data", data, "--keys", keys).status == 0
    at = ("--data", data)
    for number in range(4):
        name = f"source-{number}"
        assert run("source", "add", name, "--kind", "public", *at).status == 0
    size = ask("audit", "verify", *at)["size"]
    files = [
        data / "log" / "tile" / "0" / "000.p" / str(size),
        data / "log" / "tile" / "entries" / "000.p" / str(size),
        data / "log" / "checkpoint",
    ]
    for file in files:
        whole = file.read_bytes()
        for place in (len(whole) // 2, len(whole) - 2):
            changed = bytearray(whole)
            changed[place] ^= 0x01
            file.write_bytes(changed)
            done = run("audit", "verify", *at, "--json")
            assert done.status == 1, (file, place)
            assert json.loads(done.out)["ok"] is False
            if file.name != "checkpoint":
                index = place // 32 if file.parts[-3] == "0" else None
                assert "bad" in done.err
                assert index is None or str(index) in done.err, done.err
        file.write_bytes(whole)
    assert run("audit", "verify", *at).status == 0


def test_a_broken_policy_is_named_and_nothing_starts(tmp_path: Path) -> None:
    assert ask("policy", "check")["releases"] == ["rfm"]
    broken = tmp_path / "policies"
    broken.mkdir()
    for file in SHIPPED_POLICIES.rglob("*"):
        if file.is_file():
            copy = broken / file.relative_to(SHIPPED_POLICIES)
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(file.read_bytes())
    text = (broken / "releases.yaml").read_text(encoding="utf-8")
    line = text.splitlines().index("k: 20") + 1
    (broken / "releases.yaml").write_text(
        text.replace("k: 20", "k: twenty"), encoding="utf-8"
    )
    done = run("policy", "check", "--policies", broken)
    assert done.status == 1
    assert f"releases.yaml:{line}: " in done.err.replace("\n", "")
    data, keys = tmp_path / "data", tmp_path / "keys" / "ring.json"
    refused = run("init", "--data", data, "--keys", keys, "--policies", broken)
    assert refused.status == 2
    assert not data.exists()
    assert run("init", "--data", data, "--keys", keys).status == 0
    serve = command("serve", "--data", data, "--policies", broken, "--port", "0")
    assert serve.returncode == 2
    assert f"releases.yaml:{line}: " in serve.stderr.replace("\n", "")
    assert "Traceback" not in serve.stderr
