"""How a command speaks: options that all share, tables for people, JSON for programs.

- Every command takes ``--data``, ``--keys``, ``--store`` and ``--policies``, before or
  after its name; the environment (``CDP_DATA`` and so on) stands in for what is
  missing.
- ``--json`` prints one JSON object and nothing else on stdout.
- A refusal of the core is one line with its code on stderr, and exit status 2; status 1
  means that a check said no.
"""

import functools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import msgspec
from rich.console import Console
from rich.table import Table

from cdp.kernel import CdpError
from cdp.runtime import read_settings

EXIT_NO: Final = 1
EXIT_REFUSED: Final = 2

_SHARED: Final = ("data", "keys", "store", "policies")
F = TypeVar("F", bound=Callable[..., Any])

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)


def folder_options(function: F) -> F:
    """Add the options that say which data folder, key ring, store and policies."""
    path = click.Path(path_type=Path)
    options = [
        click.option("--data", type=path, help="The data folder. [CDP_DATA; data]"),
        click.option(
            "--keys", type=path, help="The key ring's file. [CDP_KEYS; remembered]"
        ),
        click.option(
            "--store", help="The store's URL. [CDP_STORE; the file in the data folder]"
        ),
        click.option(
            "--policies",
            type=path,
            help="The folder of policies. [CDP_POLICIES; the set that ships]",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def with_settings(function: F) -> F:
    """Give a command its ``settings``: its options, its group's, the environment."""

    @folder_options
    @click.pass_context
    @functools.wraps(function)
    def command(context: click.Context, *args: Any, **given: Any) -> Any:
        own = {name: given.pop(name, None) for name in _SHARED}
        shared: dict[str, Any] = context.find_root().obj or {}
        values = {
            name: own[name] if own[name] is not None else shared.get(name)
            for name in _SHARED
        }
        return function(read_settings(**values), *args, **given)

    return command  # type: ignore[return-value] # the wrapper takes what click gives it


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object."
)


def say(value: Any, *, as_json: bool, title: str = "") -> None:
    """Print a value: as JSON, or as a table of its fields."""
    plain = msgspec.to_builtins(value)
    if as_json:
        click.echo(json.dumps(plain, ensure_ascii=False))
        return
    table = Table(title=title or None, show_header=False, box=None, pad_edge=False)
    # A secret is shown once: it is folded where it must be, never cut.
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for key, item in plain.items():
        table.add_row(str(key), _cell(item))
    out.print(table)


def say_rows(
    rows: Sequence[Mapping[str, Any]], *, as_json: bool, title: str = ""
) -> None:
    """Print rows: as one JSON object, or as a table."""
    if as_json:
        click.echo(json.dumps({"rows": rows}, ensure_ascii=False, default=str))
        return
    if not rows:
        out.print("nothing")
        return
    table = Table(title=title or None, box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    out.print(table)


def _cell(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value)


def speak(group: click.Group) -> None:
    """Run the command line; turn a refusal of the core into one line and a status."""
    try:
        # Outside its standalone mode click returns the status a command exits with.
        status = group(standalone_mode=False)
        if isinstance(status, int):
            sys.exit(status)
    except click.Abort:
        err.print("stopped")
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except CdpError as error:
        # A message may hold brackets, which are no markup.
        err.print(f"{error.code}: {error}", markup=False, soft_wrap=True)
        sys.exit(EXIT_REFUSED)
