"""The ledger and its relation in the store: every query of the room.

- Set-based: a call costs a few statements, however many handles it is about.
- Nothing is edited: signals, bindings, jurisdictions and ages are appended; the end of
  a reach is written once. ``consent_latest`` and ``consent_effective`` are derived.

Callers hold the counter's row (``cdp.runtime.lock_seq``): one writer at a time.
"""

from cdp.consent.repository.facts import Known, jurisdictions_of, know, know_ages
from cdp.consent.repository.ledger import Sealer, append, carry_denials, repeats
from cdp.consent.repository.past import effective, history, last_recorded
from cdp.consent.repository.relation import (
    Change,
    Columns,
    Drift,
    Refolded,
    Standing,
    effective_columns,
    next_turn,
    refold,
    standing,
    stands,
    verify,
)

__all__ = [
    "Change",
    "Columns",
    "Drift",
    "Known",
    "Refolded",
    "Sealer",
    "Standing",
    "append",
    "carry_denials",
    "effective",
    "effective_columns",
    "history",
    "jurisdictions_of",
    "know",
    "know_ages",
    "last_recorded",
    "next_turn",
    "refold",
    "repeats",
    "standing",
    "stands",
    "verify",
]
