"""The fold once more, as slow set logic that shares no code with the room.

It keeps a diary of everything that happened and answers each question by reading all of
it again. Of the rules it reads what the documents say (bases, ages, notices, zones) and
works out by itself what that comes to.
"""

import calendar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from cdp.consent import (
    Actor,
    Basis,
    Carrier,
    ConsentRules,
    Default,
    EvidenceKind,
    JurisdictionRule,
    Kind,
    NewSignal,
    Period,
    ScopeRule,
)
from tests.consent.house import RULES

FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
_STRING_MONTHS = 13
_BY_CHOICE = (Basis.CONSENT, Basis.OPT_OUT)


@dataclass
class Entry:
    """One signal of the diary, and the handles that its grants still reach."""

    signal: NewSignal
    recorded_at: datetime
    grants_at: datetime
    denies_at: datetime
    reached: set[int]
    number: int = field(default_factory=count().__next__)

    def says(self, verb: str, scope: int) -> bool:
        bits = getattr(self.signal.verdicts, verb)
        return bool(bits >> scope & 1)

    def grants(self, scope: int) -> bool:
        return self.says("grants", scope) and self.signal.kind is not Kind.REMINDER

    @property
    def starts_at(self) -> datetime:
        return min(self.signal.valid_at, self.recorded_at, self.denies_at)


@dataclass
class Fact:
    """What was learnt of an age, and when."""

    learnt_at: datetime
    born_by: date


@dataclass
class Diary:
    """Everything that happened so far."""

    rules: ConsentRules = RULES
    entries: list[Entry] = field(default_factory=list)
    places: dict[int, set[str]] = field(default_factory=dict)
    ages: dict[int, Fact] = field(default_factory=dict)
    profiles: list[set[int]] = field(default_factory=list)

    def hear(self, signal: NewSignal) -> None:
        last = max((e.recorded_at for e in self.entries), default=signal.recorded_at)
        recorded = max(signal.recorded_at, last)
        order = signal.orders
        self.entries.append(
            Entry(
                signal=signal,
                recorded_at=recorded,
                grants_at=order.grants_at,
                denies_at=order.denies_at + (recorded - signal.recorded_at),
                reached={int(h) for h in signal.reach} | {int(signal.anchor)},
            )
        )

    def learn_age(self, handle: int, born_by: date, now: datetime) -> None:
        """The newest counts; of two of one instant, or out of turn, the younger."""
        last = self.ages.get(handle)
        if last is not None and now <= last.learnt_at:
            last.born_by = max(born_by, last.born_by)
        elif last is None or (born_by, _years(born_by, now, "UTC")) != (
            last.born_by,
            _years(last.born_by, last.learnt_at, "UTC"),
        ):
            self.ages[handle] = Fact(now, born_by)

    def split(self, profiles: list[set[int]]) -> None:
        """Take another partition: a reach out of its anchor's part ends for good."""
        self.profiles = profiles
        for entry in self.entries:
            mates = self.mates(int(entry.signal.anchor))
            entry.reached = {
                h for h in entry.reached if h in mates or h == entry.signal.anchor
            }

    def mates(self, handle: int) -> set[int]:
        return next(part for part in self.profiles if handle in part)

    # ------------------------------------------------------------ what is granted

    def granted(self, handle: int, scope: int, now: datetime) -> bool:
        mates = self.mates(handle)
        if any(self.is_denied(mate, scope, now) for mate in mates):
            return False
        if self._scope(scope).silent_part == "deny" and not all(
            self.is_open(m, scope, now) for m in mates
        ):
            return False
        return self.is_open(handle, scope, now)

    def is_denied(self, handle: int, scope: int, now: datetime) -> bool:
        """Whether a denial at the handle itself is answered by nothing."""
        yes = self._yes(handle, scope, now)
        return any(
            not any(_beats(good, bad) for good in yes)
            for bad in self._no(handle, scope, now)
        )

    def is_open(self, handle: int, scope: int, now: datetime) -> bool:
        if self.is_denied(handle, scope, now):
            return False
        bad = self._no(handle, scope, now)
        if not bad and self._silence_grants(handle, scope):
            return True
        live = [
            one
            for one in self._yes(handle, scope, now)
            if now < self._end(one, handle, scope, now)
        ]
        return bool(live) and all(any(_beats(y, n) for y in live) for n in bad)

    def covers_past(self, entry: Entry, scope: int) -> bool:
        notice = self.rules.notices.get(entry.signal.notice or "")
        return notice is not None and bool(notice.covers_past >> scope & 1)

    # ------------------------------------------------------------ calendar dates

    def due(
        self, entry: Entry, handle: int, scope: int, now: datetime
    ) -> datetime | None:
        """When a grant that counts at ``handle`` is to be confirmed again."""
        last = max(
            [entry.grants_at]
            + [
                e.grants_at
                for e in self.entries
                if e.signal.kind is Kind.REMINDER
                and e.says("grants", scope)
                and handle in e.reached
                and e.grants_at <= now
            ]
        )
        return min(
            (
                _later(last, self._law(place), period)
                for place, period in self._scope(scope).reconfirm.items()
                if place in self._demanding(entry, handle, scope)
            ),
            default=None,
        )

    def quiet(self, entry: Entry, handle: int, scope: int) -> datetime | None:
        """Before when nobody is asked again after a denial that stands."""
        return max(
            (
                _later(entry.denies_at, law, law.no_ask)
                for place in self._demanding(entry, handle, scope)
                if (law := self._law(place)).no_ask is not None
            ),
            default=None,
        )

    # ------------------------------------------------------------ what counts

    def _no(self, handle: int, scope: int, now: datetime) -> list[Entry]:
        said = [
            e
            for e in self.entries
            if e.says("denies", scope) and handle in e.signal.own and e.starts_at <= now
        ]
        lifts = [
            e.denies_at
            for e in self._ends(handle, scope, now)
            if e.signal.kind is Kind.RESTRICTION
        ]
        return [
            e
            for e in said
            if e.signal.kind is not Kind.RESTRICTION
            or not any(lift > e.denies_at for lift in lifts)
        ]

    def _yes(self, handle: int, scope: int, now: datetime) -> list[Entry]:
        if not self._where(handle) <= self.rules.jurisdictions.keys():
            return []
        return [
            e
            for e in self.entries
            if e.grants(scope)
            and handle in e.reached
            and e.grants_at <= now
            and e.signal.jurisdiction in self.rules.jurisdictions
            and self._is_informed(e, handle, scope)
            and self._is_of_age(e, handle, scope)
        ]

    def _ends(self, handle: int, scope: int, now: datetime) -> list[Entry]:
        return [
            e
            for e in self.entries
            if e.says("ends", scope)
            and (handle in e.signal.own or handle in e.reached)
            and e.denies_at <= now
        ]

    def _is_informed(self, grant: Entry, handle: int, scope: int) -> bool:
        """Whether its notice covers the scope wherever the person has the choice."""
        places = self._demanding(grant, handle, scope)
        name = grant.signal.notice
        if name is None or not self.rules.notices:
            return not any(self._law(place).needs_notice for place in places)
        if not places:
            return True
        notice = self.rules.notices.get(name)
        if notice is None:
            return False
        at = _micros(grant.grants_at)
        if at < notice.starts_at:
            return False
        if notice.ends_at is not None and at >= notice.ends_at:
            return False
        return all(notice.covers.get(place, 0) >> scope & 1 for place in places)

    def _is_of_age(self, grant: Entry, handle: int, scope: int) -> bool:
        born = max(
            (self.ages[m].born_by for m in self.mates(handle) if m in self.ages),
            default=date(1, 1, 1),
        )
        for place in self._demanding(grant, handle, scope):
            law = self._law(place)
            if law.child is None:
                continue
            own_from = law.child.guardian_below or 0
            if law.child.needs == "guardian":
                own_from = law.child.below
            if not own_from:
                continue
            if grant.signal.actor is Actor.GUARDIAN:
                if grant.signal.proof.guardian_check is None:
                    return False
            elif _years(born, grant.grants_at, law.zone) < own_from:
                return False
        return True

    def _demanding(self, entry: Entry, handle: int, scope: int) -> set[str]:
        """The places that demand something of a grant: where it is a free choice."""
        where = set(self._where(handle))
        if entry.signal.jurisdiction != "unknown":
            where.add(entry.signal.jurisdiction)
        basis = self._scope(scope).basis
        return {
            place
            for place in where
            if place in self.rules.jurisdictions and basis.get(place) in _BY_CHOICE
        }

    def _where(self, handle: int) -> set[str]:
        own = self.places.get(handle, set()) or {"unknown"}
        return own.union(*(self.places.get(m, set()) for m in self.mates(handle)))

    def _silence_grants(self, handle: int, scope: int) -> bool:
        where = self._where(handle)
        if not where <= self.rules.jurisdictions.keys():
            return False
        basis = self._scope(scope).basis
        for place in where:
            if basis[place] is Basis.CONSENT:
                return False
            if basis[place] is Basis.OPT_OUT:
                law = self._law(place)
                if law.default is not Default.OPT_OUT:
                    return False
                if law.child is not None and any(
                    _years(fact.born_by, fact.learnt_at, law.zone) < law.child.below
                    for mate in self.mates(handle)
                    if (fact := self.ages.get(mate)) is not None
                ):
                    return False
        return True

    def _end(self, grant: Entry, handle: int, scope: int, now: datetime) -> datetime:
        rule = self._scope(scope)
        ends = [
            e.denies_at
            for e in self._ends(handle, scope, now)
            if e.signal.source == grant.signal.source
            and e.signal.carrier == grant.signal.carrier
            and e.denies_at >= grant.grants_at
        ]
        lasting = self._where(handle) | {grant.signal.jurisdiction}
        ends.extend(
            _later(grant.grants_at, self._law(place), rule.max_age[place])
            for place in lasting
            if place in rule.max_age
        )
        strict = set(self._where(handle))
        if grant.signal.jurisdiction != "unknown":
            strict.add(grant.signal.jurisdiction)
        notice = self.rules.notices.get(grant.signal.notice or "")
        kept = notice.retention.get(scope) if notice is not None else None
        if kept is not None and self._demanding(grant, handle, scope):
            ends.extend(_later(grant.grants_at, self._law(p), kept) for p in strict)
        if grant.signal.carrier in (Carrier.TCF, Carrier.GPP):
            cap = Period(months=_STRING_MONTHS)
            ends.extend(_later(grant.grants_at, self._law(p), cap) for p in strict)
        return min(ends, default=FOREVER)

    def _scope(self, ordinal: int) -> ScopeRule:
        return next(one for one in self.rules.scopes if one.ordinal == ordinal)

    def _law(self, place: str) -> JurisdictionRule:
        return self.rules.jurisdictions[place]


def _beats(yes: Entry, no: Entry) -> bool:
    good, bad = yes.signal, no.signal
    if bad.kind is Kind.RESTRICTION:
        return False
    if bad.kind is Kind.GPC and not (
        good.rank == 1 and good.evidence is EvidenceKind.CONFLICT_NOTICE
    ):
        return False
    return good.rank <= bad.rank and yes.grants_at > no.denies_at


def _later(start: datetime, law: JurisdictionRule, period: Period | None) -> datetime:
    """The midnight that ends a period, found by walking the calendar."""
    assert period is not None
    zone = ZoneInfo(law.zone)
    day = start.astimezone(zone).date()
    year, month = day.year, day.month
    for _ in range(period.months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    length = calendar.monthrange(year, month)[1]
    day = date(year, month, min(day.day, length))
    for _ in range(period.days):
        day += timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _years(born: date, at: datetime, zone: str) -> int:
    """Birthdays had by then, counted one by one."""
    today = at.astimezone(ZoneInfo(zone)).date()
    years = 0
    while True:
        year = born.year + years + 1
        has_day = born.day <= calendar.monthrange(year, born.month)[1]
        day = date(year, born.month, born.day) if has_day else date(year, 3, 1)
        if day > today:
            return years
        years += 1


def _micros(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
