"""A receipt for each decision that a person, or somebody for them, brings to the desk.

What the policy knows of a purpose becomes what the receipt states of it; the file is
signed by the key ring and kept sealed, in the transaction of the decision.

Refuses: facts that neither the decision nor the policy holds. A receipt of a reminder:
it is ours, and decides nothing.

Source: docs/decisions/0066-receipts-a-stranger-can-verify.md.
"""

import secrets
import uuid
from typing import Final

from cdp.consent import (
    UNKNOWN,
    Controller,
    Decided,
    Kind,
    NoticeShown,
    PurposeDecided,
    ScopeRule,
    receipt_of,
    sign_receipt,
)
from cdp.gate import RECEIPT_SIGNER, PolicyInForce, keep_receipt
from cdp.ingest.desk import Taken
from cdp.ingest.spoken import Spoken
from cdp.keys import KeyRing
from cdp.policy import Notice, Policy
from cdp.runtime import Connection

_ID_BYTES: Final = 16


class ReceiptIssuer:
    """Issues receipts; the desk calls it in the transaction of a decision.

    Args:
        controller_name: who decides about the processing; empty is not set.
        controller_contact: how a person reaches them; empty is not set.
    """

    def __init__(
        self,
        *,
        ring: KeyRing,
        in_force: PolicyInForce,
        controller_name: str,
        controller_contact: str,
    ) -> None:
        self._ring = ring
        self._in_force = in_force
        self._controller = Controller(name=controller_name, contact=controller_contact)

    def __call__(self, connection: Connection, taken: Taken) -> str | None:
        """Make, sign and keep the receipt of a decision; return its id."""
        if any(one.kind is Kind.REMINDER for one in taken.spoken.statements):
            return None
        receipt_id = secrets.token_bytes(_ID_BYTES)
        body = receipt_of(
            self._decided(taken),
            self._controller,
            receipt_id=receipt_id.hex(),
            record_id=str(uuid.uuid4()),
            subject=secrets.token_hex(_ID_BYTES),
        )
        signer = self._ring.signer(RECEIPT_SIGNER)
        keep_receipt(
            connection,
            self._ring,
            receipt_id=receipt_id,
            handle=taken.handle,
            signal=taken.seq,
            signed=sign_receipt(body, signer.public, signer.sign),
            made_at=taken.at,
        )
        return receipt_id.hex()

    def _decided(self, taken: Taken) -> Decided:
        decision, spoken = taken.decision, taken.spoken
        policy = self._in_force.policy
        scopes = self._in_force.consent.by_key
        place = decision.jurisdiction or UNKNOWN
        first = spoken.statements[0]
        notice = None if first.notice is None else policy.notices.get(first.notice)
        return Decided(
            decided_at=decision.decided_at or taken.at,
            recorded_at=taken.at,
            jurisdiction=place,
            actor=decision.actor,
            carrier=first.carrier.value,
            notice=_shown(first.notice, notice),
            evidence=decision.evidence,
            form=decision.form,
            method=decision.method,
            audit_record=taken.record,
            policy=policy.version,
            purposes=[
                PurposeDecided(
                    purpose=scopes[key].purpose,
                    title=_title(policy, scopes[key].purpose),
                    verdict=_said(spoken, scopes[key]),
                    lawful_basis=_basis(policy, scopes[key].purpose, place),
                    pii_types=_items(policy, scopes[key].purpose, notice),
                    recipient=scopes[key].recipient,
                    retention_period=_retention(scopes[key].purpose, notice),
                    granted=state.granted,
                    reason=state.reason,
                    rule=state.rule,
                    valid_to=state.valid_to,
                )
                for key, state in sorted(taken.states.items())
            ],
        )


def _said(spoken: Spoken, scope: ScopeRule) -> str:
    """Return what was said of a scope."""
    if spoken.denies & scope.bit:
        return "deny"
    if spoken.grants & scope.bit:
        return "grant"
    ended = any(one.verdicts.ends & scope.bit for one in spoken.statements)
    return "end" if ended else "unreadable"


def _shown(key: str | None, notice: Notice | None) -> NoticeShown | None:
    if key is None:
        return None
    return NoticeShown(key=key, texts={} if notice is None else dict(notice.texts))


def _title(policy: Policy, purpose: str) -> dict[str, str]:
    title = policy.purposes[purpose].title
    return {"en": title.en, "ko": title.ko}


def _basis(policy: Policy, purpose: str, place: str) -> str | None:
    basis = policy.purposes[purpose].basis_in(place)
    return None if basis is None else basis.type


def _items(policy: Policy, purpose: str, notice: Notice | None) -> list[str]:
    """Return the categories of data that the text named; else what may be used."""
    told = None if notice is None else notice.purposes.get(purpose)
    if told is not None:
        return sorted(told.items)
    return sorted(
        {
            field.category
            for dataset in policy.datasets.values()
            for field in dataset.fields.values()
            if purpose in field.purposes
        }
    )


def _retention(purpose: str, notice: Notice | None) -> str | None:
    told = None if notice is None else notice.purposes.get(purpose)
    return None if told is None else told.retention
