"""Who is told of changes knows what the relation knows, and nothing when nobody is.

The state of a profile is told before and after; what is told joins up without a gap.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, cast

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from cdp.audit import AuditFilter
from cdp.consent import (
    Basis,
    Carrier,
    Change,
    ConsentRules,
    EffectiveRow,
    How,
    NewSignal,
    Rank,
    Reason,
    Rule,
    ScopeRule,
    Standing,
    Verdict,
    Verdicts,
    append,
    standing,
)
from cdp.gate import Outbox, Subject, rebuild, refold, repository
from cdp.gate.changes import ProfileChange, changes_of
from cdp.identity import NewHandle, Observation, Trust, create, member_columns, observe
from cdp.ingest import PersonDecision
from cdp.kernel import FixedClock, Handle, ProfileId, from_micros
from cdp.runtime import draw_seq, lock_seq
from tests.gate.world import NOON, World
from tests.support.house import NO, YES, House, order

RULES = ConsentRules(
    version="v1",
    scopes=(
        ScopeRule(ordinal=0, purpose="ads", basis={"KR": Basis.CONSENT}),
        ScopeRule(
            ordinal=1, purpose="ads", recipient="mate", basis={"KR": Basis.CONSENT}
        ),
        ScopeRule(ordinal=2, purpose="service", basis={"KR": Basis.CONTRACT}),
    ),
)
OPEN = (1 << 63) - 1
A, B, C = Handle(1), Handle(2), Handle(3)
P, Q = ProfileId(b"p" * 16), ProfileId(b"q" * 16)


def held(granted: bool, own: int, reason: Reason | None, to: int = OPEN) -> Standing:
    return Standing(
        granted=granted,
        own=own,
        reason=reason,
        rule=Rule.R3,
        valid_from=NOON,
        valid_to=None if to == OPEN else from_micros(to),
        covers_past=False,
        signal=None,
        notice=None,
    )


def row(handle: Handle, scope: int, one: Standing, to: int = OPEN) -> EffectiveRow:
    return EffectiveRow(
        handle=handle,
        scope=scope,
        granted=one.granted,
        own=one.own,
        reason=one.reason.code if one.reason else 0,
        rule=one.rule.code,
        valid_from=0,
        valid_to=to,
        covers_past=False,
        signal=None,
        notice=None,
    )


GRANT = held(True, 1, None)
DENIAL = held(False, -1, Reason.DENIED)
CONFLICT = held(False, 1, Reason.CONFLICT)
EXPIRED = held(False, 0, Reason.EXPIRED)


def one_change(
    profiles: dict[ProfileId, tuple[Handle, ...]],
    rows: dict[Handle, dict[int, Standing]],
    changed: Iterable[Change],
    former: dict[Handle, ProfileId] | None = None,
) -> ProfileChange:
    [found] = changes_of(profiles, former or {}, rows, changed, RULES)
    return found


def test_a_first_grant_is_told_with_the_silence_before_it() -> None:
    found = one_change(
        {P: (A,)}, {A: {0: GRANT}}, [Change(A, 0, None, row(A, 0, GRANT))]
    )
    [change] = found.changes
    assert (found.subject, found.merged_into) == (P, None)
    assert (change.purpose, change.recipient) == ("ads", None)
    assert (change.old.granted, change.old.reason) == (False, "consent.never_asked")
    assert (change.new.granted, change.new.reason) == (True, None)


def test_a_purpose_for_a_recipient_is_told_by_both_names() -> None:
    found = one_change(
        {P: (A,)}, {A: {1: GRANT}}, [Change(A, 1, None, row(A, 1, GRANT))]
    )
    assert (found.changes[0].purpose, found.changes[0].recipient) == ("ads", "mate")


def test_one_handle_that_holds_a_grant_opens_the_profile() -> None:
    """The silent handle's expired grant is not a change of the person."""
    changed = [Change(A, 0, row(A, 0, GRANT), row(A, 0, EXPIRED))]
    rows = {A: {0: EXPIRED}, B: {0: GRANT}}
    assert changes_of({P: (A, B)}, {}, rows, changed, RULES) == []


def test_the_profile_is_open_until_its_last_grant_ends() -> None:
    soon = held(True, 1, None, to=10)
    rows = {A: {0: soon}, B: {0: held(True, 1, None, to=20)}}
    found = one_change({P: (A, B)}, rows, [Change(B, 0, None, None)])
    assert found.changes[0].old.valid_to == from_micros(10)
    assert found.changes[0].new.valid_to == from_micros(20)
    rows[A] = {0: GRANT}
    found = one_change({P: (A, B)}, rows, [Change(A, 0, row(A, 0, soon, to=10), None)])
    assert found.changes[0].new.valid_to is None


def test_a_denial_of_one_handle_denies_the_profile_for_the_stronger_reason() -> None:
    rows = {A: {0: CONFLICT}, B: {0: DENIAL}}
    changed = [Change(A, 0, row(A, 0, GRANT), None), Change(B, 0, None, None)]
    [change] = one_change({P: (A, B)}, rows, changed).changes
    assert change.old.granted
    assert (change.new.granted, change.new.reason) == (False, "consent.conflict")


def test_no_row_is_the_default_where_nobody_is_asked() -> None:
    changed = [Change(A, 2, None, row(A, 2, DENIAL))]
    [change] = one_change({P: (A,)}, {A: {2: DENIAL}}, changed).changes
    assert (change.purpose, change.old.granted) == ("service", True)
    assert not change.new.granted


def test_a_profile_that_went_into_another_has_a_last_change_of_its_own() -> None:
    """The cookie's profile was granted; its person had refused (R12)."""
    rows = {A: {0: CONFLICT}, B: {0: DENIAL}}
    changed = [Change(A, 0, row(A, 0, GRANT), row(A, 0, CONFLICT))]
    told = changes_of({Q: (A, B)}, {A: P}, rows, changed, RULES)
    [found] = [one for one in told if one.subject == P]
    assert found.merged_into == Q
    assert found.changes[0].old.granted
    assert not found.changes[0].new.granted


def test_a_part_that_split_off_is_told_of_under_its_own_name() -> None:
    rows = {A: {0: GRANT}, B: {}}
    changed = [
        Change(A, 0, row(A, 0, CONFLICT), row(A, 0, GRANT)),
        Change(B, 0, row(B, 0, DENIAL), None),
    ]
    told = changes_of({P: (A,), Q: (B,)}, {A: Q}, rows, changed, RULES)
    assert {(one.subject, one.merged_into) for one in told} == {(P, None), (Q, None)}


def test_a_scope_that_the_policy_no_longer_has_is_not_told() -> None:
    changed = [Change(A, 9, row(A, 9, GRANT), None)]
    assert changes_of({P: (A,)}, {}, {A: {}}, changed, RULES) == []


# Through the whole service.


def outbox(house: House, receiver: str | None = "crm") -> Outbox:
    core = house.core
    made = Outbox(
        receiver=receiver,
        database=core.database,
        writer=house.service.writer,
        ring=core.ring,
        audit=core.log,
        policy_in_force=core.in_force,
        clock=core.clock,
    )
    made.open()
    return made


def tick(house: House) -> None:
    cast("FixedClock", house.clock).advance(timedelta(seconds=1))


def decide(house: House, user: str, **verdicts: str) -> None:
    tick(house)
    subject = Subject(namespace="user_id", value=user)
    house.service.desk.take(
        PersonDecision(
            subject=subject, verdicts=verdicts, jurisdiction="KR", notice="banner-1"
        )
    )


def drain(door: Outbox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while messages := door.take(100):
        found += [msgspec.json.decode(message.body) for message in messages]
        door.settle(messages, [])
    return found


def test_nothing_is_written_when_nobody_is_told(house: House) -> None:
    house.post("shop", [order("m1", user="u1")])
    decide(house, "u1", segmentation="deny")
    assert house.rows("SELECT count(*) FROM consent_outbox") == [(0,)]
    door = outbox(house)
    decide(house, "u1", segmentation="grant")
    assert door.waiting() == 1
    outbox(house, None)
    decide(house, "u1", segmentation="deny")
    assert door.waiting() == 1


def test_who_is_told_is_a_record_only_when_it_changes(house: House) -> None:
    for receiver in ("crm", "crm", "other", None, None):
        outbox(house, receiver)
    core = house.core
    core.log.sequence(core.database)
    with core.database.snapshot() as connection:
        page = core.log.query(connection, AuditFilter())
    kinds = [record.envelope.rule for record in page.records]
    said = [rule for rule in kinds if rule and rule.startswith("webhook.")]
    assert sorted(said) == ["webhook.add", "webhook.add", "webhook.remove"]


def test_a_decision_of_a_person_with_two_identifiers_is_one_event(
    house: House,
) -> None:
    house.post("shop", [order("m1", user="u1", cookie="c1")])
    door = outbox(house)
    decide(house, "u1", segmentation="deny", analytics="deny")
    [told] = drain(door)
    assert told["type"] == "consent.changed"
    assert told["id"].startswith("evt_")
    changes = {one["purpose"]: one for one in told["data"]["changes"]}
    assert changes["segmentation"]["old"]["granted"] is True
    assert changes["segmentation"]["new"] == {
        "granted": False,
        "reason": "consent.withdrawn",
        "rule": "R18",
        "valid_to": None,
    }
    assert set(changes) == {"segmentation", "analytics"}


def test_an_event_holds_a_pseudonym_and_nothing_that_names_anybody(
    house: House,
) -> None:
    door = outbox(house)
    house.post("shop", [order("m1", user="u-secret", cookie="c-secret")])
    messages = door.take(10)
    text = b"".join(message.body for message in messages)
    assert b"secret" not in text
    handles = house.rows("SELECT handle FROM handle")
    profiles = house.rows("SELECT DISTINCT profile_id FROM member")
    digests = house.rows("SELECT digest FROM identifier")
    assert not any(str(handle).encode() in text for (handle,) in handles)
    for (value,) in [*profiles, *digests]:
        assert bytes(value).hex().encode() not in text
        assert bytes(value) not in text


def test_the_record_of_a_batch_names_everybody_in_it_before_it_leaves(
    house: House,
) -> None:
    door = outbox(house)
    house.post("shop", [order("m1", user="u1", cookie="c1"), order("m2", user="u2")])
    messages = door.take(10)
    core = house.core
    core.log.sequence(core.database)
    with core.database.snapshot() as connection:
        everybody = core.log.ordinals(
            connection,
            [handle for (handle,) in house.rows("SELECT handle FROM handle")],
        )
        pages = [
            core.log.subject(connection, [ordinal], AuditFilter())
            for ordinal in everybody.values()
        ]
    told = [
        [one.envelope for one in page.records if one.envelope.kind == "answer.deliver"]
        for page in pages
    ]
    assert len(messages) == 2
    assert len(told) == 3
    for [envelope] in told:
        assert (envelope.recipient, envelope.purpose) == ("crm", "consent.changed")
        assert envelope.n == {"events": "<10"}


def test_of_one_subject_the_next_waits_for_the_one_before(house: House) -> None:
    door = outbox(house)
    decide(house, "u1", analytics="grant")
    decide(house, "u2", analytics="grant")
    decide(house, "u1", analytics="deny")
    first = door.take(10)
    assert len(first) == 2
    later = house.clock.now() + timedelta(seconds=60)
    door.settle([first[1]], [(first[0], later)])
    assert door.take(10) == []
    cast("FixedClock", house.clock).advance(timedelta(seconds=60))
    [again] = door.take(10)
    assert (again.id, again.attempts) == (first[0].id, 1)
    door.settle([again], [])
    [last] = door.take(10)
    assert last.id != again.id


def test_a_cookie_that_turns_out_to_be_somebody_who_refused_is_told_of(
    house: House,
) -> None:
    house.post("shop", [order("m1", cookie="c1", preferences=YES)])
    door = outbox(house)
    decide(house, "u1", segmentation="deny", linking="grant")
    [refused] = drain(door)
    tick(house)
    house.post("shop", [order("m2", user="u1", cookie="c1", preferences=None)])
    told = {one["data"]["subject"]: one["data"] for one in drain(door)}
    [gone] = [data for data in told.values() if "merged_into" in data]
    assert gone["merged_into"] == refused["data"]["subject"]
    [change] = [c for c in gone["changes"] if c["purpose"] == "segmentation"]
    assert change["old"]["granted"] is True
    assert change["new"]["granted"] is False


def test_another_receiver_knows_a_person_by_another_pseudonym(house: House) -> None:
    subjects: list[str] = []
    for receiver in ("crm", "other"):
        door = outbox(house, receiver)
        decide(house, "u1", analytics="deny" if subjects else "grant")
        [told] = drain(door)
        subjects.append(told["data"]["subject"])
    assert len(set(subjects)) == 2


def test_a_change_of_policy_is_told_like_any_other(house: House) -> None:
    """A rebuild folds everybody again and finds nothing new to tell."""
    door = outbox(house)
    house.post("shop", [order("m1", user="u1", preferences=NO)])
    assert len(drain(door)) == 1
    core = house.core
    with core.database.transaction() as connection:
        lock_seq(connection)
        rebuild(connection, rules=core.in_force, log=core.log, now=house.clock.now())
    assert drain(door) == []


# The law: whoever hears everything knows what the relation says.

NAMES = [("user_id", "u0"), ("user_id", "u1"), ("cookie", "c0"), ("cookie", "c1")]
steps = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(0, 3), st.sampled_from(list(Verdict))),
        st.tuples(st.just("link"), st.integers(0, 3), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.sampled_from([1, 400, 800]), st.none()),
    ),
    max_size=12,
)


def link(world: World, a: Handle, b: Handle, number: int) -> None:
    with world.database.transaction() as connection:
        lock_seq(connection)
        seq = draw_seq(connection)
        now = world.clock.now()
        seen = Observation(
            anchor=a,
            other=b,
            source=1,
            trust=Trust.VERIFIED,
            event_key=b"%d" % number,
            ordinal=0,
            observed_at=now,
            basis="test",
        )
        observe(connection, [seen], world.rules.identity, seq, now=now)
        refold(
            connection,
            [a, b],
            rules=world.rules.consent,
            log=world.log,
            seq=seq,
            now=now,
        )


def state_of(world: World, handles: list[Handle]) -> dict[str, bool]:
    """Say what a profile is granted, from the relation, in another way."""
    with world.database.snapshot() as connection:
        rows = standing(connection, handles)
    found = {}
    for scope in world.rules.consent.scopes:
        mine = [rows.get(handle, {}).get(scope.ordinal) for handle in handles]
        silence = bool(scope.bit & world.rules.consent.unasked)
        is_denied = any(one is not None and one.own < 0 for one in mine)
        is_open = any(silence if one is None else one.granted for one in mine)
        found[scope.key] = is_open and not is_denied
    return found


@settings(max_examples=80)
@given(steps)
def test_whoever_hears_everything_knows_the_relation(
    worlds: Callable[[], World], history: list[tuple[str, Any, Any]]
) -> None:
    world = worlds()
    with world.database.transaction() as connection:
        repository.set_listener(connection, "crm", NOON)
    handles = [world.handle(value, name) for name, value in NAMES]
    for number, (act, first, second) in enumerate(history):
        world.clock.advance(timedelta(seconds=1))
        if act == "say":
            world.say(handles[first], second)
        elif act == "link" and first != second:
            link(world, handles[first], handles[second], number)
        elif act == "wait":
            world.clock.advance(timedelta(days=first))
    heard = hear(world)
    for profile, members_ in profiles_of(world).items():
        for key, is_open in state_of(world, members_).items():
            rule = world.rules.consent.by_key[key]
            silence = bool(rule.bit & world.rules.consent.unasked)
            told = heard.get(profile, {}).get(key)
            assert is_open == (silence if told is None else told["granted"]), key


def hear(world: World) -> dict[bytes, dict[str, dict[str, Any]]]:
    """Take what waits in order, as a receiver would; what is told must join up."""
    heard: dict[bytes, dict[str, dict[str, Any]]] = {}
    with world.database.transaction() as connection:
        while batch := repository.due(connection, world.clock.now(), 1_000):
            for one in sorted(batch, key=lambda one: one.n):
                if one.split_from is not None:
                    heard[one.subject] = dict(heard.get(one.split_from, {}))
                known = heard.setdefault(one.subject, {})
                for change in msgspec.json.decode(one.changes):
                    key = change["purpose"]
                    assert known.get(key, change["old"]) == change["old"]
                    known[key] = change["new"]
            repository.told(connection, [one.n for one in batch])
    return heard


def profiles_of(world: World) -> dict[bytes, list[Handle]]:
    with world.database.snapshot() as connection:
        handles, profiles = member_columns(connection)
    found: dict[bytes, list[Handle]] = {}
    for handle, profile in zip(handles, profiles, strict=True):
        found.setdefault(profile.tobytes(), []).append(Handle(int(handle)))
    return found


def test_what_is_told_of_many_costs_as_few_statements_as_of_few(world: World) -> None:
    with world.database.transaction() as connection:
        repository.set_listener(connection, "crm", NOON)
    few, many = (statements_for(world, count) for count in (3, 300))
    assert few == many
    with world.database.snapshot() as connection:
        assert repository.untold(connection) == 303


def statements_for(world: World, count: int) -> int:
    """Let people refuse, all at once; return what folding them again cost."""
    seen: list[str] = []

    def heard(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    now = world.clock.now()
    with world.database.transaction() as connection:
        lock_seq(connection)
        seq = draw_seq(connection)
        new = [
            NewHandle(
                digest=b"%d/%d" % (count, number),
                namespace="user_id",
                epoch=1,
                rule_version=1,
                first_seen=now,
            )
            for number in range(count)
        ]
        handles = list(create(connection, new, seq, now=now).values())
        denial = Verdicts.of({world.bit("segmentation"): Verdict.DENY})
        append(
            connection,
            [
                NewSignal(
                    own=(handle,),
                    anchor=handle,
                    source=1,
                    carrier=Carrier.IMPORT,
                    rank=Rank.IMPORT,
                    verdicts=denial,
                    raw=b"{}",
                    jurisdiction="KR",
                    jurisdiction_how=How.SOURCE,
                    valid_at=now,
                    recorded_at=now,
                    policy=world.rules.policy.version,
                )
                for handle in handles
            ],
            seal=lambda raw, _: raw,
        )
        event.listen(connection, "before_cursor_execute", heard)
        refold(
            connection,
            handles,
            rules=world.rules.consent,
            log=world.log,
            seq=seq,
            now=now,
        )
    return len(seen)
