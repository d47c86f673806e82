"""Consent that another system kept is taken over: rank 6, with a basis and an operator.

A file is read twice. First every line is checked and nothing is written. Then the lines
are written in batches:

- A batch is one transaction: signals, relation and record (``consent.change``), or
  nothing. A process that dies leaves whole batches.
- A line that is in the ledger already is a repeat and is not appended. So the same file
  can be imported again, after a crash or by mistake, and the ledger is what it was.
- A batch is a few statements, however many lines it has: one look-up, one creation, one
  append, one fold.
- Lines are ordered by when they were decided, denials too: a file is one history that
  one system kept, and its operator answers for that system's clock.
- A denial of linking ends the evidence of its identifier, as a person's own would.

Refuses: an import without a basis or without a name that answers for it; a file with
a bad line, unless the operator says that such lines are left out.

Source: house page on consent, sections 1, 2, 6 and 9; GDPR 7(1); PIPA 22(3);
docs/decisions/0084-imports.md.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import numpy as np

from cdp.audit import AuditLog, Draft, Kind
from cdp.consent import (
    Actor,
    Carrier,
    How,
    Known,
    NewSignal,
    Proof,
    Rank,
    Verdicts,
    append,
    carry_denials,
    history,
    know,
)
from cdp.consent import Kind as SignalKind
from cdp.gate import PolicyInForce, refold
from cdp.identity import NewHandle, create, end_evidence, find, members
from cdp.ingest.bulk_file import read_lines
from cdp.ingest.bulk_line import Fault, Imported, LineReader, Statement, Terms
from cdp.ingest.errors import ImportRefusedError
from cdp.ingest.rounds import sealer
from cdp.kernel import Clock, Handle, Seq
from cdp.keys import KeyRing
from cdp.runtime import Connection, Writer, draw_seq

# Everybody else waits while a batch is written: a fraction of a second of this many.
BATCH_LINES: Final = 2_000

_MAX_BASIS: Final = 200
_MAX_OPERATOR: Final = 128

Progress: TypeAlias = Callable[[int], None]
"""Told how many lines have been read so far."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What the check of a file found.

    Args:
        faults: lines that cannot be imported, by code.
        remarks: what was read over, by code.
    """

    lines: int
    good: int
    faults: dict[str, int]
    remarks: dict[str, int]


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file's lines.

    Args:
        repeated: in the ledger already, or twice in the file.
        silent: read, and said nothing.
        skipped: bad, and left out.
        people: identifiers that were new.
    """

    lines: int
    appended: int
    repeated: int
    silent: int
    skipped: int
    people: int
    batches: int


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A line on its way, its identifier a digest."""

    digest: bytes
    epoch: int
    line: Imported
    sha256: bytes


class _Batch(msgspec.Struct, frozen=True, kw_only=True):
    entries: tuple[_Entry, ...]
    terms: Terms


class _Done(msgspec.Struct, frozen=True, kw_only=True):
    appended: int = 0
    people: int = 0


_Fresh: TypeAlias = tuple[_Entry, Statement]
# What a statement is told by: its raw form, and what was read out of it.
_Told: TypeAlias = tuple[bytes, SignalKind, Verdicts]


class BulkImport:
    """Imports files; one for each process.

    Args:
        batch_lines: the most lines of one transaction.
    """

    def __init__(
        self,
        *,
        in_force: PolicyInForce,
        log: AuditLog,
        ring: KeyRing,
        writer: Writer,
        clock: Clock,
        batch_lines: int = BATCH_LINES,
    ) -> None:
        self._in_force = in_force
        self._log = log
        self._ring = ring
        self._writer = writer
        self._clock = clock
        self._batch_lines = batch_lines

    def check(
        self,
        path: Path,
        terms: Terms,
        *,
        on_fault: Callable[[Fault], None],
        progress: Progress,
    ) -> Checked:
        """Read a whole file and write nothing.

        Args:
            on_fault: told of every line that cannot be imported.

        Raises:
            ImportRefusedError: the terms or the file as a whole.
        """
        reader = self._reader(terms)
        lines = 0
        faults: Counter[str] = Counter()
        remarks: Counter[str] = Counter()
        for number, given in read_lines(path):
            lines += 1
            read = given if isinstance(given, Fault) else reader.read(number, given)
            if isinstance(read, Fault):
                faults[read.code] += 1
                on_fault(read)
            else:
                remarks.update(read.remarks)
            progress(lines)
        if not lines:
            raise ImportRefusedError("the file holds no line")
        return Checked(
            lines=lines,
            good=lines - faults.total(),
            faults=dict(sorted(faults.items())),
            remarks=dict(sorted(remarks.items())),
        )

    def write(
        self, path: Path, terms: Terms, *, skip_bad: bool, progress: Progress
    ) -> Written:
        """Write the lines of a file that was checked.

        Args:
            skip_bad: leave out lines that cannot be imported.

        Raises:
            ImportRefusedError: a bad line, though the check found none: the file is
                another one now. Batches that were done are kept.
            StoreUnavailableError: the store failed; batches that were done are kept.
        """
        reader = self._reader(terms)
        lines = silent = skipped = batches = 0
        done = _Done()
        waiting: list[_Entry] = []

        def land() -> None:
            nonlocal done, batches
            if waiting:
                batch = _Batch(entries=tuple(waiting), terms=terms)
                now = self._writer.call(self._land, batch)
                done = _Done(
                    appended=done.appended + now.appended,
                    people=done.people + now.people,
                )
                batches += 1
                waiting.clear()
            progress(lines)

        for number, given in read_lines(path):
            lines += 1
            read = given if isinstance(given, Fault) else reader.read(number, given)
            if isinstance(read, Imported):
                if read.statements:
                    waiting.append(self._entry(read))
                else:
                    silent += 1
            elif skip_bad:
                skipped += 1
            else:
                raise ImportRefusedError(
                    f"line {number} is bad now and was good before: {read.code}"
                )
            if len(waiting) == self._batch_lines:
                land()
        land()
        return Written(
            lines=lines,
            appended=done.appended,
            repeated=lines - silent - skipped - done.appended,
            silent=silent,
            skipped=skipped,
            people=done.people,
            batches=batches,
        )

    def _reader(self, terms: Terms) -> LineReader:
        for what, text, most in (
            ("a legal basis", terms.basis, _MAX_BASIS),
            ("the name of who answers for it", terms.operator, _MAX_OPERATOR),
        ):
            if not text.strip() or len(text) > most or not text.isprintable():
                raise ImportRefusedError(
                    f"an import needs {what}: 1 to {most} characters on one line"
                )
        policy = self._in_force.policy
        if terms.jurisdiction and terms.jurisdiction not in policy.jurisdictions:
            known = ", ".join(sorted(policy.jurisdictions))
            raise ImportRefusedError(f"the policy knows the jurisdictions {known}")
        return LineReader(self._in_force, terms, self._clock.now())

    def _entry(self, line: Imported) -> _Entry:
        digester = self._ring.digester(line.identifier.namespace)
        return _Entry(
            digest=digester.digest(line.identifier.digest_input),
            epoch=digester.epoch,
            line=line,
            sha256=hashlib.sha256(line.raw).digest(),
        )

    def _land(self, connection: Connection, batches: Sequence[_Batch]) -> list[_Done]:
        return [self._one(connection, batch) for batch in batches]

    def _one(self, connection: Connection, batch: _Batch) -> _Done:
        now = self._clock.now()
        before = find(connection, [entry.digest for entry in batch.entries])
        fresh = _fresh(batch.entries, before, self._kept(connection, before))
        if not fresh:
            self._record(connection, batch, [], appended=0)
            return _Done()
        seq = draw_seq(connection)
        handles = self._handles(connection, fresh, seq, now)
        know(
            connection,
            {
                Known(handles[entry.digest], entry.line.place, How.DECLARED)
                for entry, _ in fresh
            },
            now,
        )
        touched = {handles[entry.digest] for entry, _ in fresh}
        cut = self._cut(connection, fresh, before, seq, now)
        append(
            connection,
            [
                self._signal(entry, said, handles[entry.digest], batch.terms, now)
                for entry, said in fresh
            ],
            seal=sealer(self._ring),
        )
        refold(
            connection,
            touched | cut,
            rules=self._in_force.consent,
            log=self._log,
            seq=seq,
            now=now,
        )
        appended = len({id(entry) for entry, _ in fresh})
        self._record(connection, batch, sorted(touched), appended=appended)
        return _Done(appended=appended, people=len(handles.keys() - before.keys()))

    def _kept(
        self, connection: Connection, handles: Mapping[bytes, Handle]
    ) -> set[tuple[Handle, _Told]]:
        """Return what imports said of these handles before."""
        return {
            (signal.handle, (signal.sha256, signal.kind, signal.verdicts))
            for signal in history(connection, handles.values())
            if signal.carrier is Carrier.IMPORT
        }

    def _handles(
        self, connection: Connection, fresh: Iterable[_Fresh], seq: Seq, now: datetime
    ) -> dict[bytes, Handle]:
        version = self._in_force.identity.version
        return create(
            connection,
            [
                NewHandle(
                    digest=entry.digest,
                    namespace=entry.line.identifier.namespace,
                    epoch=entry.epoch,
                    rule_version=version,
                    first_seen=now,
                )
                for entry, _ in fresh
            ],
            seq,
            now=now,
        )

    def _cut(
        self,
        connection: Connection,
        fresh: Iterable[_Fresh],
        before: Mapping[bytes, Handle],
        seq: Seq,
        now: datetime,
    ) -> set[Handle]:
        """End the evidence of those who deny linking; nobody regains a use by it."""
        linking = self._in_force.consent.purpose_masks.get("linking", 0)
        deniers = {
            before[entry.digest]
            for entry, said in fresh
            if said.verdicts.denies & linking and entry.digest in before
        }
        if not deniers:
            return set()
        split = members(connection, deniers).handles_of
        carry_denials(
            connection,
            split.values(),
            self._in_force.consent,
            recorded_at=now,
            seal=sealer(self._ring),
        )
        ended = end_evidence(
            connection,
            deniers,
            reason="linking_denied",
            ended_at=now,
            rules=self._in_force.identity,
            seq=seq,
        )
        return {mate for mates in split.values() for mate in mates} | ended.handles

    def _signal(
        self,
        entry: _Entry,
        said: Statement,
        handle: Handle,
        terms: Terms,
        now: datetime,
    ) -> NewSignal:
        line = entry.line
        return NewSignal(
            own=(handle,),
            anchor=handle,
            source=0,
            carrier=Carrier.IMPORT,
            rank=Rank.IMPORT,
            kind=said.kind,
            verdicts=said.verdicts,
            raw=line.raw,
            jurisdiction=line.place,
            jurisdiction_how=How.DECLARED,
            valid_at=line.decided_at,
            recorded_at=now,
            # The operator answers for the clock of the system that kept the file: its
            # denials are as old as it says, or a later yes of the same file were lost.
            sent_at=now,
            dated=said.dated,
            actor=Actor.MIGRATION,
            notice=said.notice,
            proof=Proof(form=line.form, method=line.method, ground=terms.basis),
            policy=self._in_force.policy.version,
        )

    def _record(
        self,
        connection: Connection,
        batch: _Batch,
        touched: Sequence[Handle],
        *,
        appended: int,
    ) -> None:
        ordinals = self._log.ordinals(connection, touched)
        self._log.append(
            connection,
            [
                Draft(
                    kind=Kind.CONSENT_CHANGE,
                    actor_kind="person",
                    rule="import",
                    policy=self._in_force.policy.version,
                    counts={
                        "lines.appended": appended,
                        "lines.repeated": len(batch.entries) - appended,
                    },
                    returned=np.array(sorted(ordinals.values()), dtype=np.int64),
                    actor=batch.terms.operator,
                    justification=batch.terms.basis,
                )
            ],
        )


def _fresh(
    entries: Iterable[_Entry],
    handles: Mapping[bytes, Handle],
    kept: set[tuple[Handle, _Told]],
) -> list[_Fresh]:
    """Return what is not in the ledger yet, each statement once."""
    found: dict[tuple[bytes, _Told], _Fresh] = {}
    for entry in entries:
        handle = handles.get(entry.digest)
        for said in entry.line.statements:
            told = (entry.sha256, said.kind, said.verdicts)
            if handle is None or (handle, told) not in kept:
                found.setdefault((entry.digest, told), (entry, said))
    return list(found.values())
