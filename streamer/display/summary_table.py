"""What a run of the demo or a replay came to, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from streamer.contract.ledger import Ledger
from streamer.reports.census_report import estimates_of
from streamer.reports.summary import Summary, VerdictCount
from streamer.simulator import FRAUD_PATTERNS

__all__ = ["render_summary"]


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
    table = Table(title="Summary", title_justify="left", show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    figures = summary.to_dict()
    for row in (
        *_flow(summary, figures),
        *_alerting(summary, figures),
        *_judged(summary.verdict_count),
        *_found(summary, figures),
    ):
        table.add_row(*row)
    return Group(table, *(Text(f"- {note}") for note in notes))


def _judged(count: VerdictCount | None) -> list[tuple[str, str, str]]:
    """Return how many verdicts came, and whether all of them arrived."""
    if count is None:
        return []
    if not count.n:
        return [("verdicts", "0", "none was due, or nothing is labelled")]
    stored = "each stored once" if count.is_whole else f"BROKEN: {count.stored:,} stored"
    who = (
        f"{count.reviews:,} on alerts, {count.chargebacks:,} chargebacks; {stored}, {count.learned:,} "
        "learned"
    )
    return [("verdicts", f"{count.n:,}", who)]


def _flow(summary: Summary, figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return what came in, and what became of it."""
    is_replay = summary.worker_restarts is None
    ledger = summary.ledger
    parts = ["scored", "dead letters"] + [
        name for name in ("repeated", "skipped", "lost") if getattr(ledger, name)
    ]
    balance = f"{' + '.join(parts)} = consumed" if not ledger.imbalance else "BROKEN"
    return [
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
    ]


def _alerting(summary: Summary, figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return how much was alerted of what was agreed, and how soon."""
    latency, budget = figures["latency_ms"], figures["alert_budget"]
    achieved = budget["achieved"]
    is_replay = summary.worker_restarts is None
    span = "batch read to alert built" if is_replay else "payment sent to alert published"
    rows = [
        ("alerts", f"{figures['alerts']:,}", f"{figures['duplicate_alerts']} of them twice"),
        *_sampled(summary, figures),
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
    return rows


def _found(summary: Summary, figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return which frauds were alerted, as far as the file says which payments are."""
    estimates = estimates_of(figures["found"])
    if not summary.tally.is_labelled:
        return [(name, *words) for name, words in estimates.items()]
    told = [
        (f"{name}, estimated", words[0], f"{words[1]}, from alerts' labels alone")
        for name, words in estimates.items()
    ]
    normal = figures["normal"]
    rows = [
        *_by_labels(figures),
        ("normal payments", f"{normal['sent']:,}", f"{normal['alerted']:,} alerted"),
    ]
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
    return rows + told


def _by_labels(figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return recall by the labels of all payments; of a file that has no fraud there is none."""
    frauds = figures["fraud"]["injected"]
    if not frauds:
        return []
    alerted = figures["fraud"]["alerted"]
    note = f"{alerted:,} of {frauds:,} frauds alerted, by all labels"
    return [("recall", f"{alerted / frauds:.1%}", note)]


def _sampled(summary: Summary, figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return how many alerts say nothing of their payments, and what they found all the same."""
    sampled = figures["sampled"]
    if not sampled["alerts"]:
        return []
    note = "of these, drawn at random from below the threshold"
    found = f"; {sampled['fraud']:,} fraud" if summary.tally.is_labelled else ""
    return [("sampled", f"{sampled['alerts']:,}", note + found)]
