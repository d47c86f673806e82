"""Consent: what people decided, and whether their data may be used, then and now.

Owns the append-only ledger of signals, the decoders, the fold, and the effective
relation that is kept beside the ledger so that a pull can join it.

- Silence denies: no signal, an unreadable or expired one, an unknown scope or
  jurisdiction.
- Denials stay with everything they touched; grants follow the person.
- The order of arrival does not matter; a tie denies; merging never opens a scope.
- The relation equals the fold of the ledger at every commit.

Refuses: editing a signal; knowing ``policy`` or ``identity``, whose values are passed
in.

Source: GDPR Art. 4(11), 7; PIPA Art. 15, 22 (동의), 37 (동의 철회); 11 CCR 7025.
Rules carry their numbers R1 to R20 in ``Rule``.
"""

from cdp.consent.categories import (
    CHANGE_EVENT,
    decode_category_preferences,
    decode_consent,
)
from cdp.consent.decision import (
    REASONS,
    RULES,
    Cited,
    Decision,
    Denied,
    Granted,
    Loser,
    Lost,
    Reason,
    Rule,
    strongest,
)
from cdp.consent.errors import InvalidSignalError, PeriodSyntaxError
from cdp.consent.event import EventStand, Stand, narrow
from cdp.consent.explain import decide
from cdp.consent.fold import Heard
from cdp.consent.gpc import decode_gpc
from cdp.consent.periods import Period
from cdp.consent.profile import EffectiveRow
from cdp.consent.repository import (
    Columns,
    Drift,
    Known,
    Sealer,
    Standing,
    append,
    carry_denials,
    effective,
    effective_columns,
    history,
    know,
    next_turn,
    refold,
    repeats,
    standing,
    stands,
    verify,
)
from cdp.consent.rules import (
    GPC,
    UNKNOWN,
    Basis,
    ConsentRules,
    Default,
    JurisdictionRule,
    ScopeRule,
    SilentPart,
    places_of,
)
from cdp.consent.signals import (
    Actor,
    Candidate,
    Carrier,
    EvidenceKind,
    How,
    Kind,
    NewSignal,
    Orders,
    Rank,
    SignalView,
    Unreadable,
    Verdict,
    Verdicts,
    content_of,
    orders,
)

__all__ = [
    "CHANGE_EVENT",
    "GPC",
    "REASONS",
    "RULES",
    "UNKNOWN",
    "Actor",
    "Basis",
    "Candidate",
    "Carrier",
    "Cited",
    "Columns",
    "ConsentRules",
    "Decision",
    "Default",
    "Denied",
    "Drift",
    "EffectiveRow",
    "EventStand",
    "EvidenceKind",
    "Granted",
    "Heard",
    "How",
    "InvalidSignalError",
    "JurisdictionRule",
    "Kind",
    "Known",
    "Loser",
    "Lost",
    "NewSignal",
    "Orders",
    "Period",
    "PeriodSyntaxError",
    "Rank",
    "Reason",
    "Rule",
    "ScopeRule",
    "Sealer",
    "SignalView",
    "SilentPart",
    "Stand",
    "Standing",
    "Unreadable",
    "Verdict",
    "Verdicts",
    "append",
    "carry_denials",
    "content_of",
    "decide",
    "decode_category_preferences",
    "decode_consent",
    "decode_gpc",
    "effective",
    "effective_columns",
    "history",
    "know",
    "narrow",
    "next_turn",
    "orders",
    "places_of",
    "refold",
    "repeats",
    "standing",
    "stands",
    "strongest",
    "verify",
]
