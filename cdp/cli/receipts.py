"""``cdp consent receipt``: a receipt is checked, and the key for it is printed."""

from pathlib import Path

import click

from cdp.app import open_ring
from cdp.cli.console import EXIT_NO, err, json_option, say, with_settings
from cdp.gate import check_receipt, receipt_keys
from cdp.kernel import CdpError
from cdp.runtime import Settings


@click.group()
def receipt() -> None:
    """Receipts of decisions: signed, and checked by anybody."""


@receipt.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--key", required=True, help="The key, as `receipt key` prints it.")
@json_option
def verify(file: Path, key: str, as_json: bool) -> None:
    """Check a receipt offline: no data folder, no key ring, no network.

    Exit status 0 when it is what the holder of the key issued, 1 when it is not.

    \b
    cdp consent receipt verify receipt.json --key "$(cat receipt.key)"
    """
    try:
        facts = check_receipt(file.read_bytes(), key)
    except CdpError as error:
        err.print(f"{error.code}: {error}", markup=False, soft_wrap=True)
        say({"ok": False}, as_json=as_json)
        raise click.exceptions.Exit(EXIT_NO) from error
    say(
        {
            "ok": True,
            "receipt_id": facts.receipt_id,
            "issued_at": facts.issued_at,
            "key_id": facts.key_id,
            **facts.states,
        },
        as_json=as_json,
    )


@receipt.command()
@json_option
@with_settings
def key(settings: Settings, as_json: bool) -> None:
    """Print the key by which receipts are verified; it is no secret.

    \b
    cdp consent receipt key
    """
    _, ring = open_ring(settings)
    keys = receipt_keys(ring)
    if as_json:
        say({"keys": keys}, as_json=True)
    else:
        click.echo(keys[0])
