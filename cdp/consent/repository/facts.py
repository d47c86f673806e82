"""What is known of handles beside what was said: where they are, and how old.

- Nothing is edited. Jurisdictions of a handle add up, for each may add restrictions and
  none may lift one; of its ages the newest counts, of two learnt at once the younger.
- A past question gets what was known then.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple, cast

from sqlalchemy import func, insert, select

from cdp.consent.ages import Age, KnownAge, full_years
from cdp.consent.repository.sql import AGE, SUBJECT, among
from cdp.consent.rules import UNKNOWN
from cdp.consent.signals import How
from cdp.kernel import Handle, to_micros
from cdp.runtime import Connection


class Known(NamedTuple):
    """A handle was seen in a jurisdiction."""

    handle: Handle
    jurisdiction: str
    how: How


def know(
    connection: Connection, known: Iterable[Known], recorded_at: datetime
) -> set[Handle]:
    """Keep where handles were seen; return those that it is news about.

    What is not known is not kept: a handle without an entry is ``unknown``.
    Jurisdictions of a handle only add up, for each may add restrictions and none may
    lift one.
    """
    wanted = {
        (one.handle, one.jurisdiction): one
        for one in known
        if one.jurisdiction != UNKNOWN
    }
    if not wanted:
        return set()
    query = select(SUBJECT.c.handle, SUBJECT.c.jurisdiction).where(
        among(connection, SUBJECT.c.handle, {handle for handle, _ in wanted})
    )
    for handle, jurisdiction in connection.execute(query).all():
        wanted.pop((handle, jurisdiction), None)
    if wanted:
        micros = to_micros(recorded_at)
        connection.execute(
            insert(SUBJECT),
            [
                {
                    "handle": one.handle,
                    "jurisdiction": one.jurisdiction,
                    "how": one.how.value,
                    "recorded_at": micros,
                }
                for one in wanted.values()
            ],
        )
    return {handle for handle, _ in wanted}


def know_ages(
    connection: Connection, known: Iterable[KnownAge], recorded_at: datetime
) -> set[Handle]:
    """Keep what was learnt about ages; return the handles that it is news about.

    Of several facts learnt at once the youngest counts. A fact is recorded no earlier
    than the one before it, so that a clock set back does not hide it.
    """
    wanted: dict[Handle, KnownAge] = {}
    for one in known:
        other = wanted.get(one.handle)
        if other is None or one.born_by > other.born_by:
            wanted[one.handle] = one
    if not wanted:
        return set()
    stood = ages_of(connection, wanted, None)
    micros = to_micros(recorded_at)
    news: list[dict[str, object]] = []
    for one in wanted.values():
        last = stood.get(one.handle)
        learnt = micros if last is None else max(micros, last.recorded_at)
        if last is None or _is_news(Age(one.born_by, learnt), last):
            news.append(
                {
                    "handle": one.handle,
                    "recorded_at": learnt,
                    "born_by": one.born_by.toordinal(),
                    "how": one.how.value,
                }
            )
    if news:
        connection.execute(insert(AGE), news)
    return {Handle(cast("int", row["handle"])) for row in news}


def _is_news(fact: Age, last: Age) -> bool:
    """Whether a fact tells more than the one before it; at one instant, a younger."""
    if fact.recorded_at == last.recorded_at:
        return fact.born_by > last.born_by
    # The same day said again is news once a birthday lies between.
    return fact.born_by != last.born_by or full_years(
        fact.born_by, fact.recorded_at, "UTC"
    ) != full_years(last.born_by, last.recorded_at, "UTC")


def jurisdictions_of(
    connection: Connection, handles: Iterable[Handle], known_at: int | None
) -> dict[int, list[str]]:
    """Return where handles are known to be, or were known to be at ``known_at``."""
    query = select(SUBJECT.c.handle, SUBJECT.c.jurisdiction).where(
        among(connection, SUBJECT.c.handle, handles)
    )
    if known_at is not None:
        query = query.where(SUBJECT.c.recorded_at <= known_at)
    known: dict[int, list[str]] = {}
    for handle, jurisdiction in connection.execute(query).all():
        known.setdefault(handle, []).append(jurisdiction)
    return known


def ages_of(
    connection: Connection, handles: Iterable[Handle], known_at: int | None
) -> dict[int, Age]:
    """Return the newest fact about the age of each handle that has one."""
    asked = among(connection, AGE.c.handle, handles)
    if known_at is not None:
        asked &= AGE.c.recorded_at <= known_at
    newest = (
        select(AGE.c.handle, func.max(AGE.c.recorded_at).label("recorded_at"))
        .where(asked)
        .group_by(AGE.c.handle)
        .subquery()
    )
    query = (
        select(AGE.c.handle, AGE.c.recorded_at, func.max(AGE.c.born_by))
        .join(
            newest,
            (AGE.c.handle == newest.c.handle)
            & (AGE.c.recorded_at == newest.c.recorded_at),
        )
        .group_by(AGE.c.handle, AGE.c.recorded_at)
    )
    return {
        handle: Age(date.fromordinal(born_by), recorded_at)
        for handle, recorded_at, born_by in connection.execute(query).all()
    }
