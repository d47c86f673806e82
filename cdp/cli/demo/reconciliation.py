"""The numbers of a demo run, and whether they reconcile.

    sent     = accepted + refused + deduplicated
    profiles = released + withheld

The first line has three witnesses: the senders, what the service answered them, and
what it counted itself. A demo whose numbers do not reconcile has failed, whatever it
showed.
"""

from collections import Counter
from collections.abc import Mapping

import msgspec

from cdp.cli.demo.calls import Counts


class SegmentLine(msgspec.Struct, frozen=True, kw_only=True):
    """One segment in ``demo.json``."""

    name: str
    size: int
    spend: float


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What ``demo.json`` holds, key for key."""

    events_sent: int
    events_accepted: int
    events_refused: dict[str, int]
    events_deduplicated: int
    seconds_ingest: float
    events_per_second: float
    identifiers: int
    profiles: int
    released_rows: int
    withheld: dict[str, int]
    segments: list[SegmentLine]
    silhouette: float
    audit_size: int
    audit_root: str
    audit_verified: bool
    withdrawal_effective: bool


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender was told: by all its answers together."""

    sent: int
    ok: int
    refused: Mapping[str, int]


def refused_by_reason(counts: Counts) -> dict[str, int]:
    """Return the refusals of every source together, by code."""
    total: Counter[str] = Counter()
    for source in counts.sources.values():
        total.update(source.refused)
    return dict(sorted(total.items()))


def faults_of_delivery(
    counts: Counts, batches: Delivered, segment_sent: int, segment_source: str
) -> list[str]:
    """Compare what senders were told with what the service counted."""
    library = counts.sources.get(segment_source)
    plain = [c for name, c in counts.sources.items() if name != segment_source]
    refused = refused_by_reason(
        msgspec.structs.replace(
            counts,
            sources={n: c for n, c in counts.sources.items() if n != segment_source},
        )
    )
    heard = (
        0
        if library is None
        else (library.accepted + library.deduplicated + sum(library.refused.values()))
    )
    pairs = [
        ("batches: ok", batches.ok, sum(c.accepted + c.deduplicated for c in plain)),
        ("batches: refused", dict(sorted(batches.refused.items())), refused),
        ("batches: sent", batches.sent, batches.ok + sum(batches.refused.values())),
        ("Segment client: sent", segment_sent, heard),
    ]
    return [_differs(*pair) for pair in pairs if pair[1] != pair[2]]


def faults(figures: Figures, *, expected_duplicates: int) -> list[str]:
    """Return what does not add up; empty is what a demo ends with.

    Args:
        figures: The run.
        expected_duplicates: Events that were accepted once and then sent again.
    """
    settled = (
        figures.events_accepted
        + sum(figures.events_refused.values())
        + figures.events_deduplicated
    )
    seen = figures.released_rows + sum(figures.withheld.values())
    sizes = sum(segment.size for segment in figures.segments)
    pairs = [
        ("events: sent, settled", figures.events_sent, settled),
        (
            "events: sent again, deduplicated",
            expected_duplicates,
            figures.events_deduplicated,
        ),
        ("profiles: known, released + withheld", figures.profiles, seen),
        ("rows: released, in segments", figures.released_rows, sizes),
    ]
    said = [_differs(*pair) for pair in pairs if pair[1] != pair[2]]
    if not figures.audit_verified:
        said.append("the log does not verify")
    if not figures.withdrawal_effective:
        said.append("the withdrawal did not take exactly one profile away")
    return said


def _differs(what: str, one: object, other: object) -> str:
    return f"{what}: {one} is not {other}"
