"""``cdp webhook``: what the receiver of changes needs to check what it gets."""

import click

from cdp.app import open_core, secret_text, webhook_secret
from cdp.cli.access import change
from cdp.cli.console import json_option, say, with_settings
from cdp.runtime import Settings


@click.group()
def webhook() -> None:
    """Who is told of changes of consent."""


@webhook.command()
@json_option
@with_settings
def secret(settings: Settings, as_json: bool) -> None:
    """Print the secret of the receiver CDP_WEBHOOK_NAME; that is a record of the log.

    It is the same whenever it is asked for. Another name has another secret.

    \b
    cdp webhook secret
    CDP_WEBHOOK_NAME=crm cdp webhook secret --json
    """
    core = open_core(settings)
    try:
        made = secret_text(webhook_secret(core.ring, settings.webhook_name))
        change(core, lambda _connection: None, "webhook.secret")
    finally:
        core.close()
    if as_json:
        say({"name": settings.webhook_name, "secret": made}, as_json=True)
    else:
        click.echo(made)
