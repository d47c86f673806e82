"""A house for measuring: a data folder of its own that is gone afterwards."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cdp.app import Core, open_core
from cdp.auth import add_source
from cdp.kernel import SystemClock
from cdp.keys import KeyRing
from cdp.runtime import Settings, create_folder, lock_seq


@contextmanager
def measuring_house(store: str | None = None) -> Iterator[tuple[Core, str]]:
    """Make a house with one server source; yield its core and the write key.

    Args:
        store: an empty store's URL; None for the embedded one.
    """
    root = Path(tempfile.mkdtemp(prefix="cdp-bench-"))
    clock = SystemClock()
    try:
        keys = root / "keys" / "ring.json"
        keys.parent.mkdir()
        ring = KeyRing.create(keys, clock=clock)
        create_folder(
            root / "data",
            ring=ring.ring_id,
            keys=keys,
            origin="cdp.local/bench",
            store=None,
            now=clock.now(),
        )
        core = open_core(
            Settings(data=root / "data", keys=keys, store=store), clock, apply=True
        )
        try:
            with core.database.transaction() as connection:
                lock_seq(connection)
                _, key = add_source(
                    connection,
                    core.ring,
                    name="bench",
                    kind="server",
                    jurisdiction="KR",
                    clock=clock,
                )
            yield core, key
        finally:
            core.close()
    finally:
        shutil.rmtree(root, ignore_errors=True)
