"""The one door: a request in; a minimized view and then an answer out, or a denial.

``open`` decides whether a release may be made at all and puts consent, membership and
the lake together as one relational plan; ``release`` runs what ``features`` built on
it, lets small groups stay in, puts pseudonyms on the rest, and records all of it before
it returns.

- The consent that judges the rows, the profiles they belong to and the rows themselves
  are of one snapshot of the store: one watermark.
- Returned and withheld profiles add up to the population; each withheld one has a
  reason.
- No record, no data: ``release`` MUST NOT return rows before their record is durable.
- A failure after the view was opened is a record too.

Refuses: any path that skips a step. A view that this gate did not open has no way out.

Source: house page on the policy, section 6;
docs/decisions/0041-one-snapshot-one-pass.md.
"""

from contextlib import ExitStack
from datetime import datetime
from weakref import WeakKeyDictionary

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import msgspec
import numpy as np
import pyarrow as pa

from cdp.audit import AuditLog, Draft
from cdp.client import content_hash
from cdp.gate.access import AccessRequest, Denied, Granted, Reason, Ruling
from cdp.gate.admission import Admitted, admit_release
from cdp.gate.answer import Answer, under_tokens, with_grant
from cdp.gate.coarsen import coarsen
from cdp.gate.errors import ForeignViewError, PlanError
from cdp.gate.outputs import Output, packed
from cdp.gate.population import (
    RETURNED,
    Accounts,
    Int64s,
    Population,
    Standing,
    account,
    places_of,
    usable,
)
from cdp.gate.recording import Recorder, draft_of
from cdp.gate.relations import REASON_CODES, Relations
from cdp.gate.rules import PolicyInForce
from cdp.gate.suppression import KEPT, TOO_ALIKE, TOO_SMALL, suppress
from cdp.gate.view import PROFILE, MinimizedView, latest, minimized
from cdp.kernel import Clock, FeatureGrant, Seq
from cdp.keys import KeyRing
from cdp.lake import Lake, LakeError, LakeView, shape_of
from cdp.policy import add_period, shortest_days
from cdp.pseudonym import Domain, domain_name, epoch_of, pseudonymize
from cdp.runtime import Database, Metrics, Writer

# Our own reasons stand above all of consent's, so that they never meet as one number.
_NO_DATA, _TOO_SMALL, _TOO_ALIKE = 10_001, 10_002, 10_003
_OWN = {
    _NO_DATA: Reason.NO_DATA.value,
    _TOO_SMALL: Reason.TOO_SMALL.value,
    _TOO_ALIKE: Reason.TOO_ALIKE.value,
}

_EVENTS = "usable_events"
# Whatever can bring rows into a plan.
_TABLES = (ops.PhysicalTable, ops.SQLStringView, ops.SQLQueryResult)
_PLACE_OF = {KEPT: RETURNED, TOO_SMALL: _TOO_SMALL, TOO_ALIKE: _TOO_ALIKE}


class _Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate remembers of a view that it opened."""

    request: AccessRequest
    admitted: Admitted
    population: Population
    standing: Standing
    watermark: Seq
    lake: LakeView


class Gate:
    """Opens views and releases answers. One for each process; safe for threads.

    Args:
        writer: Records and ledger rows go through it, sharing commits with ``ingest``.
        policy_in_force: What decides; a new version is a new gate.
    """

    def __init__(
        self,
        *,
        database: Database,
        writer: Writer,
        lake: Lake,
        ring: KeyRing,
        audit: AuditLog,
        policy_in_force: PolicyInForce,
        clock: Clock,
        metrics: Metrics | None = None,
    ) -> None:
        self._database = database
        self._lake = lake
        self._ring = ring
        self._in_force = policy_in_force
        self._clock = clock
        self._recorder = Recorder(writer, audit, metrics)
        self._relations = Relations(database, writer, audit)
        self._opened: WeakKeyDictionary[MinimizedView, _Opened] = WeakKeyDictionary()

    def open(self, request: AccessRequest) -> Ruling[MinimizedView]:
        """Decide on a release and open its view; a denial is recorded already.

        Raises:
            StoreUnavailableError: the store cannot be read, or the denial not recorded.
        """
        now = self._clock.now()
        in_force = self._in_force
        admitted = admit_release(in_force.policy, in_force.bits, request, now)
        if isinstance(admitted, Denied):
            return self._recorder.refuse(request, admitted, in_force.policy)
        with ExitStack() as stack:
            opened = self._read(request, admitted, now, stack)
            view = _view_of(opened, stack.pop_all())
        self._opened[view] = opened
        return Granted(view)

    def release(
        self, view: MinimizedView, plan: ir.Table | None = None
    ) -> Ruling[Answer]:
        """Run a plan over an open view and hand out its rows, recorded first.

        Args:
            plan: One row for each profile of ``view.events``: column ``profile`` and
                the release's features. ``view.per_profile`` is where it begins. None
                for a release without features.

        Raises:
            ForeignViewError: another gate's view, or a closed one.
            PlanError: the plan has no profiles, or several rows for one.
            EngineError: the engine gave up; recorded as an error.
            StoreUnavailableError: the record could not be written; nothing leaves.
        """
        opened = self._opened.get(view)
        if opened is None or not view.is_open:
            raise ForeignViewError("the view is closed, or not of this gate")
        whole = _complete(view, opened.admitted, plan)
        if whole is None:
            denied = Denied(reason=Reason.COLUMN, rule=opened.admitted.rule)
            policy = self._in_force.policy
            return self._recorder.refuse(opened.request, denied, policy)
        try:
            rows = opened.lake.to_arrow(whole)
        except LakeError:
            draft = self._draft(opened)
            self._recorder.keep(msgspec.structs.replace(draft, outcome="error"))
            raise
        return Granted(self._answer(opened, rows))

    def _read(
        self,
        request: AccessRequest,
        admitted: Admitted,
        now: datetime,
        stack: ExitStack,
    ) -> _Opened:
        dataset = admitted.dataset
        shape = shape_of(dataset.key, dataset.schema)
        # Where time is no input, it is read for the edge alone and never shown.
        columns = sorted({*admitted.inputs, "occurred_at"})
        with self._relations.snapshot(admitted.scopes, now) as (connection, known):
            lake = stack.enter_context(
                self._lake.view(connection, shape, columns, watermark=known.watermark)
            )
        return _Opened(
            request=request,
            admitted=admitted,
            population=known.population,
            standing=known.standing,
            watermark=known.watermark,
            lake=lake,
        )

    def _answer(self, opened: _Opened, rows: pa.Table) -> Answer:
        admitted = opened.admitted
        release = admitted.release
        for name, step in release.generalise.items():
            coarse = coarsen(rows.column(name), step, self._in_force.policy.hierarchies)
            rows = rows.set_column(rows.schema.get_field_index(name), name, coarse)
        profiles = _profiles_of(rows)
        verdicts = suppress(
            rows, release.columns.quasi, release.columns.sensitive, release.k, release.l
        )
        places = places_of(opened.population, opened.standing)
        places[places == RETURNED] = _NO_DATA
        for verdict, place in _PLACE_OF.items():
            places[profiles[verdicts == verdict]] = place
        accounts = account(opened.population, places, _OWN | REASON_CODES)
        kept = np.flatnonzero(verdicts == KEPT)
        domain, epoch = self._domain(admitted)
        tokens = pseudonymize(
            self._ring, domain, epoch, opened.population.ids[profiles[kept]]
        )
        table = under_tokens(rows.take(pa.array(kept)), release.columns.all, tokens)
        return self._hand_out(opened, table, accounts, domain_name(domain), epoch)

    def _domain(self, admitted: Admitted) -> tuple[Domain, int]:
        release = admitted.release
        domain = Domain(purpose=release.purpose, recipient=release.recipient)
        days = shortest_days(release.domain.epoch)
        return domain, epoch_of(self._clock.now(), days)

    def _hand_out(
        self,
        opened: _Opened,
        table: pa.Table,
        accounts: Accounts,
        domain: str,
        epoch: int,
    ) -> Answer:
        """Record the answer; only then make what leaves."""
        release = opened.admitted.release
        now = self._clock.now()
        expires_at = add_period(now, release.output_retention, "UTC")
        sha256 = content_hash(table)
        draft = msgspec.structs.replace(
            self._draft(opened),
            epoch=epoch,
            counts=_counts(accounts),
            rows=table.num_rows,
            bytes=table.nbytes,
            returned=accounts.returned_ordinals,
            withheld=accounts.withheld_ordinals,
        )
        output = Output(
            id="",
            release=release.key,
            pool=opened.admitted.recipient.pool,
            domain=domain,
            key_epoch=epoch,
            columns=release.columns.all,
            policy=self._in_force.policy.version,
            watermark=opened.watermark,
            population=packed(accounts.returned_ordinals),
            rows=table.num_rows,
            sha256=sha256,
            as_of=opened.admitted.as_of,
            made_at=now,
            expires_at=expires_at,
        )
        record = self._recorder.keep(draft, output)
        grant = FeatureGrant(
            release=release.key,
            purpose=release.purpose,
            recipient=release.recipient,
            policy_version=self._in_force.policy.version,
            consent_watermark=opened.watermark,
            domain=domain,
            key_epoch=epoch,
            as_of=opened.admitted.as_of,
            rows=table.num_rows,
            withheld=accounts.withheld,
            expires_at=expires_at,
            sha256=sha256,
            record=record.id,
            leaf=record.leaf.hex(),
        )
        return Answer(table=with_grant(table, grant), grant=grant)

    def _draft(self, opened: _Opened) -> Draft:
        return msgspec.structs.replace(
            draft_of(opened.request, self._in_force.policy),
            rule=opened.admitted.rule,
            watermark=opened.watermark,
            fields=opened.admitted.release.columns.all,
        )


def _view_of(opened: _Opened, stack: ExitStack) -> MinimizedView:
    admitted, standing = opened.admitted, opened.standing
    relation = usable(opened.population, standing)
    plan = minimized(
        opened.lake.events,
        opened.lake.register("usable", relation),
        inputs=admitted.inputs,
        bits=admitted.scopes,
        as_of=admitted.as_of,
        watermark=opened.watermark,
        with_position=bool(admitted.attributes),
        some_cover_past=bool(standing.covers_past[standing.granted].any()),
    )
    # As a view of the engine each use reads only the columns it needs; as a part of the
    # plan, what is used twice is written out whole first. And a plan over it cannot
    # walk up to the handles.
    engine = opened.lake.ibis
    engine.raw_sql(f'CREATE TEMP VIEW "{_EVENTS}" AS {engine.compile(plan)}')
    return MinimizedView(
        events=ibis.table(plan.schema(), name=_EVENTS),
        release=admitted.release.key,
        purpose=admitted.release.purpose,
        as_of=admitted.as_of,
        attributes=admitted.attributes,
        features=admitted.features,
        close=stack.close,
    )


def _complete(
    view: MinimizedView, admitted: Admitted, plan: ir.Table | None
) -> ir.Table | None:
    """Return the plan with exactly the release's columns; None when one is missing."""
    if plan is None:
        plan = view.per_profile({})
    if PROFILE not in plan.columns:
        raise PlanError("the plan has no column profile")
    for table in plan.op().find(_TABLES):
        if table != view.events.op():
            raise PlanError("the plan reads something else than its view")
    missing = [name for name in admitted.attributes if name not in plan.columns]
    if missing:
        # A second pass over the events: slower, and right.
        events = view.events
        known = events.group_by(PROFILE).aggregate(**latest(events, tuple(missing)))
        plan = plan.left_join(known, PROFILE)
    columns = admitted.release.columns.all
    if any(name not in plan.columns for name in columns):
        return None
    return plan.select(PROFILE, *columns)


def _profiles_of(rows: pa.Table) -> Int64s:
    """Return each row's profile: a position in the population, none twice."""
    column = rows.column(PROFILE)
    if column.null_count:
        raise PlanError("a row of the plan has no profile")
    profiles: Int64s = column.to_numpy().astype(np.int64, copy=False)
    if profiles.size and np.bincount(profiles).max() > 1:
        raise PlanError("the plan has several rows for one profile")
    return profiles


def _counts(accounts: Accounts) -> dict[str, int]:
    withheld = {f"withheld.{reason}": n for reason, n in accounts.withheld.items()}
    return {"returned": accounts.returned, **withheld}
