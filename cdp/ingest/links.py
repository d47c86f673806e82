"""A link to a person's own page, asked for by a client that knows the person.

- The identifier is digested in here and goes no further. One that was never seen gets a
  handle, as with a decision: to refuse would tell who is known and who is not, and a
  new customer's first choice needs a page too.
- Handle, place, relation, link and record (``access.change``) are one transaction.
- The answer holds the token, this once; the record holds the link's id.

Refuses: an identifier that is none, a jurisdiction that the policy does not know.

Source: house page on rights, "Identity"; docs/decisions/0090-a-page-by-a-link.md.
"""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import numpy as np

from cdp.audit import AuditLog, Draft, Kind
from cdp.auth import LINK_LIFE, NewLink, make_link
from cdp.consent import How, Known, know
from cdp.gate import PolicyInForce, Subject, refold
from cdp.ingest.errors import DecisionRefusedError
from cdp.ingest.subject import handle_of
from cdp.kernel import Clock, Handle
from cdp.keys import KeyRing
from cdp.runtime import Connection, Writer, draw_seq


class LinkWish(msgspec.Struct, frozen=True, kw_only=True):
    """Whose page shall be opened, for how long, and who asks.

    Args:
        jurisdiction: where the person is, if the caller knows; it is remembered.
        language: of the page, ``ko`` or ``en``.
    """

    subject: Subject
    language: str
    jurisdiction: str | None = None
    ttl: timedelta = LINK_LIFE
    client: str = ""
    session: str | None = None
    source_address: str | None = None
    agent: str | None = None


class LinkDesk:
    """Makes links; ``make`` blocks until the link is durable."""

    def __init__(
        self,
        *,
        in_force: PolicyInForce,
        log: AuditLog,
        ring: KeyRing,
        writer: Writer,
        clock: Clock,
    ) -> None:
        self._in_force = in_force
        self._log = log
        self._ring = ring
        self._writer = writer
        self._clock = clock

    def make(self, wish: LinkWish) -> NewLink:
        """Make a link.

        Raises:
            DecisionRefusedError: it names nobody, or a place the policy does not know.
            StoreUnavailableError: nothing was made.
        """
        known = self._in_force.policy.jurisdictions
        if wish.jurisdiction is not None and wish.jurisdiction not in known:
            raise DecisionRefusedError("the policy knows no such jurisdiction")
        return self._writer.call(self._land, wish)

    def _land(
        self, connection: Connection, wishes: Sequence[LinkWish]
    ) -> list[NewLink]:
        return [self._one(connection, wish) for wish in wishes]

    def _one(self, connection: Connection, wish: LinkWish) -> NewLink:
        now = self._clock.now()
        seq = draw_seq(connection)
        handle = handle_of(
            connection,
            wish.subject,
            rules=self._in_force.identity,
            ring=self._ring,
            seq=seq,
            now=now,
        )
        if wish.jurisdiction is not None:
            place = Known(
                handle=handle, jurisdiction=wish.jurisdiction, how=How.DECLARED
            )
            know(connection, [place], now)
        refold(
            connection,
            [handle],
            rules=self._in_force.consent,
            log=self._log,
            seq=seq,
            now=now,
        )
        link = make_link(
            connection,
            self._ring,
            handle=handle,
            language=wish.language,
            place=wish.jurisdiction,
            ttl=wish.ttl,
            clock=self._clock,
        )
        self._record(connection, wish, handle, link)
        return link

    def _record(
        self, connection: Connection, wish: LinkWish, handle: Handle, link: NewLink
    ) -> None:
        ordinals = self._log.ordinals(connection, [handle])
        self._log.append(
            connection,
            [
                Draft(
                    kind=Kind.ACCESS_CHANGE,
                    actor_kind="job",
                    rule="link",
                    policy=self._in_force.policy.version,
                    returned=np.array([ordinals[handle]], dtype=np.int64),
                    actor=wish.client,
                    client=wish.client,
                    session=wish.session,
                    trace=link.id,
                    source_address=wish.source_address,
                    agent=wish.agent,
                )
            ],
        )
