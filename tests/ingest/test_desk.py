"""A person's own decision is in force with the next read, for the whole person."""

from datetime import timedelta
from typing import cast

import pytest

from cdp.consent import verify
from cdp.gate import Subject, rebuild
from cdp.identity import member_columns
from cdp.ingest import ConsentDesk, DecisionRefusedError, PersonDecision
from cdp.kernel import FixedClock, Handle, ProfileId
from cdp.runtime import lock_seq
from tests.support.house import House, order

COOKIE = "0a1b2c3d-0000-4000-8000-00000000abcd"


def desk_of(house: House) -> ConsentDesk:
    core = house.core
    return ConsentDesk(
        in_force=core.in_force,
        log=core.log,
        ring=core.ring,
        writer=house.service.writer,
        clock=core.clock,
    )


def decision(user: str, **verdicts: str) -> PersonDecision:
    return PersonDecision(
        subject=Subject(namespace="user_id", value=user),
        verdicts=verdicts,
        notice="banner-1",
    )


def granted(house: House, purpose: str) -> int:
    bit = house.core.in_force.bits[purpose]
    rows = house.rows("SELECT scope FROM consent_effective WHERE granted")
    return rows.count((bit,))


def test_a_withdrawal_counts_for_every_identifier_of_the_person(house: House) -> None:
    house.post("shop", [order("m1", user="u1", cookie=COOKIE)])
    assert granted(house, "segmentation") == 2
    cast("FixedClock", house.clock).advance(timedelta(seconds=1))
    kept = desk_of(house).take(decision("u1", segmentation="deny"))
    assert kept.states["segmentation"].reason == "consent.withdrawn"
    assert granted(house, "segmentation") == 0
    assert granted(house, "analytics") == 2


def test_a_stamp_after_it_does_not_undo_a_persons_word(house: House) -> None:
    house.post("shop", [order("m1", user="u1", cookie=COOKIE)])
    cast("FixedClock", house.clock).advance(timedelta(seconds=1))
    desk_of(house).take(decision("u1", segmentation="deny"))
    cast("FixedClock", house.clock).advance(timedelta(hours=2))
    house.post(
        "shop",
        [order("m2", user="u1", cookie=COOKIE, timestamp="2026-11-25T13:59:00Z")],
    )
    assert granted(house, "segmentation") == 0


def test_only_the_persons_later_word_grants_again(house: House) -> None:
    house.post("shop", [order("m1", user="u1", cookie=COOKIE)])
    for verdict in ("deny", "grant"):
        cast("FixedClock", house.clock).advance(timedelta(seconds=1))
        desk_of(house).take(decision("u1", segmentation=verdict))
    assert granted(house, "segmentation") == 2


def test_a_decision_about_somebody_unseen_is_remembered(house: House) -> None:
    desk_of(house).take(decision("u9", segmentation="deny"))
    answer = house.post("shop", [order("m1", user="u9")])
    bit = house.core.in_force.bits["segmentation"]
    [(closed,)] = house.rows("SELECT closed FROM lake_inbox")
    assert answer["okEvents"] == 1
    assert closed >> bit & 1


def test_a_denial_of_linking_takes_the_person_apart(house: House) -> None:
    house.post("shop", [order("m1", user="u1", cookie=COOKIE)])
    desk_of(house).take(decision("u1", linking="deny"))
    rows = house.rows("SELECT DISTINCT profile_id FROM member WHERE to_seq IS NULL")
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (decision("u1", world_domination="grant"), "the policy; it has"),
        (decision("u1"), "grant or deny"),
        (decision("u1", segmentation="maybe"), "grant or deny"),
        (decision("undefined", segmentation="deny"), "the identifier is none"),
        (
            PersonDecision(
                subject=Subject(namespace="shoe", value="44"),
                verdicts={"segmentation": "deny"},
            ),
            "the identifier is none",
        ),
    ],
)
def test_what_cannot_be_taken_down_is_said_without_the_value(
    house: House, wrong: PersonDecision, message: str
) -> None:
    with pytest.raises(DecisionRefusedError, match=message) as refused:
        desk_of(house).take(wrong)
    assert "44" not in str(refused.value)
    assert house.rows("SELECT * FROM consent_signal") == []


def test_a_decision_of_the_future_is_refused(house: House) -> None:
    later = house.clock.now() + timedelta(days=1)
    wrong = PersonDecision(
        subject=Subject(namespace="user_id", value="u1"),
        verdicts={"segmentation": "grant"},
        decided_at=later,
    )
    with pytest.raises(DecisionRefusedError, match="future"):
        desk_of(house).take(wrong)


def test_a_rebuild_under_the_same_policy_changes_nothing(house: House) -> None:
    house.post("shop", [order(f"m{n}", user=f"u{n}", cookie=COOKIE) for n in range(4)])
    relation = "SELECT handle, scope, granted, own, reason FROM consent_effective"
    before = sorted(house.rows(relation))
    core = house.core
    with core.database.transaction() as connection:
        lock_seq(connection)
        rebuild(connection, rules=core.in_force, log=core.log, now=core.clock.now())
        handles, ids = member_columns(connection)
        profiles: dict[ProfileId, list[Handle]] = {}
        for handle, own in zip(handles, ids, strict=True):
            profiles.setdefault(ProfileId(own.tobytes()), []).append(
                Handle(int(handle))
            )
        drift = verify(connection, profiles, core.in_force.consent, core.clock.now())
    assert drift == []
    assert sorted(house.rows(relation)) == before
