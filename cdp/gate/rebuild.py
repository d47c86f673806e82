"""A new policy in force: everybody is resolved and every decision folded again.

In the transaction that puts the version in force, so no reader ever sees the new rules
over the old decisions.
"""

from datetime import datetime
from typing import Final

from cdp.audit import AuditLog
from cdp.gate.refold import refold
from cdp.gate.rules import PolicyInForce
from cdp.identity import member_columns
from cdp.identity import rebuild as resolve_again
from cdp.kernel import Handle
from cdp.runtime import Connection, draw_seq

# Whole profiles a few thousand handles at a time, so that memory does not grow with
# them.
_AT_ONCE: Final = 20_000


def rebuild(
    connection: Connection, *, rules: PolicyInForce, log: AuditLog, now: datetime
) -> int:
    """Resolve and fold every profile again; return how many handles there are."""
    if not len(member_columns(connection)[0]):
        return 0
    seq = draw_seq(connection)
    resolve_again(connection, rules.identity, seq, now=now)
    handles, profiles = member_columns(connection)
    # Mates side by side, so that few profiles are folded in two chunks.
    order = profiles.view("V16").ravel().argsort(kind="stable")
    everybody = [Handle(int(handle)) for handle in handles[order]]
    for start in range(0, len(everybody), _AT_ONCE):
        chunk = everybody[start : start + _AT_ONCE]
        refold(connection, chunk, rules=rules.consent, log=log, seq=seq, now=now)
    return len(everybody)
