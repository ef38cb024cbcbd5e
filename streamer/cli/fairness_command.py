"""``streamer fairness``: how differently groups of payments are treated."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from streamer.cli.files import PAYMENTS, Reading, reads_payments
from streamer.cli.label_options import LabelsOf, teaches_by_labels
from streamer.cli.options import as_json
from streamer.cli.passes import pass_config
from streamer.display.output import print_json, readable_errors
from streamer.display.progress_bars import Bars
from streamer.durations import DAY_MS
from streamer.errors import ConfigurationError
from streamer.settings import Settings, load_settings

if TYPE_CHECKING:
    from streamer.fairness import Limits, Observed

__all__ = ["fairness"]

_MOST: Final = 2_000_000


@click.group()
def fairness() -> None:
    """Look at how differently groups of payments are treated, beyond chance."""


@fairness.command("report")
@click.argument("file", type=PAYMENTS, required=False)
@click.option(
    "--days",
    type=click.FloatRange(min=0.01),
    default=30.0,
    show_default=True,
    help="Without FILE: how far back alerts and verdicts of the service are read.",
)
@click.option(
    "--least",
    type=click.IntRange(min=1),
    default=1_000,
    show_default=True,
    metavar="PAYMENTS",
    help="A group with fewer payments is not told. Precision takes 30 judged alerts, recall 30 "
    "frauds, and cards 100.",
)
@click.option(
    "--html",
    "html_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="OUT.html",
    help="Write a page of it.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of what is drawn for chargebacks."
)
@teaches_by_labels
@reads_payments
@as_json
@readable_errors
def report(
    file: Path | None,
    days: float,
    least: int,
    html_path: Path | None,
    seed: int,
    labels: LabelsOf,
    reading: Reading,
    as_json: bool,
) -> None:
    """Tell alert rate, precision, recall and false alarms by country, channel, category and currency.

    With FILE its payments pass as in `streamer evaluate`; all of them after the first quarter count.
    Without, alerts, the random sample below the threshold and verdicts are read from their topics
    (STREAMER_KAFKA_BOOTSTRAP_SERVERS); what did not alert is estimated from the sample. Each group is
    held against all other payments, with intervals; a difference is told where chance among all that
    were compared does not explain it. Nothing is written to Kafka or Redis.

    \b
    streamer fairness report payments.parquet --html fairness.html
    streamer fairness report --days 90 --json
    """
    from streamer.fairness import Limits, fairness_findings, fairness_page, told_lines

    if html_path is not None and not html_path.parent.is_dir():
        raise ConfigurationError(f"directory of --html must exist, got {html_path.parent}")
    settings, limits = load_settings(), Limits(payments=least)
    if file is None:
        found = _of_service(settings, days, limits)
    else:
        observed, read = _of_file(file, settings, labels, seed, reading)
        found = fairness_findings(observed, limits, str(file)) | read
    if html_path is not None:
        html_path.write_text(fairness_page(found), encoding="utf-8")
    if as_json:
        print_json(found)
    else:
        click.echo("\n".join(told_lines(found)))
    if html_path is not None:
        click.echo(f"written: {html_path}", err=True)


def _of_file(
    file: Path, settings: Settings, labels: LabelsOf, seed: int, reading: Reading
) -> tuple[Observed, dict[str, Any]]:
    """Return what is known of the payments of a file, and what became of its rows."""
    from streamer.fairness import observe_file

    with reading.report(file) as report, Bars() as bars:
        observed = observe_file(
            report,
            pass_config(settings, labels.plan(seed)),
            batch_size=settings.batch_max_records,
            now_ms=time.time_ns() // 1_000_000,
            on_progress=bars.advance,
        )
    return observed, report.to_dict()


def _of_service(settings: Settings, days: float, limits: Limits) -> dict[str, Any]:
    from streamer.fairness import fairness_findings, observe_service, read_alert, read_ruling
    from streamer.stream.kafka.recent_records import partitions_of, records_since

    until_ms = time.time_ns() // 1_000_000
    since_ms = until_ms - round(days * DAY_MS)

    def values(topic: str) -> list[bytes | None]:
        """Return the values of a topic in the order of Kafka's times."""
        within = since_ms, until_ms, _MOST
        found = [
            (message.timestamp()[1], message.value())
            for partition in partitions_of(settings, topic)
            for message in records_since(settings, topic, partition, *within)
        ]
        return [value for _, value in sorted(found, key=lambda each: each[0])]

    alerts = [read_alert(value) for value in values(settings.alerts_topic)]
    rulings = [read_ruling(value) for value in values(settings.feedback_topic)]
    told = [alert for alert in alerts if alert is not None]
    if not told:
        raise ConfigurationError(
            f"{settings.alerts_topic} must have alerts of the last {days:g} days, got none; see --days"
        )
    observed = observe_service(told, [ruling for ruling in rulings if ruling is not None])
    return fairness_findings(observed, limits, f"{settings.alerts_topic}, last {days:g} days")
