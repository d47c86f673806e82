"""The door through which changes of consent leave for whoever is told of them.

- Only changes leave: purpose, what held before and what holds now, by code. The subject
  is a pseudonym of the domain (``consent.changed``, the receiver's name), which joins
  with no release and no other receiver; never an identifier or a handle.
- No record, no data: ``take`` returns after the record of the batch is durable
  (``answer.deliver``, with everybody in it). A change that is tried again is recorded
  again.
- A change waits until it was taken; of one subject the next waits for the one before.

Refuses: sending. Whoever holds the messages carries them, and knows no profile.

Source: GDPR Art. 19; section 9 of the consent design;
docs/decisions/0045-consent-changes-by-webhook.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import numpy as np

from cdp.audit import AuditLog, Draft, Kind
from cdp.gate import repository
from cdp.gate.repository import Again, Waiting
from cdp.gate.rules import PolicyInForce
from cdp.kernel import Clock, ProfileId
from cdp.keys import KeyRing
from cdp.pseudonym import Domain, pseudonymize
from cdp.runtime import Connection, Database, Writer

EVENT: Final = "consent.changed"
# One epoch for good: what is told must go on meaning the same subject. Another name of
# the receiver is another language.
_EPOCH: Final = 0
_RULE: Final = "webhook"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One change, ready to leave. ``id`` stays the same however often it is tried."""

    id: str
    body: bytes
    n: int
    attempts: int


class Outbox:
    """The changes that ``receiver`` has to be told of; None when nobody is told."""

    def __init__(
        self,
        *,
        receiver: str | None,
        database: Database,
        writer: Writer,
        ring: KeyRing,
        audit: AuditLog,
        policy_in_force: PolicyInForce,
        clock: Clock,
    ) -> None:
        self._receiver = receiver
        self._database = database
        self._writer = writer
        self._ring = ring
        self._log = audit
        self._in_force = policy_in_force
        self._clock = clock

    def open(self) -> None:
        """Let changes be written down for the receiver from now on, or for nobody.

        That a receiver came or went is a record. What waits stays.
        """
        self._writer.call(self._open, self._receiver)

    def take(self, limit: int) -> list[Message]:
        """Return changes that are due, at most one of each subject, recorded.

        Raises:
            StoreUnavailableError: the record is not written; nothing may leave.
        """
        if self._receiver is None:
            return []
        with self._database.snapshot() as connection:
            waiting = repository.due(connection, self._clock.now(), limit)
        if not waiting:
            return []
        messages = self._messages(waiting, self._receiver)
        self._writer.call(self._record, self._draft(waiting, messages, self._receiver))
        return messages

    def settle(
        self, taken: Iterable[Message], again: Iterable[tuple[Message, datetime]]
    ) -> None:
        """Remove what was taken; let the rest wait until its instant."""
        numbers = tuple(message.n for message in taken)
        later = tuple(
            Again(message.n, message.attempts + 1, due) for message, due in again
        )
        self._writer.call(_settle, (numbers, later))

    def waiting(self) -> int:
        """Return how many changes wait."""
        with self._database.snapshot() as connection:
            return repository.untold(connection)

    def _messages(self, waiting: Sequence[Waiting], receiver: str) -> list[Message]:
        domain = Domain(purpose=EVENT, recipient=receiver)
        ids = {
            profile
            for one in waiting
            for profile in (one.subject, one.merged_into, one.split_from)
            if profile is not None
        }
        tokens = pseudonymize(self._ring, domain, _EPOCH, b"".join(ids))
        names = {
            profile: token.tobytes().hex()
            for profile, token in zip(ids, tokens, strict=True)
        }
        return [_message(one, names) for one in waiting]

    def _draft(
        self, waiting: Sequence[Waiting], messages: Sequence[Message], receiver: str
    ) -> Draft:
        ordinals = np.unique(
            np.concatenate([np.frombuffer(one.ordinals, "<i8") for one in waiting])
        )
        purposes = {
            change["purpose"]
            for one in waiting
            for change in msgspec.json.decode(one.changes)
        }
        return Draft(
            kind=Kind.ANSWER_DELIVER,
            rule=_RULE,
            purpose=EVENT,
            recipient=receiver,
            policy=self._in_force.policy.version,
            watermark=max(one.seq for one in waiting),
            epoch=_EPOCH,
            counts={"events": len(waiting)},
            bytes=sum(len(message.body) for message in messages),
            fields=tuple(sorted(purposes)),
            returned=ordinals.astype(np.int64),
        )

    def _record(self, connection: Connection, drafts: Sequence[Draft]) -> list[None]:
        self._log.append(connection, list(drafts))
        return [None] * len(drafts)

    def _open(self, connection: Connection, wanted: Sequence[str | None]) -> list[None]:
        for receiver in wanted:
            known = repository.listener(connection)
            if known == receiver:
                continue
            repository.set_listener(connection, receiver, self._clock.now())
            self._log.append(
                connection,
                [
                    Draft(
                        kind=Kind.ACCESS_CHANGE,
                        rule="webhook.add" if receiver else "webhook.remove",
                        recipient=receiver or known,
                        policy=self._in_force.policy.version,
                    )
                ],
            )
        return [None] * len(wanted)


def _settle(connection: Connection, batches: Sequence[tuple[Any, Any]]) -> list[None]:
    for numbers, later in batches:
        repository.told(connection, numbers)
        repository.put_off(connection, later)
    return [None] * len(batches)


def _message(one: Waiting, names: Mapping[ProfileId, str]) -> Message:
    event_id = f"evt_{one.id.hex()}"
    data: dict[str, Any] = {"subject": names[one.subject], "seq": one.seq}
    if one.merged_into is not None:
        data["merged_into"] = names[one.merged_into]
    if one.split_from is not None:
        data["split_from"] = names[one.split_from]
    data["changes"] = msgspec.Raw(one.changes)
    body = {
        "id": event_id,
        "type": EVENT,
        "timestamp": one.changed_at.isoformat().replace("+00:00", "Z"),
        "data": data,
    }
    return Message(
        id=event_id, body=msgspec.json.encode(body), n=one.n, attempts=one.attempts
    )
