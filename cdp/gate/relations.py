"""Columnar copies of who there is and what consent says, each for one watermark.

- A copy is valid for its own watermark and nothing else; what depends on the instant (a
  grant that begins or ends) is asked again for each instant.
- Audit numbers are for good, so they are kept across watermarks.
- A copy holds handles and profile ids in memory; it never prints them.

Everything is read in one snapshot, so that consent, membership and events agree.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import reduce

import msgspec
import numpy as np
import pyarrow as pa

from cdp.audit import AuditLog
from cdp.consent import REASONS, Columns, effective_columns, next_turn
from cdp.consent import Reason as ConsentReason
from cdp.gate.population import Int64s, Population, Standing, all_allow
from cdp.identity import member_columns
from cdp.kernel import Seq
from cdp.runtime import Connection, Database, Writer, current_seq

REASON_CODES: dict[int, str] = {code: reason.value for code, reason in REASONS.items()}
_NEVER_ASKED = ConsentReason.NEVER_ASKED.code
_NONE: Int64s = np.empty(0, dtype=np.int64)


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What one snapshot says."""

    watermark: Seq
    population: Population
    standing: Standing


class Numbers:
    """Audit numbers by handle, as two columns; they never change, so they only grow."""

    def __init__(self) -> None:
        # One attribute, so that another thread sees both columns or neither.
        self._columns: tuple[Int64s, Int64s] = (_NONE, _NONE)

    def of(self, handles: Int64s) -> tuple[Int64s, Int64s]:
        """Return the numbers of ``handles`` (-1 where unknown), and who is unknown."""
        known, numbers = self._columns
        if not known.size:
            return np.full(handles.size, -1, dtype=np.int64), handles
        places = np.minimum(np.searchsorted(known, handles), known.size - 1)
        found = np.where(known[places] == handles, numbers[places], -1)
        return found, handles[found < 0]

    def learn(self, handles: Int64s, numbers: Int64s) -> None:
        """Keep numbers that are committed."""
        known, before = self._columns
        both = np.concatenate([known, handles])
        values = np.concatenate([before, numbers])
        merged, first = np.unique(both, return_index=True)
        self._columns = merged, values[first]


class _Copy(msgspec.Struct, frozen=True, kw_only=True):
    """What one scope said at one watermark, and the instants for which it holds."""

    watermark: Seq
    since: datetime
    until: datetime | None
    standing: Standing

    def holds(self, watermark: Seq, now: datetime) -> bool:
        """Whether this is what would be read now."""
        return (
            self.watermark == watermark
            and self.since <= now
            and (self.until is None or now < self.until)
        )


class Relations:
    """Reads and keeps the copies of one process."""

    def __init__(self, database: Database, writer: Writer, log: AuditLog) -> None:
        self._database = database
        self._writer = writer
        self._log = log
        self._numbers = Numbers()
        self._population: Population | None = None
        self._copies: dict[int, _Copy] = {}

    @contextmanager
    def snapshot(
        self, scopes: Sequence[int], now: datetime
    ) -> Iterator[tuple[Connection, Known]]:
        """Open a snapshot of the store and say who there is and who may be used.

        The snapshot stays open until the block ends, so that events can be read in it.

        Args:
            scopes: one or more; each of them must allow it.
        """
        while True:
            with self._database.snapshot() as connection:
                known = self._read(connection, scopes, now)
                if isinstance(known, Known):
                    yield connection, known
                    return
            # Numbers are given in a transaction that writes, so outside the snapshot; a
            # handle that came meanwhile is simply met in the next round.
            self._numbers.learn(*self._writer.call(self._give, known))

    def _read(
        self, connection: Connection, scopes: Sequence[int], now: datetime
    ) -> Known | Int64s:
        """Return what the snapshot says, or the handles that have no number yet."""
        watermark = current_seq(connection)
        rows: dict[int, Columns] = {}
        population = self._population
        if population is None or population.watermark != watermark:
            rows[scopes[0]] = effective_columns(connection, scopes[0], now)
            read = self._members(connection, watermark, rows[scopes[0]])
            if not isinstance(read, Population):
                return read
            self._population = population = read
        found: list[Standing] = []
        for scope in scopes:
            copy = self._copies.get(scope)
            if copy is None or not copy.holds(watermark, now):
                read_now = rows.get(scope)
                if read_now is None:
                    read_now = effective_columns(connection, scope, now)
                copy = _Copy(
                    watermark=watermark,
                    since=now,
                    until=next_turn(connection, scope, now),
                    standing=standing_of(population, read_now),
                )
                self._copies[scope] = copy
            found.append(copy.standing)
        standing = reduce(all_allow, found)
        return Known(watermark=watermark, population=population, standing=standing)

    def _members(
        self, connection: Connection, watermark: Seq, rows: Columns
    ) -> Population | Int64s:
        handles, ids = member_columns(connection)
        _, unknown = self._numbers.of(rows.handle)
        if unknown.size:
            self._numbers.learn(rows.handle, rows.ordinal)
        order = np.argsort(handles)
        handles, ids = handles[order], ids[order]
        numbers, missing = self._numbers.of(handles)
        if missing.size:
            return missing
        return _population(watermark, handles, ids, numbers)

    def _give(
        self, connection: Connection, wanted: Sequence[Int64s]
    ) -> list[tuple[Int64s, Int64s]]:
        everybody = np.unique(np.concatenate(list(wanted)))
        given = self._log.ordinals(connection, everybody.tolist())
        handles = np.fromiter(given.keys(), np.int64, count=len(given))
        numbers = np.fromiter(given.values(), np.int64, count=len(given))
        return [(handles, numbers)] * len(wanted)


def standing_of(population: Population, rows: Columns) -> Standing:
    """Spread the effective rows of one scope over the handles of a population.

    A handle without a row was never asked.
    """
    size = population.handles.size
    granted = np.zeros(size, dtype=np.bool_)
    covers_past = np.zeros(size, dtype=np.bool_)
    codes = np.full(size, _NEVER_ASKED, dtype=np.int64)
    if size and rows.handle.size:
        places = np.searchsorted(population.handles, rows.handle)
        places = np.minimum(places, size - 1)
        # A handle without a profile is nobody's any more: its row opens nothing.
        live = population.handles[places] == rows.handle
        places = places[live]
        granted[places] = rows.granted[live]
        covers_past[places] = rows.covers_past[live]
        codes[places] = np.maximum(rows.reason[live].astype(np.int64), _NEVER_ASKED)
    return Standing(granted=granted, covers_past=covers_past, codes=codes)


def _population(
    watermark: Seq, handles: Int64s, ids: np.ndarray, numbers: Int64s
) -> Population:
    rows = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(16), len(ids), [None, pa.py_buffer(np.ascontiguousarray(ids))]
    )
    encoded = rows.dictionary_encode()
    known = np.frombuffer(encoded.dictionary.buffers()[1], dtype=np.uint8)
    count = len(encoded.dictionary)
    return Population(
        watermark=watermark,
        handles=handles,
        profiles=encoded.indices.to_numpy().astype(np.int64),
        ordinals=numbers,
        ids=known[: count * 16].reshape(-1, 16),
    )
