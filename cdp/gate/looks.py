"""A look at one person: may it be taken, whom is it about, and the record of it.

- The identifier becomes a digest and a handle in here; neither it nor they leave.
- A person the store does not know is nobody, and nobody gets the same shape of answer
  as one who never said anything.
- A look is recorded with all handles of the profile before its answer is given.

Refuses: what is shown. That is with the doors.

Source: house pages on consent (section 9) and audit (section 7);
docs/decisions/0042-one-person-at-a-time.md.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
import numpy as np

from cdp.audit import AuditLog, Draft
from cdp.gate.access import AccessRequest, Denied
from cdp.gate.admission import admit_role, known_purpose
from cdp.gate.recording import Recorder, draft_of
from cdp.gate.rules import PolicyInForce
from cdp.identity import Normalized, find, last_change, members, normalize
from cdp.kernel import Handle, ProfileId, Seq
from cdp.keys import KeyRing
from cdp.runtime import Connection, Metrics, Writer


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a question is about: one identifier, as the caller has it.

    Args:
        namespace: A namespace of the policy, such as ``email``.
        source: The sender under whose rules a short device id was taken, if any.
        region: The country of a phone number without ``+``, as ISO 3166.
    """

    namespace: str
    value: str
    source: str = ""
    region: str | None = None

    def __repr__(self) -> str:
        return f"Subject({self.namespace!r})"


class Person(NamedTuple):
    """Handles of one profile, with their namespaces; none for somebody unknown."""

    handles: tuple[Handle, ...]
    namespace_of: dict[Handle, str]
    profiles: tuple[ProfileId, ...] = ()


NOBODY = Person((), {})


class Looks:
    """What every door to one person does alike. Safe for threads."""

    def __init__(
        self,
        *,
        writer: Writer,
        ring: KeyRing,
        audit: AuditLog,
        policy_in_force: PolicyInForce,
        metrics: Metrics | None,
    ) -> None:
        self._writer = writer
        self._ring = ring
        self._log = audit
        self._in_force = policy_in_force
        self._recorder = Recorder(writer, audit, metrics)

    def admit(self, request: AccessRequest) -> Denied | None:
        """Return a recorded denial, or None when the question may be asked.

        Raises:
            StoreUnavailableError: the denial could not be recorded.
        """
        policy, bits = self._in_force.policy, self._in_force.bits
        role = admit_role(policy, request)
        if isinstance(role, Denied):
            return self.refuse(request, role)
        purpose = known_purpose(policy, bits, request.purpose)
        if isinstance(purpose, Denied):
            return self.refuse(request, purpose)
        return None

    def refuse(self, request: AccessRequest, denied: Denied) -> Denied:
        """Record a denial; return it with the id of its record."""
        return self._recorder.refuse(request, denied, self._in_force.policy)

    def person(
        self,
        connection: Connection,
        subject: Subject,
        known_at: datetime | None = None,
    ) -> Person:
        """Return who has the identifier, now or as known at an instant."""
        digests = self._digests(subject)
        handles = set(find(connection, digests).values())
        if not handles:
            return NOBODY
        known = members(connection, handles, known_at=known_at)
        # Two epochs of one namespace may hold one value for a while; it is one person.
        everybody = tuple(sorted(known.profile_of))
        return Person(everybody, dict(known.namespace_of), tuple(known.handles_of))

    def changed_at(self, connection: Connection, person: Person) -> datetime | None:
        """Return when the person's profile was last another one; None for nobody."""
        return last_change(connection, person.profiles) if person.profiles else None

    def record(
        self,
        request: AccessRequest,
        person: Person,
        watermark: Seq,
        *,
        fields: Sequence[str] = (),
        rule: str | None = None,
        reason: str | None = None,
        signal: str | None = None,
    ) -> str:
        """Record a look that was allowed; return the record's id.

        Raises:
            StoreUnavailableError: it could not be recorded; nothing is shown.
        """
        draft: Draft = msgspec.structs.replace(
            draft_of(request, self._in_force.policy),
            watermark=watermark,
            counts={"returned": int(bool(person.handles))},
            fields=tuple(fields),
            returned=np.array(self.numbers(person), dtype=np.int64),
            rule=rule,
            reason=reason,
            signal=signal,
        )
        return self._recorder.keep(draft).id

    def numbers(self, person: Person) -> list[int]:
        """Return the numbers of a person's handles in the sets of the log."""
        if not person.handles:
            return []
        given = self._writer.call(self._give, person.handles)
        return [given[handle] for handle in person.handles]

    def _digests(self, subject: Subject) -> list[bytes]:
        """Return the identifier's digest under every live key of its namespace."""
        rules = self._in_force.identity
        normal = normalize(
            subject.namespace,
            subject.value,
            rules,
            source=subject.source,
            region=subject.region,
        )
        if not isinstance(normal, Normalized):
            return []
        return [
            self._ring.digester(normal.namespace, epoch=epoch).digest(
                normal.digest_input
            )
            for epoch in self._ring.epochs("namespace", normal.namespace)
        ]

    def _give(
        self, connection: Connection, wanted: Sequence[tuple[Handle, ...]]
    ) -> list[dict[int, int]]:
        return [self._log.ordinals(connection, list(handles)) for handles in wanted]
