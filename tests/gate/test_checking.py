"""The check of the relation finds every row that is not what the ledger comes to."""

import pytest
from sqlalchemy import text

from cdp.gate import RelationChecked, check_relation
from tests.support.house import NO, House, order

COOKIE = "0a1b2c3d-0000-4000-8000-00000000abcd"


@pytest.fixture
def people(house: House) -> House:
    house.post(
        "shop",
        [
            order("m1", user="u1", cookie=COOKIE),
            order("m2", user="u2"),
            order("m3", user="u3", preferences=NO),
        ],
    )
    return house


def check(house: House) -> RelationChecked:
    core = house.core
    seen: list[tuple[int, int]] = []
    with core.database.snapshot() as connection:
        found = check_relation(
            connection,
            rules=core.in_force,
            log=core.log,
            now=core.clock.now(),
            progress=lambda done, of: seen.append((done, of)),
        )
    assert not seen or seen[-1] == (found.handles, found.handles)
    return found


def change(house: House, statement: str, **values: int) -> None:
    with house.core.database.transaction() as connection:
        connection.execute(text(statement), values)


def find(house: House, query: str, **values: int) -> int:
    with house.core.database.snapshot() as connection:
        return int(connection.execute(text(query), values).scalar_one())


def test_a_relation_that_was_left_alone_agrees(people: House) -> None:
    found = check(people)
    assert (found.handles, found.profiles, found.drifts) == (4, 3, ())
    assert found.scopes == len(people.core.in_force.consent.scopes)
    assert found.watermark > 0


def test_an_empty_store_agrees(house: House) -> None:
    assert check(house).drifts == ()


@pytest.mark.parametrize(
    ("tampering", "stored", "folded"),
    [
        (
            "UPDATE consent_effective SET granted = true, reason = 0",
            "granted",
            "consent.denied",
        ),
        ("DELETE FROM consent_effective", "no row", "consent.denied"),
        (
            "UPDATE consent_effective SET reason = 50",
            "consent.expired",
            "consent.denied",
        ),
    ],
)
def test_a_row_that_was_touched_is_named_by_its_ordinal(
    people: House, tampering: str, stored: str, folded: str
) -> None:
    bit = people.core.in_force.bits["segmentation"]
    handle = find(
        people,
        "SELECT handle FROM consent_effective WHERE scope = :scope AND NOT granted",
        scope=bit,
    )
    number = find(
        people,
        "SELECT ordinal FROM audit_ordinal WHERE handle = :handle",
        handle=handle,
    )
    change(
        people,
        f"{tampering} WHERE handle = :handle AND scope = :scope",
        handle=handle,
        scope=bit,
    )
    [drift] = check(people).drifts
    assert drift.handle == number
    assert drift.scope == "segmentation"
    assert (drift.stored, drift.folded) == (stored, folded)
    assert str(handle) not in repr(drift)


def test_a_row_of_nobody_is_a_drift(people: House) -> None:
    change(
        people,
        "INSERT INTO consent_effective (handle, scope, granted, own, reason, rule,"
        " valid_from, valid_to, covers_past, signal, notice, ordinal, seq)"
        " SELECT 17, scope, granted, own, reason, rule, valid_from, valid_to,"
        " covers_past, signal, notice, ordinal, seq"
        " FROM consent_effective WHERE granted LIMIT 1",
    )
    [drift] = check(people).drifts
    assert (drift.handle, drift.stored, drift.folded) == (None, "a row", "no profile")


def test_a_signal_that_was_never_folded_is_a_drift(people: House) -> None:
    mask = 1 << people.core.in_force.bits["analytics"]
    change(
        people,
        "UPDATE consent_signal SET denies = denies | :mask, grants = grants & ~:mask",
        mask=mask,
    )
    assert {drift.scope for drift in check(people).drifts} == {"analytics"}
