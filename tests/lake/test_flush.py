"""The move from inbox to table: each row exactly once, whatever happens."""

import itertools
import multiprocessing
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from cdp.kernel import Seq
from cdp.lake import (
    FlushReport,
    Lake,
    LakeAheadError,
    LakeDamagedError,
    QuarantinedRow,
    SchemaConflictError,
    inbox_counts,
    land,
    quarantine,
    quarantine_counts,
)
from cdp.runtime import (
    Database,
    FolderBusyError,
    FolderLock,
    StoreConflictError,
    current_seq,
    draw_seq,
)
from tests.lake.support import (
    NOON,
    SMALL,
    arrive,
    die_at_the_removal,
    ids,
    landed,
    shape,
    shown,
    small,
    work_until_killed,
)

NUMBERS = itertools.count()
NOTHING = FlushReport(moved=0, finished=0, set_aside=0, through=Seq(0))
# What the removal below dies of, on SQLite and on PostgreSQL.
BROKEN = (IntegrityError, StoreConflictError)


def counts(database: Database) -> dict[str, int]:
    with database.snapshot() as connection:
        return inbox_counts(connection)


def run(database: Database, *statements: str) -> None:
    with database.transaction() as connection:
        for statement in statements:
            connection.execute(text(statement))


@contextmanager
def inbox_that_cannot_shrink(database: Database) -> Iterator[None]:
    """A step that fails between the table's commit and the removal."""
    on, function = "BEFORE DELETE ON lake_inbox", "FUNCTION refuse"
    if database.dialect == "sqlite":
        run(
            database,
            f"CREATE TRIGGER refuse {on} BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        yield
        run(database, "DROP TRIGGER refuse")
        return
    run(
        database,
        f"CREATE {function}() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RAISE EXCEPTION USING ERRCODE = ''40001''; END'",
        f"CREATE TRIGGER refuse {on} FOR EACH ROW EXECUTE {function}()",
    )
    yield
    run(database, "DROP TRIGGER refuse ON lake_inbox", f"DROP {function}()")


def test_a_moved_row_leaves_the_inbox(lake: Lake, database: Database) -> None:
    arrive(database, [landed({"amount": 1}), landed({"amount": 2}, handle=None)])
    before = shown(lake, database, SMALL, ["amount"])
    report = lake.flush(SMALL)
    assert report == FlushReport(moved=2, finished=0, set_aside=0, through=Seq(1))
    assert counts(database) == {}
    assert shown(lake, database, SMALL, ["amount"]) == before


def test_a_flush_of_nothing_makes_nothing(
    lake: Lake, database: Database, folder: Path
) -> None:
    assert lake.flush(SMALL) == NOTHING
    assert not (folder / "events").exists()


def test_a_position_moves_as_a_whole(lake: Lake, database: Database) -> None:
    arrive(database, [landed({"amount": i}) for i in range(5)])
    arrive(database, [landed({"amount": 5})])
    assert lake.flush(SMALL, limit=2).moved == 5
    assert lake.flush(SMALL, limit=2).moved == 1
    assert len(shown(lake, database)) == 6


def test_other_datasets_stay_where_they_are(lake: Lake, database: Database) -> None:
    arrive(database, [landed({})])
    with database.transaction() as connection:
        land(connection, "other", draw_seq(connection), [landed({})])
    lake.flush(SMALL)
    assert counts(database) == {"other": 1}


def test_a_failure_after_the_commit_shows_each_row_once(
    lake: Lake, database: Database
) -> None:
    arrive(database, [landed({"amount": 1}), landed({"amount": 2})])
    before = shown(lake, database, SMALL, ["amount"])
    with inbox_that_cannot_shrink(database):
        with pytest.raises(BROKEN):
            lake.flush(SMALL)
        assert counts(database) == {"events": 2}
        assert shown(lake, database, SMALL, ["amount"]) == before
    arrive(database, [landed({"amount": 3})])
    report = lake.flush(SMALL)
    assert (report.finished, report.moved) == (2, 1)
    assert counts(database) == {}
    assert ids(shown(lake, database)) == [(1, 0), (1, 1), (2, 0)]


def test_what_the_table_does_not_show_stays_in_the_inbox(
    lake: Lake, database: Database, folder: Path
) -> None:
    arrive(database, [landed({"amount": 1})])
    with inbox_that_cannot_shrink(database), pytest.raises(BROKEN):
        lake.flush(SMALL)
    (file,) = (folder / "events").glob("bucket=*/*.parquet")
    whole = file.read_bytes()
    file.unlink()
    for _ in range(2):
        with pytest.raises((LakeDamagedError, FileNotFoundError)):
            lake.flush(SMALL)
        assert counts(database) == {"events": 1}
        file.write_bytes(whole[: len(whole) // 2])
    file.write_bytes(whole)
    assert lake.flush(SMALL).finished == 1


def test_a_table_ahead_of_its_store_is_refused(lake: Lake, database: Database) -> None:
    """A store restored from yesterday would count new rows as moved."""
    arrive(database, [landed({})])
    arrive(database, [landed({})])
    lake.flush(SMALL)
    run(database, "UPDATE counter SET value = 0")
    arrive(database, [landed({})])
    with pytest.raises(LakeAheadError, match="table is at 2, the store at 1"):
        lake.flush(SMALL)
    assert counts(database) == {"events": 1}


def test_one_process_moves_at_a_time(lake: Lake, folder: Path) -> None:
    folder.mkdir()
    with FolderLock(folder / "events.lock"):
        with pytest.raises(FolderBusyError):
            lake.flush(SMALL)
        with pytest.raises(FolderBusyError):
            lake.compact(SMALL)


def test_a_new_column_is_null_in_old_rows(lake: Lake, database: Database) -> None:
    arrive(database, [landed({"amount": 1})])
    lake.flush(SMALL)
    grown = shape(occurred_at="timestamp", name="text", amount="int", tags="list[text]")
    # Nowhere yet, in the inbox only, in the table too.
    assert [r["tags"] for r in shown(lake, database, grown, ["tags"])] == [None]
    arrive(database, [landed({"tags": ["a"]})])
    for _ in range(3):
        rows = shown(lake, database, grown, ["amount", "tags"])
        assert [(r["amount"], r["tags"]) for r in rows] == [(1, None), (None, ["a"])]
        lake.flush(grown)
        lake.compact(grown, keep_hours=0)


def test_a_column_that_the_policy_lost_leaves_new_rows(
    lake: Lake, database: Database
) -> None:
    arrive(database, [landed({"name": "a", "amount": 1})])
    lake.flush(SMALL)
    shrunk = shape(occurred_at="timestamp", amount="int")
    arrive(database, [landed({"name": "b", "amount": 2})])
    lake.flush(shrunk)
    assert [r["amount"] for r in shown(lake, database, shrunk, ["amount"])] == [1, 2]
    assert [r["name"] for r in shown(lake, database, SMALL, ["name"])] == ["a", None]


def test_a_changed_type_is_refused_and_nothing_is_lost(
    lake: Lake, database: Database
) -> None:
    arrive(database, [landed({"amount": 1})])
    lake.flush(SMALL)
    changed = shape(occurred_at="timestamp", name="text", amount="decimal")
    arrive(database, [landed({"amount": 2})])
    with pytest.raises(SchemaConflictError, match="amount is long"):
        lake.flush(changed)
    assert [r["amount"] for r in shown(lake, database, SMALL, ["amount"])] == [1, 2]


def test_a_row_that_does_not_fit_is_set_aside_and_never_shown(
    lake: Lake, database: Database
) -> None:
    arrive(database, [landed({"amount": "x"}), landed({"amount": 2})])
    for _ in range(2):
        assert ids(shown(lake, database)) == [(1, 1)]
        lake.flush(SMALL)
    assert counts(database) == {}
    with database.snapshot() as connection:
        assert quarantine_counts(connection) == {("events", "lake.type"): 1}
    arrive(database, [landed({"amount": "x"})])
    report = lake.flush(SMALL)
    assert (report.moved, report.set_aside) == (0, 1)


def test_what_ingest_sets_aside_is_never_shown(lake: Lake, database: Database) -> None:
    odd = QuarantinedRow(
        handle=7,
        closed=0,
        occurred_at=NOON,
        values={"amount": 1},
        rule="occurred_at.too_old",
        path="timestamp",
        received_at=NOON,
    )
    with database.transaction() as connection:
        quarantine(connection, "events", draw_seq(connection), [odd, odd])
    lake.flush(SMALL)
    assert shown(lake, database) == []
    with database.snapshot() as connection:
        assert quarantine_counts(connection) == {("events", "occurred_at.too_old"): 2}


def test_a_store_full_of_rows_shrinks_step_by_step(
    lake: Lake, database: Database
) -> None:
    for _ in range(6):
        arrive(database, [landed({"amount": i}, handle=i) for i in range(2_000)])
    assert lake.flush(SMALL).moved == 12_000
    assert counts(database) == {}


# The move against everything that can happen beside it.

STEPS = st.lists(
    st.sampled_from(["land", "land", "flush", "flush one", "break", "compact"]),
    max_size=6,
)
# Each step costs some 30 ms on a real engine; `make laws` takes its own number.
LAWS = settings(max_examples=min(settings().max_examples // 5, 1_000))


@LAWS
@given(STEPS)
def test_any_order_of_steps_shows_each_row_once(
    lake: Lake, database: Database, steps: list[str]
) -> None:
    dataset = f"events{next(NUMBERS)}"  # each example has a table of its own
    wanted = small(dataset)
    expected: list[tuple[int, int]] = []
    for step in steps:
        match step:
            case "land":
                rows = [landed({"amount": 1}, handle=n or None) for n in range(3)]
                seq = arrive(database, rows, dataset)
                expected += [(seq, n) for n in range(3)]
            case "flush":
                lake.flush(wanted)
            case "flush one":
                lake.flush(wanted, limit=1)
            case "break":
                waits = counts(database).get(dataset, 0)
                with inbox_that_cannot_shrink(database):
                    fails = pytest.raises(BROKEN) if waits else nullcontext()
                    with fails:
                        lake.flush(wanted)
            case _:
                lake.compact(wanted, keep_hours=0)
        assert ids(shown(lake, database, wanted)) == expected


def test_a_view_beside_a_move_shows_what_its_snapshot_knew(
    lake: Lake, database: Database
) -> None:
    done = threading.Event()

    def work() -> None:
        for turn in range(15):
            arrive(database, [landed({"amount": n}, handle=n) for n in range(20)])
            lake.flush(SMALL)
            if turn % 5 == 4:
                lake.compact(SMALL)
        done.set()

    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(work)
        while not (done.is_set() or worker.done()):
            with database.snapshot() as connection:
                at = current_seq(connection)
                with lake.view(connection, SMALL, [], watermark=at) as view:
                    rows = view.to_arrow(view.events)
            found = sorted(
                zip(rows["seq"].to_pylist(), rows["n"].to_pylist(), strict=True)
            )
            assert found == [(seq, n) for seq in range(1, at + 1) for n in range(20)]
        worker.result()


@pytest.mark.parametrize("when", ["before_cursor_execute", "after_cursor_execute"])
def test_a_move_in_the_middle_of_opening_a_view_hides_nothing(
    lake: Lake, database: Database, when: str
) -> None:
    """The snapshot is not read before: it begins with the view's own first query."""
    arrive(database, [landed({"amount": 1})])
    moves: list[FlushReport] = []

    def move(_: object, __: object, statement: str, *rest: object) -> None:
        if "FROM lake_inbox" in statement and not moves:
            moves.append(NOTHING)  # the move asks the inbox, too
            moves.append(lake.flush(SMALL))

    with database.snapshot() as connection:
        event.listen(database.engine, when, move)
        try:
            opened = lake.view(connection, SMALL, [], watermark=Seq(1))
        finally:
            event.remove(database.engine, when, move)
    assert moves[-1].moved == 1
    with opened as view:
        assert ids(view.to_arrow(view.events).to_pylist()) == [(1, 0)]


SPAWN = multiprocessing.get_context("spawn")


def test_a_killed_process_loses_and_doubles_nothing(
    lake: Lake, database: Database, store_url: str, folder: Path
) -> None:
    for delay_s in (0.03, 0.2):
        started = SPAWN.Event()
        child = SPAWN.Process(
            target=work_until_killed, args=(store_url, folder, started)
        )
        child.start()
        assert started.wait(30)
        time.sleep(delay_s)
        child.kill()
        child.join()
        with database.snapshot() as connection:
            acknowledged = current_seq(connection)
        expected = [(seq, n) for seq in range(1, acknowledged + 1) for n in range(50)]
        assert ids(shown(lake, database)) == expected
        lake.flush(SMALL)
        assert ids(shown(lake, database)) == expected
        assert counts(database) == {}


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_process_killed_between_commit_and_removal_is_finished_by_the_next(
    lake: Lake, database: Database, store_url: str, folder: Path
) -> None:
    arrive(database, [landed({"amount": n}, handle=n) for n in range(50)])
    before = shown(lake, database, SMALL, ["amount"])
    child = SPAWN.Process(target=die_at_the_removal, args=(store_url, folder))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert list((folder / "events").glob("bucket=*/*.parquet"))
    assert counts(database) == {"events": 50}
    assert shown(lake, database, SMALL, ["amount"]) == before
    assert lake.flush(SMALL).finished == 50
    assert counts(database) == {}
    assert shown(lake, database, SMALL, ["amount"]) == before
