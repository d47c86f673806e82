"""Consent records and receipts: what a person can keep, and prove without us.

Owns the shape of a receipt and the form of its signature.

- One decision is one record and one receipt. The field names are those of ISO/IEC TS
  27560:2023 as far as they are public; what could not be confirmed is listed in the
  decision below.
- The person is named by a random number of this receipt alone. No identifier, handle,
  profile or pseudonym stands in it.
- What nobody told us is null, and an unset controller is ``not configured``: a receipt
  states no fact that is not there.
- The bytes are canonical (RFC 8785) and signed with Ed25519 as a detached JWS, so any
  library of a stranger can check them. One changed byte, and they do not verify.

Pure: ids, instants and the signer are arguments.

Source: ISO/IEC TS 27560:2023 through the guide of the W3C community group on the Data
Privacy Vocabulary (clauses 6.3 and 6.4); RFC 7515 Appendix F, RFC 7638, RFC 8037;
docs/decisions/0066-receipts-a-stranger-can-verify.md.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from cdp.consent.errors import BadConsentReceiptError
from cdp.kernel import NotCanonicalError, canonical
from cdp.keys import verify_ed25519

RECEIPT_SCHEMA: Final = "cdp.consent-receipt/1"
RECORD_SCHEMA: Final = "cdp.consent-record/1"
NOT_CONFIGURED: Final = "not configured"

_CONTROLLER: Final = "controller"
_KEY_BYTES: Final = 32
# Ed25519 is what JOSE calls EdDSA over the curve of that name (RFC 8037).
_ALGORITHM: Final = "EdDSA"
_RENEWING: Final = "reconfirmation"
_WITHDRAWN: Final = "consent.withdrawn"
_UNREADABLE: Final = (
    msgspec.MsgspecError,
    UnicodeDecodeError,
    RecursionError,
    NotCanonicalError,
)
_REFUSED: Final = (
    "the file is not a receipt as it was issued: changed, cut, or written anew"
)


class Controller(msgspec.Struct, frozen=True, kw_only=True):
    """Who decides about the processing, as the operator set it; empty is not set."""

    name: str = ""
    contact: str = ""


class NoticeShown(msgspec.Struct, frozen=True, kw_only=True):
    """What the person was shown.

    Args:
        texts: by language, the SHA-256 of the text, in hex; empty where the policy
            knows the notice by its name alone.
    """

    key: str
    texts: dict[str, str]


class PurposeDecided(msgspec.Struct, frozen=True, kw_only=True):
    """One purpose of a decision, or a purpose for one recipient: said, and held since.

    Args:
        verdict: ``grant``, ``deny``, ``end``, or ``unreadable`` where a statement was
            kept that says nothing.
        lawful_basis: the type of basis in the jurisdiction, such as ``consent``.
        pii_types: the categories of data that may be used for it.
        recipient: the third party that this part of the purpose is about, if any.
    """

    purpose: str
    title: dict[str, str]
    verdict: str
    lawful_basis: str | None
    pii_types: Sequence[str]
    recipient: str | None
    retention_period: str | None
    granted: bool
    reason: str | None
    rule: str
    valid_to: datetime | None


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """One decision, as a receipt states it.

    Args:
        actor: who made the statement: ``self``, ``guardian``, ``agent``, ``operator``.
        audit_record: the id of its record in the log.
    """

    decided_at: datetime
    recorded_at: datetime
    jurisdiction: str
    actor: str
    carrier: str
    notice: NoticeShown | None
    evidence: str | None
    form: str | None
    method: str | None
    audit_record: str
    policy: str
    purposes: Sequence[PurposeDecided]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt that verified: the key that signed it, and what it says."""

    key_id: str
    receipt: dict[str, Any]


def receipt_of(
    decided: Decided,
    controller: Controller,
    *,
    receipt_id: str,
    record_id: str,
    subject: str,
) -> dict[str, Any]:
    """Return the body of a receipt: its own head, and the record it stands for.

    Args:
        subject: a random id that names the person in this receipt and nowhere else.
    """
    notice = decided.notice
    record = {
        "schema_version": RECORD_SCHEMA,
        "record_id": record_id,
        "pii_principal_id": subject,
        "privacy_notice": None
        if notice is None
        else {"id": notice.key, "sha256": notice.texts},
        "language": None if notice is None else _language(notice),
        "purposes": [_purpose(one, decided) for one in decided.purposes],
        "party_identification": _parties(decided, controller),
        "events": [_event(one, decided, subject) for one in decided.purposes],
        "policy": decided.policy,
        "audit_record": decided.audit_record,
    }
    return {
        "schema_version": RECEIPT_SCHEMA,
        "receipt_id": receipt_id,
        "issued_at": _text(decided.recorded_at),
        "record": record,
    }


def sign_receipt(
    receipt: dict[str, Any], public: bytes, signer: Callable[[bytes], bytes]
) -> bytes:
    """Return the file: the receipt with a detached JWS over its canonical bytes.

    Args:
        public: the 32 bytes by which the signature is verified.
        signer: signs bytes with the seed of ``public``.
    """
    head = _head(key_id_of(public))
    signature = _encoded(signer(_signed(head, receipt)))
    return canonical({"receipt": receipt, "jws": f"{head}..{signature}"})


def verify_receipt(raw: bytes, key: str) -> Seen:
    """Check a receipt offline and return what it says.

    Args:
        raw: the file; one line feed at its end is allowed.
        key: the verification key as ``key_text`` writes it.

    Raises:
        BadConsentReceiptError: it is not what the holder of the key issued.
    """
    public = _decoded(key)
    if public is None or len(public) != _KEY_BYTES:
        raise BadConsentReceiptError("the key is not 32 bytes in base64url")
    body = raw.removesuffix(b"\n")
    document = _document(body)
    jws, receipt = document.get("jws"), document.get("receipt")
    if not isinstance(jws, str) or not isinstance(receipt, dict):
        raise BadConsentReceiptError(_REFUSED)
    head, _, rest = jws.partition(".")
    nothing, _, signature = rest.partition(".")
    given = _decoded(signature)
    if len(document) != 2 or nothing or given is None:  # noqa: PLR2004 - both members
        raise BadConsentReceiptError(_REFUSED)
    key_id = key_id_of(public)
    if head != _head(key_id):
        raise BadConsentReceiptError("the receipt was not signed with this key")
    if not verify_ed25519(public, given, _signed(head, receipt)):
        raise BadConsentReceiptError(_REFUSED)
    return Seen(key_id=key_id, receipt=receipt)


def key_text(public: bytes) -> str:
    """Return a verification key as text: its 32 bytes in base64url, 43 characters."""
    return _encoded(public)


def key_id_of(public: bytes) -> str:
    """Return the id of a key: its JWK thumbprint (RFC 7638, RFC 8037 Appendix A.3)."""
    jwk = canonical({"crv": "Ed25519", "kty": "OKP", "x": _encoded(public)})
    return _encoded(hashlib.sha256(jwk).digest())


def _purpose(one: PurposeDecided, decided: Decided) -> dict[str, Any]:
    return {
        "purpose": one.purpose,
        "title": one.title,
        "lawful_basis": one.lawful_basis,
        "pii_information": [{"pii_type": kind} for kind in one.pii_types],
        "pii_controllers": [_CONTROLLER],
        "storage_locations": None,
        "retention_period": one.retention_period,
        "jurisdiction": decided.jurisdiction,
        "recipient_third_parties": _recipients(one),
        "withdrawal_method": "as_it_was_given",
    }


def _parties(decided: Decided, controller: Controller) -> list[dict[str, Any]]:
    named = sorted({one.recipient for one in decided.purposes if one.recipient})
    return [
        {
            "party_id": _CONTROLLER,
            "party_role": "pii_controller",
            "party_name": controller.name or NOT_CONFIGURED,
            "party_contact": controller.contact or NOT_CONFIGURED,
        },
        *({"party_id": key, "party_role": "third_party"} for key in named),
    ]


def _event(one: PurposeDecided, decided: Decided, subject: str) -> dict[str, Any]:
    return {
        "event_time": _text(decided.decided_at),
        "validity_duration": _interval(one, decided),
        "entity_id": subject if decided.actor == "self" else decided.actor,
        "event_type": "explicit",
        "event_state": _state(one, decided),
        "purpose": one.purpose,
        "recipient_third_parties": _recipients(one),
        "effective": {
            "granted": one.granted,
            "reason": one.reason,
            "rule": one.rule,
        },
        "carrier": decided.carrier,
        "evidence": decided.evidence,
        "form": decided.form,
        "method": decided.method,
    }


def _state(one: PurposeDecided, decided: Decided) -> str:
    """Return the state in the words of the Data Privacy Vocabulary."""
    match one.verdict:
        case "grant":
            renewed = decided.evidence == _RENEWING
            return "RenewedConsentGiven" if renewed else "ConsentGiven"
        case "deny":
            return "ConsentWithdrawn" if one.reason == _WITHDRAWN else "ConsentRefused"
        case "end":
            return "ConsentExpired"
        case _:
            return "ConsentUnknown"


def _interval(one: PurposeDecided, decided: Decided) -> str | None:
    """Return how long a grant lasts, as an ISO 8601 interval; ``..`` is an open end.

    None where nothing was granted, or what was granted opens nothing.
    """
    if one.verdict != "grant" or not one.granted:
        return None
    end = ".." if one.valid_to is None else _text(one.valid_to)
    return f"{_text(decided.decided_at)}/{end}"


def _language(notice: NoticeShown) -> str | None:
    """Return the language of a text that has one alone; which was read is not told."""
    return next(iter(notice.texts)) if len(notice.texts) == 1 else None


def _recipients(one: PurposeDecided) -> list[str]:
    return [one.recipient] if one.recipient else []


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _head(key_id: str) -> str:
    return _encoded(canonical({"alg": _ALGORITHM, "kid": key_id}))


def _signed(head: str, receipt: dict[str, Any]) -> bytes:
    """Return the signing input of RFC 7515, the payload put back in its place."""
    return f"{head}.{_encoded(canonical(receipt))}".encode()


def _document(body: bytes) -> dict[str, Any]:
    """Decode a file whose bytes are canonical: no second spelling, nothing twice."""
    try:
        document = msgspec.json.decode(body, type=dict[str, Any])
        spelt = canonical(document)
    except _UNREADABLE as error:
        raise BadConsentReceiptError(_REFUSED) from error
    if spelt != body:
        raise BadConsentReceiptError(_REFUSED)
    return document


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes | None:
    """Return the bytes of a base64url text that has no second spelling."""
    try:
        raw = base64.b64decode(
            text.encode("ascii") + b"=" * (-len(text) % 4), b"-_", validate=True
        )
    except (binascii.Error, UnicodeEncodeError):
        return None
    return raw if _encoded(raw) == text else None
