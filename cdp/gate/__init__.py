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
from cdp.gate.errors import (
    ForeignViewError,
    GateError,
    PlanError,
    UnfitPolicyError,
)
from cdp.gate.gate import Gate
from cdp.gate.person import (
    ConsentAnswer,
    ConsentExplained,
    LogAnswer,
    PersonDoors,
    PersonSeen,
    PurposeState,
    SignalSeen,
    Subject,
    SubjectTimeline,
)
from cdp.gate.rebuild import rebuild
from cdp.gate.rules import (
    PolicyInForce,
    consent_rules,
    identity_rules,
    put_together,
    refold,
)
from cdp.gate.view import POSITION, PROFILE, MinimizedView

__all__ = [
    "POSITION",
    "PROFILE",
    "TOKEN",
    "AccessRequest",
    "Answer",
    "ConsentAnswer",
    "ConsentExplained",
    "Denied",
    "ForeignViewError",
    "Gate",
    "GateError",
    "Granted",
    "LogAnswer",
    "MinimizedView",
    "PersonDoors",
    "PersonSeen",
    "Place",
    "PlanError",
    "PolicyInForce",
    "PurposeState",
    "Reason",
    "Ruling",
    "SignalSeen",
    "Subject",
    "SubjectTimeline",
    "UnfitPolicyError",
    "consent_rules",
    "identity_rules",
    "put_together",
    "rebuild",
    "refold",
]
