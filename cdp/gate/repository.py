"""The queries of ``gate``: its release ledger."""

from typing import Any, cast

from sqlalchemy import Table, insert, select

from cdp.gate.outputs import Output
from cdp.gate.tables import ReleaseRow
from cdp.kernel import Seq, from_micros, to_micros
from cdp.runtime import Connection

_release = cast("Table", cast("Any", ReleaseRow).__table__)


def keep(connection: Connection, output: Output) -> None:
    """Write down that an output leaves, in the transaction of its record."""
    connection.execute(
        insert(_release).values(
            id=output.id,
            release=output.release,
            pool=output.pool,
            domain=output.domain,
            key_epoch=output.key_epoch,
            columns=" ".join(output.columns),
            policy=output.policy,
            watermark=output.watermark,
            population=output.population,
            rows=output.rows,
            sha256=output.sha256,
            as_of=to_micros(output.as_of),
            made_at=to_micros(output.made_at),
            expires_at=to_micros(output.expires_at),
        )
    )


def outputs(connection: Connection, release: str) -> list[Output]:
    """Return every output of ``release``, oldest first."""
    query = (
        select(_release)
        .where(_release.c.release == release)
        .order_by(_release.c.made_at, _release.c.id)
    )
    return [
        Output(
            id=row.id,
            release=row.release,
            pool=row.pool,
            domain=row.domain,
            key_epoch=row.key_epoch,
            columns=tuple(row.columns.split()),
            policy=row.policy,
            watermark=Seq(row.watermark),
            population=bytes(row.population),
            rows=row.rows,
            sha256=row.sha256,
            as_of=from_micros(row.as_of),
            made_at=from_micros(row.made_at),
            expires_at=from_micros(row.expires_at),
        )
        for row in connection.execute(query)
    ]
