"""The gate: the one place where personal data may leave, and where it is refused.

Owns the decision on every access, the minimized view, k and l, the pseudonymized answer
with its grant, the release ledger, and the doors that show one person's state.

- Silence denies: an unknown purpose, release, column or person opens nothing.
- No record, no data: a record is durable before its answer leaves, denials too.
- Whoever is not in an answer is counted by a reason: returned + withheld = population.
- Nothing that leaves holds a handle, a profile id or an identifier.

Refuses: any path that skips a step, and showing rows of a view to anybody.

Source: house pages on the policy (sections 6 to 8), consent and audit;
docs/decisions/0040 to 0043.
"""

from cdp.gate.access import AccessRequest, Denied, Granted, Place, Reason, Ruling
from cdp.gate.answer import TOKEN, Answer
from cdp.gate.checking import DriftSeen, RelationChecked, check_relation
from cdp.gate.consenting import consent_rules
from cdp.gate.errors import (
    ForeignViewError,
    GateError,
    PlanError,
    UnfitPolicyError,
)
from cdp.gate.gate import Gate
from cdp.gate.logbook import LogAnswer, Logbook, SubjectTimeline
from cdp.gate.looks import Subject
from cdp.gate.outbox import (
    Message,
    Outbox,
)
from cdp.gate.person import (
    ConsentAnswer,
    ConsentExplained,
    PersonDoors,
    PersonSeen,
    PurposeState,
    SignalSeen,
)
from cdp.gate.preferences import (
    DecidedBy,
    Offer,
    Preference,
    PreferenceDoor,
    PreferenceState,
)
from cdp.gate.rebuild import rebuild
from cdp.gate.receipts import (
    RECEIPT_SIGNER,
    ReceiptDoor,
    ReceiptFacts,
    check_receipt,
    keep_receipt,
    receipt_keys,
)
from cdp.gate.refold import refold
from cdp.gate.rules import (
    PolicyInForce,
    identity_rules,
    put_together,
)
from cdp.gate.view import POSITION, PROFILE, MinimizedView

__all__ = [
    "POSITION",
    "PROFILE",
    "RECEIPT_SIGNER",
    "TOKEN",
    "AccessRequest",
    "Answer",
    "ConsentAnswer",
    "ConsentExplained",
    "DecidedBy",
    "Denied",
    "DriftSeen",
    "ForeignViewError",
    "Gate",
    "GateError",
    "Granted",
    "LogAnswer",
    "Logbook",
    "Message",
    "MinimizedView",
    "Offer",
    "Outbox",
    "PersonDoors",
    "PersonSeen",
    "Place",
    "PlanError",
    "PolicyInForce",
    "Preference",
    "PreferenceDoor",
    "PreferenceState",
    "PurposeState",
    "Reason",
    "ReceiptDoor",
    "ReceiptFacts",
    "RelationChecked",
    "Ruling",
    "SignalSeen",
    "Subject",
    "SubjectTimeline",
    "UnfitPolicyError",
    "check_receipt",
    "check_relation",
    "consent_rules",
    "identity_rules",
    "keep_receipt",
    "put_together",
    "rebuild",
    "receipt_keys",
    "refold",
]
