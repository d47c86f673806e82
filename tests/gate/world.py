"""A small world around a gate: real rooms below it, on one SQLite file and one lake.

People are made by hand and events land by hand, as ``ingest`` would do it.
"""

import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import msgspec

from cdp.audit import AuditLog, Kind
from cdp.auth import Caller
from cdp.consent import (
    Carrier,
    How,
    Known,
    NewSignal,
    NoticeRule,
    Rank,
    Verdict,
    Verdicts,
    append,
    know,
)
from cdp.gate import (
    AccessRequest,
    Answer,
    Denied,
    Gate,
    Granted,
    Logbook,
    MinimizedView,
    PersonDoors,
    Place,
    PolicyInForce,
    put_together,
    rebuild,
    refold,
)
from cdp.identity import (
    NewHandle,
    Normalized,
    Observation,
    Trust,
    create,
    normalize,
    observe,
    unlink,
)
from cdp.kernel import FixedClock, Handle, to_micros
from cdp.keys import KeyRing
from cdp.lake import Lake, LandedRow, land, shape_of
from cdp.policy import FeatureInfo, Policy, load, put_in_force, scope_bits
from cdp.runtime import Connection, Database, Metrics, Writer, draw_seq

FEATURES = {
    "spent": FeatureInfo(name="spent", inputs=("revenue",)),
    "orders": FeatureInfo(name="orders", inputs=("occurred_at",)),
}
HERE = Path(__file__).parent
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
ANALYST = Caller(
    client_id="c_analyst",
    name="job",
    roles=("analyst",),
    purposes=("segmentation",),
    token_id="t1",
)
OFFICER = Caller(
    client_id="c_officer",
    name="officer",
    roles=("officer",),
    purposes=("compliance",),
    token_id="t2",
)


def small_policy(folder: Path) -> Policy:
    """Return the small policy; ``folder`` is where its file is put."""
    folder.mkdir(exist_ok=True)
    shutil.copy(HERE / "policy.yaml", folder / "policy.yaml")
    return load(folder, features=FEATURES)


def pull(release: str = "value", **changes: Any) -> AccessRequest:
    """Return a request of the analyst."""
    given: dict[str, Any] = {
        "caller": ANALYST,
        "what": Kind.RELEASE_PULL,
        "purpose": "segmentation",
        "release": release,
        "place": Place(source_address="192.0.2.7", agent="job/1"),
    }
    return AccessRequest(**{**given, **changes})


def look(what: Kind = Kind.CONSENT_READ, **changes: Any) -> AccessRequest:
    """Return a request of the officer."""
    given: dict[str, Any] = {
        "caller": OFFICER,
        "what": what,
        "purpose": "compliance",
        "reason_code": "complaint",
        "ticket": "T-1",
    }
    return AccessRequest(**{**given, **changes})


def plan_of(view: MinimizedView) -> ir.Table:
    """Return the plan that the features of the small policy come to."""
    events = view.events
    every: dict[str, ir.Value] = {"orders": events.count()}
    if "revenue" in events.columns:
        every["spent"] = events["revenue"].sum()
    return view.per_profile({k: v for k, v in every.items() if k in view.features})


# A notice over everything, that covers what was collected under a denial.
_PAST = NoticeRule(key="past", covers={"KR": (1 << 63) - 1}, covers_past=(1 << 63) - 1)


class World:
    """One store, one lake, one gate."""

    def __init__(self, database: Database, ring: KeyRing, policy: Policy, home: Path):
        self.clock = FixedClock(NOON)
        self.database = database
        self.ring = ring
        self.writer = Writer(database)
        self.lake = Lake(home / "lake", database, self.clock)
        self.log = AuditLog(
            ring=ring,
            folder=home / "log",
            checkpoint_path=home / "checkpoint.db",
            origin="cdp.test/audit",
            clock=self.clock,
        )
        with database.transaction() as connection:
            bits = scope_bits(connection, policy)
            put_in_force(connection, policy, FixedClock(NOON - timedelta(days=30)))
        self.rules = put_together(policy, bits)
        self.shape = shape_of("orders", policy.datasets["orders"].schema)
        self.gate = self.gate_under(self.rules)
        self.doors = self.doors_under(self.rules)
        self.logbook = Logbook(
            database=database,
            writer=self.writer,
            ring=ring,
            audit=self.log,
            policy_in_force=self.rules,
        )
        self._events = 0

    def gate_under(self, rules: PolicyInForce, metrics: Metrics | None = None) -> Gate:
        """Return a gate of this world under some rules."""
        return Gate(
            database=self.database,
            writer=self.writer,
            lake=self.lake,
            ring=self.ring,
            audit=self.log,
            policy_in_force=rules,
            clock=self.clock,
            metrics=metrics,
        )

    def doors_under(self, rules: PolicyInForce) -> PersonDoors:
        """Return the doors to one person under some rules."""
        return PersonDoors(
            database=self.database,
            writer=self.writer,
            ring=self.ring,
            audit=self.log,
            policy_in_force=rules,
            clock=self.clock,
        )

    def apply(self, policy: Policy) -> None:
        """Put another policy in force, as the start of a service does."""
        with self.database.transaction() as connection:
            self.rules = put_together(policy, scope_bits(connection, policy))
            put_in_force(connection, policy, self.clock)
            now = self.clock.now()
            rebuild(connection, rules=self.rules, log=self.log, now=now)
        self.gate = self.gate_under(self.rules)
        self.doors = self.doors_under(self.rules)

    def bit(self, purpose: str) -> int:
        """Return a purpose's ordinal."""
        return self.rules.bits[purpose]

    def handle(
        self, value: str, namespace: str = "user_id", jurisdiction: str | None = "KR"
    ) -> Handle:
        """Make a handle for an identifier, a profile of its own."""
        normal = normalize(namespace, value, self.rules.identity, source="web")
        assert isinstance(normal, Normalized)
        digester = self.ring.digester(normal.namespace)
        digest = digester.digest(normal.digest_input)
        new = NewHandle(
            digest=digest,
            namespace=normal.namespace,
            epoch=digester.epoch,
            rule_version=1,
            first_seen=self.clock.now(),
        )
        with self.database.transaction() as connection:
            now = self.clock.now()
            made = create(connection, [new], draw_seq(connection), now=now)
            handle = made[digest]
            if jurisdiction is not None:
                known = [Known(handle, jurisdiction, How.SOURCE)]
                know(connection, known, self.clock.now())
            self._refold(connection, [handle])
        return handle

    def link(self, a: Handle, b: Handle) -> None:
        """Let an event say that two handles are one person."""
        self._events += 1
        seen = Observation(
            anchor=a,
            other=b,
            source=1,
            trust=Trust.VERIFIED,
            event_key=b"%d" % self._events,
            ordinal=0,
            observed_at=self.clock.now(),
            basis="test",
        )
        with self.database.transaction() as connection:
            seq = draw_seq(connection)
            now = self.clock.now()
            observe(connection, [seen], self.rules.identity, seq, now=now)
            self._refold(connection, [a, b])

    def unlink(self, a: Handle, b: Handle) -> None:
        """Let an officer keep two handles apart."""
        with self.database.transaction() as connection:
            unlink(
                connection,
                a,
                b,
                officer="o",
                reason="r",
                ticket="t",
                made_at=self.clock.now(),
                rules=self.rules.identity,
                seq=draw_seq(connection),
            )
            self._refold(connection, [a, b])

    def say(
        self,
        handle: Handle,
        verdict: Verdict,
        purpose: str = "segmentation",
        *,
        covers_past: bool = False,
        carrier: Carrier = Carrier.API,
        late: timedelta = timedelta(0),
    ) -> None:
        """Let a person decide on the preference page, a second after the last one.

        ``late`` is how long ago it was decided.
        """
        self.clock.advance(timedelta(seconds=1))
        now = self.clock.now()
        if covers_past:
            notices = {**self.rules.consent.notices, _PAST.key: _PAST}
            consent = msgspec.structs.replace(self.rules.consent, notices=notices)
            self.rules = msgspec.structs.replace(self.rules, consent=consent)
        signal = NewSignal(
            own=(handle,),
            anchor=handle,
            source=1,
            carrier=carrier,
            rank=Rank.PERSON,
            verdicts=Verdicts.of({self.bit(purpose): verdict}),
            raw=b"{}",
            jurisdiction="KR",
            jurisdiction_how=How.SOURCE,
            valid_at=now - late,
            recorded_at=now,
            notice=_PAST.key if covers_past else None,
            policy=self.rules.policy.version,
        )
        with self.database.transaction() as connection:
            append(connection, [signal], seal=lambda raw, _: raw)
            self._refold(connection, [handle])

    def event(
        self,
        handle: Handle | None,
        values: Mapping[str, object] | None = None,
        *,
        closed: Iterable[str] = (),
        occurred_at: datetime | None = None,
    ) -> None:
        """Land one event; ``revenue`` may be a Decimal."""
        mask = 0
        for purpose in closed:
            mask |= 1 << self.bit(purpose)
        given = dict(values or {})
        if isinstance(given.get("revenue"), Decimal):
            given["revenue"] = int(given["revenue"] * 10_000)  # type: ignore[operator]  # a Decimal, see above
        row = LandedRow(
            handle=handle,
            closed=mask,
            occurred_at=to_micros(occurred_at or self.clock.now()),
            values=given,
        )
        with self.database.transaction() as connection:
            land(connection, "orders", draw_seq(connection), [row])

    def person(self, name: str, age: str | None = None, **given: Any) -> Handle:
        """Make somebody who agreed and bought something once."""
        handle = self.handle(name)
        self.say(handle, Verdict.GRANT)
        values = {"age": age, "income": given.get("income"), "revenue": Decimal(5)}
        self.event(handle, {k: v for k, v in values.items() if v is not None})
        return handle

    def flush(self) -> None:
        """Move the inbox into the lake's table."""
        self.lake.flush(self.shape)

    def answer(self, release: str = "value", **changes: Any) -> Answer:
        """Pull a release that must be granted."""
        ruling = self.try_answer(release, **changes)
        assert isinstance(ruling, Granted), ruling
        return ruling.value

    def try_answer(
        self, release: str = "value", **changes: Any
    ) -> Granted[Answer] | Denied:
        """Pull a release."""
        opened = self.gate.open(pull(release, **changes))
        if isinstance(opened, Denied):
            return opened
        with opened.value as view:
            return self.gate.release(view, plan_of(view))

    def close(self) -> None:
        """Stop the writer and the database."""
        self.writer.close()
        self.database.close()

    def _refold(self, connection: Connection, handles: Iterable[Handle]) -> None:
        refold(
            connection,
            handles,
            rules=self.rules.consent,
            log=self.log,
            seq=draw_seq(connection),
            now=self.clock.now(),
        )
