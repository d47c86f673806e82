"""``cdp audit``: the log is checked, shown and published from the command line."""

from pathlib import Path

import click

from cdp.app import open_core, open_log, open_ring
from cdp.cli.console import EXIT_NO, err, json_option, say, with_settings
from cdp.kernel import SystemClock
from cdp.runtime import Database, Settings


@click.group()
def audit() -> None:
    """The log: who touched whose data."""


@audit.command()
@click.option("--from", "from_index", default=0, type=int, help="First index to check.")
@click.option(
    "--old",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An earlier checkpoint that this log must extend.",
)
@click.option("--files-only", is_flag=True, help="Do not compare with the store.")
@json_option
@with_settings
def verify(
    settings: Settings,
    from_index: int,
    old: Path | None,
    files_only: bool,
    as_json: bool,
) -> None:
    """Check the whole log: signature, entries, tiles, root, commitments, store.

    Exit status 0 when everything matches, 1 when something does not; it names the
    index.

    \b
    cdp audit verify --data /srv/cdp/data
    cdp audit verify --old yesterday.checkpoint --json
    """
    folder, ring = open_ring(settings)
    log = open_log(folder, ring, settings, SystemClock())
    database = None if files_only else Database(folder.store_url(settings.store))
    try:
        report = log.verify(
            database, from_index=from_index, old=old.read_bytes() if old else None
        )
    finally:
        if database is not None:
            database.close()
    for fault in report.faults[:20]:
        err.print(f"bad {fault}")
    say(
        {
            "ok": report.ok,
            "origin": folder.info.origin,
            "size": report.size,
            "root": report.root.hex(),
            "shredded": report.shredded,
            "faults": len(report.faults),
        },
        as_json=as_json,
    )
    if not report.ok:
        raise click.exceptions.Exit(EXIT_NO)


@audit.command()
@json_option
@with_settings
def publish(settings: Settings, as_json: bool) -> None:
    """Sign what is new, unless a service runs on the folder and does so anyway."""
    core = open_core(settings)
    try:
        published = core.publish()
        checkpoint = core.log.checkpoint()
    finally:
        core.close()
    say(
        {
            "published_here": published,
            "size": checkpoint.size if checkpoint else 0,
            "root": checkpoint.root.hex() if checkpoint else None,
        },
        as_json=as_json,
    )


@audit.command()
@json_option
@with_settings
def vkey(settings: Settings, as_json: bool) -> None:
    """Print the verifier key, which outsiders need to check the log."""
    folder, ring = open_ring(settings)
    log = open_log(folder, ring, settings, SystemClock())
    key = log.verifier_key
    if as_json:
        say({"verifier_key": key}, as_json=True)
    else:
        click.echo(key)
