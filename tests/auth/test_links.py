"""A link opens once, for a short while, and leaves nothing that opens anything."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from cdp.auth import (
    LINK_LIFE,
    SESSION_LIFE,
    AuthError,
    InvalidLinkError,
    LinkSession,
    NewLink,
    SessionOverError,
    end_session,
    make_link,
    open_link,
    session_of,
)
from cdp.kernel import FixedClock, Handle
from cdp.keys import KeyRing
from cdp.runtime import Database

MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)


@pytest.fixture
def make(
    database: Database, ring: KeyRing, clock: FixedClock
) -> Callable[..., NewLink]:
    def made(handle: int = 7, ttl: timedelta = LINK_LIFE) -> NewLink:
        with database.transaction() as connection:
            return make_link(
                connection,
                ring,
                handle=Handle(handle),
                language="ko",
                place="KR",
                ttl=ttl,
                clock=clock,
            )

    return made


@pytest.fixture
def enter(
    database: Database, ring: KeyRing, clock: FixedClock
) -> Callable[[str], LinkSession]:
    def entered(token: str) -> LinkSession:
        with database.transaction() as connection:
            return open_link(connection, ring, token, clock)

    return entered


@pytest.fixture
def look(
    database: Database, ring: KeyRing, clock: FixedClock
) -> Callable[[str], LinkSession]:
    def looked(token: str) -> LinkSession:
        with database.snapshot() as connection:
            return session_of(connection, ring, token, clock)

    return looked


Make = Callable[..., NewLink]
Enter = Callable[[str], LinkSession]


def refusal(enter: Enter, token: str) -> tuple[type[AuthError], str]:
    with pytest.raises(AuthError) as refused:
        enter(token)
    return type(refused.value), str(refused.value)


def test_a_link_opens_a_session_of_whom_it_was_made_for(
    make: Make, enter: Enter, look: Enter, clock: FixedClock
) -> None:
    link = make(handle=7)
    assert link.expires_at == clock.now() + LINK_LIFE
    session = enter(link.token)
    assert (session.handle, session.language, session.place) == (7, "ko", "KR")
    assert session.link == link.id
    assert session.expires_at == clock.now() + SESSION_LIFE
    assert session.token != link.token
    assert look(session.token) == session


def test_unknown_used_and_expired_links_look_alike(
    make: Make, enter: Enter, clock: FixedClock
) -> None:
    used, late = make(), make(ttl=MINUTE)
    enter(used.token)
    clock.advance(MINUTE)
    refused = {
        refusal(enter, token)
        for token in (used.token, late.token, "A" * 43, "", "x", "가" * 43, "A" * 9_999)
    }
    assert len(refused) == 1
    [(kind, _)] = refused
    assert kind is InvalidLinkError


def test_of_many_who_press_at_once_one_comes_in(make: Make, enter: Enter) -> None:
    link = make()

    def press(_: int) -> bool:
        try:
            enter(link.token)
        except InvalidLinkError:
            return False
        return True

    with ThreadPoolExecutor(8) as people:
        assert sum(people.map(press, range(8))) == 1


def test_a_link_is_good_before_its_end_and_not_at_it(
    make: Make, enter: Enter, clock: FixedClock
) -> None:
    early, late = make(ttl=MINUTE), make(ttl=MINUTE)
    clock.advance(MINUTE - TICK)
    enter(early.token)
    clock.advance(TICK)
    assert refusal(enter, late.token)[0] is InvalidLinkError


def test_a_session_is_good_before_its_end_and_not_at_it(
    make: Make, enter: Enter, look: Enter, clock: FixedClock
) -> None:
    session = enter(make().token)
    clock.advance(SESSION_LIFE - TICK)
    assert look(session.token) == session
    clock.advance(TICK)
    assert refusal(look, session.token)[0] is SessionOverError


def test_a_link_is_no_session_and_a_session_no_link(
    make: Make, enter: Enter, look: Enter
) -> None:
    link = make()
    assert refusal(look, link.token)[0] is SessionOverError
    session = enter(link.token)
    assert refusal(enter, session.token)[0] is InvalidLinkError
    for token in (link.token, "", "A" * 43, "가"):
        assert refusal(look, token)[0] is SessionOverError


def test_sessions_of_two_people_are_apart(
    make: Make, enter: Enter, look: Enter
) -> None:
    one, two = enter(make(handle=1).token), enter(make(handle=2).token)
    assert (look(one.token).handle, look(two.token).handle) == (1, 2)


def test_a_session_that_was_ended_is_over(
    make: Make,
    enter: Enter,
    look: Enter,
    database: Database,
    ring: KeyRing,
) -> None:
    session, other = enter(make().token), enter(make().token)
    for token in (session.token, session.token, "garbage"):
        with database.transaction() as connection:
            end_session(connection, ring, token)
    assert refusal(look, session.token)[0] is SessionOverError
    assert look(other.token) == other


def rows(database: Database) -> list[tuple[object, ...]]:
    with database.snapshot() as connection:
        found = connection.exec_driver_sql("SELECT * FROM auth_link").fetchall()
    return [tuple(row) for row in found]


def test_the_store_holds_no_token(make: Make, enter: Enter, database: Database) -> None:
    link = make()
    session = enter(link.token)
    kept = repr(rows(database))
    assert link.token not in kept
    assert session.token not in kept
    assert link.token not in repr(link)
    assert session.token not in repr(session)


def test_what_is_over_is_removed_with_the_next_link(
    make: Make, enter: Enter, look: Enter, clock: FixedClock, database: Database
) -> None:
    make(ttl=MINUTE)
    enter(make(ttl=MINUTE).token)
    live = make()
    clock.advance(MINUTE)
    working = enter(live.token)
    clock.advance(SESSION_LIFE - MINUTE)
    make()
    assert len(rows(database)) == 2
    assert look(working.token) == working
