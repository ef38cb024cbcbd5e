"""What the demo shows: a line of progress, alerts as a reviewer would read them, a closing table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from rich.console import Console, Group
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from streamer.codes import decimals_of
from streamer.events import Alert, Transaction
from streamer.intake.naming import printable
from streamer.ledger import Ledger
from streamer.simulator import FRAUD_PATTERNS
from streamer.summary import Summary

__all__ = ["SEVERITY_STYLES", "Display", "payment_text", "render_alert", "render_summary"]

# A reader needs about this long for an alert; the others are only counted.
_ALERT_EVERY_S: Final = 2.5
_PLAIN_EVERY_S: Final = 5.0
_SHOWN_REASONS: Final = 3
SEVERITY_STYLES: Final = {"critical": "bold red", "high": "red", "medium": "yellow"}


class Display:
    """The demo's screen; silent when ``is_quiet``, plain lines where there is no terminal."""

    def __init__(self, console: Console, is_quiet: bool) -> None:
        self._console = console
        self._is_quiet = is_quiet
        self._shown_at = 0.0
        self._plain_at = 0.0
        self._rate_from = (time.monotonic(), 0)
        self._rate = 0.0
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}"),
            console=console,
            transient=True,
            disable=is_quiet or not console.is_terminal,
        )
        self._task = self._progress.add_task("starting", total=None, figures="")

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def status(self, text: str) -> None:
        """Say what is going on before the first payment."""
        self._progress.update(self._task, description=text)
        if not self._is_quiet and not self._console.is_terminal:
            self._console.print(text)

    def note(self, text: str) -> None:
        """Print a line that stays."""
        if not self._is_quiet:
            self._console.print(text, highlight=False)

    def alert(self, alert: Alert) -> None:
        """Show an alert, unless one is still being read."""
        now = time.monotonic()
        if self._is_quiet or now - self._shown_at < _ALERT_EVERY_S:
            return
        self._shown_at = now
        self._console.print(render_alert(alert))

    def progress(self, n_payments: int, n_sent: int, ledger: Ledger, n_alerts: int) -> None:
        """Bring the line of progress up to date."""
        now = time.monotonic()
        since, before = self._rate_from
        if now - since >= 1.0:
            self._rate = (ledger.consumed - before) / (now - since)
            self._rate_from = (now, ledger.consumed)
        figures = (
            f"{ledger.scored:,} scored of {n_sent:,} sent, {self._rate:,.0f}/s, "
            f"{ledger.dead_lettered:,} dead letters, {n_alerts:,} alerts"
        )
        warming = ledger.scored and ledger.scored == ledger.warming
        self._progress.update(
            self._task,
            description="warming up" if warming else "scoring",
            total=n_payments,
            completed=ledger.consumed,
            figures=figures,
        )
        is_plain = not self._is_quiet and not self._console.is_terminal
        if is_plain and now - self._plain_at >= _PLAIN_EVERY_S:
            self._plain_at = now
            self._console.print(figures, highlight=False)


def payment_text(payment: Transaction) -> Text:
    """Return how much, with which card, where and when."""
    text = Text()
    place = ", ".join(
        part for part in (payment.merchant_id, payment.channel, payment.country) if part
    )
    text.append(
        f"{payment.amount:,.{decimals_of(payment.currency)}f} {payment.currency}", style="bold"
    )
    text.append(f" with {printable(payment.card_id)}{' at ' + printable(place) if place else ''}, ")
    text.append(f"{payment.timestamp:%Y-%m-%d %H:%M}")
    return text


def render_alert(alert: Alert) -> Panel:
    """Return an alert as a reviewer would want to read it."""
    style = SEVERITY_STYLES[alert.severity]
    text = payment_text(alert.transaction)
    text.append("\n")
    for reason in alert.reasons[:_SHOWN_REASONS]:
        text.append(f"  {reason.share:4.0%}  {reason.sentence}\n")
    if alert.counterfactual is not None:
        text.append(f"  {alert.counterfactual.sentence}\n", style="dim")
    rank = f"more unusual than {alert.score:.3%} of recent payments"
    title = f"[{style}]{alert.severity}[/{style}] {alert.alert_id}"
    text.append(f"  {rank}; {printable(alert.transaction.transaction_id)}", style="dim")
    return Panel(text, title=title, title_align="left", border_style=style, padding=(0, 1))


def _exceptions(ledger: Ledger) -> list[tuple[str, str, str]]:
    """Return a row for each thing that most runs have none of."""
    rows = [
        ("repeated", ledger.repeated, "sent again, not scored again"),
        ("skipped", ledger.skipped, "offsets without a record"),
        ("lost", ledger.lost, "gone before they were read"),
        ("overflow", ledger.overflowed, "alerts beyond twice the budget, on a topic of their own"),
    ]
    return [(name, f"{n:,}", note) for name, n, note in rows if n]


def render_summary(summary: Summary, notes: Sequence[str] = ()) -> Group:
    """Return the closing table, and below it what there is to say of the file."""
    figures = summary.to_dict()
    table = Table(title="Summary", title_justify="left", show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    latency = figures["latency_ms"]
    budget = figures["alert_budget"]
    achieved = budget["achieved"]
    is_replay = summary.worker_restarts is None
    span = "batch read to alert built" if is_replay else "payment sent to alert published"
    ledger = summary.ledger
    parts = ["scored", "dead letters"] + [
        name for name in ("repeated", "skipped", "lost") if getattr(ledger, name)
    ]
    balance = f"{' + '.join(parts)} = consumed" if not ledger.imbalance else "BROKEN"
    rows = [
        ("sent", f"{figures['sent']:,}", ""),
        ("consumed", f"{figures['consumed']:,}", balance),
        ("scored", f"{figures['scored']:,}", f"{figures['ledger']['warming']:,} while warming up"),
        ("dead letters", f"{figures['dead_lettered']:,}", ""),
        *_exceptions(ledger),
        ("model versions", f"{figures['model_versions']:,}", ""),
        ("transactions seen", f"{figures['transactions_seen']:,}", "by the model, each once"),
        (
            "throughput",
            f"{figures['throughput_per_s']:,.0f}/s",
            "start included" if is_replay else "start and checkpoints included",
        ),
        ("alerts", f"{figures['alerts']:,}", f"{figures['duplicate_alerts']} of them twice"),
        (
            "alert budget",
            f"{budget['requested']:.2%}",
            "achieved " + ("-" if achieved is None else f"{achieved:.2%}"),
        ),
        (
            "alert latency",
            "-" if latency["p50"] is None else f"{latency['p50']:,.0f} ms",
            f"median, {span}"
            + ("" if latency["p99"] is None else f"; p99 {latency['p99']:,.0f} ms"),
        ),
    ]
    if summary.alerts_per_hour is not None:
        requested, per_hour = summary.alerts_per_hour
        said = "achieved " + ("-" if per_hour is None else f"{per_hour:,.1f}") + " recently"
        rows.append(("alerts per hour", f"{requested:,.1f}", said))
    if not is_replay:
        rows.append(("worker restarts", f"{figures['worker_restarts']}", ""))
    if summary.tally.is_labelled:
        normal = figures["normal"]
        rows.append(("normal payments", f"{normal['sent']:,}", f"{normal['alerted']:,} alerted"))
        for name, counts in figures["patterns"].items():
            pattern = FRAUD_PATTERNS.get(name)
            hidden = pattern is not None and not pattern.visible_without_labels
            note = f"{counts['alerted']:,} alerted" + (
                "; not visible without verdicts" if hidden else ""
            )
            rows.append((f"fraud: {name}", f"{counts['injected']:,}", note))
        unlabelled = figures["unlabelled"]
        if unlabelled["sent"]:
            alerted = f"{unlabelled['alerted']:,} alerted"
            rows.append(("unlabelled", f"{unlabelled['sent']:,}", alerted))
    for row in rows:
        table.add_row(*row)
    return Group(table, *(Text(f"- {note}") for note in notes))
