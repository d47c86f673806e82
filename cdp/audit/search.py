"""Asking the log: filters, and "who touched X".

- A cursor is an index. A page says which range was scanned, up to which size, whether
  that is all, and the checkpoint it stands on; nothing is cut silently.
- The upper bound is fixed on page one: whoever asks for the next page passes ``size``
  back as ``until_index``, and inserts give no duplicate and no gap.
- Whatever an index names is read and compared before it is shown.

Refuses: opening a payload unless told to, and naming a subject: it knows ordinals.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

import msgspec
from pyroaring import BitMap

from cdp.audit.checkpoint import Checkpoint
from cdp.audit.facets import (
    BLOCK,
    ENVELOPE_FIELDS,
    code_facet,
    matching,
    unpack_search,
)
from cdp.audit.merkle import leaf_hash
from cdp.audit.record import Envelope, Kind, Outcome, Payload, Role, read_envelope
from cdp.audit.repository import (
    PayloadRow,
    RecordRow,
    blocks_between,
    facet_members,
    indexed_blocks,
    parts_after,
    payloads_at,
    records_at,
    searchable,
    tombstones,
)
from cdp.audit.subjects import PART_BITS, contains_any
from cdp.kernel import to_micros
from cdp.runtime import Connection

# Blocks asked for at once: two common facets are then a few hundred kilobytes.
_SPAN_BLOCKS: Final = 512
_TAIL_ROWS: Final = 4_096
_PIECE: Final = 512
_PARTS_AT_ONCE: Final = 2_048
_MILLIS: Final = 1_000
_END_OF_TIME: Final = 1 << 62

PayloadState = Literal["sealed", "open", "shredded", "missing"]


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to look for; a field that is None lets everything pass.

    ``client``, ``actor``, ``source_address`` and ``ticket`` stand in sealed payloads
    and are found through keyed digests. ``since`` is included, ``until`` is not; so are
    the bounds of the range of indexes.
    """

    kind: Kind | None = None
    outcome: Outcome | None = None
    purpose: str | None = None
    recipient: str | None = None
    release: str | None = None
    reason: str | None = None
    policy: str | None = None
    client: str | None = None
    actor: str | None = None
    source_address: str | None = None
    ticket: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    from_index: int = 0
    until_index: int | None = None


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record as it is shown. ``roles`` only in answers about a subject."""

    index: int
    id: str
    leaf: bytes
    envelope: Envelope
    payload: Payload | None
    payload_state: PayloadState
    roles: tuple[Role, ...] = ()


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page and what it rests on.

    ``scanned`` is the half-open range that was looked through; ``next`` goes into
    ``after``, and ``size`` into ``until_index``, for the page after this one.
    ``complete``: there is none. ``pending`` records have no index yet and cannot be
    found.
    """

    records: tuple[AuditRecord, ...]
    complete: bool
    next: int | None
    scanned: tuple[int, int]
    size: int
    checkpoint: Checkpoint | None
    pending: int


class Found(NamedTuple):
    """Indexes that answer, and how far the search looked."""

    indexes: list[int]
    roles: dict[int, tuple[Role, ...]]
    looked_until: int


Digest = Callable[[str, str], int]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A filter made ready: facets by field, and a range of milliseconds."""

    codes: dict[str, str]
    digests: dict[str, int]
    since: int
    until: int

    def facets(self) -> list[int]:
        """Return every facet that a record must have."""
        codes = [code_facet(field, value) for field, value in self.codes.items()]
        return [*codes, *self.digests.values()]

    def accepts(self, envelope: Envelope, search: bytes | None) -> bool:
        """Whether a record truly has what is asked for, whatever an index said."""
        if not self.since <= envelope.t < self.until:
            return False
        if any(getattr(envelope, f) != value for f, value in self.codes.items()):
            return False
        if not self.digests:
            return True
        found = {} if search is None else unpack_search(search)
        return all(found.get(f) == facet for f, facet in self.digests.items())


def prepare(asked: AuditFilter, digest: Digest) -> Wanted:
    """Make a filter ready.

    Args:
        asked: the filter.
        digest: (field, value) -> the keyed facet of a payload field.
    """
    values = {field: getattr(asked, field) for field in ENVELOPE_FIELDS}
    sealed = {
        "client": asked.client,
        "actor": asked.actor,
        "source_address": asked.source_address,
        "ticket": asked.ticket,
    }
    return Wanted(
        codes={field: str(value) for field, value in values.items() if value},
        digests={f: digest(f, value) for f, value in sealed.items() if value},
        since=0 if asked.since is None else to_micros(asked.since) // _MILLIS,
        until=_END_OF_TIME if asked.until is None else _millis_up(asked.until),
    )


def find(
    connection: Connection, wanted: Wanted, first: int, end: int, limit: int
) -> Found:
    """Return the first ``limit`` records of ``[first, end)`` that answer."""
    indexes: list[int] = []
    for candidates, looked in _candidates(connection, wanted, first, end):
        for index in candidates:
            indexes.append(index)
            if len(indexes) == limit:
                return Found(indexes, {}, index + 1)
        first = looked
    return Found(indexes, {}, end)


def find_subject(
    connection: Connection,
    ordinals: Sequence[int],
    wanted: Wanted,
    first: int,
    end: int,
    limit: int,
) -> Found:
    """Return the first ``limit`` records of ``[first, end)`` that touched a subject.

    Args:
        ordinals: those of all handles of the subject.
    """
    lows: dict[int, BitMap] = {}
    for ordinal in ordinals:
        part = lows.setdefault(ordinal >> PART_BITS, BitMap())
        part.add(ordinal & ((1 << PART_BITS) - 1))
    # Enough for more than one record, so that every round gets on.
    most = max(_PARTS_AT_ONCE, len(Role) * len(lows) + 1)
    roles: dict[int, tuple[Role, ...]] = {}
    after = first - 1
    while lows and after < end - 1:
        rows = parts_after(connection, list(lows), after, end, most)
        # The last record of a full piece may have more parts: it waits for the next.
        stop = end if len(rows) < most else rows[-1].idx
        hits: dict[int, tuple[Role, ...]] = {}
        for row in rows:
            if row.idx < stop and contains_any(row.members, lows[row.number]):
                had, role = hits.get(row.idx, ()), Role.from_code(row.role)
                hits[row.idx] = had if role in had else (*had, role)
        for index in _accepted(connection, wanted, list(hits)):
            roles[index] = hits[index]
            if len(roles) == limit:
                return Found(list(roles), roles, index + 1)
        after = stop - 1
    return Found(list(roles), roles, end)


def show(
    connection: Connection,
    found: Found,
    open_payload: Callable[[RecordRow, PayloadRow, Envelope], Payload] | None,
) -> tuple[AuditRecord, ...]:
    """Read the records that were found.

    Args:
        connection: the store.
        found: what ``find`` or ``find_subject`` returned.
        open_payload: unseals a payload; None leaves them all sealed.
    """
    rows = records_at(connection, found.indexes)
    payloads = payloads_at(connection, found.indexes)
    gone = [index for index in found.indexes if index not in payloads]
    shredded = tombstones(connection, min(gone), max(gone) + 1) if gone else {}
    shown: list[AuditRecord] = []
    for index in found.indexes:
        row = rows[index]
        envelope = read_envelope(row.envelope)
        payload, state = None, _state_without_payload(index, shredded)
        sealed = payloads.get(index)
        if sealed is not None:
            state = "sealed"
            if open_payload is not None:
                payload, state = open_payload(row, sealed, envelope), "open"
        shown.append(
            AuditRecord(
                index=index,
                id=envelope.id,
                leaf=leaf_hash(row.envelope),
                envelope=envelope,
                payload=payload,
                payload_state=state,
                roles=found.roles.get(index, ()),
            )
        )
    return tuple(shown)


def _state_without_payload(index: int, shredded: dict[int, bytes]) -> PayloadState:
    return "shredded" if index in shredded else "missing"


def _candidates(
    connection: Connection, wanted: Wanted, first: int, end: int
) -> Iterator[tuple[list[int], int]]:
    """Give accepted indexes in ascending runs, each with how far it looked."""
    covered = min(end, indexed_blocks(connection) * BLOCK)
    while first < covered:
        block = first // BLOCK
        stop = min(block + _SPAN_BLOCKS, -(-covered // BLOCK))
        for number, indexes in _block_hits(connection, wanted, block, stop):
            wanted_here = [i for i in indexes if first <= i < end]
            for at in range(0, len(wanted_here), _PIECE):
                piece = wanted_here[at : at + _PIECE]
                yield _accepted(connection, wanted, piece), (number + 1) * BLOCK
        first = stop * BLOCK
    while first < end:
        stop = min(end, first + _TAIL_ROWS)
        rows = searchable(connection, first, stop)
        yield (
            [i for i, raw, blob in rows if wanted.accepts(read_envelope(raw), blob)],
            stop,
        )
        first = stop


def _block_hits(
    connection: Connection, wanted: Wanted, first: int, end: int
) -> Iterator[tuple[int, list[int]]]:
    """Give, block by block, the indexes that have every facet."""
    facets = wanted.facets()
    blocks = blocks_between(connection, first, end, wanted.since, wanted.until)
    if not facets:
        for block in blocks:
            yield block, list(range(block * BLOCK, (block + 1) * BLOCK))
        return
    members = facet_members(connection, facets, first, end)
    for block in blocks:
        bitmaps = members.get(block, [])
        if len(bitmaps) == len(facets):
            yield block, matching(block, bitmaps)


def _accepted(connection: Connection, wanted: Wanted, indexes: list[int]) -> list[int]:
    """Return those of ``indexes`` whose records truly answer, in order."""
    if not indexes:
        return []
    rows = records_at(connection, indexes)
    blobs = payloads_at(connection, indexes) if wanted.digests else {}
    accepted: list[int] = []
    for index in indexes:
        row = rows.get(index)
        if row is None:
            continue
        payload = blobs.get(index)
        search = None if payload is None else payload.search
        if wanted.accepts(read_envelope(row.envelope), search):
            accepted.append(index)
    return accepted


def _millis_up(instant: datetime) -> int:
    return -(-to_micros(instant) // _MILLIS)
