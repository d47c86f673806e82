"""PostgreSQL: records queue up in any order and get contiguous indexes once each."""

import threading
from pathlib import Path
from typing import cast

import pytest

from cdp.audit.merkle import leaf_hash, root_of
from cdp.kernel import FixedClock, to_micros
from cdp.runtime import Database
from tests.audit.house import House, ordinals, pull

# SQLite gives indexes in the transaction that appends: there is nothing to sequence.
pytestmark = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)


@pytest.fixture
def queued_house(database: Database, tmp_path: Path, clock: FixedClock) -> House:
    house = House(database, tmp_path, clock)
    house.log.check_start(database)
    return house


def test_a_queued_record_is_durable_and_counted_as_pending(
    queued_house: House, clock: FixedClock
) -> None:
    log, database = queued_house.log, queued_house.database
    with database.transaction() as connection:
        (record,) = log.append(connection, [pull(returned=ordinals(3, 70_000))])
    assert record.index is None
    with database.snapshot() as connection:
        waiting = log.pending(connection)
        assert (waiting.waiting, waiting.oldest_at) == (1, to_micros(clock.now()))
        assert log.index_of(connection, record.id) is None
    assert log.publish(database) is None
    assert (log.sequence(database), log.sequence(database)) == (1, 0)
    with database.snapshot() as connection:
        assert log.pending(connection).waiting == 0
        assert log.index_of(connection, record.id) == 0
        page = log.subject(connection, [70_000])
    assert [found.id for found in page.records] == [record.id]
    log.publish(database)
    assert log.verify(database).ok


def test_two_sequencers_and_four_writers_leave_no_gap_and_lose_nothing(
    queued_house: House,
) -> None:
    log, database = queued_house.log, queued_house.database
    appended: list[bytes] = []
    problems: list[BaseException] = []
    done = threading.Event()
    lock = threading.Lock()

    def write() -> None:
        try:
            for n in range(25):
                with database.transaction() as connection:
                    records = log.append(
                        connection, [pull(n) for _ in range(1 + n % 3)]
                    )
                with lock:
                    appended.extend(record.leaf for record in records)
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread
            problems.append(error)

    def sequence() -> None:
        try:
            while not done.is_set():
                log.sequence(database)
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread
            problems.append(error)

    writers = [threading.Thread(target=write) for _ in range(4)]
    sequencers = [threading.Thread(target=sequence) for _ in range(2)]
    for thread in writers + sequencers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in sequencers:
        thread.join()
    log.sequence(database)
    assert problems == []
    rows = queued_house.rows("SELECT idx, envelope FROM audit_record")
    assert [row[0] for row in rows] == list(range(len(appended)))
    stored = [leaf_hash(cast("bytes", row[1])) for row in rows]
    assert sorted(stored) == sorted(appended)
    point = log.publish(database)
    assert point is not None
    assert point.root == root_of(stored)


def test_many_records_take_several_rounds(queued_house: House) -> None:
    log, database = queued_house.log, queued_house.database
    with database.transaction() as connection:
        log.append(connection, [pull(n) for n in range(2_100)])
    assert log.sequence(database) == 2_100
    log.publish(database)
    report = log.verify(database)
    assert (report.ok, report.size) == (True, 2_100)
