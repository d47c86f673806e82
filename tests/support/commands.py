"""The command line in this process: what the console script does, without its start."""

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from cdp.cli import main


class Done(msgspec.Struct, frozen=True):
    """What a command left: its exit status and what it said."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found


def run(*words: str | Path) -> Done:
    """Run one command line to its end."""
    before = sys.argv
    out, err = io.StringIO(), io.StringIO()
    status = 0
    sys.argv = ["cdp", *map(str, words)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        sys.argv = before
    return Done(status, out.getvalue(), err.getvalue())


def ask(*words: str | Path) -> dict[str, Any]:
    """Run one command with ``--json``; return what it says."""
    done = run(*words, "--json")
    assert done.status == 0, done.err
    return done.said
