"""The log against a plain list: appending, publishing, receipts, ordinals."""

import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from cdp.audit import (
    BadRecordError,
    NotPublishedError,
    open_checkpoint,
    parse_receipt,
    parse_verifier_key,
    verify_receipt,
)
from cdp.audit.merkle import leaf_hash, root_of
from cdp.kernel import FixedClock
from tests.audit.house import ORIGIN, House, ordinals, pull, sqlite_house

_numbers = itertools.count()


def test_what_is_appended_is_published_and_provable(house: House) -> None:
    appended = house.append([pull(n) for n in range(300)])
    point = house.log.publish(house.database)
    assert point is not None
    assert point.size == 300
    key = parse_verifier_key(house.log.verifier_key)
    written = (house.folder / "checkpoint").read_bytes()
    assert open_checkpoint(written, [key], origin=ORIGIN) == point
    envelopes = house.envelopes()
    assert root_of(map(leaf_hash, envelopes)) == point.root
    for index, (record, envelope) in enumerate(zip(appended, envelopes, strict=True)):
        assert record.leaf == leaf_hash(envelope)
        assert record.index in (None, index)
        assert UUID(record.id).version == 7
        with house.database.snapshot() as connection:
            assert house.log.index_of(connection, record.id) == index
        if index % 37 == 0:
            receipt = house.log.receipt(index)
            found = verify_receipt(receipt, envelope, [key], origin=ORIGIN)
            assert found == (index, point)
    assert house.log.verify(house.database).ok


def test_indexes_are_given_at_once_where_one_process_writes(
    small_house: House,
) -> None:
    first = small_house.append([pull(), pull()])
    second = small_house.append([pull()])
    assert [record.index for record in first + second] == [0, 1, 2]


def append_and_fail(house: House) -> None:
    with house.database.transaction() as connection:
        house.log.append(connection, [pull(), pull()])
        raise RuntimeError("changed my mind")


def test_a_record_that_was_rolled_back_was_never_there(house: House) -> None:
    house.append([pull()])
    with pytest.raises(RuntimeError, match="changed my mind"):
        append_and_fail(house)
    house.append([pull()])
    assert len(house.envelopes()) == 2
    house.log.publish(house.database)
    assert house.log.verify(house.database).ok


def test_a_bad_draft_appends_nothing(house: House) -> None:
    with pytest.raises(BadRecordError):
        house.append([pull(), pull(reason="not a code")])
    assert house.envelopes() == []


def test_the_log_of_nothing_has_no_checkpoint(house: House) -> None:
    assert house.append([]) == []
    assert house.log.publish(house.database) is None
    assert house.log.checkpoint() is None
    with pytest.raises(NotPublishedError):
        house.log.receipt(0)
    with house.database.snapshot() as connection:
        assert house.log.index_of(connection, "not an id") is None
        assert house.log.index_of(connection, str(UUID(int=0))) is None


def test_a_receipt_needs_a_checkpoint_that_covers_the_record(house: House) -> None:
    house.append([pull()])
    house.log.publish(house.database)
    house.append([pull()])
    assert parse_receipt(house.log.receipt(0)).index == 0
    for index in (1, 2, -1):
        with pytest.raises(NotPublishedError):
            house.log.receipt(index)


def test_nothing_changes_or_removes_a_record(house: House) -> None:
    house.append([pull()])
    statements = ["UPDATE audit_record SET idx = 7", "DELETE FROM audit_record"]
    if house.database.dialect == "postgresql":
        statements.append("TRUNCATE audit_record")
    for statement in statements:
        with (
            house.database.transaction() as connection,
            pytest.raises(DBAPIError, match="append-only"),
        ):
            connection.exec_driver_sql(statement)


def test_appending_takes_a_handful_of_statements(house: House) -> None:
    house.append([pull()])
    seen: list[str] = []

    def listen(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(house.database.engine, "before_cursor_execute", listen)
    drafts = [pull(n, returned=ordinals(n, 70_000)) for n in range(500)]
    with house.database.transaction() as connection:
        house.log.append(connection, drafts)
    assert len(seen) <= 6, seen  # BEGIN is one of them


def test_ordinals_are_dense_stable_and_never_given_twice(house: House) -> None:
    handles = [2**62 + n for n in range(6_000)]
    with house.database.transaction() as connection:
        first = house.log.ordinals(connection, handles[:5_500])
    with house.database.transaction() as connection:
        again = house.log.ordinals(connection, [*handles, handles[0]])
        assert house.log.ordinals(connection, []) == {}
    assert sorted(again.values()) == list(range(6_000))
    assert {handle: again[handle] for handle in first} == first
    with house.database.transaction() as connection:
        assert house.log.forget(connection, handles) == 6_000
        assert house.log.forget(connection, handles) == 0
        new = house.log.ordinals(connection, [5, handles[0]])
    assert sorted(new.values()) == [6_000, 6_001]


steps = st.lists(
    st.one_of(
        st.integers(1, 300).map(lambda n: ("append", n)),
        st.just(("publish", 0)),
        st.just(("restart", 0)),
        st.just(("lose files", 0)),
    ),
    max_size=8,
)


@settings(max_examples=15)
@given(steps)
def test_the_log_behaves_like_a_list(
    tmp_path: Path, clock: FixedClock, plan: list[tuple[str, int]]
) -> None:
    path = tmp_path / f"{next(_numbers)}"
    house = sqlite_house(path, clock)
    house.log.check_start(house.database)
    model: list[bytes] = []
    published = 0
    checkpoints: list[bytes] = []
    for step, count in [*plan, ("publish", 0)]:
        clock.advance(timedelta(seconds=1))
        if step == "append":
            records = house.append([pull(n) for n in range(count)])
            assert [r.index for r in records] == list(
                range(len(model), len(model) + count)
            )
            model += [record.leaf for record in records]
        elif step == "publish":
            point = house.log.publish(house.database)
            assert (point is None) == (not model)
            if point is not None:
                published = point.size
                checkpoints.append(point.note)
                assert (point.size, point.root) == (len(model), root_of(model))
        elif step == "restart":
            house.database.close()
            house = sqlite_house(path, clock)
            house.log.check_start(house.database)
        else:
            for file in house.files():
                if file.name != "checkpoint" and not published:
                    file.unlink()
    assert [leaf_hash(raw) for raw in house.envelopes()] == model
    report = house.log.verify(
        house.database, old=checkpoints[0] if checkpoints else None
    )
    assert report.ok == bool(model), report.faults
    for index in {0, published // 2, published - 1} if published else ():
        assert parse_receipt(house.log.receipt(index)).index == index
    house.database.close()
