"""The queries of ``gate``: its release ledger, receipts, and changes to be told."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

import msgspec
from sqlalchemy import Table, bindparam, delete, func, insert, select, update

from cdp.gate.outputs import Output
from cdp.gate.tables import OutboxRow, ReceiptRow, ReleaseRow, WebhookRow
from cdp.kernel import Handle, ProfileId, Seq, from_micros, to_micros
from cdp.runtime import Connection

_release = cast("Table", cast("Any", ReleaseRow).__table__)
_receipt = cast("Table", cast("Any", ReceiptRow).__table__)
_webhook = cast("Table", cast("Any", WebhookRow).__table__)
_outbox = cast("Table", cast("Any", OutboxRow).__table__)


class KeptReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt as it is stored; ``sealed`` opens with the key ring alone."""

    id: bytes
    handle: Handle
    signal: Seq
    sealed: bytes
    made_at: datetime


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A change that waits to be told; ``changes`` is JSON, ``ordinals`` int64."""

    id: bytes
    subject: ProfileId
    merged_into: ProfileId | None
    split_from: ProfileId | None
    seq: Seq
    changed_at: datetime
    changes: bytes
    ordinals: bytes
    n: int = 0
    attempts: int = 0


class Again(NamedTuple):
    """A change that was not taken: when to try once more."""

    n: int
    attempts: int
    due_at: datetime


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


def keep_receipt(connection: Connection, receipt: KeptReceipt) -> None:
    """Keep a receipt, in the transaction of its decision."""
    connection.execute(
        insert(_receipt).values(
            id=receipt.id,
            handle=receipt.handle,
            signal=receipt.signal,
            sealed=receipt.sealed,
            made_at=to_micros(receipt.made_at),
        )
    )


def receipt(connection: Connection, receipt_id: bytes) -> KeptReceipt | None:
    """Return the receipt of that id."""
    query = select(_receipt).where(_receipt.c.id == receipt_id)
    row = connection.execute(query).first()
    if row is None:
        return None
    return KeptReceipt(
        id=bytes(row.id),
        handle=Handle(row.handle),
        signal=Seq(row.signal),
        sealed=bytes(row.sealed),
        made_at=from_micros(row.made_at),
    )


def listener(connection: Connection) -> str | None:
    """Return the name of who is told of changes, if anybody is."""
    name = connection.execute(select(_webhook.c.name)).scalar()
    return None if name is None else str(name)


def set_listener(connection: Connection, name: str | None, now: datetime) -> None:
    """Say who is told of changes from now on; None is nobody."""
    connection.execute(delete(_webhook))
    if name is not None:
        connection.execute(insert(_webhook).values(name=name, since=to_micros(now)))


def put_out(connection: Connection, waiting: Sequence[Waiting]) -> None:
    """Keep changes to be told, in order, in the transaction that makes them."""
    if not waiting:
        return
    connection.execute(
        insert(_outbox),
        [
            {
                "id": one.id,
                "subject": one.subject,
                "merged_into": one.merged_into,
                "split_from": one.split_from,
                "seq": one.seq,
                "changed_at": to_micros(one.changed_at),
                "changes": one.changes,
                "ordinals": one.ordinals,
                "attempts": one.attempts,
                "due_at": to_micros(one.changed_at),
            }
            for one in waiting
        ],
    )


def due(connection: Connection, now: datetime, limit: int) -> list[Waiting]:
    """Return changes to be told now, oldest first: of each subject only the first."""
    earlier = _outbox.alias()
    query = (
        select(_outbox)
        .where(
            _outbox.c.due_at <= to_micros(now),
            ~select(earlier.c.n)
            .where(earlier.c.subject == _outbox.c.subject, earlier.c.n < _outbox.c.n)
            .exists(),
        )
        .order_by(_outbox.c.n)
        .limit(limit)
    )
    return [
        Waiting(
            id=bytes(row.id),
            subject=ProfileId(bytes(row.subject)),
            merged_into=_profile(row.merged_into),
            split_from=_profile(row.split_from),
            seq=Seq(row.seq),
            changed_at=from_micros(row.changed_at),
            changes=bytes(row.changes),
            ordinals=bytes(row.ordinals),
            n=row.n,
            attempts=row.attempts,
        )
        for row in connection.execute(query)
    ]


def told(connection: Connection, numbers: Iterable[int]) -> None:
    """Remove changes that were taken."""
    given = [{"b_n": n} for n in numbers]
    if given:
        connection.execute(
            delete(_outbox).where(_outbox.c.n == bindparam("b_n")), given
        )


def put_off(connection: Connection, again: Iterable[Again]) -> None:
    """Let changes wait that were not taken."""
    given = [
        {"b_n": one.n, "b_tries": one.attempts, "b_due": to_micros(one.due_at)}
        for one in again
    ]
    if given:
        connection.execute(
            update(_outbox)
            .where(_outbox.c.n == bindparam("b_n"))
            .values(attempts=bindparam("b_tries"), due_at=bindparam("b_due")),
            given,
        )


def _profile(value: bytes | None) -> ProfileId | None:
    return None if value is None else ProfileId(bytes(value))


def untold(connection: Connection) -> int:
    """Return how many changes wait to be told."""
    query = select(func.count()).select_from(_outbox)
    return int(connection.execute(query).scalar_one())
