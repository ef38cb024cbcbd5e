"""``streamer explain``: why an alert is ranked where it is, recomputed and in full."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console

from streamer.audit.audit_entry import Card
from streamer.cli.operator import seen
from streamer.cli.options import as_json
from streamer.contract.messages import Alert
from streamer.display.explanation_display import render_explanation
from streamer.display.output import EXIT_FAILED, print_json, readable_errors
from streamer.display.progress_bars import Bars
from streamer.errors import ConfigurationError, UnknownVersionError
from streamer.explaining.explanation import Explanation, as_alerted, explain_by_parameters
from streamer.explaining.explanation import explain as explain_by
from streamer.model import ModelConfig, Scorer
from streamer.model.codec import VersionHeader, decode_version, state_id
from streamer.policies import settings_under
from streamer.settings import Settings, load_settings
from streamer.starting.wiring import model_config, open_store
from streamer.store import Store, StoredVersion

__all__ = ["explain"]

_ALERT_ID: Final = re.compile(r"(.+)-(\d+)-(\d+)(@\d+)?")
# Without a terminal rich takes 80 columns, in which the table does not fit.
_PIPED_COLUMNS: Final = 110
_POLICIES_TRIED: Final = 20


@click.command()
@click.argument("alert_id")
@click.option(
    "--alerts",
    "alerts_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.jsonl",
    help="Look for the alert in a JSON Lines file instead of the alerts topic.",
)
@click.option(
    "--model",
    "model_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.safetensors",
    help="Compute with the model version in this exported file.",
)
@click.option(
    "--by-version",
    is_flag=True,
    help="Compute with the model version in Redis, whatever parameters the alert carries.",
)
@as_json
@readable_errors
def explain(
    alert_id: str,
    alerts_path: Path | None,
    model_path: Path | None,
    by_version: bool,
    as_json: bool,
) -> None:
    """Explain the alert ALERT_ID: every part of its score.

    Prints what was expected and what would change it, too. Scores the alert's features again with
    the parameters that it carries, and says whether distance, log-odds, score, threshold and
    reasons came out the same to the last bit. That needs neither Redis nor the model version. An
    alert without parameters, and any with --by-version or --model, is scored by its model version
    instead. Kafka, Redis and the model's settings are read from STREAMER_* as the worker's are.

    Exit code 0 when the score was reproduced. 1 when it was not, or when the version is no longer
    kept (STREAMER_MODEL_VERSIONS_KEPT); what the alert itself says is printed then. 2 when the
    parameters were changed after they were sent.

    \b
    streamer explain transactions-2-25262
    streamer explain transactions-2-25262 --alerts alerts.jsonl
    streamer explain transactions-2-25262 --alerts alerts.jsonl --model model.safetensors
    """
    partition = _partition_of(alert_id)
    settings = load_settings()
    alert = (
        _from_topic(settings, alert_id, partition)
        if alerts_path is None
        else _from_file(alerts_path, alert_id)
    )
    if alerts_path is None:
        card = Card(alert.transaction.card_id, alert.transaction.transaction_id)
        seen(settings, "explain", ("alert", alert_id), {}, card)
    if alert.parameters is not None and model_path is None and not by_version:
        explanation, complaint = _by_parameters(alert)
    else:
        explanation, complaint = _by_version(alert, model_path, settings)
    if as_json:
        print_json(msgspec.to_builtins(explanation))
    else:
        console = Console()
        if not console.is_terminal:
            console.width = max(console.width, _PIPED_COLUMNS)
        console.print(render_explanation(explanation))
    if complaint is not None:
        click.echo(f"streamer: {complaint}", err=True)
    if not explanation.is_reproduced:
        raise SystemExit(EXIT_FAILED)


def _by_parameters(alert: Alert) -> tuple[Explanation, str | None]:
    """Return the explanation, and why it is not what it should be."""
    explanation = explain_by_parameters(alert)
    if explanation.is_reproduced:
        return explanation, None
    return explanation, (
        f"the score was not reproduced: {_told(explanation)}; the alert was altered on the way, or "
        "scored by another release, or on a processor of another kind; read it from its topic again"
    )


def _by_version(
    alert: Alert, model_path: Path | None, settings: Settings
) -> tuple[Explanation, str | None]:
    """Return the explanation, and why it is not what it should be."""
    try:
        versions, header = (
            _versions_from_redis(settings, alert.model_version)
            if model_path is None
            else _version_from_file(model_path, model_config(settings))
        )
    except UnknownVersionError:
        return as_alerted(alert), (
            f"model version {alert.model_version[:12]} must still be stored to reproduce the score, "
            f"but is not: STREAMER_MODEL_VERSIONS_KEPT are kept (now {settings.model_versions_kept}); "
            "what is printed is what the alert itself says"
        )
    tried = []
    for version in versions:
        explanation = explain_by(alert, version)
        if explanation.is_reproduced:
            return explanation, None
        tried.append(explanation)
    cause = (
        "the settings have changed since (STREAMER_*, see `streamer check-config`), or the policy (see "
        "`streamer policy history`)"
        if header.config_hash not in {version.config.hash for version in versions}
        else "the worker may run another release, or on a processor of another kind"
    )
    return tried[0], f"the score was not reproduced: {_told(tried[0])}; {cause}"


def _told(explanation: Explanation) -> str:
    return "; ".join(
        f"{name} is {theirs!r} in the alert and {ours!r} recomputed"
        for name, (theirs, ours) in explanation.differences.items()
    )


def _partition_of(alert_id: str) -> int:
    match = _ALERT_ID.fullmatch(alert_id)
    if match is None:
        raise ConfigurationError(
            "ALERT_ID must be TOPIC-PARTITION-OFFSET, such as transactions-2-25262, with @EPOCH behind "
            f"it after a partition was set back, as in the alert's alert_id; got {alert_id}"
        )
    return int(match[2])


def _from_topic(settings: Settings, alert_id: str, partition: int) -> Alert:
    # Kafka's client takes a while to import, and a file needs none.
    from streamer.stream.publishing.alert_partition import find_alert

    with Bars() as bars:
        stage = f"reading {settings.alerts_topic}/{partition}"
        return find_alert(
            settings, alert_id, partition, lambda _, n_total: bars.advance(stage, 1, n_total)
        )


def _from_file(path: Path, alert_id: str) -> Alert:
    wanted = alert_id.encode()
    n_read = 0
    with path.open("rb") as lines:
        for n_read, line in enumerate(lines, start=1):
            if wanted not in line:
                continue
            try:
                alert = msgspec.json.decode(line, type=Alert)
            except msgspec.MsgspecError as error:
                raise ConfigurationError(
                    f"line {n_read} of {path} must be an alert, got: {error}"
                ) from error
            if alert.alert_id == alert_id:
                return alert
    raise ConfigurationError(
        f"ALERT_ID must be in {path}, got {alert_id}, which is none of its {n_read:,} alerts"
    )


def _versions_from_redis(settings: Settings, version_id: str) -> tuple[list[Scorer], VersionHeader]:
    """Return the version under each policy that it may have scored by, the likeliest first."""

    async def run() -> tuple[StoredVersion, list[ModelConfig]]:
        store = open_store(settings)
        try:
            _, found = await store.version(version_id)
            return found, await _configs(store, settings)
        finally:
            await store.close()

    found, configs = asyncio.run(run())
    # A policy that was taken up since the version was made scores by it too.
    configs.sort(key=lambda config: config.hash != found.header.config_hash)
    return [Scorer.of(found.id, found.sums, config) for config in configs], found.header


async def _configs(store: Store, settings: Settings) -> list[ModelConfig]:
    """Return the settings' configuration under each of the last policies, each once, newest first."""
    ids = dict.fromkeys(each.id for each in await store.policies.history(_POLICIES_TRIED))
    under = [settings_under(settings, await store.policies.read(each)) for each in ids]
    return list(map(model_config, under or [settings]))


def _version_from_file(path: Path, config: ModelConfig) -> tuple[list[Scorer], VersionHeader]:
    sums, header = decode_version(path.read_bytes(), config)
    return [Scorer.of(state_id(sums), sums, config)], header
