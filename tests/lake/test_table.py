"""What lies on the disk: buckets, a log without values, and no file too long."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from cdp.lake import Lake
from cdp.runtime import Database
from tests.lake.support import SMALL, arrive, ids, landed, shown


@pytest.fixture(params=["sqlite"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The files do not depend on the database."""
    return f"sqlite+pysqlite:///{tmp_path}/store.db"


def files(folder: Path) -> set[Path]:
    return set((folder / "events").glob("bucket=*/*.parquet"))


def test_a_persons_rows_are_in_one_bucket(
    lake: Lake, database: Database, folder: Path
) -> None:
    handles = [0, 31, 32, 2**63 - 1, None]
    arrive(database, [landed({"amount": 1}, handle=handle) for handle in handles])
    lake.flush(SMALL)
    found = {
        file.parent.name: pq.ParquetFile(file).read().column("handle").to_pylist()
        for file in files(folder)
    }
    assert {k: sorted(v, key=str) for k, v in found.items()} == {
        "bucket=0": [0, 32],
        "bucket=31": [31, 2**63 - 1],
        "bucket=-1": [None],
    }


def test_the_log_copies_no_value_of_a_person(
    lake: Lake, database: Database, folder: Path
) -> None:
    arrive(database, [landed({"name": "needle", "amount": 424_242})])
    lake.flush(SMALL)
    lake.compact(SMALL)
    log = "".join(file.read_text() for file in folder.glob("events/_delta_log/*.json"))
    assert "needle" not in log
    assert "424242" not in log
    added = [json.loads(line) for line in log.splitlines() if '"add"' in line]
    statistics = json.loads(added[0]["add"]["stats"])
    assert set(statistics["maxValues"]) == {"handle", "seq", "occurred_at"}


def test_compaction_keeps_rows_and_destroys_what_nobody_needs(
    lake: Lake, database: Database, folder: Path
) -> None:
    for amount in range(4):
        arrive(database, [landed({"amount": amount})])
        lake.flush(SMALL)
    before = shown(lake, database, SMALL, ["amount"])
    old = files(folder)
    assert len(old) == 4
    kept = lake.compact(SMALL)
    assert (kept.files_added, kept.files_replaced, kept.files_destroyed) == (1, 4, 0)
    assert old < files(folder)  # views that are open still read them
    assert lake.compact(SMALL, keep_hours=0).files_destroyed == 4
    assert len(files(folder)) == 1
    assert shown(lake, database, SMALL, ["amount"]) == before


def test_compaction_destroys_what_a_crashed_write_left(
    lake: Lake, database: Database, folder: Path
) -> None:
    arrive(database, [landed({})])
    lake.flush(SMALL)
    (file,) = files(folder)
    orphan = file.with_name("part-00000-orphan.snappy.parquet")
    orphan.write_bytes(file.read_bytes())
    assert len(shown(lake, database)) == 1
    lake.compact(SMALL, keep_hours=0)
    assert not orphan.exists()
    assert len(shown(lake, database)) == 1


def test_how_far_the_inbox_has_come_survives_a_checkpoint_of_the_log(
    lake: Lake, database: Database, folder: Path
) -> None:
    for _ in range(3):
        arrive(database, [landed({})])
        lake.flush(SMALL)
    DeltaTable(folder / "events").create_checkpoint()
    for entry in sorted(folder.glob("events/_delta_log/*.json"))[:-1]:
        entry.unlink()  # as the log's own clean-up does
    assert lake.flush(SMALL).through == 3
    arrive(database, [landed({})])
    assert lake.flush(SMALL).through == 4
    assert ids(shown(lake, database)) == [(1, 0), (2, 0), (3, 0), (4, 0)]


def test_a_compaction_of_nothing_does_nothing(lake: Lake) -> None:
    assert lake.compact(SMALL).files_added == 0
