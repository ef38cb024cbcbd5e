"""``streamer model``: the model versions in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click
import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from streamer.alerts import describe_center
from streamer.cli.options import as_json
from streamer.cli.output import print_json, readable_errors
from streamer.codes import CURRENCIES
from streamer.drift_report import describe_drift
from streamer.model import ModelVersion
from streamer.settings import load_settings
from streamer.store import Store
from streamer.wiring import model_config, open_store

__all__ = ["model"]

_T = TypeVar("_T")


@click.group()
def model() -> None:
    """List, show and export the model versions in Redis (STREAMER_REDIS_URL, STREAMER_NAMESPACE)."""


@model.command("list")
@as_json
@readable_errors
def list_versions(as_json: bool) -> None:
    """List the stored versions, newest first; the head is the one that scores."""
    versions = _with_store(lambda store: store.versions())
    if as_json:
        print_json([msgspec.to_builtins(version) for version in versions])
        return
    table = Table("version", "created", "reason", "transactions seen", "bytes", box=None)
    for version in versions:
        mark = " (head)" if version.is_head else ""
        table.add_row(
            version.id[:12] + mark,
            version.created_at,
            version.reason,
            f"{version.transactions_seen:,}",
            f"{version.size_bytes:,}",
        )
    Console().print(table)


@model.command()
@click.argument("version")
@as_json
@readable_errors
def show(version: str, as_json: bool) -> None:
    """Show VERSION (an id or its beginning, or `head`): where it comes from, centers and drift."""
    _, head = _with_store(lambda store: store.version(version))
    config = model_config(load_settings())
    derived = ModelVersion.of(head.id, head.sums, config)
    drift = describe_drift(head.sums, config)
    currency = int(head.sums.currency_weights.argmax())
    mean = float(derived.currency_means[currency])
    order = np.argsort(-head.sums.cluster_weights).tolist()
    described = {
        "id": head.id,
        "header": msgspec.to_builtins(head.header),
        "status": "warming" if derived.is_warming else "learning",
        "transactions_seen": head.sums.transactions_seen,
        "transactions_taught": head.sums.transactions_taught,
        "threshold_distance": None if derived.is_warming else derived.threshold_sq**0.5,
        "currency": CURRENCIES[currency],
        "centers": []
        if derived.is_warming
        else [
            msgspec.to_builtins(describe_center(derived, k, 0.0 if np.isnan(mean) else mean))
            for k in order
        ],
        "drift": msgspec.to_builtins(drift),
    }
    if as_json:
        print_json(described)
        return
    console = Console()
    for name in ("id", "status", "transactions_seen", "transactions_taught", "threshold_distance"):
        console.print(f"[bold]{name}[/bold] {described[name]}", highlight=False)
    for name, value in msgspec.to_builtins(head.header).items():
        console.print(f"[bold]{name}[/bold] {value}", highlight=False)
    console.print(
        f"[bold]drift[/bold] against {drift.reference_transactions:,} transactions "
        f"({drift.reference} reference)",
        highlight=False,
    )
    for feature in drift.features if drift.reference != "none" else ():
        mark = "moved" if feature.has_moved else ""
        console.print(f"  {mark:5}  {feature.sentence}", highlight=False, soft_wrap=True)
    for center in described["centers"]:
        console.print(f"\n[bold]center {center['index']}[/bold] {center['share_of_traffic']:.1%}")
        for value in center["values"]:
            console.print(f"  {value['feature']:32} {value['value']:>12,.2f}  {value['unit']}")


@model.command()
@click.argument("version")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@readable_errors
def export(version: str, file: Path) -> None:
    """Write VERSION (an id or its beginning, or `head`) to FILE in safetensors format."""
    blob, head = _with_store(lambda store: store.version(version))
    file.write_bytes(blob)
    click.echo(f"{head.id} written to {file} ({len(blob):,} bytes)", err=True)


def _with_store(work: Callable[[Store], Awaitable[_T]]) -> _T:
    settings = load_settings()

    async def run() -> _T:
        store = open_store(settings)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())
