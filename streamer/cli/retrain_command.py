"""``streamer retrain``: what a timer, or an orchestrator, calls to have a newer version at hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import click

from streamer.cli.files import PAYMENTS, Reading, reads_payments
from streamer.cli.fitting_run import fitted
from streamer.cli.gate_options import Gate
from streamer.cli.label_options import LabelsOf, teaches_by_labels
from streamer.cli.operator import audited, now_ms, who, with_store
from streamer.cli.options import as_json
from streamer.cli.passes import fit_request
from streamer.display.output import EXIT_FAILED, print_json, readable_errors
from streamer.errors import ConfigurationError
from streamer.settings import Settings, load_settings
from streamer.starting.wiring import model_config, settings_in_force

if TYPE_CHECKING:
    from streamer.fitting import Fit
    from streamer.model import ModelConfig, Sums
    from streamer.store import Store

__all__ = ["retrain"]

_HOUR_MS: Final = 3_600_000
# Payments in the contract's form, as they are copied from the topic.
_AS_COPIED: Final = Reading(None, (), (), None, None, None, None)


@click.command()
@click.option(
    "--from", "file", type=PAYMENTS, metavar="FILE", help="Recent payments, with labels if any."
)
@click.option(
    "--from-kafka", is_flag=True, help="Recent payments of STREAMER_TRANSACTIONS_TOPIC instead."
)
@click.option(
    "--hours",
    type=click.FloatRange(0, 24 * 365, min_open=True),
    default=24.0,
    show_default=True,
    help="With --from-kafka: how far back.",
)
@click.option(
    "--most",
    type=click.IntRange(1_000, 100_000_000),
    default=1_000_000,
    show_default=True,
    help="With --from-kafka: read at most this many payments, the newest.",
)
@click.option(
    "--name", required=True, help="Name of the challenger, and of the entry in the history."
)
@click.option(
    "--policy",
    "policy_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="GATE.toml",
    help="The gate's limits (ops/gate.toml).",
)
@click.option(
    "--if-drifted", is_flag=True, help="Do nothing unless a feature of the head has moved."
)
@click.option(
    "--out",
    "out_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="MODEL.safetensors",
    help="Write the version to a file too, whether it passes or not.",
)
@click.option(
    "--id-to",
    "id_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the version's id to a file, for the next step; nothing where nothing was done.",
)
@teaches_by_labels
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Seed for intervals and for drawing chargebacks.",
)
@reads_payments
@as_json
@readable_errors
def retrain(
    file: Path | None,
    from_kafka: bool,
    hours: float,
    most: int,
    name: str,
    policy_path: Path | None,
    if_drifted: bool,
    out_path: Path | None,
    id_path: Path | None,
    labels: LabelsOf,
    seed: int,
    reading: Reading,
    as_json: bool,
) -> None:
    """Fit a challenger to recent payments, if the gate passes.

    The number of clusters is the head's (STREAMER_N_CLUSTERS). The gate runs the head and the new
    version over the same payments, which both have learned from. Exit code 0 when the gate passes:
    the version is stored and scores beside the head as the challenger called NAME, in place of an
    earlier one. Exit code 1 when the gate fails: nothing is stored. The history has an entry in
    both cases. With --if-drifted the exit code is also 0 when no feature has moved since the
    reference settled. With --from-kafka, payments are chosen by the time of their record and
    written to a temporary file. The features of all payments are held in memory, some kB each,
    while the gate runs. Needs the extra `evaluation`.

    \b
    streamer retrain --from last-week.parquet --policy ops/gate.toml --name weekly
    streamer retrain --from-kafka --hours 24 --if-drifted --name nightly --json
    """
    from streamer.challenging.challenge import check_name
    from streamer.drifting import has_drifted

    if (file is None) != from_kafka:
        raise click.UsageError("give either --from FILE or --from-kafka")
    for option, path in (("--out", out_path), ("--id-to", id_path)):
        if path is not None and not path.parent.is_dir():
            raise ConfigurationError(f"directory of {option} must exist, got {path.parent}")
    check_name(name)
    own = load_settings()
    settings = with_store(lambda store: settings_in_force(store, own), own)
    _, base = with_store(lambda store: store.version("head"), settings)
    drifted = list(has_drifted(base.sums, model_config(settings)))
    told: dict[str, Any] = {"name": name, "head": base.id, "drifted": drifted}
    if id_path is not None:
        id_path.write_text("")
    if if_drifted and not drifted:
        _tell(
            told | {"version": None, "gate": None, "stored": False},
            "no feature has moved since the reference settled: nothing to do",
            as_json=as_json,
        )
        return
    with _payments(settings, file, reading, hours, most) as (source, how):
        made, _ = fitted(fit_request(settings, [settings.n_clusters]), (source,), how, None)
        with TemporaryDirectory() as folder:
            written = out_path or Path(folder) / "version.safetensors"
            written.write_bytes(made.version)
            ruled = Gate(source, policy_path, labels, seed, how).run(str(written), "head")
    _keep(settings, name, made, ruled)
    if id_path is not None:
        id_path.write_text(made.version_id)
    told |= {
        "version": made.version_id,
        "payments": made.transactions_seen,
        "gate": ruled,
        "stored": ruled["passed"],
    }
    _tell(told, _sentence(made.version_id, name, ruled), as_json=as_json)
    if not ruled["passed"]:
        raise SystemExit(EXIT_FAILED)


async def register_challenger(
    store: Store, name: str, version_id: str, sums: Sums, main: ModelConfig
) -> None:
    """Have a version score all traffic beside the head, in place of what had its name before.

    Raises `ConfigurationError` where as many run under other names as may.
    """
    from streamer.challenging.challenge import Challenge

    standings = await store.challengers.standings()
    if name in [each.name for each in standings]:
        await store.challengers.stop(name)
    challenge = Challenge().beginning_with(version_id)
    await store.challengers.start(name, challenge, sums, who(), now_ms(), main)


@contextmanager
def _payments(
    settings: Settings, file: Path | None, reading: Reading, hours: float, most: int
) -> Iterator[tuple[Path, Reading]]:
    """Yield a file of payments and how to read it."""
    if file is not None:
        yield file, reading
        return
    from streamer.cli.recent_payments import copy_recent

    with TemporaryDirectory() as folder:
        until_ms = now_ms()
        since_ms = until_ms - round(hours * _HOUR_MS)
        path = Path(folder) / "payments.jsonl"
        copied = copy_recent(settings, Path(folder), path, since_ms, until_ms, most)
        click.echo(
            f"{copied.n_payments:,} payments of {settings.transactions_topic} since {hours:g} hours, "
            f"{copied.n_refused:,} messages refused",
            err=True,
        )
        yield path, _AS_COPIED


def _keep(settings: Settings, name: str, made: Fit, ruled: dict[str, Any]) -> None:
    """Store a version that passed, and note what came of it in any case."""
    from streamer.model.codec import decode_version

    main = model_config(settings)
    sums, header = decode_version(made.version, main)
    failed = [rule["rule"] for rule in ruled["rules"] if rule["outcome"] == "fail"]
    said = {
        "who": who(),
        "why": name,
        "gate": f"refused by {', '.join(failed)}" if failed else "passed",
        "against": ruled["against"],
        "transactions_seen": sums.transactions_seen,
    }

    async def work(store: Store) -> None:
        if ruled["passed"]:
            await store.put_version(sums, header)
            await register_challenger(store, name, made.version_id, sums, main)
        await store.note_retraining(made.version_id, said, now_ms())

    if not ruled["passed"]:
        with_store(work, settings)
        return
    with audited(settings, "retrain", ("version", made.version_id), {"challenger": name}):
        with_store(work, settings)


def _sentence(version_id: str, name: str, ruled: dict[str, Any]) -> str:
    if ruled["passed"]:
        return (
            f"{version_id} passes the gate, is stored and scores beside the head as challenger {name}; "
            "`streamer challenger compare` and `streamer model promote` are next"
        )
    failed = [rule["told"] for rule in ruled["rules"] if rule["outcome"] == "fail"]
    return f"{version_id} is refused by the gate and not stored: {'; '.join(failed)}"


def _tell(told: dict[str, Any], sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(told)
    else:
        click.echo(sentence)
