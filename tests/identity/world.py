"""A store of identity with readable names: ``u1`` is a user id, ``c1`` a cookie.

The letter is the namespace. Time is a small number: minutes after the first of March.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from cdp.identity import (
    Changed,
    IdentityRules,
    NewHandle,
    Observation,
    Trust,
    create,
    cuts,
    end_evidence,
    find,
    lift,
    members,
    observe,
    refusals,
    touch,
    unlink,
)
from cdp.kernel import Handle, ProfileId, Seq
from cdp.runtime import Connection, draw_seq

NAMESPACE = {
    "u": "user_id",
    "e": "email",
    "p": "phone",
    "d": "device",
    "c": "cookie",
}
START = datetime(2026, 3, 1, tzinfo=UTC)
Verdict = tuple[str, str, str]


def instant(t: int) -> datetime:
    return START + timedelta(minutes=t)


def rank(name: str) -> tuple[int, str]:
    return "uepdc".index(name[0]), name


class World:
    """What a script of events makes of an empty store."""

    def __init__(self, connection: Connection, rules: IdentityRules) -> None:
        self.connection = connection
        self.rules = rules
        self.handles: dict[str, Handle] = {}
        self._named: dict[ProfileId, str] = {}
        self._keys = 0
        # When the store learns; events say when they were, and arrive in any order.
        self.clock = START + timedelta(days=1)

    def draw(self) -> Seq:
        return draw_seq(self.connection)

    def event(
        self,
        t: int,
        *names: str,
        trust: Trust = Trust.CLAIMED,
        source: int = 1,
        linking: bool = True,
        key: bytes | None = None,
    ) -> Changed:
        """One event that carried these identifiers, in wire order."""
        seq = self.draw()
        anchor = min(names, key=rank)
        kept = names if linking else (anchor,)
        self.meet(t, kept, seq)
        self._keys += 1
        observations = [
            Observation(
                anchor=self.handles[anchor],
                other=self.handles[name],
                source=source,
                trust=trust,
                event_key=key or b"%d" % self._keys,
                ordinal=ordinal,
                observed_at=instant(t),
                basis="consent",
            )
            for ordinal, name in enumerate(kept)
            if name != anchor
        ]
        return observe(self.connection, observations, self.rules, seq, now=self.clock)

    def alias(
        self, t: int, old: str, new: str, *, trust: Trust = Trust.VERIFIED
    ) -> Changed:
        """One event that says: the old id is the new one now."""
        seq = self.draw()
        self.meet(t, (old, new), seq)
        self._keys += 1
        observation = Observation(
            anchor=self.handles[new],
            other=self.handles[old],
            source=1,
            trust=trust,
            event_key=b"alias %d" % self._keys,
            ordinal=0,
            observed_at=instant(t),
            basis="consent",
            rename=True,
        )
        return observe(self.connection, [observation], self.rules, seq, now=self.clock)

    def meet(self, t: int, names: Iterable[str], seq: Seq) -> None:
        """Give names handles, and note when they were seen."""
        digests = {name.encode(): name for name in names}
        known = find(self.connection, list(digests))
        touch(
            self.connection,
            {handle: instant(t) for handle in known.values()},
            self.rules,
            seq,
            now=self.clock,
        )
        new = [
            NewHandle(
                digest=digest,
                namespace=NAMESPACE[name[0]],
                epoch=1,
                rule_version=1,
                first_seen=instant(t),
            )
            for digest, name in digests.items()
            if digest not in known
        ]
        made = create(self.connection, new, seq, now=self.clock)
        found = known | made
        self.handles.update((digests[digest], found[digest]) for digest in digests)
        # A handle is born as a profile of its own: the id that it will lend to others.
        born = members(self.connection, list(made.values())).profile_of
        for digest, handle in made.items():
            self._named[born[handle]] = digests[digest]

    def deny_linking(self, *names: str, t: int | None = None) -> Changed:
        """A refusal at these handles; ``t`` where the time of events matters."""
        return end_evidence(
            self.connection,
            [self.handles[name] for name in names],
            reason="consent.denied",
            ended_at=self.clock if t is None else instant(t),
            rules=self.rules,
            seq=self.draw(),
        )

    def unlink(self, a: str, b: str) -> Changed:
        return unlink(
            self.connection,
            self.handles[a],
            self.handles[b],
            officer="officer",
            reason="not one person",
            ticket="T-1",
            made_at=self.clock,
            rules=self.rules,
            seq=self.draw(),
        )

    def lift(self, a: str, b: str) -> Changed:
        return lift(
            self.connection,
            self.handles[a],
            self.handles[b],
            lifted_at=self.clock,
            rules=self.rules,
            seq=self.draw(),
        )

    @property
    def names(self) -> Mapping[Handle, str]:
        return {handle: name for name, handle in self.handles.items()}

    def profiles(self, *, known_at: datetime | None = None) -> dict[str, set[str]]:
        """Members by the name of the handle that names the profile."""
        names = self.names
        stood = members(self.connection, list(names), known_at=known_at)
        return {
            self._named[profile_id]: {names[handle] for handle in handles}
            for profile_id, handles in stood.handles_of.items()
        }

    def refusals(self) -> set[Verdict]:
        names = self.names
        return {
            (
                min(names[each.a], names[each.b], key=rank),
                max(names[each.a], names[each.b], key=rank),
                each.reason.value,
            )
            for each in refusals(self.connection, list(names))
        }

    def cuts(self) -> dict[str, str]:
        names = self.names
        found = cuts(self.connection, list(names))
        return {names[handle]: reason.value for handle, reason in found.items()}


def parts(*texts: str) -> dict[str, set[str]]:
    """Read ``"u1: c1 e1"`` as the profile of u1, named by u1."""
    read: dict[str, set[str]] = {}
    for text in texts:
        name, _, rest = text.partition(":")
        read[name] = {name, *rest.split()}
    return read
