"""Every object of the core, built once from the settings and wired by hand.

The same composition serves the web, the command line and the tests. What is built here:
data folder, key ring, store, policy in force, log, lake. It refuses to be built when

- the data folder is none, or belongs to another key ring;
- the key ring is missing, open to others, or damaged;
- the store's tables are not this program's;
- the store is older than the log's last checkpoint (a backup was put back);
- a policy document is broken: file, line and rule are named.

``app`` never holds an object of identity: it hands gate and ingest what they need.
"""

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cdp
from cdp.app.migration import prepare
from cdp.audit import AuditLog, Draft, Kind
from cdp.features import CATALOGUE
from cdp.gate import Gate, PolicyInForce, put_together, rebuild
from cdp.kernel import Clock, SystemClock
from cdp.keys import KeyRing
from cdp.lake import EngineSettings, Lake, Shape, shape_of
from cdp.policy import (
    FeatureInfo,
    Policy,
    bundle_of,
    in_force,
    load,
    put_in_force,
    read_bundle,
    scope_bits,
)
from cdp.runtime import (
    Connection,
    Database,
    DataFolder,
    FolderBusyError,
    FolderLock,
    Metrics,
    Settings,
    Writer,
    lock_seq,
    open_folder,
)

SHIPPED_POLICIES: Final = Path(cdp.__file__).parent.parent / "policies"
_PUBLISHER_LOCK: Final = "publisher.lock"


class Core:
    """The rooms below the web, put together."""

    def __init__(
        self,
        *,
        settings: Settings,
        folder: DataFolder,
        ring: KeyRing,
        database: Database,
        in_force: PolicyInForce,
        log: AuditLog,
        lake: Lake,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.ring = ring
        self.database = database
        self.in_force = in_force
        self.log = log
        self.lake = lake
        self.clock = clock

    @property
    def dataset(self) -> str:
        """The only dataset of the policy (more than one comes with sources)."""
        return next(iter(self.in_force.policy.datasets))

    @property
    def shape(self) -> Shape:
        """The dataset as the lake knows it."""
        dataset = self.in_force.policy.datasets[self.dataset]
        return shape_of(self.dataset, dataset.schema)

    @property
    def publisher_lock(self) -> FolderLock:
        """Whoever holds it publishes the log of this folder."""
        return FolderLock(self.folder.locks / _PUBLISHER_LOCK)

    def gate(self, writer: Writer, metrics: Metrics | None = None) -> Gate:
        """Return the one door to data, which records through ``writer``."""
        return Gate(
            metrics=metrics,
            database=self.database,
            writer=writer,
            lake=self.lake,
            ring=self.ring,
            audit=self.log,
            policy_in_force=self.in_force,
            clock=self.clock,
        )

    def record(self, connection: Connection, drafts: Sequence[Draft]) -> None:
        """Append records in the transaction of what they tell of."""
        self.log.append(connection, drafts)

    def publish(self) -> bool:
        """Bring the log's files up to date, unless another process does that.

        Returns:
            False when a service holds the folder: it publishes within a second.
        """
        try:
            with self.publisher_lock:
                self.log.sequence(self.database)
                self.log.publish(self.database)
        except FolderBusyError:
            return False
        return True

    def close(self) -> None:
        """Let the store go."""
        self.database.close()


def open_ring(settings: Settings) -> tuple[DataFolder, KeyRing]:
    """Open the data folder and its key ring, and see that they belong together.

    Raises:
        DataFolderError, WrongRingError, KeyRingError
    """
    folder = open_folder(settings.data)
    path = settings.keys or Path(folder.info.keys)
    ring = KeyRing.open(path)
    folder.check_ring(ring.ring_id)
    return folder, ring


def read_policy(settings: Settings) -> Policy:
    """Load and lint the policy documents.

    Raises:
        PolicyError: with file, line and rule of everything that is wrong.
    """
    return load(settings.policies or SHIPPED_POLICIES, features=_features())


def _features() -> dict[str, FeatureInfo]:
    return {
        name: FeatureInfo(name=name, inputs=info.inputs, purposes=info.purposes)
        for name, info in CATALOGUE.items()
    }


def open_core(
    settings: Settings, clock: Clock | None = None, *, apply: bool = False
) -> Core:
    """Build the core on an initialized data folder.

    Args:
        apply: put the policy documents in force. Only ``init`` and ``serve`` do; every
            other command works under the version that the store says is in force, so
            that a command beside a running service never changes what it decides by.

    Raises:
        CdpError: one of the refusals above, each with its code and its way out.
    """
    clock = clock or SystemClock()
    folder, ring = open_ring(settings)
    policy = read_policy(settings) if apply else None
    database = Database(folder.store_url(settings.store))
    try:
        prepare(database)
        log = open_log(folder, ring, settings, clock)
        log.check_start(database)
        rules = _decide_by(database, policy or _kept(database, settings), log, clock)
    except BaseException:
        database.close()
        raise
    return Core(
        settings=settings,
        folder=folder,
        ring=ring,
        database=database,
        in_force=rules,
        log=log,
        lake=Lake(
            folder.lake,
            database,
            clock,
            engine=EngineSettings(
                memory_bytes=settings.memory_megabytes << 20,
                threads=settings.threads,
                spill=folder.path / "spill",
            ),
        ),
        clock=clock,
    )


def open_log(
    folder: DataFolder, ring: KeyRing, settings: Settings, clock: Clock
) -> AuditLog:
    """Return the log of a data folder; its checkpoints lie beside the key ring."""
    keys = settings.keys or Path(folder.info.keys)
    return AuditLog(
        ring=ring,
        folder=folder.log,
        checkpoint_path=keys.with_name(keys.name + ".checkpoints.db"),
        origin=folder.info.origin,
        clock=clock,
    )


def _kept(database: Database, settings: Settings) -> Policy:
    """Return the policy in force by the store; the documents for a new store."""
    with database.snapshot() as connection:
        version = in_force(connection)
        bundle = bundle_of(connection, version) if version else None
    if version is None or bundle is None:
        return read_policy(settings)
    return read_bundle(bundle, version, features=_features())


def _decide_by(
    database: Database, policy: Policy, log: AuditLog, clock: Clock
) -> PolicyInForce:
    """Put ``policy`` in force, recorded, unless it is already.

    Every decision is folded again under a new version before anything else happens.
    """
    with database.transaction() as connection:
        lock_seq(connection)
        bits = scope_bits(connection, policy)
        rules = put_together(policy, bits)
        if in_force(connection) != policy.version:
            put_in_force(connection, policy, clock)
            rebuild(connection, rules=rules, log=log, now=clock.now())
            log.append(
                connection,
                [
                    Draft(
                        kind=Kind.POLICY_CHANGE,
                        policy=policy.version,
                        host=socket.gethostname(),
                    )
                ],
            )
    return rules
