"""Every access and every denial is a record, and the record comes first.

- A record is durable when these calls return. If it cannot be written they raise, and
  the caller MUST NOT let a byte of the answer go.
- A record names what the policy names. What a caller wrote freely (a release or purpose
  that does not exist) is not in it.
- An output stands in the release ledger in the transaction of its record.
"""

from collections.abc import Sequence

import msgspec

from cdp.audit import Appended, AuditLog, Draft
from cdp.gate import repository
from cdp.gate.access import AccessRequest, Denied
from cdp.gate.outputs import Output
from cdp.policy import Policy
from cdp.runtime import Connection, Metrics, Writer


class _Entry(msgspec.Struct, frozen=True):
    draft: Draft
    output: Output | None = None


class Recorder:
    """Writes the records of one gate."""

    def __init__(
        self, writer: Writer, log: AuditLog, metrics: Metrics | None = None
    ) -> None:
        self._writer = writer
        self._log = log
        self._metrics = metrics

    def keep(self, draft: Draft, output: Output | None = None) -> Appended:
        """Write one record, and the output it tells of; return when both are durable.

        Raises:
            StoreUnavailableError: the record is not written.
            OverloadedError: the record is not written.
        """
        done = self._writer.call(self._append, _Entry(draft, output))
        if self._metrics is not None:
            self._metrics.accesses.labels(draft.kind, draft.outcome).inc()
        return done

    def refuse(self, request: AccessRequest, denied: Denied, policy: Policy) -> Denied:
        """Record a denial and return it with the id of its record.

        Raises:
            StoreUnavailableError, OverloadedError: the record is not written.
        """
        draft = msgspec.structs.replace(
            draft_of(request, policy),
            outcome="denied",
            reason=denied.reason,
            rule=denied.rule,
        )
        return msgspec.structs.replace(denied, record=self.keep(draft).id)

    def _append(
        self, connection: Connection, entries: Sequence[_Entry]
    ) -> list[Appended]:
        appended = self._log.append(connection, [entry.draft for entry in entries])
        for done, entry in zip(appended, entries, strict=True):
            if entry.output is not None:
                output = msgspec.structs.replace(entry.output, id=done.id)
                repository.keep(connection, output)
        return list(appended)


def draft_of(request: AccessRequest, policy: Policy) -> Draft:
    """Return the record of a request, nothing decided yet."""
    caller, place = request.caller, request.place
    release = policy.releases.get(request.release or "")
    return Draft(
        kind=request.what,
        actor_kind="job",
        purpose=request.purpose if request.purpose in policy.purposes else None,
        recipient=release.recipient if release else None,
        release=release.key if release else None,
        policy=policy.version,
        actor=caller.client_id,
        client=caller.client_id,
        session=caller.token_id,
        source_address=place.source_address,
        agent=place.agent,
        trace=place.trace,
        reason_code=request.reason_code,
        ticket=request.ticket,
    )
