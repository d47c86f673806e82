"""The door of receipts: one is handed out by its id, recorded, and checked offline.

- An id is 128 random bits: it tells nothing, and no identifier stands in a URL.
- Handing one out is ``consent.read``, recorded with all handles of the person, before
  it leaves. An id that is none is answered like any other unknown thing.
- A receipt lies sealed in the store; it is opened only to be handed out.

Source: docs/decisions/0066-receipts-a-stranger-can-verify.md.
"""

import re
from datetime import datetime
from typing import Any, Final

import msgspec
import numpy as np

from cdp.audit import AuditLog
from cdp.consent import key_text, verify_receipt
from cdp.gate import repository
from cdp.gate.access import AccessRequest, Denied, Granted, Reason, Ruling
from cdp.gate.admission import admit_role, known_purpose
from cdp.gate.recording import Recorder, draft_of
from cdp.gate.repository import KeptReceipt
from cdp.gate.rules import PolicyInForce
from cdp.identity import members
from cdp.kernel import Handle, Seq
from cdp.keys import KeyRing
from cdp.runtime import Connection, Database, Metrics, Writer, current_seq

RECEIPT_SIGNER: Final = "receipt"
_ID: Final = re.compile(r"[0-9a-f]{32}")


class ReceiptFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a receipt that verified says, in short."""

    key_id: str
    receipt_id: str
    issued_at: str
    states: dict[str, str]


def keep_receipt(
    connection: Connection,
    ring: KeyRing,
    *,
    receipt_id: bytes,
    handle: Handle,
    signal: Seq,
    signed: bytes,
    made_at: datetime,
) -> None:
    """Seal a signed receipt and keep it, in the transaction of its decision."""
    repository.keep_receipt(
        connection,
        KeptReceipt(
            id=receipt_id,
            handle=handle,
            signal=signal,
            sealed=ring.seal(_label(made_at), signed, receipt_id),
            made_at=made_at,
        ),
    )


def check_receipt(raw: bytes, key: str) -> ReceiptFacts:
    """Check a receipt offline.

    Raises:
        BadConsentReceiptError: it is not what the holder of ``key`` issued.
    """
    seen = verify_receipt(raw, key)
    record: dict[str, Any] = seen.receipt["record"]
    return ReceiptFacts(
        key_id=seen.key_id,
        receipt_id=seen.receipt["receipt_id"],
        issued_at=seen.receipt["issued_at"],
        states={
            ">".join([event["purpose"], *event["recipient_third_parties"]]): (
                event["event_state"]
            )
            for event in record["events"]
        },
    )


def receipt_keys(ring: KeyRing) -> list[str]:
    """Return the keys by which receipts are verified, the newest first.

    A ring that signed none yet makes its first key here.
    """
    newest = ring.signer(RECEIPT_SIGNER)
    older = [
        ring.signer(RECEIPT_SIGNER, epoch=epoch)
        for epoch in reversed(ring.epochs("sign", RECEIPT_SIGNER))
        if epoch != newest.epoch
    ]
    return [key_text(signer.public) for signer in (newest, *older)]


class ReceiptDoor:
    """Hands out receipts. One for each process; safe for threads."""

    def __init__(
        self,
        *,
        database: Database,
        writer: Writer,
        ring: KeyRing,
        audit: AuditLog,
        policy_in_force: PolicyInForce,
        metrics: Metrics | None = None,
    ) -> None:
        self._database = database
        self._ring = ring
        self._log = audit
        self._in_force = policy_in_force
        self._recorder = Recorder(writer, audit, metrics)

    def receipt(self, request: AccessRequest, receipt_id: str) -> Ruling[bytes]:
        """Return the file of a receipt, recorded.

        Raises:
            StoreUnavailableError: the look could not be recorded; nothing is shown.
        """
        policy, bits = self._in_force.policy, self._in_force.bits
        role = admit_role(policy, request)
        if isinstance(role, Denied):
            return self._recorder.refuse(request, role, policy)
        purpose = known_purpose(policy, bits, request.purpose)
        if isinstance(purpose, Denied):
            return self._recorder.refuse(request, purpose, policy)
        if not _ID.fullmatch(receipt_id):
            return self._unknown(request)
        with self._database.snapshot() as connection:
            watermark = current_seq(connection)
            kept = repository.receipt(connection, bytes.fromhex(receipt_id))
            if kept is None:
                return self._unknown(request)
            everybody = sorted(members(connection, [kept.handle]).profile_of)
            ordinals = self._log.known_ordinals(connection, everybody)
        signed = self._ring.unseal(_label(kept.made_at), kept.sealed, kept.id)
        draft = msgspec.structs.replace(
            draft_of(request, policy),
            rule="receipt",
            watermark=watermark,
            counts={"returned": 1},
            bytes=len(signed),
            returned=np.array(sorted(ordinals.values()), dtype=np.int64),
            signal=str(kept.signal),
        )
        self._recorder.keep(draft)
        return Granted(signed)

    def _unknown(self, request: AccessRequest) -> Denied:
        missing = Denied(reason=Reason.UNKNOWN, rule="receipt")
        return self._recorder.refuse(request, missing, self._in_force.policy)


def _label(made_at: datetime) -> str:
    """Return the label of a month: one key never seals more than a month's receipts."""
    return f"consent.receipt/{made_at:%Y%m}"
