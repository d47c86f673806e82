"""The operator's commands. Thin: each opens the core, asks a room, and prints.

Commands that change something work on a data folder whether or not a service runs on
it.

Refuses: rules of any kind.
"""

from pathlib import Path
from typing import Any

import click

import cdp
from cdp.cli.access import client, source
from cdp.cli.bench import bench
from cdp.cli.consent import consent
from cdp.cli.console import folder_options, speak
from cdp.cli.demo.command import demo
from cdp.cli.lake import lake
from cdp.cli.log import audit
from cdp.cli.policy import policy
from cdp.cli.setup import init, migrate, serve
from cdp.cli.webhook import webhook

__all__ = ["cli", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(cdp.__version__, prog_name="cdp")
@folder_options
@click.pass_context
def cli(context: click.Context, /, **given: Path | str | None) -> None:
    """A privacy-first consent and identity core.

    \b
    cdp init --data data --keys keys/ring.json
    cdp serve --data data
    cdp source add shop --kind server --jurisdiction KR --json
    """
    shared: dict[str, Any] = dict(given)
    context.obj = shared


for command in (
    init,
    serve,
    migrate,
    source,
    client,
    consent,
    audit,
    lake,
    policy,
    webhook,
    bench,
    demo,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line."""
    speak(cli)
