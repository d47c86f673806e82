"""``cdp policy``: the documents are checked before they decide anything."""

import click

from cdp.app import read_policy
from cdp.cli.console import EXIT_NO, err, json_option, say, with_settings
from cdp.policy import PolicyError
from cdp.runtime import Settings


@click.group()
def policy() -> None:
    """The rules, as files."""


@policy.command()
@json_option
@with_settings
def check(settings: Settings, as_json: bool) -> None:
    """Decode and lint the documents; exit status 1 names file, line and rule.

    \b
    cdp policy check --policies ./policies
    """
    try:
        loaded = read_policy(settings)
    except PolicyError as error:
        err.print(str(error))
        raise click.exceptions.Exit(EXIT_NO) from error
    say(
        {
            "version": loaded.version,
            "purposes": sorted(loaded.purposes),
            "datasets": sorted(loaded.datasets),
            "releases": sorted(loaded.releases),
            "jurisdictions": sorted(loaded.jurisdictions),
        },
        as_json=as_json,
    )
