"""Many requests share one commit, and a job that fails, fails alone."""

from collections.abc import Sequence

import pytest

from cdp.runtime import Connection, Database, Writer, current_seq, draw_seq


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
