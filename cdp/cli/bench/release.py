"""``cdp bench release``: a release against the same aggregation by hand in DuckDB.

The house's way: consent joined in the engine, k and l, pseudonyms, the record durable,
the grant and its content hash. By hand: one SQL query with the same features over the
same Delta files, grouped by handle, with nothing in between.
"""

import resource
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import click
import duckdb
import numpy as np
import pyarrow as pa

from cdp.app import Core
from cdp.audit import Kind
from cdp.auth import Caller
from cdp.cli.bench.house import measuring_house
from cdp.cli.bench.report import Report, rounded, show
from cdp.cli.console import err, json_option
from cdp.consent import Carrier, How, Known, NewSignal, Rank, Verdicts, append, know
from cdp.features import pull
from cdp.gate import AccessRequest, Answer, Denied, refold
from cdp.identity import NewHandle, create
from cdp.kernel import Handle, Seq, to_micros
from cdp.lake.delta import EventTable
from cdp.runtime import Writer, draw_seq, lock_seq

_DAYS: Final = 360
_AT_ONCE: Final = 1_000_000
_PEOPLE_AT_ONCE: Final = 20_000
_CATEGORIES: Final = [f"CATEGORY {n}" for n in range(60)]

# The features of the release ``rfm``, by hand; window and instant are bound.
_BY_HAND: Final = """
WITH events AS (
  SELECT * FROM read_parquet($files, hive_partitioning = true)
  WHERE occurred_at <= $as_of
),
orders AS (
  SELECT * FROM events WHERE name = 'order' AND occurred_at > $since
),
per_person AS (
  SELECT handle,
    date_diff('day', max(occurred_at) FILTER (
      name = 'order' AND occurred_at > $since), $as_of) AS recency,
    count(*) FILTER (name = 'order' AND occurred_at > $since) AS frequency,
    sum(CASE name WHEN 'order' THEN revenue WHEN 'refund' THEN -abs(revenue) END)
      FILTER (occurred_at > $since)::DOUBLE AS monetary,
    (epoch(max(occurred_at) FILTER (name = 'order'))
      - epoch(min(occurred_at) FILTER (name = 'order'))) / 86400
      / nullif(count(*) FILTER (name = 'order') - 1, 0) AS purchase_interval,
    avg((coupon_count > 0)::INT) FILTER (
      name = 'order' AND occurred_at > $since) AS coupon_share,
    avg((isodow(occurred_at) > 5)::INT) FILTER (
      name = 'order' AND occurred_at > $since) AS weekend_share,
    arg_max(age_band, seq) AS age_band,
    arg_max(household_size, seq) AS household_size,
    arg_max(income_band, seq) AS income_band
  FROM events GROUP BY handle
),
channels AS (
  SELECT handle, arg_max(channel, n) AS main_channel FROM (
    SELECT handle, channel, count(*) AS n FROM orders
    WHERE channel IS NOT NULL GROUP BY handle, channel) GROUP BY handle
),
categories AS (
  SELECT handle, arg_max(category, n) AS top_category FROM (
    SELECT handle, category, count(*) AS n FROM (
      SELECT handle, unnest(categories) AS category FROM orders)
    GROUP BY handle, category) GROUP BY handle
)
SELECT * FROM per_person
LEFT JOIN channels USING (handle) LEFT JOIN categories USING (handle)
"""


@click.command()
@click.option("--events", default=1_000_000, show_default=True, type=int)
@click.option("--profiles", default=20_000, show_default=True, type=int)
@click.option("--rounds", default=3, show_default=True, type=int, help="Best of.")
@json_option
def release(events: int, profiles: int, rounds: int, as_json: bool) -> None:
    """Measure a release, consent enforced and recorded, against DuckDB by hand.

    \b
    cdp bench release --json
    cdp bench release --events 10000000 --profiles 200000
    """
    with measuring_house() as (core, _key):
        if not as_json:
            err.print(f"making up {profiles} people and {events} events")
        handles = _people(core, profiles)
        _events(core, handles, events)
        writer = Writer(core.database)
        gate = core.gate(writer)
        request = _request(core)
        ours, bare, rows = [], [], 0
        first = 0.0
        for number in range(rounds + 1):
            start = time.perf_counter()
            ruling = pull(gate, request)
            taken = time.perf_counter() - start
            if isinstance(ruling, Denied):
                raise click.ClickException(f"the gate said no: {ruling.reason}")
            answer: Answer = ruling.value
            rows = answer.table.num_rows
            if number == 0:
                first = taken
                continue
            ours.append(taken)
            bare.append(_by_hand(core, answer.grant.as_of))
        writer.close()
    figure, limit = min(ours), min(bare)
    show(
        Report(
            name="release",
            unit="seconds",
            figure=rounded(figure),
            limit=rounded(limit),
            ratio=rounded(figure / limit),
            bar="at most 1.25 x, under 2 GiB",
            detail={
                "events": events,
                "profiles": profiles,
                "released_rows": rows,
                "first_pull_seconds": rounded(first),
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
            },
        ),
        as_json=as_json,
    )


def _request(core: Core) -> AccessRequest:
    purpose = core.in_force.policy.releases["rfm"].purpose
    caller = Caller(
        client_id="bench",
        name="bench",
        roles=("segmentation",),
        purposes=(purpose,),
        token_id="bench",  # noqa: S106 - no secret: the name of a made-up session
    )
    return AccessRequest(
        caller=caller, what=Kind.RELEASE_PULL, purpose=purpose, release="rfm"
    )


def _people(core: Core, count: int) -> list[Handle]:
    """Make people who granted everything, one identifier each."""
    now = core.clock.now()
    everything = 0
    for bit in core.in_force.bits.values():
        everything |= 1 << bit
    made: list[Handle] = []
    for start in range(0, count, _PEOPLE_AT_ONCE):
        chunk = range(start, min(start + _PEOPLE_AT_ONCE, count))
        with core.database.transaction() as connection:
            lock_seq(connection)
            seq = draw_seq(connection)
            handles = list(
                create(
                    connection,
                    [
                        NewHandle(
                            digest=number.to_bytes(32, "big"),
                            namespace="user_id",
                            epoch=1,
                            rule_version=core.in_force.identity.version,
                            first_seen=now,
                        )
                        for number in chunk
                    ],
                    seq,
                    now=now,
                ).values()
            )
            know(
                connection,
                [
                    Known(handle=handle, jurisdiction="KR", how=How.SOURCE)
                    for handle in handles
                ],
                now,
            )
            append(
                connection,
                [_grant(handle, everything, core, now) for handle in handles],
                seal=lambda raw, _associated: raw,
            )
            refold(
                connection,
                handles,
                rules=core.in_force.consent,
                log=core.log,
                seq=seq,
                now=now,
            )
        made.extend(handles)
    return made


def _grant(handle: Handle, scopes: int, core: Core, now: datetime) -> NewSignal:
    return NewSignal(
        own=(handle,),
        anchor=handle,
        source=1,
        carrier=Carrier.SEGMENT,
        rank=Rank.CATEGORY,
        verdicts=Verdicts(grants=scopes),
        raw=b"",
        jurisdiction="KR",
        jurisdiction_how=How.SOURCE,
        valid_at=now - timedelta(days=_DAYS),
        recorded_at=now,
        sent_at=now,
        policy=core.in_force.policy.version,
    )


def _events(core: Core, handles: list[Handle], count: int) -> None:
    """Put made-up orders straight into the table, under a position of their own."""
    table = EventTable(core.folder.lake / core.dataset)
    for chunk in _chunks(np.array(handles, dtype=np.int64), count, core):
        with core.database.transaction() as connection:
            lock_seq(connection)
            seq = draw_seq(connection)
        numbered = chunk.append_column(
            "seq", pa.array(np.full(chunk.num_rows, seq, dtype=np.int64))
        )
        table.append(_declared(numbered, core), core.shape, through=Seq(seq))


def _chunks(handles: Any, count: int, core: Core) -> Iterator[pa.Table]:
    chance = np.random.default_rng(7)
    now = to_micros(core.clock.now())
    for start in range(0, count, _AT_ONCE):
        size = min(_AT_ONCE, count - start)
        who = chance.integers(0, len(handles), size)
        ages = chance.integers(0, _DAYS * 24, size) * 3_600_000_000
        lines = _texts(_CATEGORIES, chance.integers(0, len(_CATEGORIES), size * 3))
        offsets = np.arange(0, size * 3 + 1, 3, dtype=np.int32)
        yield pa.table(
            {
                "handle": handles[who],
                "closed": np.zeros(size, dtype=np.int64),
                "n": np.arange(size, dtype=np.int32),
                "occurred_at": pa.array(now - ages, pa.timestamp("us")),
                "name": _texts(["order"], np.zeros(size, dtype=np.int64)),
                "revenue": pa.array(chance.integers(1, 20_000, size, dtype=np.int32))
                .cast(pa.decimal128(14, 4))
                .cast(pa.decimal128(18, 4)),
                "coupon_count": chance.integers(0, 2, size),
                "channel": _texts(["store", "online"], who % 2),
                "categories": pa.ListArray.from_arrays(pa.array(offsets), lines),
                "age_band": _texts(["19-24", "25-34", "35-44"], who % 3),
                "household_size": _texts(["1", "2", "3"], who % 3),
                "income_band": _texts(["under 35K", "35-74K", "75-149K"], who // 3 % 3),
            }
        )


def _texts(words: list[str], numbers: Any) -> pa.Array:
    """Return a text column from positions in ``words``; one array, however long."""
    places = pa.array(numbers.astype(np.int32))
    return pa.DictionaryArray.from_arrays(places, pa.array(words)).dictionary_decode()


def _declared(rows: pa.Table, core: Core) -> pa.Table:
    """Add the columns that the dataset declares and no made-up event has."""
    for name in core.shape.columns:
        if name not in rows.column_names:
            kind = core.shape.form(name).arrow
            rows = rows.append_column(name, pa.nulls(rows.num_rows, kind))
    return rows


def _by_hand(core: Core, as_of: datetime) -> float:
    instant = as_of.replace(tzinfo=None)
    start = time.perf_counter()
    connection = duckdb.connect(config={"threads": core.settings.threads})
    files = EventTable(core.folder.lake / core.dataset).contents().files
    connection.sql(
        _BY_HAND,
        params={
            "files": list(files),
            "as_of": instant,
            "since": instant - timedelta(days=365),
        },
    ).to_arrow_table()
    taken = time.perf_counter() - start
    connection.close()
    return taken
