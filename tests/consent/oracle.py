"""The fold once more, as slow set logic that shares no code with the room.

It keeps a diary of everything that happened and answers each question by reading all of
it again. What it knows of the rules it reads from the house of the tests, by purpose.
"""

import calendar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from cdp.consent import EvidenceKind, Kind, NewSignal
from tests.consent.house import ADS, ANALYTICS, MAIL, PANEL, SERVICE

_ZONES = {
    "KR": "Asia/Seoul",
    "EU": "Europe/Brussels",
    "US-CA": "America/Los_Angeles",
    "unknown": "UTC",
}
_AGES = {
    (ANALYTICS, "EU"): ("days", 30),
    (PANEL, "EU"): ("days", 30),
    (ADS, "KR"): ("months", 24),
    (ADS, "EU"): ("months", 13),
    (MAIL, "KR"): ("months", 24),
}
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)


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

    @property
    def starts_at(self) -> datetime:
        return min(self.signal.valid_at, self.recorded_at, self.denies_at)


@dataclass
class Diary:
    """Everything that happened so far."""

    entries: list[Entry] = field(default_factory=list)
    places: dict[int, set[str]] = field(default_factory=dict)
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

    def granted(self, handle: int, scope: int, now: datetime) -> bool:
        mates = self.mates(handle)
        if any(self.is_denied(mate, scope, now) for mate in mates):
            return False
        if scope == PANEL and not all(self.is_open(m, scope, now) for m in mates):
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
        if not self._where(handle) <= _ZONES.keys():
            return []
        return [
            e
            for e in self.entries
            if e.says("grants", scope)
            and handle in e.reached
            and e.grants_at <= now
            and e.signal.jurisdiction in _ZONES
        ]

    def _ends(self, handle: int, scope: int, now: datetime) -> list[Entry]:
        return [
            e
            for e in self.entries
            if e.says("ends", scope)
            and (handle in e.signal.own or handle in e.reached)
            and e.denies_at <= now
        ]

    def _where(self, handle: int) -> set[str]:
        own = self.places.get(handle, set()) or {"unknown"}
        return own.union(*(self.places.get(m, set()) for m in self.mates(handle)))

    def _silence_grants(self, handle: int, scope: int) -> bool:
        where = self._where(handle)
        if scope == SERVICE:
            return where <= _ZONES.keys()
        return scope != MAIL and where == {"US-CA"}

    def _end(self, grant: Entry, handle: int, scope: int, now: datetime) -> datetime:
        ends = [
            e.denies_at
            for e in self._ends(handle, scope, now)
            if e.signal.source == grant.signal.source
            and e.signal.carrier == grant.signal.carrier
            and e.denies_at >= grant.grants_at
        ]
        ends.extend(
            _aged(grant.grants_at, place, *_AGES[scope, place])
            for place in self._where(handle) | {grant.signal.jurisdiction}
            if (scope, place) in _AGES
        )
        return min(ends, default=FOREVER)


def _beats(yes: Entry, no: Entry) -> bool:
    good, bad = yes.signal, no.signal
    if bad.kind is Kind.RESTRICTION:
        return False
    if bad.kind is Kind.GPC and not (
        good.rank == 1 and good.evidence is EvidenceKind.CONFLICT_NOTICE
    ):
        return False
    return good.rank <= bad.rank and yes.grants_at > no.denies_at


def _aged(start: datetime, place: str, unit: str, number: int) -> datetime:
    zone = ZoneInfo(_ZONES[place])
    day = start.astimezone(zone).date()
    if unit == "days":
        for _ in range(number):
            day += timedelta(days=1)
    else:
        year, month = day.year, day.month
        for _ in range(number):
            year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        length = calendar.monthrange(year, month)[1]
        day = date(year, month, min(day.day, length))
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
