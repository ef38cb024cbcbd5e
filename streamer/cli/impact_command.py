"""``streamer impact``: what alerts cost and are worth, and the budget that would be worth most."""

from __future__ import annotations

import time
from pathlib import Path

import click

from streamer.cli.files import PAYMENTS, Reading, reads_payments
from streamer.cli.label_options import LabelsOf, teaches_by_labels
from streamer.cli.options import as_json
from streamer.cli.passes import pass_config
from streamer.display.output import print_json, readable_errors
from streamer.display.progress_bars import Bars
from streamer.settings import load_settings

__all__ = ["impact"]


@click.command()
@click.argument("file", type=PAYMENTS)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Seed for intervals and for drawing chargebacks.",
)
@teaches_by_labels
@reads_payments
@as_json
@readable_errors
def impact(file: Path, seed: int, labels: LabelsOf, reading: Reading, as_json: bool) -> None:
    """Show in money what FILE's alerts would cost and save.

    Money is per day, for the budget in force and for other budgets. FILE's payments pass as in
    `streamer evaluate`; its labels say what was fraud. Prices are settings: STREAMER_REVIEW_COST,
    STREAMER_FALSE_ALARM_COST, STREAMER_FALSE_ALARM_SHARE, STREAMER_SAVED_SHARE, and
    STREAMER_CURRENCY_VALUES where payments are in several currencies. Nothing is written to Kafka
    or Redis.

    \b
    STREAMER_REVIEW_COST=5 STREAMER_FALSE_ALARM_COST=3 streamer impact payments.parquet
    streamer impact payments.parquet --json
    """
    from streamer.impact.impact_figures import impact_figures, told_lines
    from streamer.impact.impact_of_file import payments_of_file
    from streamer.impact.prices import prices_of
    from streamer.settings.currency_values import currency_values

    settings = load_settings()
    with reading.report(file) as report, Bars() as bars:
        payments = payments_of_file(
            report,
            pass_config(settings, labels.plan(seed)),
            currency_values(settings.currency_values),
            batch_size=settings.batch_max_records,
            now_ms=time.time_ns() // 1_000_000,
            on_progress=bars.advance,
        )
    found = impact_figures(payments, prices_of(settings), seed) | report.to_dict()
    if as_json:
        print_json(found)
    else:
        click.echo("\n".join(told_lines(found)))
