"""Asking the log: every answer is the list's answer, whatever the pages and blocks."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.audit import AuditFilter, AuditPage, Draft, Kind, Role
from cdp.audit.facets import BLOCK
from cdp.kernel import FixedClock
from tests.audit.house import House, ordinals, pull, sqlite_house

START = datetime(2026, 11, 25, 12, tzinfo=UTC)
SIZE = 2 * BLOCK + 700  # two blocks with an index, and a tail without
SUBJECTS = 6


def draft(n: int) -> Draft:
    """Return a draft in which values are common, rare, or live in one block only."""
    sets: dict[str, Any] = {}
    if n % 40 == 0:
        sets["returned"] = ordinals(n // 40 % SUBJECTS, 70_000 + n)
    if n % 56 == 0:
        sets["withheld"] = ordinals(n // 56 % SUBJECTS)
    return pull(
        n,
        kind=Kind.AUDIT_QUERY if n % 11 == 0 else Kind.RELEASE_PULL,
        outcome="denied" if n % 900 == 0 else "allowed",
        reason="gate.role" if n % 900 == 0 else None,
        purpose="early" if n < 100 else "late" if n > BLOCK else "middle",
        recipient=f"r{n % 2}",
        ticket="T-1" if n in (5, SIZE - 1) else None,
        **sets,
    )


@pytest.fixture(scope="module")
def searched(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[House, list[Draft]]]:
    clock = FixedClock(START)
    house = sqlite_house(tmp_path_factory.mktemp("searched"), clock)
    house.log.check_start(house.database)
    drafts = [draft(n) for n in range(SIZE)]
    for first in range(0, SIZE, 500):
        clock.instant = START + timedelta(minutes=first)
        house.append(drafts[first : first + 500])
        house.log.publish(house.database)
    yield house, drafts
    house.database.close()


def happened_at(n: int) -> datetime:
    return START + timedelta(minutes=n - n % 500)


def passes(n: int, made: Draft, asked: AuditFilter) -> bool:
    """The filter, as one would write it over a list."""
    fields = (
        "kind",
        "outcome",
        "purpose",
        "recipient",
        "release",
        "reason",
        "policy",
        "client",
        "actor",
        "source_address",
        "ticket",
    )
    for field in fields:
        wanted = getattr(asked, field)
        if wanted is not None and getattr(made, field) != wanted:
            return False
    if asked.since is not None and happened_at(n) < asked.since:
        return False
    if asked.until is not None and happened_at(n) >= asked.until:
        return False
    return n >= asked.from_index and (
        asked.until_index is None or n < asked.until_index
    )


def all_pages(
    house: House, asked: AuditFilter, limit: int, subject: list[int] | None = None
) -> list[AuditPage]:
    pages: list[AuditPage] = []
    after = None
    with house.database.snapshot() as connection:
        while True:
            page = (
                house.log.query(connection, asked, after=after, limit=limit)
                if subject is None
                else house.log.subject(
                    connection, subject, asked, after=after, limit=limit
                )
            )
            pages.append(page)
            if page.complete:
                return pages
            assert page.next is not None
            after = page.next


def test_a_page_says_what_it_rests_on(searched: tuple[House, list[Draft]]) -> None:
    house, _ = searched
    with house.database.snapshot() as connection:
        page = house.log.query(connection, AuditFilter(), limit=10)
    assert [record.index for record in page.records] == list(range(10))
    assert (page.complete, page.next, page.scanned) == (False, 9, (0, 10))
    assert (page.size, page.pending) == (SIZE, 0)
    assert page.checkpoint == house.log.checkpoint()
    assert {record.payload_state for record in page.records} == {"sealed"}
    assert page.records[0].payload is None


moments = st.none() | st.integers(0, SIZE).map(happened_at)
filters = st.builds(
    AuditFilter,
    kind=st.sampled_from([None, None, Kind.AUDIT_QUERY, Kind.LOG_BEAT]),
    outcome=st.sampled_from([None, None, "denied", "error"]),
    purpose=st.sampled_from([None, None, "early", "middle", "late", "never"]),
    recipient=st.sampled_from([None, "r1"]),
    reason=st.sampled_from([None, None, "gate.role"]),
    policy=st.sampled_from([None, None, f"{1:064x}"]),
    client=st.sampled_from([None, None, "client2", "nobody"]),
    actor=st.sampled_from([None, None, "person3"]),
    ticket=st.sampled_from([None, None, None, "T-1"]),
    since=moments,
    until=moments,
    from_index=st.sampled_from([0, 0, 50, BLOCK - 1, SIZE, SIZE + 5]),
    until_index=st.sampled_from([None, None, 60, 2 * BLOCK + 1]),
)


@settings(max_examples=60)
@given(filters, st.sampled_from([40, 700, 9_000]))
def test_pages_together_are_the_whole_answer_in_order(
    searched: tuple[House, list[Draft]], asked: AuditFilter, limit: int
) -> None:
    house, drafts = searched
    expected = [n for n, made in enumerate(drafts) if passes(n, made, asked)]
    if len(expected) > 20 * limit:
        asked = msgspec.structs.replace(asked, from_index=expected[-20 * limit])
        expected = expected[-20 * limit :]
    pages = all_pages(house, asked, limit)
    found = [record.index for page in pages for record in page.records]
    assert found == expected
    assert all(len(page.records) <= limit for page in pages)
    for page, following in itertools.pairwise(pages):
        assert page.scanned[1] == following.scanned[0]


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, SUBJECTS), min_size=1, max_size=3),
    filters,
    st.sampled_from([3, 50, 9_000]),
)
def test_every_access_to_a_subject_is_found_with_its_role(
    searched: tuple[House, list[Draft]],
    subject: list[int],
    asked: AuditFilter,
    limit: int,
) -> None:
    house, drafts = searched
    expected: dict[int, set[Role]] = {}
    for n, made in enumerate(drafts):
        if not passes(n, made, asked):
            continue
        for role, members in (
            (Role.RETURNED, made.returned),
            (Role.WITHHELD, made.withheld),
        ):
            if members is not None and set(members.tolist()) & set(subject):
                expected.setdefault(n, set()).add(role)
    pages = all_pages(house, asked, limit, subject)
    found = {record.index: set(record.roles) for p in pages for record in p.records}
    assert found == expected
    assert list(found) == sorted(found)


def test_a_subject_nobody_touched_and_no_subject_at_all_find_nothing(
    searched: tuple[House, list[Draft]],
) -> None:
    house, _ = searched
    with house.database.snapshot() as connection:
        for subject in ([], [SUBJECTS + 1], [1 << 40]):
            page = house.log.subject(connection, subject)
            assert (page.records, page.complete) == ((), True)


def test_a_subject_in_every_record_is_paged_without_loss(small_house: House) -> None:
    parts = [5, 70_000, 140_000]
    small_house.append(
        [pull(n, returned=ordinals(*parts)) for n in range(1_500)]
        + [pull(returned=ordinals(6))]
    )
    pages = all_pages(small_house, AuditFilter(), 400, parts)
    found = [record.index for page in pages for record in page.records]
    assert found == list(range(1_500))


def test_payloads_open_only_when_asked_for(small_house: House) -> None:
    small_house.append([pull(3, justification="asked by phone")])
    with small_house.database.snapshot() as connection:
        page = small_house.log.query(connection, AuditFilter(), open_payload=True)
    (record,) = page.records
    assert record.payload_state == "open"
    assert record.payload is not None
    assert record.payload.justification == "asked by phone"
    assert record.payload.counts == {"returned": 3, "withheld.consent.withdrawn": 3}
    assert record.envelope.n["returned"] == "<10"


def test_inserts_between_pages_give_no_duplicate_and_no_gap(house: House) -> None:
    house.append([pull(n) for n in range(30)])
    with house.database.snapshot() as connection:
        first = house.log.query(connection, AuditFilter(), limit=20)
    house.append([pull(n) for n in range(30)])
    asked = AuditFilter(until_index=first.size)
    with house.database.snapshot() as connection:
        second = house.log.query(connection, asked, after=first.next, limit=20)
    indexes = [record.index for record in first.records + second.records]
    assert indexes == list(range(30))
    assert (second.complete, second.size) == (True, 30)
