"""``cdp bench``: the bars of the plan, measured on this machine.

Each command measures a part of the core and, in the same run, the limit that the part
is held against: the same work with no privacy in it. What counts is the ratio; figures
of two machines, or of two runs, are not to be compared. All data are made up.

``--json`` prints one object: ``figure``, ``limit``, ``ratio``, ``unit`` and what was
run.
"""

import click

from cdp.cli.bench.consent import consent
from cdp.cli.bench.ingest import ingest
from cdp.cli.bench.pseudonyms import pseudonyms
from cdp.cli.bench.release import release


@click.group()
def bench() -> None:
    """Measure a part of the core against its limit, in the same run."""


for command in (ingest, release, pseudonyms, consent):
    bench.add_command(command)
