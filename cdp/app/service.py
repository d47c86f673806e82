"""The running service: one writer, one door, one collector, and clocks that tick.

- The *publisher* signs a checkpoint within a second of news.
- The *flusher* moves the inbox into the lake; the *compactor* gathers small files.
- The *beat* writes a record every ten minutes, so that a missing hour is visible.
- The *webhook*, where one is set, carries changes of consent to their receiver.

Start and stop are records. Stopping finishes what was acknowledged: nothing is lost
that a client was told is kept, with or without it.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

import cdp
import cdp.api
import cdp.console
from cdp.api import Services
from cdp.app.core import Core
from cdp.app.webhook import Webhook, WebhookTarget, webhook_target
from cdp.audit import Draft, Kind
from cdp.auth import source_keys, write_key_digest
from cdp.console import Controller, Pages
from cdp.gate import Logbook, Outbox, PersonDoors, PreferenceDoor, ReceiptDoor
from cdp.ingest import (
    MAX_FACES,
    Collector,
    ConsentDesk,
    Familiar,
    Hearing,
    Intake,
    Judge,
    LinkDesk,
    Preparer,
    ReceiptIssuer,
    Rounds,
    Sources,
)
from cdp.lake import inbox_counts
from cdp.policy import compile_minimizer
from cdp.runtime import (
    FolderBusyError,
    Metrics,
    Repeating,
    Writer,
    get_logger,
)

_BEAT_SECONDS: Final = 600.0
_COMPACT_SECONDS: Final = 3600.0
_WEBHOOK_SECONDS: Final = 1.0


class Service:
    """A core that serves.

    Args:
        core: an opened core; the service closes it.
        faces: how many familiar faces ingest may remember.
    """

    def __init__(self, core: Core, *, faces: int = MAX_FACES) -> None:
        self.core = core
        self._faces = faces
        target = webhook_target(core.settings)
        self.metrics = Metrics()
        self.writer = Writer(core.database)
        self.gate = core.gate(self.writer, self.metrics)
        self.collector = self._collector()
        self.desk = self._desk()
        self.outbox, self.webhook = self._told(target)
        self._lock = core.publisher_lock
        self._reserved = False
        self._loops: list[Repeating] = []
        self._failing: set[str] = set()

    def start(self) -> None:
        """Take the folder, write down that the service runs, start the loops.

        Raises:
            FolderBusyError: another service runs on this data folder.
        """
        self.reserve()
        settings = self.core.settings
        self._note(Kind.LOG_START)
        self.outbox.open()
        self._publish()
        self._loops = [
            self._loop("publish", settings.publish_seconds, self._publish),
            self._loop("flush", settings.flush_seconds, self._flush),
            self._loop("compact", _COMPACT_SECONDS, self._compact),
            self._loop("beat", _BEAT_SECONDS, lambda: self._note(Kind.LOG_BEAT)),
        ]
        if self.webhook is not None:
            self._loops.append(
                self._loop("webhook", _WEBHOOK_SECONDS, self.webhook.deliver)
            )

    def reserve(self) -> None:
        """Take the folder for this process; again is harmless.

        Raises:
            FolderBusyError: another service runs on this data folder.
        """
        if not self._reserved:
            self._lock.acquire()
            self._reserved = True

    def stop(self) -> None:
        """Stop the loops, finish what waits, say so in the log, let everything go."""
        for loop in self._loops:
            loop.stop()
        try:
            self._note(Kind.LOG_STOP)
            self.writer.close()
            self._publish()
        finally:
            self._lock.release()
            self._reserved = False
            self.core.close()

    def services(self) -> Services:
        """Return what the routes are handed."""
        core = self.core
        common: dict[str, Any] = {
            "writer": self.writer,
            "ring": core.ring,
            "clock": core.clock,
        }
        door: dict[str, Any] = {
            "database": core.database,
            "writer": self.writer,
            "ring": core.ring,
            "audit": core.log,
            "policy_in_force": core.in_force,
            "metrics": self.metrics,
        }
        return Services(
            gate=self.gate,
            people=PersonDoors(clock=core.clock, **door),
            logbook=Logbook(**door),
            receipts=ReceiptDoor(**door),
            collector=self.collector,
            desk=self.desk,
            links=LinkDesk(in_force=core.in_force, log=core.log, **common),
            log=core.log,
            log_folder=core.folder.log,
            database=core.database,
            in_force=core.in_force,
            metrics=self.metrics,
            public_url=core.settings.public_url.rstrip("/"),
            is_ready=self.is_ready,
            refresh_metrics=self.refresh_metrics,
            **common,
        )

    def pages(self) -> Pages:
        """Return what the pages' routes are handed."""
        core = self.core
        return Pages(
            door=PreferenceDoor(
                database=core.database,
                writer=self.writer,
                audit=core.log,
                policy_in_force=core.in_force,
                clock=core.clock,
                metrics=self.metrics,
            ),
            desk=self.desk,
            log=core.log,
            database=core.database,
            writer=self.writer,
            ring=core.ring,
            in_force=core.in_force,
            metrics=self.metrics,
            clock=core.clock,
            place_of=cdp.api.place_of,
            controller=Controller(
                name=core.settings.controller_name,
                contact=core.settings.controller_contact,
            ),
        )

    def is_ready(self) -> bool:
        """Whether the store answers and no loop is failing."""
        with self.core.database.snapshot() as connection:
            source_keys(connection)
        return not self._failing

    def refresh_metrics(self) -> None:
        """Bring the gauges up to date."""
        self.metrics.writer_pending.set(self.writer.pending)
        checkpoint = self.core.log.checkpoint()
        self.metrics.audit_size.set(checkpoint.size if checkpoint else 0)
        with self.core.database.snapshot() as connection:
            waiting = inbox_counts(connection)
        self.metrics.inbox_rows.set(sum(waiting.values()))
        self.metrics.webhook_waiting.set(self.outbox.waiting())

    def _loop(self, name: str, pause: float, action: Any) -> Repeating:
        def guarded() -> None:
            action()
            self._failing.discard(name)

        def failed(_error: Exception) -> None:
            self._failing.add(name)

        return Repeating(name, pause, guarded, failed).start()

    def _desk(self) -> ConsentDesk:
        core = self.core
        return ConsentDesk(
            in_force=core.in_force,
            log=core.log,
            ring=core.ring,
            writer=self.writer,
            clock=core.clock,
            issue=ReceiptIssuer(
                ring=core.ring,
                in_force=core.in_force,
                controller_name=core.settings.controller_name,
                controller_contact=core.settings.controller_contact,
            ),
        )

    def _told(self, target: WebhookTarget | None) -> tuple[Outbox, Webhook | None]:
        core = self.core
        outbox = Outbox(
            receiver=target.name if target else None,
            database=core.database,
            writer=self.writer,
            ring=core.ring,
            audit=core.log,
            policy_in_force=core.in_force,
            clock=core.clock,
        )
        if target is None:
            return outbox, None
        return outbox, Webhook(target, outbox=outbox, ring=core.ring, clock=core.clock)

    def _publish(self) -> None:
        self.core.log.sequence(self.core.database)
        self.core.log.publish(self.core.database)

    def _flush(self) -> None:
        try:
            report = self.core.lake.flush(self.core.shape)
        except FolderBusyError:
            return  # the operator's own flush runs; the next round sees what is left
        if report.moved:
            get_logger("lake").info("lake.flushed", rows=report.moved)

    def _compact(self) -> None:
        with contextlib.suppress(FolderBusyError):  # the operator's own runs
            self.core.lake.compact(self.core.shape)

    def _note(self, kind: Kind) -> None:
        draft = Draft(kind=kind, policy=self.core.in_force.policy.version)
        self.writer.call(self._append_all, draft)

    def _append_all(self, connection: Any, drafts: Any) -> list[None]:
        self.core.log.append(connection, list(drafts))
        return [None] * len(drafts)

    def _collector(self) -> Collector:
        core = self.core
        rules = core.in_force
        policy = rules.policy
        dataset = policy.datasets[core.dataset]
        minimizer = compile_minimizer(policy, core.dataset, rules.bits)
        declared = policy.sources
        preparer = Preparer(
            minimizer=minimizer,
            identity=rules.identity,
            hearing=Hearing(
                rules.consent,
                {
                    key: source.notice
                    for key, source in declared.items()
                    if source.notice
                },
            ),
            zones={key: place.zone for key, place in policy.jurisdictions.items()},
            regions={
                key: source.region for key, source in declared.items() if source.region
            },
            groups={
                key: source.dedupe_group
                for key, source in declared.items()
                if source.dedupe_group
            },
            digesters={
                namespace.name: core.ring.digester(namespace.name)
                for namespace in rules.identity.namespaces
            },
            messages=core.ring.digester("ingest.message"),
        )
        identity = 0
        for mask in minimizer.identifier_masks.values():
            identity |= mask
        linking = rules.bits.get("linking")
        rounds = Rounds(
            judge=Judge(
                rules=rules.consent,
                minimizer=minimizer,
                identity=identity,
                linking=0 if linking is None else 1 << linking,
                strip=dataset.without_consent == "strip",
            ),
            in_force=rules,
            dataset=core.dataset,
            log=core.log,
            ring=core.ring,
            clock=core.clock,
            familiar=Familiar(self._faces),
        )
        intake = Intake(
            rounds=rounds,
            log=core.log,
            policy=policy.version,
            clock=core.clock,
        )
        return Collector(
            sources=Sources(
                self._read_keys,
                lambda key: write_key_digest(core.ring, key),
                {
                    key: frozenset(source.origins)
                    for key, source in declared.items()
                    if source.origins
                },
                core.clock,
            ),
            preparer=preparer,
            intake=intake,
            writer=self.writer,
            metrics=self.metrics,
            clock=core.clock,
        )

    def _read_keys(self) -> Mapping[bytes, Any]:
        with self.core.database.snapshot() as connection:
            return source_keys(connection)


def create_app(service: Service) -> Litestar:
    """Return the application of a service; its lifespan starts and stops it."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            service.stop()

    services, pages = service.services(), service.pages()
    trusted = service.core.settings.trusted_proxies.split(",")
    return Litestar(
        route_handlers=[*cdp.api.HANDLERS, *cdp.console.HANDLERS],
        lifespan=[lifespan],
        dependencies={
            "collector": Provide(lambda: service.collector, sync_to_thread=False),
            "services": Provide(lambda: services, sync_to_thread=False),
            "pages": Provide(lambda: pages, sync_to_thread=False),
        },
        exception_handlers={Exception: _answer_error},
        state=State(
            {"trusted_proxies": frozenset(item.strip() for item in trusted if item)}
        ),
        openapi_config=OpenAPIConfig(
            title="Consent and identity core",
            version=cdp.__version__,
            render_plugins=[JsonRenderPlugin()],
        ),
        logging_config=None,
    )


def _answer_error(request: Request[Any, Any, State], error: Exception) -> Response[Any]:
    """Answer a page's error as a page, and every other as JSON."""
    if cdp.console.is_page(request):
        return cdp.console.answer_page(request, error)
    return cdp.api.answer_error(request, error)
