"""What every bench says: a figure, the limit measured beside it, and their ratio."""

import platform
from typing import Any

import msgspec

from cdp.cli.console import say


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement. ``ratio`` is figure over limit.

    For a rate a higher ratio is better, and ``bar`` is the least; for a time a lower
    one is, and ``bar`` is the most.
    """

    name: str
    unit: str
    figure: float
    limit: float
    ratio: float
    bar: str
    detail: dict[str, Any] = {}
    python: str = platform.python_version()
    machine: str = platform.machine()


def rounded(number: float, digits: int = 4) -> float:
    """Return ``number`` to so many significant digits."""
    return float(f"{number:.{digits}g}")


def show(report: Report, *, as_json: bool) -> None:
    """Print one report."""
    plain = msgspec.to_builtins(report)
    detail = plain.pop("detail")
    say(plain | detail if not as_json else plain | {"detail": detail}, as_json=as_json)
