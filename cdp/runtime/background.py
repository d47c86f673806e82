"""Work that a service repeats: publish the log, flush the inbox, beat.

A failing round is logged and tried again after the next pause; it never ends the loop
silently and never becomes a success. ``stop`` waits for the round that runs.
"""

import threading
from collections.abc import Callable

from cdp.runtime.logging import get_logger


class Repeating:
    """One action, again and again, in a thread of its own.

    Args:
        name: of the action, for the log.
        pause_seconds: between the end of one round and the start of the next.
        action: one round; it may raise.
        on_failure: told of each failed round.
    """

    def __init__(
        self,
        name: str,
        pause_seconds: float,
        action: Callable[[], object],
        on_failure: Callable[[Exception], None] | None = None,
    ) -> None:
        self._name = name
        self._pause = pause_seconds
        self._action = action
        self._on_failure = on_failure
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> "Repeating":
        """Begin; the first round runs after one pause."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Let the running round finish, then end."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        log = get_logger("runtime")
        while not self._stopping.wait(self._pause):
            try:
                self._action()
            except Exception as error:
                log.exception("background.failed", kind=self._name)
                if self._on_failure is not None:
                    self._on_failure(error)
