"""``cdp init``, ``cdp serve``, ``cdp migrate``: a data folder comes to life."""

import asyncio
import contextlib
import gc
import shutil
import signal
import socket
from pathlib import Path

import click
from granian.constants import Interfaces
from granian.server.embed import Server
from msgspec.structs import replace

from cdp.app import Service, create_app, open_core, prepare, revision, upgrade
from cdp.app import open_ring as open_folder_and_ring
from cdp.cli.console import err, json_option, say, with_settings
from cdp.kernel import SystemClock
from cdp.keys import KeyRing
from cdp.runtime import (
    Database,
    DataFolderError,
    Settings,
    configure_logging,
    create_folder,
    get_logger,
)


@click.command()
@click.option(
    "--origin",
    help="The name of the log: a URL without scheme that will serve it. "
    "[cdp.local/<id of the key ring>]",
)
@json_option
@with_settings
def init(settings: Settings, origin: str | None, as_json: bool) -> None:
    """Make a data folder and, apart from it, a key ring.

    \b
    cdp init --data /srv/cdp/data --keys /srv/cdp-keys/ring.json
    """
    keys = settings.keys or Path(f"{settings.data}-keys") / "ring.json"
    if settings.data.resolve() in keys.resolve().parents:
        raise DataFolderError(
            "the key ring lies inside the data folder: keep them apart, so that a copy "
            "of one is not a copy of both"
        )
    if settings.data.exists() and any(settings.data.iterdir()):
        raise DataFolderError(
            f"{settings.data} is not empty: name a new folder with --data"
        )
    clock = SystemClock()
    keys.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    ring = KeyRing.open(keys) if keys.exists() else KeyRing.create(keys, clock=clock)
    folder = create_folder(
        settings.data,
        ring=ring.ring_id,
        keys=keys,
        origin=origin or f"cdp.local/{ring.ring_id[:16]}",
        store=settings.store,
        now=clock.now(),
    )
    try:
        core = open_core(replace(settings, keys=keys), clock, apply=True)
    except BaseException:
        # Nothing half-made stays behind; a key ring is never removed.
        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    try:
        core.publish()
        say(
            {
                "data": str(settings.data),
                "keys": str(keys),
                "key_ring": ring.ring_id,
                "origin": folder.info.origin,
                "verifier_key": core.log.verifier_key,
                "policy": core.in_force.policy.version,
            },
            as_json=as_json,
            title="ready",
        )
    finally:
        core.close()


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen here.")
@click.option("--port", default=8080, show_default=True, type=int, help="0: any free.")
@with_settings
def serve(settings: Settings, host: str, port: int) -> None:
    """Run the service until it is told to stop (SIGTERM or Ctrl-C).

    \b
    cdp serve --data /srv/cdp/data --keys /srv/cdp-keys/ring.json --port 8080
    cdp serve --data /srv/cdp/data --store postgresql://cdp@db/cdp
    """
    configure_logging(settings.log_level)
    core = open_core(settings, apply=True)
    if settings.store:
        core.folder.remember_store(settings.store)
    service = Service(core)
    service.reserve()
    _probe(host, port)
    asyncio.run(_serve(service, host, port))


def _probe(host: str, port: int) -> None:
    """Refuse a port that somebody listens on: the server would share it silently.

    Raises:
        ClickException: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.ClickException(
                f"{host}:{port} cannot be had: {error.strerror}"
            ) from error


def calm_collector() -> None:
    """Keep the garbage collector from walking what lives as long as the process.

    Requests make many small objects and few circles; looking for circles at the default
    rate took a fifth of the time of decoding, measured with ``cdp bench ingest``.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)


async def _serve(service: Service, host: str, port: int) -> None:
    calm_collector()
    server = Server(
        create_app(service),
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_enabled=False,
        log_access=False,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    get_logger("cli").info("service.listening", address=host, port=port)
    with contextlib.suppress(asyncio.CancelledError):
        await server.serve()
    get_logger("cli").info("service.stopped")


@click.command()
@json_option
@with_settings
def migrate(settings: Settings, as_json: bool) -> None:
    """Bring the store's tables up to date. Make a backup first.

    \b
    cdp migrate --data /srv/cdp/data
    """
    folder, _ring = open_folder_and_ring(settings)
    database = Database(folder.store_url(settings.store))
    try:
        with database.transaction() as connection:
            before = revision(connection)
            upgrade(connection)
            after = revision(connection)
        prepare(database)
    finally:
        database.close()
    say({"from": before, "to": after}, as_json=as_json)
    if before == after:
        err.print("the store was up to date")
