"""``cdp bench pseudonyms``: a column of tokens against the bare cipher."""

import tempfile
import time
from pathlib import Path

import click
import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

from cdp.cli.bench.report import Report, rounded, show
from cdp.cli.console import json_option
from cdp.kernel import SystemClock
from cdp.keys import KeyRing
from cdp.pseudonym import Domain, pseudonymize


@click.command()
@click.option("--count", default=1_000_000, show_default=True, type=int)
@click.option("--rounds", default=5, show_default=True, type=int, help="Best of.")
@json_option
def pseudonyms(count: int, rounds: int, as_json: bool) -> None:
    """Measure how long a column of pseudonyms takes, against one raw AES call.

    \b
    cdp bench pseudonyms --count 1000000 --json
    """
    ids = np.random.default_rng(1).integers(0, 256, (count, 16), dtype=np.uint8)
    with tempfile.TemporaryDirectory(prefix="cdp-bench-") as root:
        ring = KeyRing.create(Path(root) / "ring.json", clock=SystemClock())
        domain = Domain(purpose="segmentation", recipient="crm")
        pseudonymize(ring, domain, 1, ids[:1])
        ours: list[float] = []
        bare: list[float] = []
        for _ in range(rounds):
            start = time.perf_counter()
            pseudonymize(ring, domain, 1, ids)
            ours.append(time.perf_counter() - start)
            start = time.perf_counter()
            # One block for each id, no chaining: a permutation of 16 bytes.
            Cipher(AES256(bytes(32)), ECB()).encryptor().update(ids.tobytes())  # noqa: S305 - the bare limit
            bare.append(time.perf_counter() - start)
    figure, limit = min(ours), min(bare)
    show(
        Report(
            name="pseudonyms",
            unit="seconds",
            figure=rounded(figure),
            limit=rounded(limit),
            ratio=rounded(figure / limit),
            bar="1 M under 0.1 s",
            detail={"count": count, "per_second": round(count / figure)},
        ),
        as_json=as_json,
    )
