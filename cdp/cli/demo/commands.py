"""The project's own commands, run as an operator runs them: each a process of its own.

The one module of the demo that knows a command's name and options. Secrets come back on
standard output and stay in memory.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from cdp.cli.demo import calls
from cdp.cli.demo.errors import CommandError, ServiceError

LOOPBACK: Final = "127.0.0.1"
_CDP: Final = (sys.executable, "-c", "from cdp.cli import main; main()")
_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 60
_TAIL_LINES: Final = 20


class Credentials(msgspec.Struct, frozen=True):
    """What ``cdp client add`` prints, once. Its repr shows no secret."""

    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Credentials({self.client_id!r})"


class Verification(msgspec.Struct, frozen=True):
    """What ``cdp audit verify`` found: size and root are of the signed checkpoint."""

    ok: bool
    size: int
    root: str


class Commands:
    """The commands for one data folder and key ring.

    Args:
        data: The data folder.
        keys: The key ring's file, outside the data folder.
        others: More options for every command, such as ``--store`` and its URL.
    """

    def __init__(self, data: Path, keys: Path, others: Sequence[str] = ()) -> None:
        self.data = data
        self._places = ("--data", str(data), "--keys", str(keys), *others)

    def init(self) -> None:
        """Make the data folder and, apart from it, the key ring."""
        self._run("init", *self._places)

    def add_source(self, name: str, jurisdiction: str) -> str:
        """Register a server source and return its write key."""
        added = self._json(
            "source", "add", name, "--kind", "server", "--jurisdiction", jurisdiction
        )
        return str(added["write_key"])

    def add_client(self, name: str, role: str, purpose: str) -> Credentials:
        """Register a client with one role and one purpose."""
        added = self._json("client", "add", name, "--role", role, "--purpose", purpose)
        return msgspec.convert(
            {k: added[k] for k in ("client_id", "client_secret")}, Credentials
        )

    def verify_log(self) -> Verification:
        """Let the log be verified; the exit status is part of the verdict."""
        done = self._start("audit", "verify", *self._places, "--json")
        try:
            found = msgspec.json.decode(done.stdout, type=Verification)
        except msgspec.MsgspecError as error:
            last = _last_lines(done.stderr)
            raise CommandError(f"cdp audit verify says nothing: {last}") from error
        return msgspec.structs.replace(found, ok=found.ok and done.returncode == 0)

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Run the service on a free port of loopback; gives its address.

        Its output goes to ``service.log`` in the data folder.

        Raises:
            ServiceError: it ended, or was not ready in time.
        """
        port = _free_port()
        url = f"http://{LOOPBACK}:{port}"
        log = self.data / "service.log"
        arguments = ("serve", *self._places, "--host", LOOPBACK, "--port", str(port))
        with (
            log.open("wb") as output,
            subprocess.Popen(  # noqa: S603 - our own program, and no shell
                [*_CDP, *arguments], stdout=output, stderr=subprocess.STDOUT
            ) as process,
        ):
            try:
                _wait_until_ready(url, process, log)
                yield url
            finally:
                _stop(process)

    def _json(self, *arguments: str) -> dict[str, Any]:
        said = self._run(*arguments, *self._places, "--json")
        try:
            return msgspec.json.decode(said, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            words = " ".join(arguments[:2])
            raise CommandError(f"cdp {words} printed something else") from error

    def _run(self, *arguments: str) -> str:
        done = self._start(*arguments)
        if done.returncode != 0:
            last = _last_lines(done.stderr)
            words = " ".join(arguments[:2])
            raise CommandError(f"cdp {words} ended with {done.returncode}: {last}")
        return done.stdout

    def _start(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603 - our own program, and no shell
            [*_CDP, *arguments], capture_output=True, text=True, check=False
        )


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-_TAIL_LINES:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        if calls.is_ready(url):
            return
        time.sleep(0.1)
    last = _last_lines(log.read_text(errors="replace"))
    raise ServiceError(f"the service did not start:\n{last}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
