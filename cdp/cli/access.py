"""``cdp source`` and ``cdp client``: who may send, and who may ask.

Keys and secrets are printed once, when they are made. Each change is a record of the
log, in one transaction with the change; it works whether or not a service runs.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from cdp.app import Core, open_core
from cdp.audit import Draft, Kind
from cdp.auth import (
    add_client,
    add_source,
    clients,
    rotate_client_secret,
    rotate_write_key,
    set_client_state,
    set_source_state,
    sources,
)
from cdp.cli.console import json_option, say, say_rows, with_settings
from cdp.runtime import Connection, Settings, lock_seq

T = TypeVar("T")


def change(core: Core, act: Callable[[Connection], T], rule: str) -> T:
    """Do one change of access rights, recorded in the same transaction."""
    with core.database.transaction() as connection:
        lock_seq(connection)
        done = act(connection)
        core.record(
            connection,
            [
                Draft(
                    kind=Kind.ACCESS_CHANGE,
                    actor_kind="person",
                    rule=rule,
                    policy=core.in_force.policy.version,
                    actor="operator",
                )
            ],
        )
    core.publish()
    return done


@click.group()
def source() -> None:
    """Who may send events."""


@source.command("add")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(["public", "server"]),
    required=True,
    help="public: a browser or an app, proves nothing. server: a secret.",
)
@click.option("--jurisdiction", help="Whose rules count where nothing else is known.")
@json_option
@with_settings
def add_source_command(
    settings: Settings, name: str, kind: str, jurisdiction: str | None, as_json: bool
) -> None:
    """Add a source and print its write key, once.

    \b
    cdp source add shop-kr --kind server --jurisdiction KR --json
    """
    core = open_core(settings)
    try:
        _check_jurisdiction(core, jurisdiction)
        made, write_key = change(
            core,
            lambda connection: add_source(
                connection,
                core.ring,
                name=name,
                kind=kind,
                jurisdiction=jurisdiction,
                clock=core.clock,
            ),
            "source.add",
        )
    finally:
        core.close()
    say(
        {
            "name": made.name,
            "kind": made.kind,
            "jurisdiction": made.jurisdiction,
            "write_key": write_key,
        },
        as_json=as_json,
    )


def _check_jurisdiction(core: Core, jurisdiction: str | None) -> None:
    known = core.in_force.policy.jurisdictions
    if jurisdiction is not None and jurisdiction not in known:
        raise click.BadParameter(
            f"the policy knows {', '.join(sorted(known))}", param_hint="--jurisdiction"
        )


@source.command("list")
@json_option
@with_settings
def list_sources(settings: Settings, as_json: bool) -> None:
    """Show the sources, without their keys."""
    core = open_core(settings)
    try:
        with core.database.snapshot() as connection:
            found = sources(connection)
    finally:
        core.close()
    rows: list[dict[str, Any]] = [
        {
            "name": item.name,
            "kind": item.kind,
            "jurisdiction": item.jurisdiction,
            "state": item.state,
            "created_at": item.created_at.isoformat(),
        }
        for item in found
    ]
    say_rows(rows, as_json=as_json)


@source.command("rotate")
@click.argument("name")
@json_option
@with_settings
def rotate_source(settings: Settings, name: str, as_json: bool) -> None:
    """Give a source a new write key; the old one goes on working as *retiring*."""
    core = open_core(settings)
    try:
        write_key = change(
            core,
            lambda connection: rotate_write_key(
                connection, core.ring, name, core.clock
            ),
            "source.rotate",
        )
    finally:
        core.close()
    say({"name": name, "write_key": write_key}, as_json=as_json)


@source.command("state")
@click.argument("name")
@click.argument("state", type=click.Choice(["active", "retiring", "revoked"]))
@json_option
@with_settings
def state_of_source(settings: Settings, name: str, state: str, as_json: bool) -> None:
    """Set a source to active, retiring or revoked.

    \b
    cdp source state shop-kr revoked
    """
    core = open_core(settings)
    try:
        change(
            core,
            lambda connection: set_source_state(connection, name, state),
            f"source.{state}",
        )
    finally:
        core.close()
    say({"name": name, "state": state}, as_json=as_json)


@click.group()
def client() -> None:
    """Who may ask: jobs and officers."""


@client.command("add")
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, help="May be repeated.")
@click.option(
    "--purpose", "purposes", multiple=True, required=True, help="May be repeated."
)
@json_option
@with_settings
def add_client_command(
    settings: Settings,
    name: str,
    roles: tuple[str, ...],
    purposes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Add a client and print its secret, once.

    \b
    cdp client add job --role segmentation --purpose segmentation --json
    cdp client add officer --role compliance --purpose compliance
    """
    core = open_core(settings)
    try:
        policy = core.in_force.policy
        _check_words("--role", roles, policy.roles)
        _check_words("--purpose", purposes, policy.purposes)
        made, secret = change(
            core,
            lambda connection: add_client(
                connection,
                name=name,
                roles=roles,
                purposes=purposes,
                clock=core.clock,
            ),
            "client.add",
        )
    finally:
        core.close()
    say(
        {
            "name": made.name,
            "client_id": made.id,
            "client_secret": secret,
            "roles": list(made.roles),
            "purposes": list(made.purposes),
        },
        as_json=as_json,
    )


def _check_words(option: str, given: tuple[str, ...], known: Any) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise click.BadParameter(
            f"the policy knows {', '.join(sorted(known))}", param_hint=option
        )


@client.command("list")
@json_option
@with_settings
def list_clients(settings: Settings, as_json: bool) -> None:
    """Show the clients, without their secrets."""
    core = open_core(settings)
    try:
        with core.database.snapshot() as connection:
            found = clients(connection)
    finally:
        core.close()
    rows: list[dict[str, Any]] = [
        {
            "name": item.name,
            "client_id": item.id,
            "roles": list(item.roles),
            "purposes": list(item.purposes),
            "state": item.state,
        }
        for item in found
    ]
    say_rows(rows, as_json=as_json)


@client.command("rotate")
@click.argument("name")
@json_option
@with_settings
def rotate_client(settings: Settings, name: str, as_json: bool) -> None:
    """Give a client a new secret; the old one stops working at once."""
    core = open_core(settings)
    try:
        secret = change(
            core,
            lambda connection: rotate_client_secret(connection, name),
            "client.rotate",
        )
    finally:
        core.close()
    say({"name": name, "client_secret": secret}, as_json=as_json)


@client.command("state")
@click.argument("name")
@click.argument("state", type=click.Choice(["active", "revoked"]))
@json_option
@with_settings
def state_of_client(settings: Settings, name: str, state: str, as_json: bool) -> None:
    """Set a client to active or revoked; it counts with the next request."""
    core = open_core(settings)
    try:
        change(
            core,
            lambda connection: set_client_state(connection, name, state),
            f"client.{state}",
        )
    finally:
        core.close()
    say({"name": name, "state": state}, as_json=as_json)
