"""Many requests share one commit, and a job that fails, fails alone."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future

import pytest

from cdp.runtime import (
    Connection,
    Database,
    OverloadedError,
    Repeating,
    StoreUnavailableError,
    Writer,
    after_commit,
    current_seq,
    draw_seq,
    insert_many,
)


def draw(connection: Connection, counts: Sequence[int]) -> list[int]:
    if any(count < 0 for count in counts):
        raise ValueError("a count is negative")
    return [int(draw_seq(connection, count)) for count in counts]


def test_positions_are_consecutive_over_commits(database: Database) -> None:
    writer = Writer(database)
    futures = [writer.submit(draw, 2) for _ in range(20)]
    firsts = [future.result() for future in futures]
    writer.close()
    assert firsts == list(range(1, 41, 2))
    with database.snapshot() as connection:
        assert current_seq(connection) == 40


def test_a_job_that_fails_fails_alone(database: Database) -> None:
    writer = Writer(database)
    futures = [writer.submit(draw, count) for count in (1, -1, 1)]
    assert futures[0].result() == 1
    with pytest.raises(ValueError, match="negative"):
        futures[1].result()
    assert futures[2].result() == 2
    writer.close()


def test_what_waits_for_the_commit_runs_after_it_and_not_without(
    database: Database,
) -> None:
    done: list[str] = []
    with database.transaction() as connection:
        after_commit(connection, lambda: done.append("kept"))
        assert done == []

    def fail() -> None:
        with database.transaction() as connection:
            after_commit(connection, lambda: done.append("lost"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert done == ["kept"]


def test_many_rows_go_in_by_position(database: Database) -> None:
    with database.transaction() as connection:
        insert_many(connection, "counter", ("name", "value"), [("a", 1), ("b", 2)])
        insert_many(connection, "counter", ("name", "value"), [])
        found = connection.exec_driver_sql(
            "SELECT name, value FROM counter ORDER BY name"
        ).fetchall()
    assert [tuple(row) for row in found] == [("a", 1), ("b", 2)]


def test_a_full_queue_refuses_and_a_closed_writer_too(database: Database) -> None:
    gate = threading.Event()

    def slow(_connection: Connection, payloads: Sequence[int]) -> list[int]:
        gate.wait(10)
        return list(payloads)

    writer = Writer(database, max_jobs=1, max_pending=2)
    waiting: list[Future[int]] = []

    def fill() -> None:
        for number in range(10):
            waiting.append(writer.submit(slow, number))  # noqa: PERF401 - it fails half-way

    with pytest.raises(OverloadedError):
        fill()
    gate.set()
    assert [future.result() for future in waiting] == list(range(len(waiting)))
    writer.close()
    with pytest.raises(StoreUnavailableError):
        writer.submit(slow, 1)


def test_a_failing_round_is_told_and_does_not_end_the_loop() -> None:
    enough = threading.Event()
    failures: list[Exception] = []

    def action() -> None:
        if len(failures) < 2:
            raise ValueError
        enough.set()

    loop = Repeating("test", 0.001, action, failures.append).start()
    assert enough.wait(10)
    loop.stop()
    assert len(failures) == 2
