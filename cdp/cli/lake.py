"""``cdp lake``: the inbox is moved, the table is kept in shape."""

import click

from cdp.app import open_core
from cdp.cli.console import json_option, say, with_settings
from cdp.runtime import Settings


@click.group()
def lake() -> None:
    """The behavioural events."""


@lake.command()
@json_option
@with_settings
def flush(settings: Settings, as_json: bool) -> None:
    """Move what waits in the inbox into the Delta table; a crash moves nothing twice.

    \b
    cdp lake flush --data /srv/cdp/data
    """
    core = open_core(settings)
    moved = finished = aside = 0
    try:
        while True:
            report = core.lake.flush(core.shape)
            moved += report.moved
            finished += report.finished
            aside += report.set_aside
            if report.moved == 0:
                break
    finally:
        core.close()
    say(
        {"dataset": core.dataset, "moved": moved, "finished": finished, "aside": aside},
        as_json=as_json,
    )


@lake.command()
@click.option(
    "--keep-hours",
    default=1,
    show_default=True,
    type=int,
    help="How long an open pull may still need the old files.",
)
@json_option
@with_settings
def compact(settings: Settings, keep_hours: int, as_json: bool) -> None:
    """Gather the small files of each bucket, and destroy what no version needs."""
    core = open_core(settings)
    try:
        done = core.lake.compact(core.shape, keep_hours=keep_hours)
    finally:
        core.close()
    say(done, as_json=as_json, title=core.dataset)
