"""``cdp consent`` on a data folder, with a service on it and without one."""

import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

from tests.support.commands import Done, ask, run
from tests.support.house import order
from tests.support.process import Running

COOKIE = "0a1b2c3d-0000-4000-8000-00000000abcd"
BASIS = ("--basis", "PIPA 22, forms of 2024", "--operator", "kim")
MEMBER = "member-4711"


class Folder:
    """An initialized data folder; ``service`` runs on it, or None."""

    def __init__(self, data: Path, service: Running | None) -> None:
        self.data = data
        self.service = service
        self.at = ("--data", data)

    def post(self, items: list[dict[str, Any]], key: str) -> None:
        """Send a batch to the service, or to one that runs for it alone."""
        if self.service is None:
            with Running(self.data) as service:
                send(service, items, key)
        else:
            send(self.service, items, key)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Read the store with a query of the test's own."""
        engine = create_engine(f"sqlite+pysqlite:///{self.data}/store.db")
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(query))]
        finally:
            engine.dispose()


def send(service: Running, items: list[dict[str, Any]], key: str) -> None:
    with httpx.Client(base_url=service.url, trust_env=False, timeout=30) as client:
        answer = client.post(
            "/v1/batch", json={"batch": items}, headers={"X-Write-Key": key}
        )
        assert answer.json()["okEvents"] == len(items), answer.text


@pytest.fixture(params=["alone", "beside a service"])
def folder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Folder]:
    monkeypatch.setenv("CDP_FLUSH_SECONDS", "3600")
    data = new_folder(tmp_path)
    if request.param == "alone":
        yield Folder(data, None)
        return
    with Running(data) as service:
        yield Folder(data, service)


@pytest.fixture
def alone(tmp_path: Path) -> Folder:
    return Folder(new_folder(tmp_path), None)


def new_folder(root: Path) -> Path:
    data = root / "data"
    ask("init", "--data", data, "--keys", root / "keys" / "ring.json")
    return data


def person(value: str, namespace: str = "user_id") -> str:
    return json.dumps({"namespace": namespace, "value": value})


def said_to(monkeypatch: pytest.MonkeyPatch, given: str, *words: str | Path) -> Done:
    """Run a command that reads ``given`` from standard input."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    return run(*words)


def write(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text(
        "".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8"
    )
    return path


def records(folder: Folder, part: str) -> int:
    """Return how many records of the log hold ``part`` in their envelope."""
    rows = folder.rows("SELECT CAST(envelope AS TEXT) FROM audit_record")
    return sum(part in envelope for (envelope,) in rows)


def line(value: str, said: str = "grant", **more: object) -> dict[str, Any]:
    return {
        "namespace": "user_id",
        "value": value,
        "decided_at": "2026-01-02T09:00:00+09:00",
        "purposes": {"segmentation": said},
        "jurisdiction": "EU",
    } | more


def test_an_import_is_explained_and_verified(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(
        tmp_path / "old.ndjson",
        line(MEMBER, decided_at="2026-01-01T09:00:00+09:00"),
        line(MEMBER, "deny"),
        line("member-2", form="join-3"),
    )
    dry = ask("consent", "import", file, *BASIS, "--dry-run", *folder.at)
    assert dry == {"lines": 3, "good": 3, "bad": {}, "remarks": {}}
    assert folder.rows("SELECT * FROM consent_signal") == []
    done = ask("consent", "import", file, *BASIS, *folder.at)
    assert (done["appended"], done["repeated"], done["people"]) == (3, 0, 2)
    again = ask("consent", "import", file, *BASIS, *folder.at)
    assert (again["appended"], again["repeated"], again["people"]) == (0, 3, 0)
    assert folder.rows("SELECT count(*) FROM consent_signal") == [(3,)]

    words = ("consent", "explain", "--purpose", "segmentation", "--stdin")
    told = said_to(monkeypatch, person(MEMBER), *words, "--json", *folder.at).said
    assert told["state"]["granted"] is False
    assert told["state"]["reason"] == "consent.withdrawn"
    assert told["winner"]["carrier"] == "import"
    assert told["winner"]["rank"] == 6
    assert [(lost["grants"], lost["lost"]) for lost in told["losers"]] == [
        (True, "older")
    ]
    assert len(told["record"]) == 36

    checked = ask("consent", "verify", *folder.at)
    assert checked["ok"] is True
    assert (checked["handles"], checked["profiles"], checked["drifts"]) == (2, 2, [])


def test_the_page_says_in_both_languages_what_decided_and_what_lost(
    alone: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(
        tmp_path / "old.ndjson",
        line(MEMBER, decided_at="2026-01-01T09:00:00+09:00"),
        line(MEMBER, "deny"),
    )
    assert run("consent", "import", file, *BASIS, *alone.at).status == 0
    words = ("consent", "explain", "--purpose", "segmentation", "--stdin")
    english = said_to(monkeypatch, person(MEMBER), *words, *alone.at)
    assert english.status == 0, english.err
    flat = " ".join(english.out.split())
    for part in (
        "DENIED",
        "segmentation (Customer segmentation)",
        "consent.withdrawn",
        "R18: Withdrawing is as easy as giving",
        "GDPR 7(3)",
        "denial, 2026-01-02T00:00:00+00:00, import, rank 6",
        "What did not decide",
        "older",
        "record",
    ):
        assert part in flat, part
    korean = said_to(monkeypatch, person(MEMBER), *words, "--lang", "ko", *alone.at)
    flat = " ".join(korean.out.split())
    for part in (
        "거부",
        "고객 세분화",
        "동의 철회",
        "일괄 등록",
        "순위 6",
        "기록 번호",
    ):
        assert part in flat, part
    for done in (english, korean):
        assert MEMBER not in done.out + done.err


def test_the_person_is_asked_for_and_never_an_argument(
    alone: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("consent", "explain", "--purpose", "analytics", "--json", *alone.at)
    told = said_to(monkeypatch, f"user_id\n{MEMBER}\n", *words)
    assert told.status == 0, told.err
    # The prompts stand on stderr: what is printed is one JSON object.
    assert told.said["state"]["reason"] == "consent.never_asked"
    assert "namespace" in told.err
    refused = run("consent", "explain", MEMBER, "--purpose", "analytics", *alone.at)
    assert refused.status == 2


def test_a_past_state_is_explained_as_it_was_known(
    alone: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "a.ndjson", line(MEMBER))
    assert run("consent", "import", file, *BASIS, *alone.at).status == 0
    words = ("consent", "explain", "--purpose", "segmentation", "--stdin", "--json")
    before = (datetime.now(UTC) - timedelta(hours=1)).isoformat()  # noqa: TID251 - the command's own clock is the machine's
    cases = [
        ((), True),
        (("--at", "2026-01-02T00:00:00Z"), True),
        (("--at", "2026-01-01T23:59:59Z"), False),
        (("--known", before), False),
    ]
    for options, granted in cases:
        told = said_to(monkeypatch, person(MEMBER), *words, *options, *alone.at)
        assert told.said["state"]["granted"] is granted, options


def test_every_look_is_a_record_of_the_operator(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("consent", "explain", "--purpose", "analytics", "--stdin", "--json")
    done = said_to(monkeypatch, person(MEMBER), *words, *folder.at)
    record = done.said["record"]
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not records(folder, "consent.read"):
        time.sleep(0.1)
    assert records(folder, "consent.read") == 1
    assert len(record) == 36
    assert ask("audit", "verify", *folder.at)["ok"] is True


@pytest.mark.parametrize(
    ("given", "words", "said"),
    [
        (person("x"), ("--purpose", "world_domination"), "gate.unknown"),
        (person("x", "shoe"), ("--purpose", "analytics"), "user_id"),
        ("member-4711", ("--purpose", "analytics"), '"namespace"'),
        ('{"namespace": "user_id"}', ("--purpose", "analytics"), '"namespace"'),
        (person("x"), ("--purpose", "analytics", "--at", "today"), "2026-11-25"),
        (person("x"), ("--purpose", "analytics", "--at", "2026-01-01"), "zone"),
        (person("x"), ("--purpose", "analytics", "--intent", "sell"), "send"),
        (person("x"), (), "--purpose"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_without_the_person(
    alone: Folder,
    monkeypatch: pytest.MonkeyPatch,
    given: str,
    words: tuple[str, ...],
    said: str,
) -> None:
    done = said_to(
        monkeypatch, given, "consent", "explain", "--stdin", *words, *alone.at
    )
    assert done.status == 2
    assert said in done.err.replace("\n", " ")
    assert "4711" not in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("intent", ["use", "send", "ask"])
def test_a_question_has_an_intent(
    alone: Folder, monkeypatch: pytest.MonkeyPatch, intent: str
) -> None:
    words = ("consent", "explain", "--purpose", "marketing.email", "--stdin")
    done = said_to(
        monkeypatch, person(MEMBER), *words, "--intent", intent, "--json", *alone.at
    )
    assert done.status == 0, done.err
    # Nobody refused, so the person may be asked; nothing else is open.
    assert done.said["state"]["granted"] is (intent == "ask")


def test_an_import_without_a_basis_is_refused(alone: Folder, tmp_path: Path) -> None:
    file = write(tmp_path / "a.ndjson", line(MEMBER))
    cases = [
        (("--operator", "kim"), "--basis"),
        (("--basis", "PIPA 22"), "--operator"),
        (("--basis", "", "--operator", "kim"), "consent.import"),
        ((*BASIS, "--jurisdiction", "Atlantis"), "jurisdictions"),
    ]
    for options, said in cases:
        done = run("consent", "import", file, *options, *alone.at)
        assert done.status == 2, options
        assert said in done.err, options
    assert alone.rows("SELECT * FROM consent_signal") == []


def test_bad_lines_stop_an_import_and_are_reported_without_a_value(
    alone: Folder, tmp_path: Path
) -> None:
    file = write(
        tmp_path / "a.ndjson",
        line("member-1"),
        line(MEMBER, "maybe"),
        line("member-3", jurisdiction="Atlantis"),
    )
    report = tmp_path / "bad.ndjson"
    stopped = run("consent", "import", file, *BASIS, "--report", report, *alone.at)
    assert stopped.status == 1
    assert "nothing was written" in stopped.err
    found = [json.loads(text) for text in report.read_text().splitlines()]
    assert found == [
        {"line": 2, "field": "purposes", "code": "import.verdict"},
        {"line": 3, "field": "jurisdiction", "code": "import.jurisdiction"},
    ]
    assert alone.rows("SELECT * FROM consent_signal") == []
    told = run("consent", "import", file, *BASIS, "--json", *alone.at)
    assert told.status == 1
    assert told.said["bad"] == {"import.jurisdiction": 1, "import.verdict": 1}
    assert "line 2, purposes: import.verdict" in told.err
    assert "4711" not in told.out + told.err
    done = ask("consent", "import", file, *BASIS, "--skip-bad", *alone.at)
    assert (done["appended"], done["skipped"]) == (1, 2)


def test_a_withdrawal_by_import_closes_what_a_tracker_opened(
    folder: Folder, tmp_path: Path
) -> None:
    shop = ("source", "add", "shop", "--kind", "server", "--jurisdiction", "EU")
    key = ask(*shop, *folder.at)["write_key"]
    yes = order("m1", user=MEMBER, cookie=COOKIE, timestamp=None)
    folder.post([yes, order("m2", user="u2", timestamp=None)], key)
    # The instant is by the machine's clock; the event's own lies a moment before it.
    now = datetime.now(UTC).isoformat()  # noqa: TID251 - the command's own clock is the machine's
    file = write(tmp_path / "a.ndjson", line(MEMBER, "deny", decided_at=now))
    assert ask("consent", "import", file, *BASIS, *folder.at)["people"] == 0
    granted = "SELECT count(*) FROM consent_effective WHERE granted AND scope = "
    bits = dict(folder.rows("SELECT key, ordinal FROM policy_ordinal"))
    assert folder.rows(f"{granted}{bits['segmentation']}") == [(1,)]
    # The running service goes on from there: its own memory of the person is stale.
    folder.post([order("m3", user=MEMBER, cookie=COOKIE, timestamp=None)], key)
    assert folder.rows(f"{granted}{bits['segmentation']}") == [(1,)]
    checked = ask("consent", "verify", *folder.at)
    assert (checked["ok"], checked["handles"]) == (True, 3)


def test_a_row_that_was_touched_is_found_and_named_by_number(
    alone: Folder, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.ndjson", line(MEMBER, "deny"), line("member-2"))
    assert run("consent", "import", file, *BASIS, *alone.at).status == 0
    engine = create_engine(f"sqlite+pysqlite:///{alone.data}/store.db")
    with engine.begin() as connection:
        connection.execute(text("UPDATE consent_effective SET granted = true"))
    engine.dispose()
    done = run("consent", "verify", *alone.at)
    assert done.status == 1
    assert "the ledger comes to consent.denied" in " ".join(done.err.split())
    told = run("consent", "verify", "--json", *alone.at).said
    assert told["ok"] is False
    assert {drift["scope"] for drift in told["drifts"]} >= {"segmentation"}
    handles = {str(row[0]) for row in alone.rows("SELECT handle FROM identifier")}
    assert not any(handle in done.out + done.err for handle in handles)


def test_a_killed_import_leaves_whole_batches_and_goes_on(
    alone: Folder, tmp_path: Path
) -> None:
    count = 12_000
    file = write(tmp_path / "a.ndjson", *(line(f"m-{n:06d}") for n in range(count)))
    words = ["consent", "import", file, *BASIS, *alone.at]
    start = "from cdp.cli import main; main()"
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", start, *map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    signals = "SELECT count(*) FROM consent_signal"
    while process.poll() is None and alone.rows(signals) == [(0,)]:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait(timeout=30) == -signal.SIGKILL
    [(kept,)] = alone.rows(signals)
    assert kept % 2_000 == 0
    assert 0 < kept < count
    assert records(alone, '"import"') == kept // 2_000
    assert ask("consent", "verify", *alone.at)["handles"] == kept
    done = ask("consent", "import", file, *BASIS, *alone.at)
    assert (done["repeated"], done["appended"]) == (kept, count - kept)
    assert alone.rows(signals) == [(count,)]
    assert ask("audit", "verify", *alone.at)["ok"] is True
