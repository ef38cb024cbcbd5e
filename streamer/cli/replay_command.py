"""``streamer replay``: the pipeline over a file."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
import msgspec
from rich.console import Console

from streamer.cli.files import PAYMENTS, Reading, reads_payments
from streamer.cli.options import as_json
from streamer.contract.messages import Alert
from streamer.display.output import EXIT_FAILED, print_json, readable_errors
from streamer.display.progress_bars import Bars
from streamer.explaining.explanation import explain
from streamer.model import Scorer
from streamer.settings import Settings, load_settings

if TYPE_CHECKING:
    from streamer.offline.offline_partition import OfflinePartition

__all__ = ["replay"]


@click.command()
@click.argument("file", type=PAYMENTS)
@click.option(
    "--alerts",
    "alerts_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="OUT.jsonl",
    help="Write the alerts to a JSON Lines file.",
)
@click.option(
    "--explain",
    "explain_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="OUT.jsonl",
    help="Write every alert with its whole decomposition, as `streamer explain --json` does.",
)
@reads_payments
@as_json
@readable_errors
def replay(
    file: Path,
    alerts_path: Path | None,
    explain_path: Path | None,
    reading: Reading,
    as_json: bool,
) -> None:
    """Score the payments of FILE without Kafka or Redis.

    FILE is JSON Lines, JSON, CSV or Parquet, also compressed by gzip or zstd; or a directory of such
    files; or - for standard input.

    The pipeline is the worker's, as if the file were one partition. The model's settings are read
    from STREAMER_* as the worker's are. Columns `label` and `fraud_pattern`, if any, are used only
    for the summary.

    With --explain each alert is scored once more from what it carries, by the version that scored
    it. Exit code 1 when any result differs, even in the last bit.

    \b
    streamer replay payments.jsonl --alerts alerts.jsonl --explain explained.jsonl
    streamer replay bank.parquet --map card_id=customer_id --map merchant_id=terminal_id \\
        --default currency=EUR
    """
    from streamer.display.summary_table import render_summary
    from streamer.offline.replay import replay as run

    settings = load_settings()
    with (
        reading.report(file) as report,
        _opened(alerts_path) as alerts_out,
        _opened(explain_path) as explained_out,
        Bars() as bars,
    ):
        written = _Written(alerts_out, explained_out)
        n_rows = report.file.n_rows
        bars.begin(f"{report.file.name}: {n_rows:,} rows to score, each before it teaches")
        summary = run(
            report.batches(settings.batch_max_records),
            _partition(settings),
            now_ms=lambda: time.time_ns() // 1_000_000,
            monotonic=time.monotonic,
            on_alert=written.add,
            on_progress=lambda n: bars.advance("scoring", n, n_rows),
            on_scored=written.explain,
            on_decoded=report.add,
        )
    report.require_payments()
    if explain_path is not None:
        click.echo(written.said, err=True)
    if as_json:
        print_json(summary.to_dict() | report.to_dict())
    else:
        Console().print(render_summary(summary, report.notes))
    if not summary.is_sound or written.n_reproduced != written.n_explained:
        raise SystemExit(EXIT_FAILED)


def _partition(settings: Settings) -> OfflinePartition:
    from streamer.offline.offline_partition import OfflinePartition
    from streamer.starting.wiring import pipeline_config

    capacities = settings.cards_capacity, settings.merchants_capacity
    config, most = pipeline_config(settings), settings.checkpoint_max_transactions
    return OfflinePartition(config, *capacities, most)


class _Written:
    """The alerts, and with ``explained`` their explanations, on their way to files."""

    def __init__(self, alerts: BinaryIO | None, explained: BinaryIO | None) -> None:
        self._alerts, self._explained = alerts, explained
        self._encoder = msgspec.json.Encoder()
        self.n_explained = self.n_reproduced = 0

    @property
    def said(self) -> str:
        """How many were explained, and how many of these came out the same."""
        return (
            f"{self.n_explained:,} alerts explained, {self.n_reproduced:,} reproduced bit for bit"
        )

    def add(self, alert: Alert) -> None:
        if self._alerts is not None:
            self._alerts.write(self._encoder.encode(alert) + b"\n")

    def explain(self, alert: Alert, version: Scorer) -> None:
        """Score the alert again by the version that scored it."""
        if self._explained is not None:
            explanation = explain(alert, version)
            self._explained.write(self._encoder.encode(explanation) + b"\n")
            self.n_explained += 1
            self.n_reproduced += bool(explanation.is_reproduced)


@contextlib.contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO | None]:
    if path is None:
        yield None
    else:
        with path.open("wb") as out:
            yield out
