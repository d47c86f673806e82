"""The doors that show one person's state."""

from datetime import timedelta
from typing import Any

import pytest

from cdp.audit import AuditFilter, AuditRecord, Kind
from cdp.consent import Verdict
from cdp.gate import Denied, Granted, Reason, Ruling, Subject
from cdp.runtime import StoreUnavailableError
from tests.gate.conftest import Worlds
from tests.gate.world import NOON, World, look

ANNA = Subject(namespace="user_id", value="anna")
NOBODY = Subject(namespace="user_id", value="nobody")


def shown(ruling: Ruling[Any]) -> Any:
    assert isinstance(ruling, Granted), ruling
    return ruling.value


def record_of(world: World, record: str) -> AuditRecord:
    world.log.sequence(world.database)
    with world.database.snapshot() as connection:
        page = world.log.query(connection, AuditFilter(), open_payload=True, limit=1000)
    (found,) = [it for it in page.records if it.id == record]
    return found


def test_what_stands_for_a_person_is_shown_and_recorded(world: World) -> None:
    handle = world.handle("anna")
    world.say(handle, Verdict.GRANT)
    answer = shown(world.doors.consent_query(look(), ANNA, about="segmentation"))
    (state,) = answer.states
    assert (state.purpose, state.granted, state.reason) == ("segmentation", True, None)
    assert state.valid_to is not None
    record = record_of(world, answer.record)
    assert record.envelope.kind == "consent.read"
    assert record.envelope.rule == state.rule
    assert record.payload is not None
    assert record.payload.ticket == "T-1"
    assert record.payload.signal is not None
    with world.database.transaction() as connection:
        number = world.log.ordinals(connection, [handle])[handle]
    with world.database.snapshot() as connection:
        assert record.id in {
            it.id for it in world.log.subject(connection, [number]).records
        }


def test_without_a_purpose_all_are_shown(world: World) -> None:
    world.say(world.handle("anna"), Verdict.GRANT)
    answer = shown(world.doors.consent_query(look(), ANNA))
    assert {state.purpose: state.granted for state in answer.states} == {
        "compliance": True,  # a legal obligation
        "linking": False,
        "segmentation": True,
    }


def test_a_stranger_looks_like_somebody_silent(world: World) -> None:
    world.handle("anna", jurisdiction=None)
    silent = shown(world.doors.consent_query(look(), ANNA, about="segmentation"))
    stranger = shown(world.doors.consent_query(look(), NOBODY, about="segmentation"))
    unreadable = Subject(namespace="no_such_namespace", value="x")
    unknown = shown(world.doors.consent_query(look(), unreadable, about="segmentation"))
    for answer in (silent, stranger, unknown):
        (state,) = answer.states
        assert (state.granted, state.reason) == (False, "consent.never_asked")
    explained = shown(world.doors.consent_explain(look(), NOBODY, about="linking"))
    assert (explained.winner, explained.losers) == (None, ())
    assert shown(world.doors.identity_lookup(lookup(), NOBODY)).identifiers == {}


def test_the_past_is_shown_as_it_was_known(world: World) -> None:
    handle = world.handle("anna")
    world.say(handle, Verdict.GRANT)
    world.clock.advance(timedelta(days=1))
    world.say(handle, Verdict.DENY)
    world.clock.advance(timedelta(days=1))
    ask = world.doors.consent_query
    noon = NOON + timedelta(hours=1)
    then = shown(ask(look(), ANNA, about="segmentation", valid_at=noon, known_at=noon))
    assert then.states[0].granted
    now = shown(ask(look(), ANNA, about="segmentation"))
    assert not now.states[0].granted
    before = NOON - timedelta(days=1)
    never = shown(
        ask(look(), ANNA, about="segmentation", valid_at=before, known_at=before)
    )
    assert never.states[0].reason == "consent.never_asked"
    later = NOON + timedelta(days=9)
    clamped = shown(ask(look(), ANNA, about="segmentation", valid_at=later))
    assert clamped.valid_at == world.clock.now()


def test_the_profile_of_the_past_is_the_one_known_then(world: World) -> None:
    anna, cookie = world.handle("anna"), world.handle("cookie-number-1", "cookie")
    world.say(anna, Verdict.GRANT)
    world.clock.advance(timedelta(days=1))
    world.say(cookie, Verdict.DENY)
    world.link(anna, cookie)
    world.clock.advance(timedelta(days=1))
    ask = world.doors.consent_query
    noon = NOON + timedelta(hours=1)
    assert not shown(ask(look(), ANNA, about="segmentation")).states[0].granted
    then = shown(ask(look(), ANNA, about="segmentation", valid_at=noon, known_at=noon))
    assert then.states[0].granted


def test_an_explanation_names_winner_and_losers_without_a_handle(world: World) -> None:
    anna = world.handle("anna")
    world.say(anna, Verdict.GRANT)
    world.say(anna, Verdict.DENY)
    explained = shown(world.doors.consent_explain(look(), ANNA, about="segmentation"))
    assert explained.state.reason == "consent.withdrawn"
    assert explained.winner is not None
    assert (explained.winner.on, explained.winner.grants) == ("user_id", False)
    assert [(it.grants, it.lost) for it in explained.losers] == [(True, "older")]
    assert str(anna) not in repr(explained)


def test_who_touched_a_person_is_told_with_every_pull(world: World) -> None:
    world.person("anna")
    world.person("bert")
    pulls = [world.answer("everybody").grant.record for _ in range(2)]
    world.log.sequence(world.database)
    timeline = shown(
        world.logbook.subject(look(Kind.AUDIT_QUERY), ANNA, open_payload=True)
    )
    assert [it.id for it in timeline.page.records] == pulls
    assert timeline.page.records[0].payload.client == "c_analyst"
    assert record_of(world, timeline.record).envelope.kind == "audit.query"
    nobody = shown(world.logbook.subject(look(Kind.AUDIT_QUERY), NOBODY))
    assert nobody.page.records == ()


def test_the_log_is_asked_on_the_record(world: World) -> None:
    world.person("anna")
    pulled = world.answer("everybody").grant.record
    world.log.sequence(world.database)
    asked = AuditFilter(kind=Kind.RELEASE_PULL)
    answer = shown(world.logbook.query(look(Kind.AUDIT_QUERY), asked))
    assert [it.id for it in answer.page.records] == [pulled]
    assert record_of(world, answer.record).envelope.kind == "audit.query"


def lookup(**changes: Any) -> Any:
    return look(Kind.IDENTITY_LOOKUP, **changes)


def test_a_look_up_counts_identifiers_and_shows_none(world: World) -> None:
    anna, cookie = world.handle("anna"), world.handle("cookie-number-1", "cookie")
    world.link(anna, cookie)
    seen = shown(world.doors.identity_lookup(lookup(), ANNA))
    assert seen.identifiers == {"cookie": 1, "user_id": 1}
    assert record_of(world, seen.record).envelope.kind == "identity.lookup"


def test_who_may_not_is_refused_on_the_record(worlds: Worlds) -> None:
    world = worlds()
    doors = world.doors
    for refused, reason in (
        (doors.consent_query(look(purpose="segmentation"), ANNA), Reason.ROLE),
        (doors.consent_query(look(Kind.RELEASE_PULL), ANNA), Reason.ROLE),
        (doors.consent_query(look(), ANNA, about="no_such"), Reason.UNKNOWN),
        (doors.consent_explain(look(), ANNA, about="no_such"), Reason.UNKNOWN),
        (
            world.logbook.subject(
                look(Kind.AUDIT_QUERY, reason_code=None), ANNA, open_payload=True
            ),
            Reason.REASON_MISSING,
        ),
        (
            world.logbook.query(
                look(Kind.AUDIT_QUERY, reason_code=None),
                AuditFilter(),
                open_payload=True,
            ),
            Reason.REASON_MISSING,
        ),
        (doors.identity_lookup(lookup(purpose="linking"), ANNA), Reason.ROLE),
    ):
        assert isinstance(refused, Denied)
        assert refused.reason == reason
        record = record_of(world, refused.record)
        assert record.envelope.outcome == "denied"
        assert record.envelope.reason == reason


def test_what_cannot_be_recorded_is_not_shown(worlds: Worlds) -> None:
    world = worlds()
    world.handle("anna")
    world.writer.close()
    with pytest.raises(StoreUnavailableError):
        world.doors.consent_query(look(), ANNA)


def test_a_subject_does_not_print_its_value() -> None:
    assert "anna" not in repr(ANNA)
