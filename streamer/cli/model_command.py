"""``streamer model``: the model versions in Redis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from streamer.cli.carrying_out import carrying_out
from streamer.cli.command_permission import asks_for_a_proposal, of_version, permitted
from streamer.cli.operator import audited, check_others, now_ms, seen, who, with_store
from streamer.cli.options import as_json
from streamer.cli.promote_command import canary, changes, promote, rollback
from streamer.cli.registry_command import pull, push
from streamer.cli.verify_command import verify
from streamer.display.lessons_display import delay_sentences, lesson_rows, print_lessons
from streamer.display.output import print_json, readable_errors, table_console
from streamer.errors import ConfigurationError
from streamer.model import Scorer
from streamer.model.codec import decode_version, state_id
from streamer.reports.census_report import told_of
from streamer.reports.version_report import describe_version
from streamer.settings import Settings, load_settings
from streamer.starting.wiring import model_config, settings_in_force
from streamer.store import Store, StoredVersion, Wish, rfc3339

__all__ = ["model"]


@click.group()
def model() -> None:
    """Look after the model versions in Redis.

    Which Redis and which part of it: STREAMER_REDIS_URL and STREAMER_NAMESPACE.
    """


@model.command("list")
@as_json
@readable_errors
def list_versions(as_json: bool) -> None:
    """List the stored versions, newest first."""
    versions = with_store(lambda store: store.versions())
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
    table_console().print(table)


@model.command()
@click.argument("version")
@as_json
@readable_errors
def show(version: str, as_json: bool) -> None:
    """Show where VERSION comes from, its centers and its drift.

    VERSION is an id or its beginning, or `head`.
    """
    settings = load_settings()

    async def work(store: Store) -> tuple[StoredVersion, Settings]:
        _, found = await store.version(version)
        return found, await settings_in_force(store, settings)

    head, in_force = with_store(work, settings)
    derived = Scorer.of(head.id, head.sums, model_config(in_force))
    described = describe_version(derived, head.header)
    if as_json:
        print_json(described)
        return
    console = Console()

    def line(name: str, value: Any) -> None:
        console.print(f"[bold]{name}[/bold] {value}", highlight=False)

    for name, value in described.items():
        if value is not None and name not in (
            "centers",
            "odds",
            "found",
            "drift",
            "fraud_delays",
            "made_of",
        ):
            line(name, value)
    made_of = described.get("made_of")
    if made_of is not None:
        for name, digest in made_of.pop("data"):
            line("data", f"{name} {digest}")
        for name, value in made_of.items():
            line(f"fitted by {name}", value)
    drift, odds = described["drift"], described["odds"]
    line(
        "drift",
        f"against {drift['reference_transactions']:,} transactions ({drift['reference']} reference)",
    )
    for feature in drift["features"] if drift["reference"] != "none" else ():
        mark = "moved" if feature["has_moved"] else ""
        console.print(f"  {mark:5}  {feature['sentence']}", highlight=False, soft_wrap=True)
    ranks = "rank" if odds["ranks"] else "do not rank"
    line("odds", f"{ranks}, {odds['verdicts_learned']:,} verdicts learned")
    for sentence in delay_sentences(described["fraud_delays"]):
        line("frauds", sentence)
    for name, text in told_of(described["found"]).items():
        line(name, text)
    for center in described["centers"]:
        console.print(f"\n[bold]center {center['index']}[/bold] {center['share_of_traffic']:.1%}")
        for each in center["values"]:
            console.print(f"  {each['feature']:32} {each['value']:>12,.2f}  {each['unit']}")


@model.command()
@click.option(
    "--count",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    help="How many to show.",
)
@as_json
@readable_errors
def lessons(count: int, as_json: bool) -> None:
    """Show what the latest verdicts taught, newest first.

    That is a payment's probability of fraud before and after its verdict.

    STREAMER_LESSONS_MAX_ENTRIES says how many are kept of each partition. Payments that nobody
    judged, and that count as legitimate for that, are not among them.
    """
    settings = load_settings()
    stored = with_store(lambda store: store.lessons(count), settings)
    if stored:
        seen(settings, "view lessons", ("lessons", ""), {"count": str(len(stored))})
    if as_json:
        print_json(lesson_rows(stored))
    else:
        print_lessons(stored)


@model.command()
@click.argument("version")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@readable_errors
def export(version: str, file: Path) -> None:
    """Write VERSION to FILE in safetensors format.

    VERSION is an id or its beginning, or `head`.
    """
    blob, head = with_store(lambda store: store.version(version))
    file.write_bytes(blob)
    click.echo(f"{head.id} written to {file} ({len(blob):,} bytes)", err=True)


@model.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--promote",
    "is_promoted",
    is_flag=True,
    help="Make it the head as well, in a namespace that has none.",
)
@asks_for_a_proposal
@readable_errors
def import_version(file: Path, is_promoted: bool, proposal_id: str) -> None:
    """Store the version that is in FILE.

    FILE is what `streamer fit` or `streamer model export` wrote.

    It must have STREAMER_N_CLUSTERS clusters. A worker that starts takes the head; one that runs
    takes a new head with its next checkpoint, and goes on learning from there.
    """
    sums, header = decode_version(file.read_bytes(), model_config(load_settings()))
    imported_ms = now_ms()
    # Versions are trimmed by age, and this one is to live as long as one made now.
    reason = header.reason if header.reason == "fit" else "import"
    header = replace(header, reason=reason, created_at=rfc3339(imported_ms))

    async def work(store: Store) -> str:
        await check_others(store)
        if is_promoted and (await store.head()).sums.transactions_seen:
            raise ConfigurationError(
                "a namespace must have learned nothing for import --promote, got a head; import "
                "without it, and `streamer model promote` runs the gate"
            )
        version_id = await store.put_version(sums, header)
        if not is_promoted:
            return f"{version_id} imported from {file}; `streamer model promote` makes it the head"
        # With its own traffic as the reference for drift it is another version.
        head_id = await store.set_head(Wish(version_id, "import", who(), imported_ms))
        return f"{version_id} imported from {file} and made the head, as {head_id}"

    settings, version = load_settings(), state_id(sums)
    by = permitted(settings, "import_version", proposal_id, partial(of_version, "import", version))
    details = {"file": file.name, "promoted": "yes" if is_promoted else "no"}
    with (
        audited(settings, "import", ("version", version), details, decision_id=by),
        carrying_out(settings, proposal_id),
    ):
        told = with_store(work, settings)
    click.echo(told, err=True)


@model.command()
@click.option(
    "--count",
    type=click.IntRange(1, 100_000),
    default=20,
    show_default=True,
    help="How many to show.",
)
@click.option(
    "--merges", is_flag=True, help="Show what workers learned, too, not only what people did."
)
@as_json
@readable_errors
def history(count: int, merges: bool, as_json: bool) -> None:
    """Show who made which version the head, when and why."""
    entries = with_store(lambda store: changes(store, merges=merges))[:count]
    if as_json:
        print_json(entries)
        return
    table = Table("at", "what", "version", "in place of", "who", "why", box=None)
    for entry in entries:
        table.add_row(
            entry.get("at", ""),
            entry["reason"],
            entry.get("version", "")[:12],
            entry.get("replaced", "")[:12],
            entry.get("who", ""),
            _why(entry),
        )
    table_console().print(table)


def _why(entry: Mapping[str, str]) -> str:
    """Return the reason that was given, and what a promotion was forced with."""
    forced = f"forced: {entry['forced']}" if entry.get("forced") else ""
    return "; ".join(filter(None, (entry.get("why", ""), forced)))


for each in (promote, canary, rollback, pull, push, verify):
    model.add_command(each)
