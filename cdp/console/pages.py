"""A person on the page: they come in by a link, look, answer, and leave.

- Coming in uses the link up, and is a record (``auth.sign_in``), in one transaction.
- Every page of choices is a look, recorded before it is shown.
- A yes is taken under the notice that the page showed. When that text is no longer the
  one of today, nothing is taken, and the person reads again.

Refuses: deciding, and knowing whom a handle belongs to.

Source: consent rule R18; docs/decisions/0090-a-page-by-a-link.md.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np

from cdp.audit import AuditLog, Draft, Kind
from cdp.auth import LinkSession, SessionOverError, end_session, open_link, session_of
from cdp.console.answers import AnyRequest
from cdp.console.card import Saved
from cdp.console.choices import (
    UNKNOWN,
    Choices,
    choices_of,
    offered_levels,
    offered_purposes,
)
from cdp.console.errors import FormError, TextChangedError
from cdp.console.page import NOBODY, Controller
from cdp.console.when import Language
from cdp.gate import Denied, Offer, Place, PolicyInForce, PreferenceDoor
from cdp.ingest import ConsentDesk, PersonDecision
from cdp.kernel import Clock
from cdp.keys import KeyRing
from cdp.runtime import Connection, Database, Metrics, Writer

FORM: Final = "preference_page"


class Entry(msgspec.Struct, frozen=True):
    """Somebody with a link, and where they come from. Never prints the token."""

    token: str
    place: Place

    def __repr__(self) -> str:
        return "Entry(...)"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One press of a button, as it arrived: about one purpose, a level, or a no to all.

    Args:
        purpose: None for all of them, or for a level.
        notice: the text that the page showed for it.
        told_of_signal: the page said that a yes counts instead of the browser's signal.
    """

    yes: bool = False
    purpose: str | None = None
    level: int | None = None
    notice: str | None = None
    told_of_signal: bool = False


class Pages(msgspec.Struct, frozen=True, kw_only=True):
    """What the routes are handed. ``app`` makes one.

    Args:
        place_of: where a request came from, as the operator's proxies say.
        controller: who decides about the processing, and how a person reaches them.
    """

    door: PreferenceDoor
    desk: ConsentDesk
    log: AuditLog
    database: Database
    writer: Writer
    ring: KeyRing
    in_force: PolicyInForce
    metrics: Metrics
    clock: Clock
    place_of: Callable[[AnyRequest], Place]
    controller: Controller = NOBODY

    def __repr__(self) -> str:
        return "Pages(...)"

    def enter(self, token: str, place: Place) -> LinkSession:
        """Use a link up and let its person in.

        Raises:
            InvalidLinkError: it opens nothing, or no longer.
        """
        return self.writer.call(self._enter, Entry(token, place))

    def visit(self, session: str) -> LinkSession:
        """Return who is there.

        Raises:
            SessionOverError: nobody, or no longer.
        """
        with self.database.snapshot() as connection:
            return session_of(connection, self.ring, session, self.clock)

    def look(self, visit: LinkSession, place: Place, language: Language) -> Choices:
        """Return what stands for the person.

        Raises:
            SessionOverError: the store holds nobody by that handle any more.
            StoreUnavailableError: the look could not be recorded; nothing is shown.
        """
        ruling = self.door.state(visit, place)
        if isinstance(ruling, Denied):
            raise SessionOverError("there is nobody to show anything of")
        return choices_of(
            self.in_force.policy, ruling.value, language, usable_until=visit.expires_at
        )

    def answer(self, visit: LinkSession, place: Place, answer: Answer) -> Saved:
        """Take an answer down; it holds when this returns.

        Raises:
            FormError: it is no answer that the page offers.
            TextChangedError: the text that the page showed is not that of today.
            StoreUnavailableError: nothing was taken down.
        """
        offer, policy = self.door.offer(visit), self.in_force.policy
        self._check(answer, offer)
        purposes = (answer.purpose,) if answer.purpose else offered_purposes(policy)
        verdict = "grant" if answer.yes else "deny"
        by_purpose = answer.level is None
        kept = self.desk.take(
            PersonDecision(
                handle=visit.handle,
                verdicts=dict.fromkeys(purposes, verdict) if by_purpose else {},
                level=answer.level,
                jurisdiction=None if offer.place == UNKNOWN else offer.place,
                carrier="page",
                notice=answer.notice if answer.yes else None,
                evidence="conflict_notice" if answer.told_of_signal else "plain",
                form=FORM,
                method="website",
                device_address=place.source_address,
                agent=place.agent,
                session=visit.link,
                source_address=place.source_address,
            )
        )
        return Saved(
            purposes=purposes if by_purpose else (),
            yes=answer.yes,
            level=answer.level,
            receipt=kept.receipt,
        )

    def _check(self, answer: Answer, offer: Offer) -> None:
        """Refuse what the page does not offer.

        Raises:
            FormError, TextChangedError
        """
        policy = self.in_force.policy
        if answer.level is not None:
            if answer.level not in offered_levels(policy, offer):
                raise FormError("the level is not offered")
            return
        if answer.purpose is None:
            if answer.yes or not offered_purposes(policy):
                raise FormError("a yes is given to one purpose at a time")
            return
        if answer.purpose not in offered_purposes(policy):
            raise FormError("the answer is about a purpose that is not offered")
        if answer.yes and answer.notice != offer.notices[answer.purpose]:
            raise TextChangedError("the text that was shown is not that of today")

    def leave(self, session: str) -> None:
        """End a visit before its time."""
        self.writer.call(self._leave, session)

    def _enter(
        self, connection: Connection, entries: Sequence[Entry]
    ) -> list[LinkSession]:
        visits = [
            open_link(connection, self.ring, entry.token, self.clock)
            for entry in entries
        ]
        ordinals = self.log.ordinals(connection, [visit.handle for visit in visits])
        self.log.append(
            connection,
            [
                Draft(
                    kind=Kind.AUTH_SIGN_IN,
                    actor_kind="person",
                    policy=self.in_force.policy.version,
                    returned=np.array([ordinals[visit.handle]], dtype=np.int64),
                    session=visit.link,
                    source_address=entry.place.source_address,
                    agent=entry.place.agent,
                )
                for entry, visit in zip(entries, visits, strict=True)
            ],
        )
        return visits

    def _leave(self, connection: Connection, sessions: Sequence[str]) -> list[None]:
        for session in sessions:
            end_session(connection, self.ring, session)
        return [None] * len(sessions)
