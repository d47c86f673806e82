"""``cdp consent``: why a decision is what it is, imports, the check of the relation.

The person is asked for by a prompt or read from standard input: an identifier in the
argument list would stand in the shell's history and in the list of processes.

``explain`` goes through the gate and is a record of the log like any other look. Who
runs a command holds the key ring already; the gate still asks which role may look, and
takes the policy's own.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec
from rich.progress import Progress, TaskID

from cdp.app import Core, open_core
from cdp.audit import Kind
from cdp.auth import Caller, sources
from cdp.cli.console import (
    EXIT_NO,
    EXIT_REFUSED,
    err,
    json_option,
    out,
    say,
    with_settings,
)
from cdp.cli.explanation import Page
from cdp.cli.receipts import receipt
from cdp.gate import (
    AccessRequest,
    Denied,
    PersonDoors,
    Place,
    Subject,
    check_relation,
)
from cdp.gate.wording import Language
from cdp.ingest import BulkImport, Checked, Fault, ImportTerms
from cdp.policy import Policy
from cdp.runtime import Settings, Writer

_AGENT = "cdp consent explain"
_SHOWN = 20


class InstantParam(click.ParamType[datetime]):
    """An instant with its zone, such as ``2026-11-25T09:00:00+09:00``."""

    name = "instant"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read it, or say what it lacks."""
        if isinstance(value, datetime):
            return value
        try:
            instant = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail("an instant is written 2026-11-25T09:00:00+09:00", param, ctx)
        if instant.tzinfo is None:
            self.fail("an instant has a zone: end it with Z or +09:00", param, ctx)
        return instant


class _Named(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An identifier as standard input brings it."""

    namespace: str
    value: str
    source: str = ""
    region: str | None = None


@click.group()
def consent() -> None:
    """What people decided, and what it comes to."""


consent.add_command(receipt)


@consent.command()
@click.option("--purpose", required=True, help="A purpose of the policy.")
@click.option(
    "--intent",
    type=click.Choice(["use", "send", "ask"]),
    default="use",
    show_default=True,
    help="use the data, send an ad now, or ask the person again.",
)
@click.option("--at", "valid_at", type=InstantParam(), help="What was decided by then.")
@click.option("--known", "known_at", type=InstantParam(), help="What was known then.")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the person from JSON.")
@click.option(
    "--lang", type=click.Choice(["en", "ko"]), default="en", show_default=True
)
@json_option
@with_settings
def explain(
    settings: Settings,
    purpose: str,
    intent: str,
    valid_at: datetime | None,
    known_at: datetime | None,
    from_stdin: bool,
    lang: Language,
    as_json: bool,
) -> None:
    """Say why one purpose is open or closed for one person; the look is recorded.

    \b
    cdp consent explain --purpose segmentation
    cdp consent explain --purpose marketing.email --intent send --lang ko
    cdp consent explain --purpose analytics --stdin --json < person.json
    """
    core = open_core(settings)
    writer = Writer(core.database)
    try:
        policy = core.in_force.policy
        subject = _subject(policy, from_stdin)
        people = PersonDoors(
            database=core.database,
            writer=writer,
            ring=core.ring,
            audit=core.log,
            policy_in_force=core.in_force,
            clock=core.clock,
        )
        ruling = people.consent_explain(
            _request(policy),
            subject,
            about=purpose,
            intent=intent,
            valid_at=valid_at,
            known_at=known_at,
        )
        core.publish()
        senders = _senders(core)
    finally:
        writer.close()
        core.close()
    if isinstance(ruling, Denied):
        err.print(f"{ruling.reason}: the gate says no; record {ruling.record}")
        raise click.exceptions.Exit(EXIT_REFUSED)
    told = ruling.value
    if as_json:
        say(told, as_json=True)
        return
    # A past policy may have had purposes that today's has not.
    named = policy.purposes.get(purpose)
    title = "" if named is None else named.title.ko if lang == "ko" else named.title.en
    Page(out, lang, senders).show(told, title)


def _subject(policy: Policy, from_stdin: bool) -> Subject:
    if from_stdin:
        try:
            named = msgspec.json.decode(sys.stdin.read(), type=_Named)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise click.UsageError(
                'standard input is {"namespace": ..., "value": ...}'
            ) from error
    else:
        namespace = click.prompt("namespace", err=True)
        named = _Named(namespace=namespace, value=click.prompt("value", err=True))
    known = sorted(namespace.name for namespace in policy.identity.namespaces)
    if named.namespace not in known:
        raise click.UsageError(f"the policy knows the namespaces {', '.join(known)}")
    return Subject(
        namespace=named.namespace,
        value=named.value,
        source=named.source,
        region=named.region,
    )


def _request(policy: Policy) -> AccessRequest:
    """Ask as the policy's own role that may read consent; none is refused there."""
    may = sorted(
        (name, role.purposes[0])
        for name, role in policy.roles.items()
        if Kind.CONSENT_READ in role.may and role.purposes
    )
    role, purpose = may[0] if may else ("", "")
    return AccessRequest(
        caller=Caller(
            client_id="operator",
            name="operator",
            roles=(role,),
            purposes=(purpose,),
            token_id="",
        ),
        what=Kind.CONSENT_READ,
        purpose=purpose,
        place=Place(agent=_AGENT),
    )


def _senders(core: Core) -> dict[int, str]:
    with core.database.snapshot() as connection:
        return {source.id: source.name for source in sources(connection)}


@consent.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--basis", required=True, help="The legal basis of taking it over.")
@click.option("--operator", required=True, help="Who answers for it.")
@click.option("--jurisdiction", help="Of lines that name none. [unknown]")
@click.option("--notice", help="Of lines that name none.")
@click.option("--dry-run", is_flag=True, help="Check the file and write nothing.")
@click.option("--skip-bad", is_flag=True, help="Leave out lines that are bad.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write every bad line's number, field and code there, as NDJSON.",
)
@json_option
@with_settings
def import_command(
    settings: Settings,
    file: Path,
    basis: str,
    operator: str,
    jurisdiction: str | None,
    notice: str | None,
    dry_run: bool,
    skip_bad: bool,
    report: Path | None,
    as_json: bool,
) -> None:
    """Take over consent that another system kept, from NDJSON, CSV or Parquet.

    The whole file is checked before anything is written; a bad line stops it. The same
    file can be imported again: what is in the ledger already is not appended.

    \b
    cdp consent import old.ndjson --basis "PIPA 22, forms of 2024" --operator kim
    cdp consent import old.csv --basis "GDPR 6(1)(a)" --operator kim --dry-run
    """
    terms = ImportTerms(
        basis=basis, operator=operator, jurisdiction=jurisdiction, notice=notice
    )
    core = open_core(settings)
    writer = Writer(core.database)
    try:
        bulk = BulkImport(
            in_force=core.in_force,
            log=core.log,
            ring=core.ring,
            writer=writer,
            clock=core.clock,
        )
        with _reporting(report) as on_fault, _bar() as (bar, task):
            checked = bulk.check(
                file,
                terms,
                on_fault=on_fault,
                progress=lambda done: bar.update(task, completed=done),
            )
        is_stopped = bool(checked.faults) and not skip_bad
        if is_stopped or dry_run:
            say(_summary(checked), as_json=as_json)
            if is_stopped:
                err.print("nothing was written: mend the lines, or --skip-bad")
                raise click.exceptions.Exit(EXIT_NO)
            return
        with _bar() as (bar, task):
            bar.update(task, total=checked.lines)
            written = bulk.write(
                file,
                terms,
                skip_bad=skip_bad,
                progress=lambda done: bar.update(task, completed=done),
            )
        core.publish()
    finally:
        writer.close()
        core.close()
    say(_summary(checked) | msgspec.to_builtins(written), as_json=as_json)


def _summary(checked: Checked) -> dict[str, Any]:
    return {
        "lines": checked.lines,
        "good": checked.good,
        "bad": checked.faults,
        "remarks": checked.remarks,
    }


@contextmanager
def _reporting(report: Path | None) -> Iterator[Any]:
    """Return what is told of bad lines: a file, or the first few on stderr."""
    if report is None:
        shown = 0

        def show(fault: Fault) -> None:
            nonlocal shown
            shown += 1
            if shown <= _SHOWN:
                place = f", {fault.field}" if fault.field else ""
                err.print(f"line {fault.line}{place}: {fault.code}", markup=False)

        yield show
        if shown > _SHOWN:
            err.print(f"and {shown - _SHOWN} more: --report FILE names them all")
        return
    with report.open("wb") as lines:
        yield _writer_of(lines)


def _writer_of(lines: BinaryIO) -> Any:
    def write(fault: Fault) -> None:
        lines.write(msgspec.json.encode(fault) + b"\n")

    return write


@contextmanager
def _bar() -> Iterator[tuple[Progress, TaskID]]:
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        yield bar, bar.add_task("lines", total=None)


@consent.command()
@json_option
@with_settings
def verify(settings: Settings, as_json: bool) -> None:
    """Fold the whole ledger again and compare it with what decides now.

    Reads one snapshot, so a service may run. Exit status 1 names every handle that
    differs by its number in the log, never by an identifier.

    \b
    cdp consent verify --data /srv/cdp/data
    """
    core = open_core(settings)
    try:
        with core.database.snapshot() as connection, _bar() as (bar, task):
            checked = check_relation(
                connection,
                rules=core.in_force,
                log=core.log,
                now=core.clock.now(),
                progress=lambda done, of: bar.update(task, completed=done, total=of),
            )
    finally:
        core.close()
    for drift in checked.drifts[:_SHOWN]:
        err.print(
            f"handle {drift.handle}, {drift.scope}: {drift.stored}, "
            f"and the ledger comes to {drift.folded}",
            markup=False,
        )
    fields = msgspec.to_builtins(checked)
    drifts = fields.pop("drifts")
    say(
        {"ok": not drifts, **fields, "drifts": drifts if as_json else len(drifts)},
        as_json=as_json,
    )
    if drifts:
        raise click.exceptions.Exit(EXIT_NO)
