"""A view shows the rows at or below its watermark, inbox and table as one."""

import datetime as dt
import os
import stat
from decimal import Decimal
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdp.kernel import FixedClock, Seq
from cdp.lake import EngineError, EngineSettings, Lake, ShapeError, UnknownColumnError
from cdp.runtime import Database
from tests.lake.support import NOON, SMALL, arrive, ids, landed, shape, shown


def test_an_empty_lake_is_a_view_without_rows(lake: Lake, database: Database) -> None:
    assert shown(lake, database, SMALL, ["name", "amount"]) == []


def test_every_type_comes_back_as_it_was_meant(lake: Lake, database: Database) -> None:
    full = shape()
    values: dict[str, object] = {
        "occurred_at": NOON - 1,
        "name": "주문",
        "revenue": -12_345,
        "coupon_count": -(2**63),
        "is_member": True,
        "seen_at": NOON + 1,
        "joined_on": 20_000,
        "birth_band": 1985,
        "categories": ["a", "b'\"", ""],
        "quantities": [1, -2],
        "prices": [1, 99_990_000],
    }
    arrive(database, [landed(values, handle=None, closed=5), landed({})])
    expected = {
        "handle": None,
        "closed": 5,
        "seq": 1,
        "n": 0,
        "occurred_at": dt.datetime(2026, 11, 25, 11, 59, 59, 999_999),  # noqa: DTZ001 - naive UTC
        "name": "주문",
        "revenue": Decimal("-1.2345"),
        "coupon_count": -(2**63),
        "is_member": True,
        "seen_at": dt.datetime(2026, 11, 25, 12, 0, 0, 1),  # noqa: DTZ001 - naive UTC
        "joined_on": dt.date(2024, 10, 4),
        "birth_band": 1985,
        "categories": ["a", "b'\"", ""],
        "quantities": [1, -2],
        "prices": [Decimal("0.0001"), Decimal("9999.0000")],
    }
    names = list(full.columns)
    before = shown(lake, database, full, names)
    assert before[0] == expected
    assert set(before[1].values()) == {7, 0, 1, None, before[1]["occurred_at"]}
    lake.flush(full)
    assert shown(lake, database, full, names) == before


def test_a_watermark_cuts_rows_in_the_inbox_and_in_the_table(
    lake: Lake, database: Database
) -> None:
    for amount in range(4):
        arrive(database, [landed({"amount": amount})])
    for _ in range(2):
        for at in range(5):
            assert ids(shown(lake, database, watermark=at)) == [
                (seq, 0) for seq in range(1, at + 1)
            ]
        lake.flush(SMALL, limit=2)


def test_only_the_columns_asked_for_are_there(lake: Lake, database: Database) -> None:
    arrive(database, [landed({"name": "order", "amount": 3})])
    assert shown(lake, database, SMALL, ["amount"]) == [
        {"handle": 7, "closed": 0, "seq": 1, "n": 0, "amount": 3}
    ]
    with (
        database.snapshot() as connection,
        pytest.raises(UnknownColumnError, match="email"),
    ):
        lake.view(connection, SMALL, ["email"], watermark=Seq(1))


def test_the_finer_instant_never_reaches_the_disk(
    lake: Lake, database: Database
) -> None:
    hour = NOON - 7
    arrive(database, [landed({"occurred_at": hour}, occurred_at=NOON)])
    for _ in range(2):
        (row,) = shown(lake, database, SMALL, ["occurred_at"])
        assert row["occurred_at"].microsecond == 999_993
        lake.flush(SMALL)


def test_a_table_of_the_callers_joins_in_the_engine(
    lake: Lake, database: Database
) -> None:
    arrive(database, [landed({"amount": 3}), landed({"amount": 4}, handle=None)])
    with (
        database.snapshot() as connection,
        lake.view(connection, SMALL, ["amount"], watermark=Seq(1)) as view,
    ):
        grants = view.register("grants", pa.table({"handle": [7], "profile": [0]}))
        joined = view.events.inner_join(grants, "handle")
        plan = joined.group_by("profile").agg(total=joined.amount.sum())
        assert view.to_arrow(plan).to_pylist() == [{"profile": 0, "total": 3}]
        with pytest.raises(ShapeError, match="grants"):
            view.register("grants", pa.table({"handle": [8]}))
        with pytest.raises(ibis.common.exceptions.IbisError):
            view.events.to_pyarrow()  # the plan is bound to no engine


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_parquet('{outside}')",
        "COPY (SELECT 1) TO '{outside}.copy'",
        "SET enable_external_access=true",
        "INSTALL httpfs",
        "ATTACH '{outside}.db' AS other",
    ],
)
def test_the_engine_reaches_nothing_but_the_lake(
    lake: Lake, database: Database, tmp_path: Path, query: str
) -> None:
    outside = tmp_path / "outside.parquet"
    pq.write_table(pa.table({"a": [1]}), outside)
    arrive(database, [landed({})])
    lake.flush(SMALL)
    with (
        database.snapshot() as connection,
        lake.view(connection, SMALL, [], watermark=Seq(1)) as view,
        pytest.raises(Exception, match=r"(?i)permission|disabled|locked"),
    ):
        view.ibis.raw_sql(query.format(outside=outside))


def test_an_error_of_the_engine_quotes_no_value(lake: Lake, database: Database) -> None:
    arrive(database, [landed({"name": "secret@example.org"})])
    with (
        database.snapshot() as connection,
        lake.view(connection, SMALL, ["name"], watermark=Seq(1)) as view,
        pytest.raises(EngineError) as caught,
    ):
        view.to_arrow(view.events.select(number=view.events.name.cast("int64")))
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_what_does_not_fit_spills_where_it_is_told_and_is_gone_with_the_view(
    folder: Path, database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    spill = tmp_path / "spill"
    many = pa.table({"k": pa.array(range(3_000_000)).cast("string")})
    for engine in (
        EngineSettings(threads=1, memory_bytes=64 << 20),
        EngineSettings(threads=1, memory_bytes=64 << 20, spill=spill),
    ):
        lake = Lake(folder, database, clock, engine=engine)
        with (
            database.snapshot() as connection,
            lake.view(connection, SMALL, [], watermark=Seq(0)) as view,
        ):
            table = view.register("many", many)
            plan = table.group_by("k").agg(n=table.count()).n.sum().as_table()
            if engine.spill is None:
                with pytest.raises(EngineError, match="OutOfMemory"):
                    view.to_arrow(plan)
                continue
            assert view.to_arrow(plan).to_pylist()[0].popitem()[1] == 3_000_000
            (own,) = spill.iterdir()
            assert stat.S_IMODE(own.stat().st_mode) == 0o700
        assert not list(spill.iterdir())
        # What a killed process left is swept up, once nobody can still be using it.
        (spill / "view-left").mkdir()
        os.utime(spill / "view-left", (clock.now().timestamp() - 3_000,) * 2)
        lake.compact(SMALL)
        assert list(spill.iterdir())
        clock.advance(dt.timedelta(hours=1))
        lake.compact(SMALL)
        assert not list(spill.iterdir())
