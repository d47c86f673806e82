"""``cdp demo``: the command alone, so that the rest is loaded when it is asked for."""

from pathlib import Path

import click
from rich.console import Console

from cdp.cli.console import EXIT_NO, with_settings
from cdp.kernel import SystemClock
from cdp.runtime import Settings

_WIDTH = 132


@click.command()
@click.option(
    "--households", type=click.IntRange(min=2), help="Replay only so many of them."
)
@with_settings
def demo(settings: Settings, households: int | None) -> None:
    """Do the main job on real input, with made-up identifiers and consent.

    Needs the extra 'demo'. Makes the data folder and the key ring; ends with status 1
    when the numbers do not reconcile.

    \b
    cdp demo --data demo --keys demo-keys/ring.json
    """
    try:
        from cdp.cli.demo.commands import Commands  # noqa: PLC0415 - needs the extra
        from cdp.cli.demo.story import Demo  # noqa: PLC0415 - needs the extra
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{error.name} is missing: install the extra 'demo'"
        ) from error
    keys = settings.keys or Path(f"{settings.data}-keys") / "ring.json"
    others = [
        word
        for option, value in (
            ("--store", settings.store),
            ("--policies", settings.policies),
        )
        if value is not None
        for word in (option, str(value))
    ]
    console = Console()
    told = Demo(
        Commands(settings.data, keys, others),
        # Where nobody watches, the tables are not squeezed into eighty columns.
        console=console if console.is_terminal else Console(width=_WIDTH),
        clock=SystemClock(),
        households=households,
    ).run()
    if told:
        raise click.exceptions.Exit(EXIT_NO)
