"""Group commit: many requests, one transaction, one fsync.

Work queues up while a commit runs; what waits then goes into the next transaction
together. A job's future resolves only after the commit that holds it.

- Jobs of one handler are handed to it in one call, in order of arrival.
- A job that fails, fails alone: its group is rolled back to a savepoint and its members
  run one by one.
- When the store itself fails, every job of the transaction fails and nothing is kept.

Refuses: more than ``max_pending`` waiting jobs; they are told to come again.
"""

import asyncio
import itertools
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, ClassVar, TypeVar

from cdp.kernel import CdpError
from cdp.runtime.database import (
    Connection,
    Database,
    StoreConflictError,
    StoreUnavailableError,
    translated,
)
from cdp.runtime.repository import lock_seq

T = TypeVar("T")
R = TypeVar("R")
Handler = Callable[[Connection, Sequence[T]], Sequence[R]]

_ATTEMPTS = 5


class OverloadedError(CdpError):
    """Too much work is waiting already."""

    code: ClassVar[str] = "store.overloaded"


class _Job:
    __slots__ = ("failure", "future", "handler", "payload", "result")

    def __init__(self, handler: Handler[Any, Any], payload: object) -> None:
        self.handler = handler
        self.payload = payload
        self.future: Future[Any] = Future()
        self.result: object = None
        self.failure: BaseException | None = None


class Writer:
    """The thread through which this process writes.

    Args:
        database: the store.
        max_jobs: the most jobs that share one commit.
        max_pending: the most jobs that may wait.
    """

    def __init__(
        self, database: Database, *, max_jobs: int = 64, max_pending: int = 4096
    ) -> None:
        self._database = database
        self._max_jobs = max_jobs
        self._max_pending = max_pending
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    @property
    def pending(self) -> int:
        """How many jobs wait now (approximate)."""
        return self._jobs.qsize()

    @property
    def is_overloaded(self) -> bool:
        """Whether one more job would be refused."""
        return self._jobs.qsize() >= self._max_pending

    def submit(self, handler: Handler[T, R], payload: T) -> "Future[R]":
        """Queue one payload for ``handler``; the future resolves after its commit.

        Raises:
            OverloadedError: too much is waiting.
            StoreUnavailableError: the writer is closing.
        """
        if self._closing:
            raise StoreUnavailableError("the service is stopping")
        if self.is_overloaded:
            raise OverloadedError("too much work is waiting; come again")
        job = _Job(handler, payload)
        self._jobs.put(job)
        return job.future

    async def run(self, handler: Handler[T, R], payload: T) -> R:
        """Queue one payload and wait for its commit without blocking the loop."""
        return await asyncio.wrap_future(self.submit(handler, payload))

    def call(self, handler: Handler[T, R], payload: T) -> R:
        """Queue one payload and block until its commit."""
        return self.submit(handler, payload).result()

    def close(self) -> None:
        """Finish what waits, then stop."""
        self._closing = True
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            batch, last = self._next_batch()
            if batch:
                self._commit(batch)
            if last:
                return

    def _next_batch(self) -> tuple[list[_Job], bool]:
        first = self._jobs.get()
        if first is None:
            return [], True
        batch = [first]
        while len(batch) < self._max_jobs:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return batch, True
            batch.append(job)
        return batch, False

    def _commit(self, batch: list[_Job]) -> None:
        failure: BaseException | None = None
        for attempt in range(_ATTEMPTS):
            try:
                with self._database.transaction() as connection:
                    lock_seq(connection)
                    _perform(connection, batch)
            except StoreConflictError as error:
                failure = error
                if attempt + 1 < _ATTEMPTS:
                    continue
            except BaseException as error:  # noqa: BLE001 - each caller gets it
                failure = error
            else:
                failure = None
            break
        for job in batch:
            failed = failure or job.failure
            if failed is not None:
                job.future.set_exception(failed)
            else:
                job.future.set_result(job.result)


def _perform(connection: Connection, batch: list[_Job]) -> None:
    for handler, group in itertools.groupby(batch, key=lambda job: job.handler):
        jobs = list(group)
        try:
            _attempt(connection, handler, jobs)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - each caller gets its own
            if len(jobs) == 1:
                jobs[0].failure = error
                continue
            for job in jobs:
                try:
                    _attempt(connection, handler, [job])
                except StoreUnavailableError:
                    raise
                except Exception as own:  # noqa: BLE001 - this job fails alone
                    job.failure = own


def _attempt(
    connection: Connection, handler: Handler[Any, Any], jobs: list[_Job]
) -> None:
    with translated(), connection.begin_nested():
        results = handler(connection, [job.payload for job in jobs])
    for job, result in zip(jobs, results, strict=True):
        job.result = result
        job.failure = None
