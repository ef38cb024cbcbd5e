"""``streamer fairness``: how differently groups of payments are treated."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

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

_Read = TypeVar("_Read")
_MOST: Final = 500_000
"""Records of a topic that are read, the latest: some 350 MB of alerts."""
# Of the days that are asked for: so long nobody may have been alerted on, or the topic keeps less.
_SLACK: Final = 0.01


@click.group()
def fairness() -> None:
    """Show how differently groups of payments are treated."""


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
    help="Leave out groups with fewer payments. Precision takes 30 judged alerts, recall 30 frauds, "
    "and cards 100.",
)
@click.option(
    "--html",
    "html_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="OUT.html",
    help="Write the report as an HTML page.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed for drawing chargebacks."
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
    """Show alert rate, precision, recall and false alarms.

    By country, channel, merchant category and currency.

    With FILE, its payments pass as in `streamer evaluate`; those after the first quarter count.
    Without, alerts, what the budget's fuse held back, the random sample below the threshold and
    verdicts are read from their topics (STREAMER_KAFKA_BOOTSTRAP_SERVERS); what did not alert is
    estimated from the sample. Each group is compared with all other payments, with intervals; a
    difference is reported where chance does not explain it, in view of how many groups are
    compared. Nothing is written to Kafka or Redis.

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
    from streamer.store import rfc3339
    from streamer.stream.kafka.recent_records import partitions_of, records_since

    until_ms = time.time_ns() // 1_000_000
    since_ms = until_ms - round(days * DAY_MS)
    is_cut = False

    def told_on(
        topic: str, read: Callable[[bytes | None], _Read | None]
    ) -> list[tuple[int, _Read]]:
        """Return what a topic says by Kafka's times, in their order; only that is held of a record."""
        nonlocal is_cut
        partitions, found = partitions_of(settings, topic), list[tuple[int, _Read]]()
        most = max(_MOST // len(partitions), 1)
        for partition in partitions:
            offsets: list[int] = []
            for message in records_since(settings, topic, partition, since_ms, until_ms, most):
                offsets = [*offsets[:1], message.offset() or 0]
                if (told := read(message.value())) is not None:
                    found.append((message.timestamp()[1], told))
            is_cut |= bool(offsets) and offsets[-1] - offsets[0] + 1 >= most
        return sorted(found, key=lambda each: each[0])

    told = told_on(settings.alerts_topic, read_alert)
    rulings = told_on(settings.feedback_topic, read_ruling)
    try:
        held = told_on(settings.overflow_topic, read_alert)
    except ConfigurationError:
        # It is made by the first worker that may make topics.
        held = []
    if not told:
        raise ConfigurationError(
            f"{settings.alerts_topic} must have alerts of the last {days:g} days, got none; see --days"
        )
    oldest_ms = told[0][0]
    source = f"{settings.alerts_topic}, last {days:g} days"
    if oldest_ms > since_ms + _SLACK * (until_ms - since_ms):
        is_cut = True
        source += f", of which the first alert is of {rfc3339(oldest_ms)}"
    observed = observe_service(
        [each for _, each in told], [each for _, each in rulings], [each for _, each in held]
    )
    found = fairness_findings(observed, limits, source)
    return found | {"oldest_at": rfc3339(oldest_ms), "is_cut": is_cut}
