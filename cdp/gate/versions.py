"""The policy that decided at an instant, compiled again from its kept bundle.

A question about the past is answered by the rules of the past: law 7 of the consent
design asks that what was told once is told again. A version is compiled when it is
asked for, and a few are kept.

Source: docs/decisions/0044-the-past-as-it-was-known.md.
"""

from datetime import datetime
from typing import Final

from cdp.gate.rules import PolicyInForce, put_together
from cdp.policy import bundle_of, in_force, known_scope_bits, read_bundle
from cdp.runtime import Connection

_KEPT: Final = 8


class Versions:
    """The compiled versions of one process. Safe for threads.

    Args:
        today: what decides now.
    """

    def __init__(self, today: PolicyInForce) -> None:
        self._today = today
        self._kept: dict[str, PolicyInForce] = {today.policy.version: today}

    def at(self, connection: Connection, known_at: datetime) -> PolicyInForce | None:
        """Return what decided at an instant; None when nothing was in force yet.

        Raises:
            UnknownVersionError: the bundle of that version cannot be read.
        """
        version = in_force(connection, known_at)
        if version is None:
            return None
        found = self._kept.get(version)
        if found is None:
            found = self._compiled(connection, version)
            kept = list(self._kept.items())[-_KEPT:]
            # A new dictionary: another thread may be reading the old one.
            self._kept = {self._today.policy.version: self._today, **dict(kept)}
            self._kept[version] = found
        return found

    def _compiled(self, connection: Connection, version: str) -> PolicyInForce:
        policy = read_bundle(
            bundle_of(connection, version),
            version,
            features=self._today.policy.features,
        )
        return put_together(policy, known_scope_bits(connection, policy))
