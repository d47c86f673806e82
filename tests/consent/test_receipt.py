"""A receipt has the public names of TS 27560, names nobody, and shows changed bytes.

The verifier is held to one that knows nothing but JSON, base64 and Ed25519.
"""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from hypothesis import given
from hypothesis import strategies as st

from cdp.consent import (
    BadConsentReceiptError,
    Controller,
    Decided,
    NoticeShown,
    PurposeDecided,
    key_text,
    receipt_of,
    sign_receipt,
    verify_receipt,
)

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = SIGNER.public_key().public_bytes_raw()
KEY = key_text(PUBLIC)
SUBJECT = "5" * 32


def purpose(key: str, verdict: str, **more: Any) -> PurposeDecided:
    is_grant = verdict == "grant"
    values: dict[str, Any] = {
        "purpose": key,
        "title": {"en": "Analytics", "ko": "이용 분석"},
        "verdict": verdict,
        "lawful_basis": "consent",
        "pii_types": ["user.behavior.purchase_history"],
        "recipient": None,
        "retention_period": None,
        "granted": is_grant,
        "reason": None if is_grant else "consent.denied",
        "rule": "R3",
        "valid_to": NOON + timedelta(days=730) if is_grant else None,
    }
    return PurposeDecided(**(values | more))


def decided(*purposes: PurposeDecided, **more: Any) -> Decided:
    values: dict[str, Any] = {
        "decided_at": NOON,
        "recorded_at": NOON,
        "jurisdiction": "KR",
        "actor": "self",
        "carrier": "api",
        "notice": NoticeShown(key="banner-7", texts={"ko": "ab" * 32}),
        "evidence": "plain",
        "form": "settings",
        "method": "website",
        "audit_record": "0190a000-0000-7000-8000-000000000000",
        "policy": "0" * 64,
        "purposes": purposes,
    }
    return Decided(**(values | more))


def body(*purposes: PurposeDecided, **more: Any) -> dict[str, Any]:
    controller = more.pop("controller", Controller())
    return receipt_of(
        decided(*purposes, **more),
        controller,
        receipt_id="1" * 32,
        record_id="2e1b4d5e-0000-4000-8000-000000000000",
        subject=SUBJECT,
    )


def signed(receipt: dict[str, Any]) -> bytes:
    return sign_receipt(receipt, PUBLIC, SIGNER.sign)


def text_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


FILE = signed(body(purpose("analytics", "grant"), purpose("segmentation", "deny")))


# The shape.


def test_a_receipt_has_the_public_field_names_of_the_standard() -> None:
    receipt = body(purpose("analytics", "grant", recipient="partner"))
    assert set(receipt) >= {"schema_version", "receipt_id"}
    record = receipt["record"]
    assert set(record) >= {
        "schema_version",
        "record_id",
        "pii_principal_id",
        "privacy_notice",
        "language",
        "purposes",
    }
    [stated] = record["purposes"]
    assert set(stated) >= {
        "purpose",
        "lawful_basis",
        "pii_information",
        "pii_controllers",
        "storage_locations",
        "retention_period",
        "jurisdiction",
        "recipient_third_parties",
        "withdrawal_method",
    }
    assert stated["pii_information"] == [{"pii_type": "user.behavior.purchase_history"}]
    assert stated["recipient_third_parties"] == ["partner"]
    [event] = record["events"]
    assert set(event) >= {
        "event_time",
        "validity_duration",
        "entity_id",
        "event_type",
        "event_state",
    }
    parties = {party["party_id"]: party for party in record["party_identification"]}
    assert set(parties) == {"controller", "partner"}
    assert set(parties["controller"]) >= {
        "party_id",
        "party_role",
        "party_name",
        "party_contact",
    }


def test_the_controller_is_who_was_set_or_said_to_be_missing() -> None:
    one = purpose("analytics", "grant")
    [party] = body(one)["record"]["party_identification"]
    assert (party["party_name"], party["party_contact"]) == ("not configured",) * 2
    ours = Controller(name="가나다 주식회사", contact="privacy@example.com")
    [party] = body(one, controller=ours)["record"]["party_identification"]
    assert party["party_name"] == "가나다 주식회사"
    assert party["party_contact"] == "privacy@example.com"


@pytest.mark.parametrize(
    ("verdict", "more", "evidence", "state"),
    [
        ("grant", {}, "plain", "ConsentGiven"),
        ("grant", {}, "reconfirmation", "RenewedConsentGiven"),
        ("deny", {}, "plain", "ConsentRefused"),
        ("deny", {"reason": "consent.withdrawn"}, None, "ConsentWithdrawn"),
        ("end", {"reason": "consent.expired"}, None, "ConsentExpired"),
        ("unreadable", {"reason": "consent.unreadable"}, None, "ConsentUnknown"),
    ],
)
def test_an_event_is_named_in_the_words_of_the_vocabulary(
    verdict: str, more: dict[str, Any], evidence: str | None, state: str
) -> None:
    receipt = body(purpose("analytics", verdict, **more), evidence=evidence)
    [event] = receipt["record"]["events"]
    assert event["event_state"] == state


def test_a_grant_that_opens_nothing_says_so() -> None:
    one = purpose(
        "analytics",
        "grant",
        granted=False,
        reason="consent.guardian",
        rule="R13",
        valid_to=None,
    )
    [event] = body(one)["record"]["events"]
    assert event["event_state"] == "ConsentGiven"
    assert event["validity_duration"] is None
    assert event["effective"] == {
        "granted": False,
        "reason": "consent.guardian",
        "rule": "R13",
    }


def test_how_long_a_grant_lasts_is_an_interval() -> None:
    [event] = body(purpose("analytics", "grant"))["record"]["events"]
    expected = "2026-11-25T12:00:00Z/2028-11-24T12:00:00Z"
    assert event["validity_duration"] == expected
    [event] = body(purpose("analytics", "grant", valid_to=None))["record"]["events"]
    assert event["validity_duration"] == "2026-11-25T12:00:00Z/.."


@pytest.mark.parametrize(
    ("actor", "entity"), [("self", SUBJECT), ("guardian", "guardian")]
)
def test_who_spoke_is_the_person_by_the_receipts_own_number_or_a_role(
    actor: str, entity: str
) -> None:
    record = body(purpose("analytics", "grant"), actor=actor)["record"]
    assert record["pii_principal_id"] == SUBJECT
    assert [event["entity_id"] for event in record["events"]] == [entity]


@pytest.mark.parametrize(
    ("texts", "language"),
    [
        ({"ko": "ab" * 32}, "ko"),
        ({"ko": "ab" * 32, "en": "cd" * 32}, None),
        ({}, None),
    ],
)
def test_the_notice_is_named_with_its_texts(
    texts: dict[str, str], language: str | None
) -> None:
    notice = NoticeShown(key="banner-7", texts=texts)
    record = body(purpose("analytics", "grant"), notice=notice)["record"]
    assert record["privacy_notice"] == {"id": "banner-7", "sha256": texts}
    assert record["language"] == language


def test_what_nobody_told_us_is_null() -> None:
    record = body(purpose("analytics", "grant"), notice=None)["record"]
    assert record["privacy_notice"] is None
    assert record["language"] is None
    assert record["purposes"][0]["storage_locations"] is None


# The signature.


def test_what_was_signed_verifies() -> None:
    seen = verify_receipt(FILE, KEY)
    assert seen.receipt == json.loads(FILE)["receipt"]
    assert verify_receipt(FILE + b"\n", KEY) == seen


def test_the_bytes_are_canonical_and_a_stranger_can_check_them() -> None:
    document = json.loads(FILE)
    assert rfc8785.dumps(document) == FILE
    head, nothing, signature = document["jws"].split(".")
    assert nothing == ""
    payload = text_of(rfc8785.dumps(document["receipt"]))
    Ed25519PublicKey.from_public_bytes(PUBLIC).verify(
        base64.urlsafe_b64decode(signature + "=="), f"{head}.{payload}".encode()
    )
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {
        "alg": "EdDSA",
        "kid": verify_receipt(FILE, KEY).key_id,
    }


def test_the_key_id_is_the_thumbprint_of_rfc_8037() -> None:
    # RFC 8037, Appendix A.2 and A.3: the example key and its thumbprint.
    seed = base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    signer = Ed25519PrivateKey.from_private_bytes(seed)
    public = signer.public_key().public_bytes_raw()
    assert key_text(public) == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    made = sign_receipt(body(purpose("analytics", "grant")), public, signer.sign)
    seen = verify_receipt(made, key_text(public))
    assert seen.key_id == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_every_flipped_byte_is_found() -> None:
    for index in range(len(FILE)):
        for mask in (0x01, 0x20, 0x80):
            changed = bytearray(FILE)
            changed[index] ^= mask
            with pytest.raises(BadConsentReceiptError):
                verify_receipt(bytes(changed), KEY)


@given(st.data())
def test_no_change_of_a_byte_is_missed(data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(FILE) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != FILE[index]))
    changed = FILE[:index] + bytes([byte]) + FILE[index + 1 :]
    with pytest.raises(BadConsentReceiptError):
        verify_receipt(changed, KEY)


@given(st.integers(0, len(FILE) - 1))
def test_a_file_that_is_cut_does_not_verify(length: int) -> None:
    with pytest.raises(BadConsentReceiptError):
        verify_receipt(FILE[:length], KEY)


@given(st.binary(max_size=200))
def test_garbage_does_not_verify_and_raises_nothing_else(raw: bytes) -> None:
    with pytest.raises(BadConsentReceiptError):
        verify_receipt(raw, KEY)


DOCUMENT = json.loads(FILE)


def spelt(**parts: Any) -> bytes:
    return rfc8785.dumps(DOCUMENT | parts)


@pytest.mark.parametrize(
    "raw",
    [
        b" " + FILE,
        FILE + b"\n\n",
        json.dumps(DOCUMENT, indent=1, sort_keys=True).encode(),
        FILE[:-1] + b',"more":1}',
        FILE.replace(b'{"jws"', b'{"jws":"a..b","jws"', 1),
        spelt(receipt=[]),
        spelt(jws=1),
        spelt(jws=DOCUMENT["jws"].replace("..", ".e30.")),
        spelt(jws=DOCUMENT["jws"] + "A"),
        spelt(jws=DOCUMENT["jws"] + "="),
        spelt(jws="."),
        b"[]",
        b'{"jws":1.5}',
        b"[" * 100_000,
        b"\xff",
        b"",
    ],
)
def test_a_file_that_was_written_anew_does_not_verify(raw: bytes) -> None:
    with pytest.raises(BadConsentReceiptError):
        verify_receipt(raw, KEY)


def test_another_key_and_a_key_that_is_none_do_not_verify() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    with pytest.raises(BadConsentReceiptError, match="with this key"):
        verify_receipt(FILE, key_text(other.public_bytes_raw()))
    for key in ("", KEY[:-1], KEY + "=", KEY + "A", "é", "*" * 43):
        with pytest.raises(BadConsentReceiptError, match="32 bytes"):
            verify_receipt(FILE, key)


def test_an_algorithm_that_the_file_names_is_not_believed() -> None:
    head = text_of(rfc8785.dumps({"alg": "none", "kid": "x"}))
    with pytest.raises(BadConsentReceiptError):
        verify_receipt(spelt(jws=f"{head}.."), KEY)


# The page for a stranger.

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "verify-a-receipt.md"


def test_the_page_of_another_program_finds_every_changed_byte() -> None:
    snippets = re.findall(
        r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    theirs: dict[str, Any] = {"__name__": "check"}
    exec(compile(snippets[-1], "check.py", "exec"), theirs)  # noqa: S102 - our page
    assert not any(name.startswith("cdp") for name in theirs)
    assert theirs["check"](FILE, KEY) == DOCUMENT["receipt"]
    for index in range(len(FILE)):
        changed = bytearray(FILE)
        changed[index] ^= 0x01
        with pytest.raises((AssertionError, ValueError, KeyError, InvalidSignature)):
            theirs["check"](bytes(changed), KEY)


def test_the_message_holds_nothing_of_the_file() -> None:
    changed = FILE.replace(b"segmentation", b"SEGMENTATION")
    with pytest.raises(BadConsentReceiptError) as refused:
        verify_receipt(changed, KEY)
    assert "SEGMENTATION" not in str(refused.value)
