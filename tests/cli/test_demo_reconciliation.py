"""The numbers of a run: what adds up is silent, and every lie is named."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.cli.demo.calls import Counts, SourceCounts
from cdp.cli.demo.reconciliation import (
    Delivered,
    Figures,
    SegmentLine,
    faults,
    faults_of_delivery,
    refused_by_reason,
)

GOOD = Figures(
    events_sent=110,
    events_accepted=90,
    events_refused={"ingest.consent_missing": 15},
    events_deduplicated=5,
    seconds_ingest=1.0,
    events_per_second=110.0,
    identifiers=30,
    profiles=20,
    released_rows=12,
    withheld={"consent.denied": 5, "gate.too_small": 3},
    segments=[
        SegmentLine(name="Champions", size=7, spend=70.0),
        SegmentLine(name="Lost", size=5, spend=1.0),
    ],
    silhouette=0.4,
    audit_size=9,
    audit_root="root",
    audit_verified=True,
    withdrawal_effective=True,
)


def test_numbers_that_add_up_have_no_fault() -> None:
    assert faults(GOOD, expected_duplicates=5) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"events_sent": 111}, "sent, settled"),
        ({"events_accepted": 89}, "sent, settled"),
        ({"events_refused": {}}, "sent, settled"),
        ({"events_deduplicated": 6, "events_accepted": 89}, "deduplicated"),
        ({"profiles": 21}, "released + withheld"),
        ({"withheld": {}}, "released + withheld"),
        ({"released_rows": 13, "profiles": 21}, "in segments"),
        ({"audit_verified": False}, "verify"),
        ({"withdrawal_effective": False}, "withdrawal"),
    ],
)
def test_every_number_that_does_not_add_up_is_named(
    changes: dict[str, object], words: str
) -> None:
    wrong = msgspec.structs.replace(GOOD, **changes)
    said = faults(wrong, expected_duplicates=5)
    assert len(said) == 1
    assert words in said[0]


def test_the_file_has_exactly_the_keys_that_others_read() -> None:
    assert list(msgspec.to_builtins(GOOD)) == [
        "events_sent",
        "events_accepted",
        "events_refused",
        "events_deduplicated",
        "seconds_ingest",
        "events_per_second",
        "identifiers",
        "profiles",
        "released_rows",
        "withheld",
        "segments",
        "silhouette",
        "audit_size",
        "audit_root",
        "audit_verified",
        "withdrawal_effective",
    ]


few = st.integers(0, 3)
sources = st.builds(
    SourceCounts,
    accepted=few,
    deduplicated=few,
    refused=st.dictionaries(
        st.sampled_from(["ingest.a", "ingest.b"]), st.integers(1, 3)
    ),
)


@given(sources, sources, sources)
def test_senders_and_service_agree_when_neither_lies(
    one: SourceCounts, two: SourceCounts, library: SourceCounts
) -> None:
    counts = Counts({"one": one, "two": two, "lib": library}, 0, 0)
    refused = refused_by_reason(Counts({"one": one, "two": two}, 0, 0))
    ok = sum(s.accepted + s.deduplicated for s in (one, two))
    heard = library.accepted + library.deduplicated + sum(library.refused.values())
    told = Delivered(sent=ok + sum(refused.values()), ok=ok, refused=refused)
    assert faults_of_delivery(counts, told, heard, "lib") == []
    assert faults_of_delivery(counts, told, heard + 1, "lib") != []
    more = msgspec.structs.replace(told, sent=told.sent + 1)
    assert faults_of_delivery(counts, more, heard, "lib") != []


def test_a_segment_client_that_the_service_never_heard_is_named() -> None:
    told = Delivered(sent=0, ok=0, refused={})
    assert faults_of_delivery(Counts({}, 0, 0), told, 3, "lib") == [
        "Segment client: sent: 3 is not 0"
    ]
