"""``streamer model push`` and ``pull``: versions in MLflow's registry."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import click

from streamer.cli.carrying_out import carrying_out
from streamer.cli.command_permission import asks_for_a_proposal, of_version, permitted
from streamer.cli.operator import audited, now_ms, with_store
from streamer.cli.passes import version_in
from streamer.display.output import readable_errors
from streamer.errors import ConfigurationError
from streamer.model import Sums
from streamer.model.codec import VersionHeader, decode_version, state_id
from streamer.settings import Settings, load_settings
from streamer.starting.wiring import model_config, settings_in_force
from streamer.store import rfc3339

__all__ = ["pull", "push"]

_URI = click.option(
    "--mlflow",
    "uri",
    required=True,
    metavar="URI",
    help="The MLflow server, such as http://mlflow:5000. MLflow decides who may write there.",
)


@click.command()
@click.argument("version")
@_URI
@click.option("--name", default="streamer", show_default=True, help="The registered model's name.")
@click.option(
    "--alias",
    type=click.Choice(["champion", "challenger"]),
    help="Give it this alias and take it from the version that had it.",
)
@click.option(
    "--gate-result",
    "gate_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.json",
    help="What `streamer gate --json` printed for this version. A version that failed cannot be "
    "champion.",
)
@readable_errors
def push(
    version: str,
    uri: str,
    name: str,
    alias: Literal["champion", "challenger"] | None,
    gate_path: Path | None,
) -> None:
    """Register VERSION with MLflow.

    VERSION is an id or its beginning, `head`, or a file.

    The file is uploaded as it is, with code that scores payments by it and learns nothing. Tags say
    where it comes from. A version that is registered already is not uploaded again. Needs the extra
    `mlflow`.

    \b
    streamer model push model.safetensors --mlflow http://mlflow:5000 --alias challenger
    streamer model push head --mlflow http://mlflow:5000 --alias champion --gate-result gate.json
    """
    from streamer.registry.frozen_version import scoring_settings
    from streamer.registry.lineage_tags import figures_of, tags_of
    from streamer.registry.mlflow_registry import MlflowRegistry

    own = load_settings()
    settings = own
    if not Path(version).is_file():
        settings = with_store(lambda store: settings_in_force(store, own), own)
    blob, sums, header = _version(version, settings)
    version_id = state_id(sums)
    config_hash = model_config(settings).hash
    if header.config_hash != config_hash:
        raise ConfigurationError(
            f"{version_id[:12]} must be scored by the configuration {header.config_hash}, got "
            f"{config_hash} of these settings; push it under those that it was made with"
        )
    gate = None if gate_path is None else _gate(gate_path, version_id)
    if alias == "champion" and gate is not None and not gate["passed"]:
        raise ConfigurationError(
            f"a champion must have passed the gate, got {version_id[:12]}, which failed"
        )
    pushed = MlflowRegistry(uri).push(
        name,
        blob,
        settings=scoring_settings(settings),
        tags=tags_of(version_id, sums, header, gate),
        metrics=figures_of(sums, gate),
        gate=gate,
        alias=alias,
    )
    what = "registered as" if pushed.is_new else "was registered before as"
    told = f", which is {name}@{alias}" if alias else ""
    click.echo(f"{version_id} {what} {name}/{pushed.number}{told}", err=True)


@click.command()
@click.argument("place", metavar="NAME@ALIAS|NAME/NUMBER")
@_URI
@asks_for_a_proposal
@readable_errors
def pull(place: str, uri: str, proposal_id: str) -> None:
    """Store a version that is registered with MLflow.

    It is not made the head.

    Its content must have the hash that it is registered under. `streamer gate` and `streamer model
    promote` come next. Needs the extra `mlflow`.

    \b
    streamer model pull streamer@champion --mlflow http://mlflow:5000
    """
    from streamer.registry.mlflow_registry import MlflowRegistry, Place

    settings = load_settings()
    where = Place.of(place)
    blob, wanted, number = MlflowRegistry(uri).pull(where)
    sums, header = decode_version(blob, model_config(settings))
    if state_id(sums) != wanted:
        raise ConfigurationError(
            f"{place} must have the content of its id, {wanted[:12]}, got {state_id(sums)[:12]}; "
            "nothing was stored"
        )
    # Versions are trimmed by age, and this one is to live as long as one made now.
    header = replace(header, created_at=rfc3339(now_ms()))
    by = permitted(settings, "import_version", proposal_id, partial(of_version, "import", wanted))
    with (
        audited(settings, "pull", ("version", wanted), {"from": place}, decision_id=by),
        carrying_out(settings, proposal_id),
    ):
        stored = with_store(lambda store: store.put_version(sums, header), settings)
    click.echo(
        f"{stored} stored from {where.name}/{number}; `streamer model promote` makes it the head",
        err=True,
    )


def _version(name: str, settings: Settings) -> tuple[bytes, Sums, VersionHeader]:
    path = Path(name)
    if path.is_file():
        return path.read_bytes(), *version_in(path, settings)
    blob, stored = with_store(lambda store: store.version(name), settings)
    return blob, stored.sums, stored.header


def _gate(path: Path, version_id: str) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(path.read_bytes())
        judged, _ = str(told["version"]), bool(told["passed"])
        _ = [(rule["rule"], rule["outcome"]) for rule in told["rules"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{path} must be what `streamer gate --json` prints, got {error!r}"
        ) from None
    if judged != version_id:
        raise ConfigurationError(
            f"{path} must be about {version_id[:12]}, got the gate of {judged[:12]}"
        )
    return told
