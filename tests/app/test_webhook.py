"""A change of consent reaches its receiver: signed, recorded first, never lost.

The receiver is a real server. Whatever it does, ingest and consent go on.
"""

import base64
import hashlib
import hmac
import itertools
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from cdp.app.webhook import (
    Webhook,
    WebhookTarget,
    secret_text,
    signature,
    webhook_secret,
    webhook_target,
)
from cdp.gate import Subject
from cdp.ingest import PersonDecision
from cdp.kernel import FixedClock
from cdp.runtime import SettingError, Settings, StoreUnavailableError
from tests.support.commands import ask, run
from tests.support.house import House, order
from tests.support.process import Running, free_port
from tests.support.receiver import Received, Receiver, receiving

SNIPPET = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def told(tmp_path: Path, receiver: Receiver) -> Iterator[House]:
    """A house whose webhook is carried by hand."""
    house = House(tmp_path / "told", webhook_url=receiver.url, webhook_name="crm")
    house.service.outbox.open()
    yield house
    house.close()


def hook(house: House) -> Webhook:
    assert house.service.webhook is not None
    return house.service.webhook


def slow_hook(house: House, seconds: float) -> Webhook:
    """Return a webhook like the house's, with another deadline."""
    target = webhook_target(house.settings)
    assert target is not None
    return Webhook(
        target,
        outbox=house.service.outbox,
        ring=house.core.ring,
        clock=house.clock,
        deadline_seconds=seconds,
    )


def wait(house: House, seconds: float = 1.0) -> None:
    cast("FixedClock", house.clock).advance(timedelta(seconds=seconds))


def decide(house: House, user: str, **verdicts: str) -> None:
    wait(house)
    subject = Subject(namespace="user_id", value=user)
    house.service.desk.take(
        PersonDecision(
            subject=subject, verdicts=verdicts, jurisdiction="KR", notice="banner-1"
        )
    )


def is_signed(one: Received, secret: str) -> bool:
    """Check a request as its receiver would: the specification, and nothing of ours."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{one.id}.{one.headers['webhook-timestamp']}.".encode() + one.body
    made = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = one.headers["webhook-signature"].split(" ")
    return any(hmac.compare_digest(f"v1,{made}", item) for item in given)


def delivered(house: House) -> int:
    house.core.log.sequence(house.core.database)
    rows = house.rows("SELECT envelope FROM audit_record")
    return sum(b'"kind":"answer.deliver"' in bytes(raw) for (raw,) in rows)


# The form.


def test_a_signature_is_that_of_the_specifications_own_example() -> None:
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signature(
        secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_change_is_sent_with_headers_that_its_receiver_can_check(
    told: House, receiver: Receiver
) -> None:
    decide(told, "u1", analytics="grant")
    assert hook(told).deliver() == 1
    [one] = receiver.got
    secret = secret_text(webhook_secret(told.core.ring, "crm"))
    assert is_signed(one, secret)
    assert not is_signed(one, secret_text(webhook_secret(told.core.ring, "other")))
    assert one.path == "/hook"
    assert one.headers["content-type"] == "application/json"
    assert int(one.headers["webhook-timestamp"]) == int(told.clock.now().timestamp())
    assert one.event["id"] == one.id
    assert one.event["type"] == "consent.changed"
    [change] = one.event["data"]["changes"]
    assert (change["old"]["granted"], change["new"]["granted"]) == (False, True)


def test_the_page_for_receivers_checks_what_is_sent(
    told: House, receiver: Receiver
) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "receive-consent-changes.md"
    [snippet] = SNIPPET.findall(page.read_text())
    theirs: dict[str, Any] = {}
    exec(compile(snippet, "receiver.py", "exec"), theirs)  # noqa: S102 - our page
    cast("FixedClock", told.clock).instant = datetime.now(UTC)  # noqa: TID251 - theirs
    decide(told, "u1", analytics="grant")
    hook(told).deliver()
    [one] = receiver.got
    secret = secret_text(webhook_secret(told.core.ring, "crm"))
    assert theirs["is_ours"](secret, one.headers, one.body)
    assert not theirs["is_ours"](secret, one.headers, one.body + b" ")
    stale = one.headers | {"webhook-timestamp": "1764072000"}
    assert not theirs["is_ours"](secret, stale, one.body)


def test_what_was_taken_is_sent_once(told: House, receiver: Receiver) -> None:
    decide(told, "u1", analytics="grant")
    hook(told).deliver()
    wait(told, 3600)
    assert hook(told).deliver() == 0
    assert len(receiver.got) == 1
    assert told.service.outbox.waiting() == 0


def test_the_record_is_durable_before_the_first_byte_leaves(
    told: House, receiver: Receiver
) -> None:
    seen: list[int] = []
    receiver.on_request = lambda _: seen.append(delivered(told))
    decide(told, "u1", analytics="grant")
    hook(told).deliver()
    assert seen == [1]


def test_what_cannot_be_recorded_is_not_sent(
    tmp_path: Path, receiver: Receiver
) -> None:
    house = House(tmp_path / "full", webhook_url=receiver.url)
    house.service.outbox.open()
    decide(house, "u1", analytics="grant")
    house.service.writer.close()
    with pytest.raises(StoreUnavailableError):
        hook(house).deliver()
    assert receiver.got == []
    house.core.close()


# A receiver that fails.


def test_a_refused_change_is_tried_again_under_its_id(
    told: House, receiver: Receiver
) -> None:
    receiver.answers = [500, 200]
    decide(told, "u1", analytics="grant")
    assert hook(told).deliver() == 0
    wait(told, 2)
    assert hook(told).deliver() == 1
    first, second = receiver.got
    assert first.id == second.id
    assert first.body == second.body
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert delivered(told) == 2


@pytest.mark.parametrize("status", [300, 404, 410, 429, 503])
def test_only_a_2xx_takes_a_change(
    told: House, receiver: Receiver, status: int
) -> None:
    receiver.answers = [status]
    decide(told, "u1", analytics="grant")
    assert hook(told).deliver() == 0
    assert told.service.outbox.waiting() == 1


def test_a_redirect_is_not_followed(told: House, receiver: Receiver) -> None:
    with receiving() as elsewhere:
        receiver.answers, receiver.location = [307], elsewhere.url
        decide(told, "u1", analytics="grant")
        assert hook(told).deliver() == 0
        assert elsewhere.got == []
    assert told.service.outbox.waiting() == 1


def test_a_receiver_that_hangs_is_given_up_at_the_deadline(
    told: House, receiver: Receiver
) -> None:
    receiver.hang()
    decide(told, "u1", analytics="grant")
    begun = time.monotonic()
    assert slow_hook(told, 0.3).deliver() == 0
    assert time.monotonic() - begun < 5
    assert told.service.outbox.waiting() == 1


def test_a_receiver_that_is_down_is_asked_ever_more_rarely(
    tmp_path: Path,
) -> None:
    dead = f"http://127.0.0.1:{free_port()}/"
    house = House(tmp_path / "down", webhook_url=dead)
    house.service.outbox.open()
    for user in range(5):
        decide(house, f"u{user}", analytics="grant")
    asked: list[float] = []
    webhook, start = hook(house), house.clock.now()
    for _ in range(3 * 3600):
        before = delivered_rows(house)
        webhook.deliver()
        if delivered_rows(house) != before:
            asked.append((house.clock.now() - start).total_seconds())
        if len(asked) >= 12:
            break
        wait(house)
    pauses = [after - before for before, after in itertools.pairwise(asked)]
    assert pauses[:4] == [1, 2, 4, 8]
    assert max(pauses) <= 301
    assert house.service.outbox.waiting() == 5
    house.close()


def delivered_rows(house: House) -> int:
    """How many records there are, without sequencing."""
    return int(house.rows("SELECT count(*) FROM audit_record")[0][0])


def test_a_receiver_that_comes_back_gets_everything_in_order(
    told: House, receiver: Receiver
) -> None:
    receiver.answers = [503] * 3
    for verdict in ("grant", "deny", "grant"):
        decide(told, "u1", analytics=verdict)
    decide(told, "u2", analytics="grant")
    for _ in range(40):
        hook(told).deliver()
        wait(told)
    assert told.service.outbox.waiting() == 0
    taken = receiver.got[3:]
    by_subject: dict[str, list[bool]] = {}
    for one in taken:
        [change] = one.event["data"]["changes"]
        said = by_subject.setdefault(one.event["data"]["subject"], [])
        said.append(change["new"]["granted"])
    assert sorted(by_subject.values(), key=len) == [[True], [True, False, True]]
    seqs = [one.event["data"]["seq"] for one in taken]
    assert len(set(seqs)) == 4


def test_one_change_that_is_always_refused_holds_up_its_own_subject_alone(
    told: House, receiver: Receiver
) -> None:
    decide(told, "u1", analytics="grant")
    hook(told).deliver()
    refused = receiver.got[0].event["data"]["subject"]
    real = receiver.on_request

    def refuse(one: Received) -> None:
        real(one)
        if one.event["data"]["subject"] == refused:
            raise ConnectionAbortedError  # hangs up on it

    receiver.on_request = refuse
    decide(told, "u1", analytics="deny")
    decide(told, "u1", analytics="grant")
    for user in ("u2", "u3"):
        decide(told, user, analytics="grant")
    for _ in range(20):
        hook(told).deliver()
        wait(told)
    others = {
        one.event["data"]["subject"]
        for one in receiver.got
        if one.event["data"]["subject"] != refused
    }
    assert len(others) == 2
    assert told.service.outbox.waiting() == 2


def test_a_hanging_receiver_holds_up_neither_consent_nor_ingest(
    told: House, receiver: Receiver
) -> None:
    receiver.hang()
    decide(told, "u1", analytics="grant")
    carrying = threading.Thread(target=slow_hook(told, 20.0).deliver)
    carrying.start()
    deadline = time.monotonic() + 10
    while not receiver.got and time.monotonic() < deadline:
        time.sleep(0.01)
    assert receiver.got
    begun = time.monotonic()
    decide(told, "u1", analytics="deny")
    assert told.post("shop", [order("m1", user="u9")])["okEvents"] == 1
    assert time.monotonic() - begun < 5
    assert carrying.is_alive()
    receiver.released.set()
    carrying.join()


# Crashes.


def test_a_change_that_left_and_was_not_removed_comes_again_under_its_id(
    told: House, receiver: Receiver
) -> None:
    """As after a crash between the receiver's answer and the removal."""
    decide(told, "u1", analytics="grant")
    [message] = told.service.outbox.take(10)
    httpx.post(receiver.url, headers={"webhook-id": message.id}, trust_env=False)
    assert hook(told).deliver() == 1
    assert receiver.ids == [message.id, message.id]


def test_a_change_survives_a_kill_between_its_commit_and_its_sending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    ask("init", "--data", data)
    words = ("--role", "consent_manager", "--purpose", "service", "--data", data)
    client = ask("client", "add", "manager", *words)
    port = free_port()
    monkeypatch.setenv("CDP_WEBHOOK_URL", f"http://127.0.0.1:{port}/hook")
    running = Running(data).start()
    with httpx.Client(base_url=running.url, trust_env=False, timeout=30) as http:
        form = {
            "grant_type": "client_credentials",
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
        }
        token = http.post("/oauth/token", data=form).json()["access_token"]
        answer = http.post(
            "/v1/consent",
            headers={"Authorization": f"Bearer {token}"},
            json={
                "identifier": {"namespace": "user_id", "value": "u1"},
                "purposes": {"analytics": "grant"},
                "jurisdiction": "KR",
                "notice": "banner-1",
            },
        )
        assert answer.status_code == 200, answer.text
        assert "cdp_webhook_waiting 1.0" in http.get("/metrics").text
    running.kill()
    with sqlite3.connect(data / "store.db") as store:
        [(waiting,)] = store.execute("SELECT lower(hex(id)) FROM consent_outbox")
    secret = ask("webhook", "secret", "--data", data)["secret"]
    with receiving(port) as receiver:
        with Running(data):
            wait_for(receiver, 1)
        [one] = receiver.got
    assert one.id == f"evt_{waiting}"
    assert is_signed(one, secret)
    with sqlite3.connect(data / "store.db") as store:
        assert store.execute("SELECT count(*) FROM consent_outbox").fetchone() == (0,)


def wait_for(receiver: Receiver, count: int) -> None:
    deadline = time.monotonic() + 30
    while len(receiver.got) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(receiver.got) >= count


# The address.


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example/hook?token=t",
        "https://crm.example:8443/",
        "https://[2001:db8::1]/",
        "http://127.0.0.1:9000/hook",
        "http://127.8.8.8/",
        "http://[::1]:9000/",
        "http://localhost:9000/",
    ],
)
def test_an_address_is_https_or_on_this_machine(url: str) -> None:
    assert webhook_target(Settings(webhook_url=url)) == WebhookTarget(
        url=url, name="webhook"
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example/hook",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://169.254.169.254/",
        "http://localhost.evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://2130706433/",
        "ftp://crm.example/",
        "file:///etc/hostname",
        "unix:///run/x",
        "//crm.example/",
        "crm.example",
        "https://",
        "https:///hook",
        "https://user@crm.example/",
        "https://user:secret@crm.example/",
        "https://crm.example/#here",
        "https://crm.example:99999/",
        "https://crm.example:port/",
        "https://[::1/",
        "https://crm.example\x00/",
    ],
)
def test_any_other_address_is_refused_without_being_printed(url: str) -> None:
    with pytest.raises(SettingError) as refused:
        webhook_target(Settings(webhook_url=url))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "a b", "é", "-crm", "a/b", "a" * 65])
def test_a_name_that_is_no_code_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match="CDP_WEBHOOK_NAME"):
        webhook_target(Settings(webhook_url="https://a.example/", webhook_name=name))


def test_nobody_is_told_unless_an_address_is_set(house: House) -> None:
    assert house.service.webhook is None


def test_a_target_does_not_print_its_address() -> None:
    target = WebhookTarget(url="https://a.example/?token=secret", name="crm")
    assert "secret" not in repr(target)


def test_proxies_of_the_environment_are_not_used(
    told: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        decide(told, "u1", analytics="grant")
        assert hook(told).deliver() == 1
        assert proxy.got == []
    assert len(receiver.got) == 1


# The command.


def test_the_secret_is_printed_and_that_is_a_record(tmp_path: Path) -> None:
    data = tmp_path / "data"
    ask("init", "--data", data)
    first = ask("webhook", "secret", "--data", data)
    assert run("webhook", "secret", "--data", data).out == first["secret"] + "\n"
    assert first["name"] == "webhook"
    assert len(base64.b64decode(first["secret"].removeprefix("whsec_"))) == 32
    with sqlite3.connect(data / "store.db") as store:
        records = [raw for (raw,) in store.execute("SELECT envelope FROM audit_record")]
    said = [raw for raw in records if b'"rule":"webhook.secret"' in raw]
    assert len(said) == 2
    assert all(b'"kind":"access.change"' in raw for raw in said)


def test_names_have_secrets_of_their_own(house: House) -> None:
    secrets: list[Any] = [webhook_secret(house.core.ring, name) for name in "ab"]
    assert len({*secrets}) == 2
    assert webhook_secret(house.core.ring, "a") == secrets[0]
