"""Two senders: plain HTTP batches, and the unmodified Segment client library.

- A household speaks through one lane, and a lane through one thread, so that its events
  arrive in their order. A lane is a source, with ``Sec-GPC`` or without: header and
  write key belong to a request, not to an event.
- A batch that the service cannot take now is sent again when it says so. A batch whose
  fate is unknown stops the demo, because its numbers would no longer reconcile.
- ``sent`` counts what was delivered, once per delivery: a message sent twice counts
  twice.

Queues are short, so that reading waits for the service and not memory for both.
"""

import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import httpx
import msgspec
from segment.analytics.client import (  # type: ignore[import-untyped] # no types
    Client as SegmentLibrary,
)

from cdp.cli.demo import calls
from cdp.cli.demo.errors import SendingError
from cdp.cli.demo.people import SEGMENT_SOURCE
from cdp.cli.demo.stream import Outgoing
from cdp.kernel import Clock

BATCH_EVENTS: Final = 300
THREADS: Final = 3
_ATTEMPTS: Final = 30
_WAITING_BATCHES: Final = 4
_SEGMENT_QUEUE: Final = 2_000


class Lane(NamedTuple):
    """What one request has in common."""

    source: str
    gpc: bool
    thread: int


class Tally:
    """What one sender was told. Each thread has its own, so none is ever locked."""

    def __init__(self) -> None:
        self.sent = 0
        self.ok = 0
        self.refused: Counter[str] = Counter()

    def add(self, answer: calls.BatchAnswer) -> None:
        """Count one answer."""
        self.sent += answer.receivedEvents
        self.ok += answer.okEvents
        self.refused.update(error.code for error in answer.errors)


class BatchSender:
    """Posts plain batches from a few threads.

    Args:
        url: Of the service.
        write_keys: By source.
        clock: Says when a batch is sent.
        keep: How many of the first events to keep for ``replay``.
    """

    def __init__(
        self, url: str, write_keys: Mapping[str, str], clock: Clock, *, keep: int = 0
    ) -> None:
        self._url = url
        self._keys = write_keys
        self._clock = clock
        self._encoder = msgspec.json.Encoder()
        self._lanes: dict[Lane, list[bytes]] = {}
        self._queues: list[queue.Queue[tuple[Lane, list[bytes]] | None]] = [
            queue.Queue(_WAITING_BATCHES) for _ in range(THREADS)
        ]
        self._tallies = [Tally() for _ in range(THREADS)]
        self._failure: Exception | None = None
        self._kept: deque[tuple[Lane, list[bytes]]] = deque()
        self._keep = keep
        self._threads = [
            threading.Thread(target=self._work, args=(n,), name=f"sender-{n}")
            for n in range(THREADS)
        ]
        for thread in self._threads:
            thread.start()

    def send(self, outgoing: Outgoing) -> None:
        """Put one event into its lane; waits while the lane's thread is busy.

        Raises:
            SendingError: a thread failed.
        """
        person = outgoing.person
        lane = Lane(person.source, person.gpc, person.household % THREADS)
        waiting = self._lanes.setdefault(lane, [])
        waiting.append(self._encoder.encode(outgoing.item))
        if len(waiting) >= BATCH_EVENTS:
            self._queue(lane)

    def finish(self) -> None:
        """Send what is left and wait for the last answer.

        Raises:
            SendingError: a thread failed.
        """
        try:
            for lane in list(self._lanes):
                self._queue(lane)
        finally:
            self.stop()
        self._check()

    def stop(self) -> None:
        """End the threads; what waits in the lanes is dropped."""
        for waiting in self._queues:
            waiting.put(None)
        for thread in self._threads:
            thread.join()

    def replay(self) -> int:
        """Post the kept events once more and return how many; after ``finish``."""
        again = 0
        for lane, items in self._kept:
            with calls.connection(self._url, self._keys[lane.source]) as tracker:
                self._deliver(tracker, lane, items)
            again += len(items)
        return again

    @property
    def sent(self) -> int:
        """Events that the service has answered for."""
        return sum(tally.sent for tally in self._tallies)

    @property
    def ok(self) -> int:
        """Events that it called ok, duplicates among them."""
        return sum(tally.ok for tally in self._tallies)

    @property
    def refused(self) -> Counter[str]:
        """Events that it refused, by code."""
        return sum((tally.refused for tally in self._tallies), Counter())

    def _queue(self, lane: Lane) -> None:
        self._check()
        items, self._lanes[lane] = self._lanes[lane], []
        if not items:
            return
        if self._keep > 0:
            kept = items[: self._keep]
            self._kept.append((lane, kept))
            self._keep -= len(kept)
        self._queues[lane.thread].put((lane, items))

    def _check(self) -> None:
        if self._failure is not None:
            raise SendingError("a batch could not be delivered") from self._failure

    def _work(self, number: int) -> None:
        trackers: dict[str, httpx.Client] = {}
        waiting = self._queues[number]
        while (job := waiting.get()) is not None:
            if self._failure is not None:
                continue  # drained, so that nobody waits for ever
            lane, items = job
            try:
                if lane.source not in trackers:
                    key = self._keys[lane.source]
                    trackers[lane.source] = calls.connection(self._url, key)
                self._deliver(trackers[lane.source], lane, items)
            except Exception as error:  # noqa: BLE001 - raised again by send and finish
                self._failure = error
        for tracker in trackers.values():
            tracker.close()

    def _deliver(self, tracker: httpx.Client, lane: Lane, items: list[bytes]) -> None:
        for _ in range(_ATTEMPTS):
            try:
                answer = calls.post_batch(
                    tracker, items, gpc=lane.gpc, sent_at=self._clock.now()
                )
            except httpx.HTTPError as error:
                kind = type(error).__name__
                raise SendingError(f"a batch is lost or not: {kind}") from error
            if isinstance(answer, calls.BatchAnswer):
                self._tallies[lane.thread].add(answer)
                return
            time.sleep(answer)
        raise SendingError("the service stayed too busy for one batch")


class SegmentSender:
    """Sends through ``segment-analytics-python``, as it is published.

    The library has its own queue, thread and batches, compresses them here, and keeps
    the service's answers to itself: what became of its events is read from the service.
    """

    def __init__(self, url: str, write_keys: Mapping[str, str]) -> None:
        self.sent = 0
        self._lost: list[str] = []
        self._library: Any = SegmentLibrary(
            write_key=write_keys[SEGMENT_SOURCE],
            host=url,
            gzip=True,
            max_queue_size=_SEGMENT_QUEUE,
            upload_size=BATCH_EVENTS,
            timeout=60,
            on_error=self._note,
        )

    def send(self, outgoing: Outgoing) -> None:
        """Hand one event to the library; waits while its queue is full.

        Raises:
            SendingError: the library would not take it.
        """
        item = outgoing.item
        # The library drops an event that finds its queue full.
        while self._library.queue.full():
            time.sleep(0.01)
        said = {
            "user_id": item.get("userId"),
            "anonymous_id": item.get("anonymousId"),
            "context": item["context"],
            "timestamp": outgoing.at,
            "message_id": item["messageId"],
        }
        if item["type"] == "identify":
            taken, _ = self._library.identify(traits=item["traits"], **said)
        else:
            taken, _ = self._library.track(
                event=item["event"], properties=item["properties"], **said
            )
        if not taken:
            raise SendingError("the Segment client dropped an event")
        self.sent += 1

    def finish(self) -> None:
        """Flush the library's queue and end its thread.

        Raises:
            SendingError: the library gave up on a batch.
        """
        self._library.shutdown()
        if self._lost:
            raise SendingError(f"the Segment client lost events: {self._lost[0]}")

    def _note(self, error: Exception, batch: list[object]) -> None:
        self._lost.append(f"{type(error).__name__}, {len(batch)} events")
