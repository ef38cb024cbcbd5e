"""``streamer features``: what the features topic would have of a file, for a feature store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from streamer.cli.files import PAYMENTS, Reading, reads_payments
from streamer.cli.operator import now_ms
from streamer.display.output import readable_errors
from streamer.display.progress_bars import Bars
from streamer.errors import ConfigurationError
from streamer.settings import load_settings

__all__ = ["features"]


@click.command()
@click.argument("file", type=PAYMENTS)
@click.option(
    "--parquet",
    "out_path",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="OUT.parquet",
    help="Write the features to this file.",
)
@click.option(
    "--with-merchant",
    "merchants_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="OUT.parquet",
    help="Write the rows that name a merchant to a second file, for Feast, which takes no entity "
    "without a name.",
)
@reads_payments
@readable_errors
def features(file: Path, out_path: Path, merchants_path: Path | None, reading: Reading) -> None:
    """Write the features of FILE's payments to a Parquet file.

    They are as a worker would score them, with point-in-time columns. A row is what a worker writes
    to STREAMER_FEATURES_TOPIC for the payment: what was known of card and merchant before it.
    `event_timestamp` is the payment's time, `created_timestamp` that of this run. On a topic with
    several partitions a worker sees a merchant's payments of one partition only, so that features
    of the merchant differ there; those of the card are the same. ops/feast reads the file. Needs
    pyarrow (extra `evaluation` or `embedded`).

    \b
    streamer features payments.parquet --parquet features.parquet
    """
    from streamer.offline.feature_file import feature_rows, write_feature_file
    from streamer.offline.offline_partition import OfflinePartition
    from streamer.starting.wiring import pipeline_config

    for option, path in (("--parquet", out_path), ("--with-merchant", merchants_path)):
        if path is not None and not path.parent.is_dir():
            raise ConfigurationError(f"directory of {option} must exist, got {path.parent}")
    settings = load_settings()
    partition = OfflinePartition(
        replace(pipeline_config(settings), with_features=True),
        settings.cards_capacity,
        settings.merchants_capacity,
        settings.checkpoint_max_transactions,
    )
    with reading.report(file) as report, Bars() as bars:
        n_rows = report.file.n_rows
        rows = feature_rows(
            report.batches(settings.batch_max_records),
            partition,
            now_ms=now_ms(),
            on_progress=lambda n: bars.advance("features", n, n_rows),
            on_decoded=report.add,
        )
        n_written = write_feature_file(out_path, rows, merchants_path)
        report.require_payments()
    for note in report.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"{n_written:,} payments written to {out_path}", err=True)
