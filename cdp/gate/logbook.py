"""The doors to the log: the log itself, and who touched one person's data.

- A look into the log is a record of the log.
- Whoever opens payloads, and so sees who looked and from where, says why first.

Refuses: the log's own questions (filters, pages, files). They are with ``audit``.

Source: house page on audit (section 7).
"""

import msgspec

from cdp.audit import AuditFilter, AuditLog, AuditPage
from cdp.gate.access import AccessRequest, Denied, Granted, Reason, Ruling
from cdp.gate.looks import NOBODY, Looks, Subject
from cdp.gate.rules import PolicyInForce
from cdp.keys import KeyRing
from cdp.runtime import Database, Metrics, Writer, current_seq


class SubjectTimeline(msgspec.Struct, frozen=True, kw_only=True):
    """Who touched the person's data: a page of the log, and the record of this look."""

    page: AuditPage
    record: str


class LogAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the log, and the record of this look."""

    page: AuditPage
    record: str


class Logbook:
    """Shows the log. One for each process; safe for threads."""

    def __init__(
        self,
        *,
        database: Database,
        writer: Writer,
        ring: KeyRing,
        audit: AuditLog,
        policy_in_force: PolicyInForce,
        metrics: Metrics | None = None,
    ) -> None:
        self._database = database
        self._log = audit
        self._looks = Looks(
            writer=writer,
            ring=ring,
            audit=audit,
            policy_in_force=policy_in_force,
            metrics=metrics,
        )

    def subject(
        self,
        request: AccessRequest,
        subject: Subject,
        *,
        asked: AuditFilter | None = None,
        after: int | None = None,
        limit: int = 100,
        open_payload: bool = False,
    ) -> Ruling[SubjectTimeline]:
        """Return who touched a person's data: every record whose sets hold them.

        Args:
            asked: Narrows the timeline further.
            after: The cursor of the page before this one.
            open_payload: Show who looked and from where; wants a reason code.

        Raises:
            StoreUnavailableError: the look could not be recorded; nothing is shown.
        """
        denied = self._admit(request, open_payload)
        if denied is not None:
            return denied
        with self._database.snapshot() as connection:
            watermark = current_seq(connection)
            person = self._looks.person(connection, subject)
        numbers = self._looks.numbers(person)
        with self._database.snapshot() as connection:
            page = self._log.subject(
                connection,
                numbers,
                asked or AuditFilter(),
                after=after,
                limit=limit,
                open_payload=open_payload,
            )
        record = self._looks.record(request, person, watermark)
        return Granted(SubjectTimeline(page=page, record=record))

    def query(
        self,
        request: AccessRequest,
        asked: AuditFilter,
        *,
        after: int | None = None,
        limit: int = 100,
        open_payload: bool = False,
    ) -> Ruling[LogAnswer]:
        """Return a page of the log itself.

        Args:
            open_payload: Show who did it and from where; wants a reason code.

        Raises:
            StoreUnavailableError: the look could not be recorded; nothing is shown.
        """
        denied = self._admit(request, open_payload)
        if denied is not None:
            return denied
        with self._database.snapshot() as connection:
            watermark = current_seq(connection)
            page = self._log.query(
                connection, asked, after=after, limit=limit, open_payload=open_payload
            )
        record = self._looks.record(request, NOBODY, watermark)
        return Granted(LogAnswer(page=page, record=record))

    def _admit(self, request: AccessRequest, opens: bool) -> Denied | None:
        """Return a recorded denial; whoever opens payloads says why first."""
        denied = self._looks.admit(request)
        if denied is None and opens and not request.reason_code:
            missing = Denied(reason=Reason.REASON_MISSING, rule="payload")
            return self._looks.refuse(request, missing)
        return denied
