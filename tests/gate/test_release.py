"""A release from request to rows, on real rooms."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest
from pyroaring import BitMap64

from cdp.audit import AuditFilter, AuditRecord, Role
from cdp.client import content_hash
from cdp.consent import Verdict
from cdp.gate import (
    TOKEN,
    Answer,
    Denied,
    ForeignViewError,
    Granted,
    PlanError,
    Reason,
)
from cdp.gate.repository import outputs
from cdp.kernel import METADATA_KEY, FeatureGrant
from cdp.lake import EngineError
from cdp.runtime import Metrics, StoreUnavailableError, draw_seq
from tests.gate.conftest import Worlds
from tests.gate.world import NOON, World, plan_of, pull

Rows = list[tuple[Any, ...]]


def rows_of(answer: Answer) -> Rows:
    kept = answer.table.drop_columns([TOKEN])
    return sorted(
        zip(*(column.to_pylist() for column in kept.columns), strict=True), key=repr
    )


def last_record(world: World) -> AuditRecord:
    world.log.sequence(world.database)
    with world.database.snapshot() as connection:
        page = world.log.query(connection, AuditFilter(), open_payload=True, limit=1000)
    return page.records[-1]


def test_an_empty_store_gives_nothing_and_counts_nobody(world: World) -> None:
    answer = world.answer()
    assert answer.table.num_rows == 0
    assert answer.grant.withheld == {}
    assert answer.table.column_names == [TOKEN, "age", "income", "spent", "orders"]


def test_people_who_agreed_are_in_and_the_others_are_counted(world: World) -> None:
    for name, income in (("a", "low"), ("b", "high"), ("c", "low")):
        world.person(name, "20s", income=income)
    silent = world.handle("d")
    world.event(silent, {"age": "20s"})
    refusing = world.person("e", "20s", income="low")
    world.say(refusing, Verdict.DENY)
    agreed_and_never_came = world.handle("f")
    world.say(agreed_and_never_came, Verdict.GRANT)
    answer = world.answer()
    assert answer.grant.rows == answer.table.num_rows == 3
    assert answer.grant.withheld == {
        "consent.never_asked": 1,
        "consent.withdrawn": 1,
        "gate.no_data": 1,
    }
    # 5 becomes a multiple of 10, half to even.
    low, high = ("20s", "low", Decimal(0), 1), ("20s", "high", Decimal(0), 1)
    assert rows_of(answer) == [high, low, low]


def test_a_withdrawal_counts_with_the_next_read(world: World) -> None:
    handle = world.person("a")
    assert world.answer("everybody").grant.rows == 1
    world.say(handle, Verdict.DENY)
    assert world.answer("everybody").grant.rows == 0
    world.say(handle, Verdict.GRANT)
    assert world.answer("everybody").grant.rows == 1


def test_a_grant_runs_out_without_any_change_of_the_store(world: World) -> None:
    world.person("a")
    assert world.answer("everybody").grant.rows == 1
    # P2Y: the copy of the relation that the gate keeps must not outlive the grant.
    world.clock.instant = NOON.replace(year=2028, month=11, day=24, hour=14)
    assert world.answer("everybody").grant.rows == 1
    world.clock.instant = NOON.replace(year=2028, month=11, day=24, hour=16)
    assert world.answer("everybody").grant.withheld == {"consent.expired": 1}
    world.clock.instant = NOON
    assert world.answer("everybody").grant.withheld == {"consent.expired": 1}


def test_what_was_collected_under_a_denial_stays_closed(world: World) -> None:
    handle = world.person("a")
    world.event(handle, {"revenue": Decimal(7)}, closed=["segmentation"])
    world.event(handle, {"revenue": Decimal(9)}, closed=["linking"])
    assert rows_of(world.answer("everybody")) == [(Decimal(14), 2)]
    world.say(handle, Verdict.GRANT, covers_past=True)
    assert rows_of(world.answer("everybody")) == [(Decimal(21), 3)]


def test_a_merge_never_widens_and_an_unmerge_restores(world: World) -> None:
    granting, refusing = world.person("a"), world.handle("shared", "cookie")
    world.say(refusing, Verdict.DENY)
    world.event(refusing, {"revenue": Decimal(100)})
    before = world.answer("everybody")
    world.link(granting, refusing)
    merged = world.answer("everybody")
    assert merged.grant.rows == 0
    assert sum(merged.grant.withheld.values()) == 1
    world.unlink(granting, refusing)
    assert rows_of(world.answer("everybody")) == rows_of(before)


def test_one_person_is_one_row_however_many_handles(world: World) -> None:
    account, cookie = world.person("a"), world.handle("cookie-number-1", "cookie")
    world.event(cookie, {"revenue": Decimal(100)})
    world.link(account, cookie)
    # The cookie is silent: it keeps what it had, which is nothing.
    assert rows_of(world.answer("everybody")) == [(Decimal(5), 1)]
    world.say(cookie, Verdict.GRANT)
    answer = world.answer("everybody")
    assert rows_of(answer) == [(Decimal(105), 2)]
    with world.database.transaction() as connection:
        numbers = world.log.ordinals(connection, [account, cookie])
        (output,) = outputs(connection, "everybody")[-1:]
    assert set(BitMap64.deserialize(output.population)) == set(numbers.values())


def test_a_silent_handle_is_in_where_the_default_is_opt_out(world: World) -> None:
    world.event(world.handle("a", jurisdiction="US-CA"), {"revenue": Decimal(5)})
    world.event(world.handle("b", jurisdiction=None), {"revenue": Decimal(5)})
    answer = world.answer("everybody")
    assert answer.grant.rows == 1
    assert sum(answer.grant.withheld.values()) == 1


def test_a_stripped_event_is_nobodys(world: World) -> None:
    world.person("a")
    world.event(None, {"revenue": Decimal(100)})
    assert rows_of(world.answer("everybody")) == [(Decimal(5), 1)]


def test_nothing_after_the_instant_asked_for_is_used(world: World) -> None:
    handle = world.person("a")
    world.event(handle, {"revenue": Decimal(9)}, occurred_at=NOON - timedelta(days=9))
    early = world.answer("everybody", as_of=NOON - timedelta(days=1))
    assert rows_of(early) == [(Decimal(9), 1)]
    assert early.grant.as_of == NOON - timedelta(days=1)


def test_the_latest_known_value_counts(world: World) -> None:
    for name, income in (("a", "low"), ("b", "high")):
        world.person(name, "20s", income=income)
    late = world.person("c", "20s", income="low")
    hour = timedelta(hours=1)
    world.event(late, {"age": "90s"}, occurred_at=NOON - 5 * hour)
    assert [row[0] for row in rows_of(world.answer())] == ["20s"] * 3
    world.event(late, {"income": "high"})  # says nothing about the age
    world.clock.advance(hour)
    world.event(late, {"age": "90s"})
    world.event(late, {"age": "20s"})  # of one hour, the last to arrive
    assert [row[:2] for row in rows_of(world.answer())] == [
        ("20s", "high"),
        ("20s", "high"),
        ("20s", "low"),
    ]


def test_the_order_of_values_holds_after_billions_of_commits(world: World) -> None:
    with world.database.transaction() as connection:
        draw_seq(connection, 1 << 34)
    handle = world.person("a", "20s")
    first = datetime(1, 1, 1, tzinfo=UTC)  # a broken clock
    world.event(handle, {"age": "0s"}, occurred_at=first)
    world.event(handle, {"age": "90s"}, occurred_at=NOON - timedelta(hours=5))
    assert rows_of(world.answer("bands")) == [("20s",)]
    world.event(handle, {"age": "30s"})
    assert rows_of(world.answer("bands")) == [("30s",)]


def test_a_broken_clock_breaks_no_release(world: World) -> None:
    handle = world.handle("a")
    world.say(handle, Verdict.GRANT)
    first = datetime(1, 1, 1, tzinfo=UTC)
    world.event(handle, {"age": "0s"}, occurred_at=first)
    assert rows_of(world.answer("bands")) == [("0s",)]
    last = datetime(9999, 12, 31, tzinfo=UTC)
    world.event(handle, {"age": "99s"}, occurred_at=last)
    assert rows_of(world.answer("bands")) == [("0s",)]


def test_a_release_without_features_needs_no_plan(worlds: Worlds) -> None:
    world = worlds()
    world.person("a", "20s")
    opened = world.gate.open(pull("bands"))
    assert isinstance(opened, Granted)
    with opened.value as view:
        ruling = world.gate.release(view)
    assert isinstance(ruling, Granted)
    assert rows_of(ruling.value) == [("20s",)]


def test_accesses_and_denials_are_measured(worlds: Worlds) -> None:
    world = worlds()
    metrics = Metrics()
    world.gate = world.gate_under(world.rules, metrics)
    world.answer("bands")
    world.try_answer("nothing")
    shown = metrics.render().decode()
    for outcome in ("allowed", "denied"):
        line = f'cdp_accesses_total{{kind="release.pull",outcome="{outcome}"}} 1.0'
        assert line in shown


def test_small_and_uniform_classes_stay_in(world: World) -> None:
    for name, age, income in (
        ("a", "20s", "low"),
        ("b", "20s", "high"),
        ("c", "30s", "low"),  # alone
        ("d", "40s", "low"),  # of one opinion
        ("e", "40s", "low"),
    ):
        world.person(name, age, income=income)
    answer = world.answer()
    assert {row[0] for row in rows_of(answer)} == {"20s"}
    assert answer.grant.withheld == {"gate.too_alike": 2, "gate.too_small": 1}


def test_flushing_changes_no_byte(world: World) -> None:
    for name in "abc":
        world.person(name)
    before = world.answer("everybody")
    world.flush()
    after = world.answer("everybody")
    assert after.grant.sha256 == before.grant.sha256
    assert after.table.equals(before.table)
    world.person("d")
    assert world.answer("everybody").grant.rows == 4


def test_rows_come_under_tokens_in_their_order(world: World) -> None:
    for name in "abcdef":
        world.person(name)
    answer = world.answer("everybody")
    tokens = answer.table.column(TOKEN).to_pylist()
    assert tokens == sorted(set(tokens))
    assert {len(token) for token in tokens} == {17}
    assert {token[0] for token in tokens} == {answer.grant.key_epoch % 256}
    with world.database.snapshot() as connection:
        from cdp.identity import member_columns  # noqa: PLC0415 - for this look alone

        _, ids = member_columns(connection)
    assert not {row.tobytes() for row in np.asarray(ids)} & {t[1:] for t in tokens}
    world.clock.advance(timedelta(days=91))
    later = world.answer("everybody")
    assert later.grant.key_epoch == answer.grant.key_epoch + 1
    assert not set(later.table.column(TOKEN).to_pylist()) & set(tokens)


def test_the_grant_travels_with_the_rows(world: World) -> None:
    world.person("a")
    answer = world.answer("everybody")
    table, grant = answer.table, answer.grant
    assert table.schema.metadata == {METADATA_KEY: grant.to_json()}
    assert FeatureGrant.from_json(table.schema.metadata[METADATA_KEY]) == grant
    assert grant.sha256 == content_hash(table)
    assert grant.domain == "segmentation/crm"
    assert grant.policy_version == world.rules.policy.version
    assert grant.expires_at == world.clock.now() + timedelta(days=90)


def test_the_record_holds_who_was_in_and_who_was_not(world: World) -> None:
    inside, outside = world.person("a"), world.handle("b")
    answer = world.answer("everybody")
    record = last_record(world)
    assert record.id == answer.grant.record
    assert record.leaf.hex() == answer.grant.leaf
    assert record.envelope.kind == "release.pull"
    assert record.envelope.outcome == "allowed"
    assert record.envelope.rule == "release:everybody"
    assert record.envelope.watermark == answer.grant.consent_watermark
    assert record.envelope.fields == ("spent", "orders")
    assert record.payload is not None
    assert record.payload.client == "c_analyst"
    assert record.payload.source_address == "192.0.2.7"
    assert record.payload.counts == {"returned": 1, "withheld.consent.never_asked": 1}
    with world.database.transaction() as connection:
        numbers = world.log.ordinals(connection, [inside, outside])
    for handle, role in ((inside, Role.RETURNED), (outside, Role.WITHHELD)):
        with world.database.snapshot() as connection:
            page = world.log.subject(connection, [numbers[handle]])
        assert [it.roles for it in page.records if it.id == record.id] == [(role,)]


def test_the_ledger_of_releases_holds_what_left(world: World) -> None:
    world.person("a")
    answer = world.answer("everybody")
    with world.database.snapshot() as connection:
        (output,) = outputs(connection, "everybody")
    assert output.id == answer.grant.record
    assert output.pool == "marketing"
    assert output.columns == ("spent", "orders")
    assert output.sha256 == answer.grant.sha256
    assert (output.rows, output.key_epoch) == (1, answer.grant.key_epoch)
    assert output.expires_at == answer.grant.expires_at


def test_without_a_record_there_is_no_data(worlds: Worlds) -> None:
    world = worlds()
    world.person("a")
    opened = world.gate.open(pull("everybody"))
    assert isinstance(opened, Granted)
    with opened.value as view:
        plan = plan_of(view)
        world.writer.close()
        with pytest.raises(StoreUnavailableError):
            world.gate.release(view, plan)
    with world.database.snapshot() as connection:
        assert outputs(connection, "everybody") == []


def test_a_denial_without_a_record_is_a_failure_too(worlds: Worlds) -> None:
    world = worlds()
    world.writer.close()
    with pytest.raises(StoreUnavailableError):
        world.gate.open(pull("no_such_release"))


def test_a_plan_that_fails_in_the_engine_is_recorded(worlds: Worlds) -> None:
    world = worlds()
    world.person("a")
    opened = world.gate.open(pull("everybody"))
    assert isinstance(opened, Granted)
    with opened.value as view:
        broken = view.events.revenue.sum().cast("string").cast("date")
        plan = view.per_profile({"spent": broken, "orders": view.events.count()})
        with pytest.raises(EngineError):
            world.gate.release(view, plan)
    assert last_record(world).envelope.outcome == "error"


def test_a_plan_gives_exactly_the_columns_of_its_release(worlds: Worlds) -> None:
    world = worlds()
    world.person("a")
    opened = world.gate.open(pull("everybody"))
    assert isinstance(opened, Granted)
    with opened.value as view:
        assert view.events.columns == ("profile", "occurred_at", "revenue")
        more = plan_of(view).mutate(secret=1)
        ruling = world.gate.release(view, more)
        assert isinstance(ruling, Granted)
        assert ruling.value.table.column_names == [TOKEN, "spent", "orders"]
        fewer = view.per_profile({"orders": view.events.count()})
        refused = world.gate.release(view, fewer)
        assert isinstance(refused, Denied)
        assert refused.reason == Reason.COLUMN
    record = last_record(world)
    assert (record.envelope.outcome, record.id) == ("denied", refused.record)


def test_attributes_that_a_plan_forgot_are_added(worlds: Worlds) -> None:
    world = worlds()
    for name, income in (("a", "low"), ("b", "high")):
        world.person(name, "20s", income=income)
    expected = world.answer()
    opened = world.gate.open(pull())
    assert isinstance(opened, Granted)
    with opened.value as view:
        events = view.events
        plan = events.group_by("profile").aggregate(
            spent=events.revenue.sum(), orders=events.count()
        )
        ruling = world.gate.release(view, plan)
    assert isinstance(ruling, Granted)
    assert ruling.value.grant.sha256 == expected.grant.sha256


def test_a_plan_has_one_row_for_each_profile(worlds: Worlds) -> None:
    world = worlds()
    handle = world.person("a")
    world.event(handle, {"revenue": Decimal(5)})
    opened = world.gate.open(pull("everybody"))
    assert isinstance(opened, Granted)
    with opened.value as view:
        each_event = view.events.select("profile", spent="revenue", orders="revenue")
        with pytest.raises(PlanError):
            world.gate.release(view, each_event)
        with pytest.raises(PlanError):
            world.gate.release(view, plan_of(view).drop("profile"))
        nobody = plan_of(view).mutate(profile=plan_of(view).profile.nullif(0))
        with pytest.raises(PlanError):
            world.gate.release(view, nobody)


def test_a_plan_reads_its_view_and_nothing_else(worlds: Worlds) -> None:
    world = worlds()
    world.handle("b")
    world.person("a")
    opened = world.gate.open(pull("everybody"))
    assert isinstance(opened, Granted)
    with opened.value as view:
        mine = plan_of(view)
        lake = ibis.table({"handle": "int64"}, name="events")
        names = ibis.table({"handle": "int64", "profile": "int64"}, name="usable")
        for plan in (
            lake.select(profile="handle", spent="handle", orders="handle"),
            mine.inner_join(names, "profile").mutate(orders=ibis._.handle),
            mine.left_join(
                ibis.memtable(pa.table({"profile": [0], "x": [1]})), "profile"
            ),
        ):
            with pytest.raises(PlanError):
                world.gate.release(view, plan)
        assert isinstance(world.gate.release(view, mine), Granted)


def test_only_the_gate_that_opened_a_view_releases_it(worlds: Worlds) -> None:
    world = worlds()
    opened = world.gate.open(pull("everybody"))
    assert isinstance(opened, Granted)
    view = opened.value
    plan = plan_of(view)
    with pytest.raises(ForeignViewError):
        world.gate_under(world.rules).release(view, plan)
    view.close()
    with pytest.raises(ForeignViewError):
        world.gate.release(view, plan)
    with pytest.raises(ForeignViewError):
        _ = view.events
    view.close()


def test_what_a_gate_shows_names_nobody(worlds: Worlds) -> None:
    world = worlds()
    handle = world.person("a")
    opened = world.gate.open(pull("everybody"))
    assert isinstance(opened, Granted)
    with opened.value as view:
        answer = world.gate.release(view, plan_of(view))
    assert isinstance(answer, Granted)
    for shown in (repr(view), repr(answer.value), repr(world.rules)):
        assert str(handle) not in shown


def test_a_table_of_an_answer_survives_arrow(worlds: Worlds) -> None:
    world = worlds()
    world.person("a")
    table = world.answer("everybody").table
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    back = pa.ipc.open_stream(sink.getvalue()).read_all()
    assert content_hash(back) == content_hash(table)
