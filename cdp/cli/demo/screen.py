"""What the demo shows: panels, tables, and one bar with a live rate.

Refuses to compute: it is handed numbers and prints them.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.panel import Panel
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from cdp.cli.demo.calls import LogRecord
from cdp.cli.demo.people import MADE_UP
from cdp.cli.demo.reconciliation import Figures, SegmentLine

_DIGEST_SHOWN: Final = 12


class Screen:
    """One run on one console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._step = 0

    def open(self) -> None:
        """Say what the demo is, and what of it is made up."""
        self._console.print(
            Panel(MADE_UP, title="cdp demo: what is real and what is not", expand=False)
        )

    def step(self, title: str) -> None:
        """Begin a step."""
        self._step += 1
        self._console.print(f"\n[bold]{self._step}. {title}[/bold]")

    def say(self, text: str) -> None:
        """Print one plain line."""
        self._console.print(f"   {text}", markup=False, highlight=False)

    def progress(self) -> Progress:
        """Return a bar for the replay; the rate is that of the whole run so far."""
        return Progress(
            TextColumn("   {task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeElapsedColumn(),
            console=self._console,
        )

    def counts(self, title: str, counts: Mapping[str, int]) -> None:
        """Print counts by reason."""
        table = Table("reason", title=title, title_justify="left")
        table.add_column("count", justify="right")
        for reason, count in sorted(counts.items(), key=lambda item: -item[1]):
            table.add_row(reason, f"{count:,}")
        self._console.print(table)

    def segments(self, title: str, segments: Sequence[SegmentLine]) -> None:
        """Print the sizes of segments and what each spends."""
        table = Table("segment", title=title, title_justify="left")
        for name in ("profiles", "spend, USD", "per profile"):
            table.add_column(name, justify="right")
        for line in segments:
            mean = line.spend / line.size if line.size else 0.0
            table.add_row(
                line.name, f"{line.size:,}", f"{line.spend:,.2f}", f"{mean:,.2f}"
            )
        self._console.print(table)

    def records(
        self, title: str, records: Sequence[LogRecord], names: Mapping[str, str]
    ) -> None:
        """Print records of the log: who, when, what for, under which policy.

        Args:
            title: Above the table.
            records: In the order to show.
            names: Of clients, by their id.
        """
        table = Table(
            "index",
            "when (UTC)",
            "what",
            "who",
            "purpose",
            "policy",
            "consent at",
            "this household",
            title=title,
            title_justify="left",
        )
        for record in records:
            said = record.envelope
            client = record.payload.client if record.payload else None
            table.add_row(
                str(record.index),
                f"{record.recorded_at:%Y-%m-%d %H:%M:%S}",
                said.kind,
                names.get(client or "", client or ""),
                said.purpose or "",
                (said.policy or "")[:_DIGEST_SHOWN],
                "" if said.watermark is None else str(said.watermark),
                ", ".join(record.roles),
            )
        self._console.print(table)

    def summary(self, figures: Figures) -> None:
        """Print the numbers of the run."""
        table = Table("figure", title="summary", title_justify="left")
        table.add_column("value", justify="right")
        rows = {
            "events sent": f"{figures.events_sent:,}",
            "events accepted": f"{figures.events_accepted:,}",
            "events refused": f"{sum(figures.events_refused.values()):,}",
            "events deduplicated": f"{figures.events_deduplicated:,}",
            "seconds of ingest": f"{figures.seconds_ingest:,.1f}",
            "events per second": f"{figures.events_per_second:,.0f}",
            "identifiers": f"{figures.identifiers:,}",
            "profiles": f"{figures.profiles:,}",
            "rows released": f"{figures.released_rows:,}",
            "profiles withheld": f"{sum(figures.withheld.values()):,}",
            "silhouette": f"{figures.silhouette:.3f}",
            "records in the log": f"{figures.audit_size:,}",
            "root of the log": figures.audit_root[:_DIGEST_SHOWN],
            "log verified": "yes" if figures.audit_verified else "NO",
            "withdrawal effective": "yes" if figures.withdrawal_effective else "NO",
        }
        for name, value in rows.items():
            table.add_row(name, value)
        self._console.print()
        self._console.print(table)

    def faults(self, faults: Sequence[str]) -> None:
        """Say whether the numbers reconcile, and which do not."""
        if not faults:
            self._console.print("[bold green]The numbers reconcile.[/bold green]")
            return
        self._console.print("[bold red]The numbers do not reconcile:[/bold red]")
        for fault in faults:
            self.say(fault)


class _Rate(ProgressColumn):
    """Events per second since the start, which is what the summary will say."""

    def render(self, task: Task) -> Text:
        elapsed = task.finished_time if task.finished else task.elapsed
        if not elapsed:
            return Text("- events/s")
        return Text(f"{task.completed / elapsed:,.0f} events/s")
