"""Each decision has a receipt: fetched by its id, recorded, checked offline."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.commands import ask, run
from tests.support.house import order
from tests.support.web import Web, is_error, still_house

USER = "u-receipt@example.com"


def decide(web: Web, user: str = USER, **more: Any) -> dict[str, Any]:
    body = {
        "identifier": {"namespace": "user_id", "value": user},
        "purposes": {"analytics": "grant"},
        "jurisdiction": "KR",
        "notice": "banner-1",
    }
    answer = web.client.post(
        "/v1/consent",
        json=body | more,
        headers=web.bearer("consent_manager", "service"),
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def fetch(
    web: Web,
    receipt_id: str,
    *,
    role: str = "consent_manager",
    purpose: str = "service",
) -> httpx.Response:
    return web.client.get(
        f"/v1/consent/receipts/{receipt_id}", headers=web.bearer(role, purpose)
    )


def verified(web: Web, raw: bytes, folder: Path) -> dict[str, Any]:
    """Check a file with the command of a stranger, and return what it said."""
    data = web.house.data
    key = ask("consent", "receipt", "key", "--data", data)["keys"][0]
    file = folder / "receipt.json"
    file.write_bytes(raw)
    return ask("consent", "receipt", "verify", file, "--key", key)


def test_a_decision_names_its_receipt_and_the_file_verifies(
    both: Web, tmp_path: Path
) -> None:
    kept = decide(both)
    assert re.fullmatch(r"[0-9a-f]{32}", kept["receipt"])
    answer = fetch(both, kept["receipt"])
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["cache-control"] == "no-store"
    facts = verified(both, answer.content, tmp_path)
    assert facts["ok"] is True
    assert facts["receipt_id"] == kept["receipt"]
    assert facts["analytics"] == "ConsentGiven"


def test_the_receipt_states_the_decision_and_its_place_in_the_log(web: Web) -> None:
    kept = decide(
        web,
        purposes={"analytics": "grant", "linking": "deny"},
        decided_at="2026-11-25T09:00:00+09:00",
    )
    receipt = fetch(web, kept["receipt"]).json()["receipt"]
    record = receipt["record"]
    assert record["audit_record"] == kept["record"]
    assert record["policy"] == web.house.core.in_force.policy.version
    events = {event["purpose"]: event for event in record["events"]}
    assert events["analytics"]["event_time"] == "2026-11-25T00:00:00Z"
    assert events["analytics"]["event_state"] == "ConsentGiven"
    assert events["linking"]["event_state"] == "ConsentRefused"
    assert events["analytics"]["effective"]["granted"] is True
    stated = {one["purpose"]: one for one in record["purposes"]}
    assert stated["analytics"]["lawful_basis"] == "consent"
    assert stated["analytics"]["jurisdiction"] == "KR"
    told = web.house.core.in_force.policy.notices["banner-1"]
    items = [{"pii_type": item} for item in sorted(told.purposes["analytics"].items)]
    assert stated["analytics"]["pii_information"] == items
    assert stated["analytics"]["retention_period"] == "P2Y"
    assert record["privacy_notice"] == {"id": "banner-1", "sha256": told.texts}
    [controller] = record["party_identification"]
    assert controller["party_name"] == "not configured"


def test_without_a_notice_it_states_what_may_be_used_and_that_nothing_opens(
    web: Web,
) -> None:
    kept = decide(web, "u-no-notice", notice=None)
    record = fetch(web, kept["receipt"]).json()["receipt"]["record"]
    assert record["privacy_notice"] is None
    [stated] = record["purposes"]
    assert stated["pii_information"]
    assert stated["retention_period"] is None
    [event] = record["events"]
    assert event["effective"]["reason"] == "consent.notice"
    assert event["validity_duration"] is None


def test_the_controller_comes_from_the_settings(tmp_path: Path) -> None:
    given = {"controller_name": "가나다", "controller_contact": "privacy@example.com"}
    with Web(still_house(tmp_path / "house", **given)) as web:
        kept = decide(web)
        raw = fetch(web, kept["receipt"]).content
        [party] = json.loads(raw)["receipt"]["record"]["party_identification"]
        assert party["party_name"] == "가나다"
        assert verified(web, raw, tmp_path)["ok"] is True


def test_a_withdrawal_has_a_receipt_that_says_so(web: Web) -> None:
    decide(web, "u-withdraws", decided_at="2026-11-25T10:00:00Z")
    kept = decide(web, "u-withdraws", purposes={"analytics": "deny"})
    receipt = fetch(web, kept["receipt"]).json()["receipt"]
    [event] = receipt["record"]["events"]
    assert event["event_state"] == "ConsentWithdrawn"
    assert event["validity_duration"] is None


def test_a_receipt_names_nobody(web: Web) -> None:
    web.batch([order("m-names", user=USER, cookie="c-receipt")])
    kept = decide(web)
    text = fetch(web, kept["receipt"]).text
    assert "u-receipt" not in text
    assert "example.com" not in text
    house = web.house
    for (handle,) in house.rows("SELECT handle FROM handle"):
        assert str(handle) not in text
    for (secret,) in [
        *house.rows("SELECT digest FROM identifier"),
        *house.rows("SELECT profile_id FROM member"),
    ]:
        assert bytes(secret).hex() not in text


def test_two_receipts_of_one_person_have_nothing_in_common(web: Web) -> None:
    subjects, records = set(), set()
    for _ in range(2):
        receipt = fetch(web, decide(web)["receipt"]).json()["receipt"]
        subjects.add(receipt["record"]["pii_principal_id"])
        records.add(receipt["record"]["record_id"])
    assert len(subjects) == len(records) == 2


def test_the_store_holds_a_receipt_sealed(web: Web) -> None:
    kept = decide(web)
    receipt = fetch(web, kept["receipt"]).json()["receipt"]
    subject = receipt["record"]["pii_principal_id"]
    rows = web.house.rows("SELECT id, sealed FROM consent_receipt")
    mine = [sealed for key, sealed in rows if bytes(key).hex() == kept["receipt"]]
    assert len(mine) == 1
    assert all(subject.encode() not in bytes(sealed) for _, sealed in rows)
    assert all(b"receipt_id" not in bytes(sealed) for _, sealed in rows)


# Handing out.


def test_a_look_at_a_receipt_is_a_record_with_the_person_in_it(both: Web) -> None:
    both.batch([order("m-look", user=USER, cookie="c-look")])
    kept = decide(both)
    fetch(both, kept["receipt"])
    [record] = both.records("consent.read", "allowed")
    assert record["envelope"]["rule"] == "receipt"
    device = {"namespace": "cookie", "value": "c-look", "source": "shop"}
    timeline = both.client.post(
        "/v1/audit/subject?reason_code=complaint",
        json={"identifier": device},
        headers=both.bearer("compliance", "compliance"),
    ).json()
    assert record["id"] in [one["id"] for one in timeline["records"]]


@pytest.mark.parametrize(
    "receipt_id", ["0" * 32, "A" * 32, "0" * 31, "x", "%2e%2e", "0" * 4000, "é"]
)
def test_an_id_that_is_none_is_404_and_recorded(web: Web, receipt_id: str) -> None:
    before = len(web.records("consent.read", "denied"))
    answer = fetch(web, receipt_id)
    assert (answer.status_code, answer.json()["code"]) == (404, "gate.unknown")
    denied = web.records("consent.read", "denied")
    assert len(denied) == before + 1
    assert denied[-1]["id"] == answer.json()["record"]
    assert receipt_id not in json.dumps(denied[-1]["envelope"]["rule"])


def test_a_client_without_the_role_is_denied_and_recorded(web: Web) -> None:
    kept = decide(web)
    answer = fetch(web, kept["receipt"], role="segmentation", purpose="segmentation")
    assert (answer.status_code, answer.json()["code"]) == (403, "gate.role")
    assert web.records("consent.read", "denied")[-1]["id"] == answer.json()["record"]


def test_nobody_gets_a_receipt_without_a_token(web: Web) -> None:
    kept = decide(web)
    answer = web.client.get(f"/v1/consent/receipts/{kept['receipt']}")
    assert is_error(answer, 401, "auth.missing_token")


def test_a_decision_that_is_refused_leaves_no_receipt(web: Web) -> None:
    before = web.house.rows("SELECT count(*) FROM consent_receipt")
    answer = web.client.post(
        "/v1/consent",
        json={
            "identifier": {"namespace": "user_id", "value": "u1"},
            "purposes": {"world.domination": "grant"},
        },
        headers=web.bearer("consent_manager", "service"),
    )
    assert answer.status_code == 422
    assert web.house.rows("SELECT count(*) FROM consent_receipt") == before


# The command.


def test_one_flipped_byte_of_any_region_is_exit_status_1(
    web: Web, tmp_path: Path
) -> None:
    raw = fetch(web, decide(web)["receipt"]).content
    key = ask("consent", "receipt", "key", "--data", web.house.data)["keys"][0]
    file = tmp_path / "receipt.json"
    regions = [0, 3, raw.index(b"..") - 1, raw.index(b"..") + 3]
    for name in (b"receipt_id", b"pii_principal_id", b"event_state", b"issued_at"):
        regions += [raw.index(name), raw.index(name) + len(name) + 4]
    regions.append(len(raw) - 1)
    for index in regions:
        changed = bytearray(raw)
        changed[index] ^= 1
        file.write_bytes(changed)
        done = run("consent", "receipt", "verify", file, "--key", key)
        assert done.status == 1, index
        assert "consent.receipt" in done.err
    file.write_bytes(raw)
    assert run("consent", "receipt", "verify", file, "--key", key).status == 0


def test_the_check_needs_no_data_folder_and_another_key_says_no(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = fetch(web, decide(web)["receipt"]).content
    key = run("consent", "receipt", "key", "--data", web.house.data).out.strip()
    file = tmp_path / "receipt.json"
    file.write_bytes(raw)
    monkeypatch.chdir(tmp_path)
    assert ask("consent", "receipt", "verify", file, "--key", key)["ok"] is True
    other = ("A" if key[0] != "A" else "B") + key[1:]
    done = run("consent", "receipt", "verify", file, "--key", other, "--json")
    assert (done.status, done.said) == (1, {"ok": False})
