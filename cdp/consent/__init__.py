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

from cdp.consent.ages import Age, KnownAge, born_by
from cdp.consent.decision import (
    REASONS,
    Cited,
    Decision,
    Denied,
    Granted,
    Loser,
    Lost,
    Reason,
    strongest,
)
from cdp.consent.decoders.carriers import (
    MAX_UNREADABLE_BYTES,
    Said,
    Standard,
    raw_of,
    statements_of,
    statements_on,
)
from cdp.consent.decoders.categories import CHANGE_EVENT
from cdp.consent.decoders.recent import Recent
from cdp.consent.decoders.tcf import TCString, decode_tc_string
from cdp.consent.errors import (
    BadConsentReceiptError,
    InvalidSignalError,
    PeriodSyntaxError,
)
from cdp.consent.event import EventStand, Stand, narrow
from cdp.consent.explain import decide
from cdp.consent.heard import Heard
from cdp.consent.intent import Intent
from cdp.consent.periods import Period
from cdp.consent.profile import EffectiveRow
from cdp.consent.reading import (
    Reading,
)
from cdp.consent.receipt import (
    Controller,
    Decided,
    NoticeShown,
    PurposeDecided,
    key_text,
    receipt_of,
    sign_receipt,
    verify_receipt,
)
from cdp.consent.repository import (
    Change,
    Columns,
    Drift,
    Known,
    Refolded,
    Sealer,
    Standing,
    append,
    carry_denials,
    effective,
    effective_columns,
    history,
    jurisdictions_of,
    know,
    know_ages,
    last_recorded,
    next_turn,
    refold,
    repeats,
    standing,
    stands,
    verify,
)
from cdp.consent.rule import RULES, Rule
from cdp.consent.rules import (
    GPC,
    UNKNOWN,
    Basis,
    ChildNeeds,
    ChildRule,
    ConsentRules,
    Default,
    JurisdictionRule,
    NightRule,
    NoticeRule,
    ScopeRule,
    SilentPart,
    TCFRole,
    TCFRule,
    places_of,
    scope_key,
)
from cdp.consent.signals import (
    Actor,
    Candidate,
    Carrier,
    Dated,
    EvidenceKind,
    GuardianCheck,
    How,
    Kind,
    Method,
    NewSignal,
    Orders,
    Proof,
    Rank,
    SignalView,
    Verdict,
    Verdicts,
    content_of,
    orders,
)

__all__ = [
    "CHANGE_EVENT",
    "GPC",
    "MAX_UNREADABLE_BYTES",
    "REASONS",
    "RULES",
    "UNKNOWN",
    "Actor",
    "Age",
    "BadConsentReceiptError",
    "Basis",
    "Candidate",
    "Carrier",
    "Change",
    "ChildNeeds",
    "ChildRule",
    "Cited",
    "Columns",
    "ConsentRules",
    "Controller",
    "Dated",
    "Decided",
    "Decision",
    "Default",
    "Denied",
    "Drift",
    "EffectiveRow",
    "EventStand",
    "EvidenceKind",
    "Granted",
    "GuardianCheck",
    "Heard",
    "How",
    "Intent",
    "InvalidSignalError",
    "JurisdictionRule",
    "Kind",
    "Known",
    "KnownAge",
    "Loser",
    "Lost",
    "Method",
    "NewSignal",
    "NightRule",
    "NoticeRule",
    "NoticeShown",
    "Orders",
    "Period",
    "PeriodSyntaxError",
    "Proof",
    "PurposeDecided",
    "Rank",
    "Reading",
    "Reason",
    "Recent",
    "Refolded",
    "Rule",
    "Said",
    "ScopeRule",
    "Sealer",
    "SignalView",
    "SilentPart",
    "Stand",
    "Standard",
    "Standing",
    "TCFRole",
    "TCFRule",
    "TCString",
    "Verdict",
    "Verdicts",
    "append",
    "born_by",
    "carry_denials",
    "content_of",
    "decide",
    "decode_tc_string",
    "effective",
    "effective_columns",
    "history",
    "jurisdictions_of",
    "key_text",
    "know",
    "know_ages",
    "last_recorded",
    "narrow",
    "next_turn",
    "orders",
    "places_of",
    "raw_of",
    "receipt_of",
    "refold",
    "repeats",
    "scope_key",
    "sign_receipt",
    "standing",
    "stands",
    "statements_of",
    "statements_on",
    "strongest",
    "verify",
    "verify_receipt",
]
