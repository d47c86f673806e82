"""Logs that cannot print an identifier or a secret.

The rule is an allow-list, not a hunt for what looks secret: a log line keeps only keys
that are declared here, and their values only as codes, numbers and names of the policy.
Everything else becomes its type. An exception is told by its class and, for the
project's own errors, by its message, which is written without values; a traceback keeps
files and lines and no message of a foreign library.

Foreign loggers (the server, the framework) go through the same door.
"""

import contextlib
import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

from cdp.kernel import CdpError

_KEYS: Final = frozenset(
    {
        "address",  # our own listening address
        "bytes",
        "code",
        "command",
        "count",
        "dataset",
        "event",
        "exception",
        "folder",
        "index",
        "kind",
        "level",
        "logger",
        "milliseconds",
        "outcome",
        "pending",
        "policy",
        "port",
        "process",
        "purpose",
        "reason",
        "record",
        "release",
        "root",
        "route",
        "rows",
        "rule",
        "seconds",
        "seq",
        "size",
        "source",
        "status",
        "store",
        "timestamp",
        "version",
    }
)
# What a code, a path of ours, a hash or a time is made of; no "@", no blank.
_SAFE: Final = re.compile(r"[A-Za-z0-9_.:/\[\]+=-]{0,128}")
# What an event of our own is called; a foreign logger's free text does not pass.
_EVENT: Final = re.compile(r"[a-z][a-z0-9_.]{0,63}")

Line = MutableMapping[str, Any]


class _Stderr:
    """Writes a finished line to whatever stderr is now."""

    def __init__(self, *_names: object) -> None:
        pass

    def msg(self, line: str) -> None:
        """Write one line at once, so that lines of two threads do not mix.

        A line that cannot be written (a full disk, a closed pipe) is lost: what the
        line is about goes on.
        """
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(line + "\n")

    debug = info = warning = error = critical = msg


class _Foreign(logging.Handler):
    """Takes the lines of foreign loggers; a line that cannot be written is lost.

    The standard library prints a failing line with its arguments; this one must not.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line as the formatter leaves it."""
        try:
            sys.stderr.write(self.format(record) + "\n")
        except (OSError, ValueError):
            return


def configure_logging(level: str = "info") -> None:
    """Send every log line of this process through the allow-list, to stderr."""
    _configure_own(level)
    handler = _Foreign()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_shared(),
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
        )
    )
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.WARNING, getattr(logging, level.upper(), logging.INFO)))


def _shared() -> list[Any]:
    return [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]


def _configure_own(level: str) -> None:
    structlog.configure(
        processors=[*_shared(), structlog.processors.JSONRenderer(sort_keys=True)],
        wrapper_class=structlog.make_filtering_bound_logger(level.upper()),
        logger_factory=_Stderr,
        cache_logger_on_first_use=False,
    )


def get_logger(room: str) -> Any:
    """Return the logger of a room, redacting also where nobody configured anything."""
    if not structlog.is_configured():
        # The library's own default prints a traceback with every local value in it.
        _configure_own("info")
    return structlog.get_logger().bind(logger=room)


def redact(_logger: object, _method: str, line: Line) -> Line:
    """Keep what the allow-list names; say of the rest only its type."""
    failure = line.pop("exc_info", None)
    kept: dict[str, Any] = {}
    for key, value in line.items():
        if key in _KEYS:
            kept[key] = _shown(value)
    name = kept.get("event")
    if not isinstance(name, str) or not _EVENT.fullmatch(name):
        kept["event"] = "foreign.message"
    if failure:
        kept["exception"] = describe(failure)
    return kept


def _shown(value: object) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case str() if _SAFE.fullmatch(value):
            return value
        case _:
            return f"<{type(value).__name__}>"


def describe(failure: object) -> list[str]:
    """Return an exception as class names, files and lines, without foreign messages."""
    error = failure
    if failure is True:
        error = sys.exc_info()[1]
    elif isinstance(failure, tuple):
        error = failure[1]
    if not isinstance(error, BaseException):
        return []
    said = type(error).__name__
    if isinstance(error, CdpError):
        said = f"{said} {error.code}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [said, *(f"{frame.filename}:{frame.lineno}" for frame in frames)]
    if error.__cause__ is not None:
        lines += ["caused by", *describe(error.__cause__)]
    return lines
