"""A store with a ledger in it, its diary beside it, and a partition of four handles."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime

from cdp.consent import (
    ConsentRules,
    How,
    Known,
    KnownAge,
    NewSignal,
    Refolded,
    append,
    know,
    know_ages,
    refold,
)
from cdp.kernel import Handle, ProfileId, Seq
from cdp.runtime import Connection, Database, draw_seq
from tests.consent.house import RULES, at, seal
from tests.consent.oracle import Diary

HANDLES = (1, 2, 3, 4)


@contextmanager
def undone(database: Database) -> Iterator[Connection]:
    """A transaction that leaves nothing behind, so that many examples share a store."""
    with database.transaction() as connection:
        yield connection
        connection.rollback()


def profile_id(handles: Iterable[int]) -> ProfileId:
    return ProfileId(bytes(15) + bytes([min(handles)]))


class World:
    """Whatever is done here is done to the ledger and written in the diary."""

    def __init__(self, connection: Connection, rules: ConsentRules = RULES) -> None:
        self.connection = connection
        self.rules = rules
        self.diary = Diary(rules=rules, profiles=[{handle} for handle in HANDLES])
        self.now = at(0)

    def hear(self, *signals: NewSignal) -> list[Seq | None]:
        placed = append(self.connection, signals, seal=seal)
        for signal in signals:
            self.diary.hear(signal)
        self.fold({int(handle) for one in signals for handle in one.own + one.reach})
        return placed

    def place(self, handle: int, jurisdiction: str) -> None:
        one = Known(Handle(handle), jurisdiction, How.SOURCE)
        changed = know(self.connection, [one], self.now)
        self.diary.places.setdefault(handle, set()).add(jurisdiction)
        self.diary.places[handle].discard("unknown")
        self.fold({int(h) for h in changed})

    def age(self, handle: int, born: date) -> None:
        one = KnownAge(Handle(handle), born, How.DECLARED)
        changed = know_ages(self.connection, [one], self.now)
        self.diary.learn_age(handle, born, self.now)
        self.fold({int(h) for h in changed})

    def link(self, a: int, b: int) -> None:
        one, other = self.diary.mates(a), self.diary.mates(b)
        if one is not other:
            rest = [p for p in self.diary.profiles if p is not one and p is not other]
            self.regroup([*rest, one | other])

    def unlink(self, handle: int) -> None:
        part = self.diary.mates(handle)
        if len(part) > 1:
            rest = [p for p in self.diary.profiles if p is not part]
            self.regroup([*rest, {handle}, part - {handle}])

    def regroup(self, profiles: list[set[int]]) -> None:
        before = {frozenset(part) for part in self.diary.profiles}
        after = {frozenset(part) for part in profiles}
        self.diary.split([set(part) for part in profiles])
        self.fold({handle for part in before ^ after for handle in part})

    def fold(self, touched: Iterable[int]) -> Refolded:
        profiles = {
            profile_id(part): [Handle(handle) for handle in sorted(part)]
            for part in self.diary.profiles
            if part & set(touched)
        }
        return refold(
            self.connection,
            profiles,
            self.rules,
            seq=draw_seq(self.connection),
            now=self.now,
            ordinals={Handle(handle): 100 + handle for handle in HANDLES},
        )

    def profiles(self) -> dict[ProfileId, list[Handle]]:
        return {
            profile_id(part): [Handle(handle) for handle in sorted(part)]
            for part in self.diary.profiles
        }

    def mates(self, handle: int) -> list[Handle]:
        return [Handle(mate) for mate in sorted(self.diary.mates(handle))]

    def is_granted(self, handle: int, scope: int, now: datetime) -> bool:
        return self.diary.granted(handle, scope, now)
