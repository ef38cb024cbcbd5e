"""``streamer model promote``, ``canary`` and ``rollback``: which version scores, and on what."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec
from rich.table import Table

from streamer.cli.carrying_out import carrying_out, check_in_place, proposal_of
from streamer.cli.command_permission import asks_for_a_proposal, of_version, permitted
from streamer.cli.evaluate_options import Duration
from streamer.cli.gate_options import Gate, asks_the_gate, show_gate
from streamer.cli.operator import audited, check_others, now_ms, who, with_store
from streamer.cli.options import as_json, without_number
from streamer.display.output import EXIT_FAILED, print_json, readable_errors, table_console
from streamer.errors import ConfigurationError
from streamer.settings import load_settings
from streamer.store import Store, Wish, rfc3339

if TYPE_CHECKING:
    from streamer.audit.audit_entry import Action

__all__ = ["canary", "changes", "promote", "rollback"]

# More than a history ever has (STREAMER_LINEAGE_MAX_ENTRIES).
_ALL: Final = 10_000_000
# What workers may have merged since a moment ago.
_RECENT: Final = 100


@click.command()
@click.argument("version")
@click.option(
    "--reason",
    "why",
    default="",
    callback=without_number,
    metavar="TEXT",
    help="Why; the history keeps it.",
)
@click.option(
    "--force",
    "forced",
    default="",
    callback=without_number,
    metavar="REASON",
    help="Promote without a gate, in spite of one that failed, or a version that was rolled back; "
    "the history keeps the reason.",
)
@click.option(
    "--canary",
    "n_canary",
    type=click.IntRange(1),
    metavar="N",
    help="First on the N partitions with the lowest numbers; on all once --for is over and nothing "
    "has degraded.",
)
@click.option(
    "--for",
    "for_ms",
    type=Duration(),
    default="10m",
    show_default=True,
    metavar="DURATION",
    help="How long a canary is watched.",
)
@asks_for_a_proposal
@asks_the_gate(is_required=False)
@readable_errors
def promote(
    version: str,
    why: str,
    forced: str,
    n_canary: int | None,
    for_ms: int,
    proposal_id: str,
    gate: Gate,
) -> None:
    """Make VERSION the head if it passes the gate.

    VERSION is an id or its beginning. Workers go on from it.

    The gate is that of `streamer gate`, against the head. Exit code 1 when a rule fails. Afterwards
    workers watch the version by the limits in the table [watch] of the gate's policy, and go back
    by themselves when it degrades.

    \b
    streamer model promote 4f1c --payments last-week.parquet --policy ops/gate.toml
    streamer model promote 4f1c --payments last-week.parquet --canary 2 --for 30m
    streamer model promote 4f1c --force "the head is poisoned"
    """
    if gate.file is None and not forced:
        raise ConfigurationError(
            f"a gate or a reason must be given, got neither: `streamer model promote {version} "
            f"--payments FILE` runs the gate, `streamer model promote {version} --force REASON` does "
            "without"
        )
    settings = load_settings()
    by = permitted(settings, "promote", proposal_id, partial(of_version, "promotion", version))
    if (proposal := proposal_of(settings, proposal_id)) is not None:
        # A beginning may be of several, and one of them was approved.
        version = proposal.version
        check_in_place(settings, proposal)
    limits = gate.policy.watch
    gated: dict[str, str] = {}
    if gate.file is not None:
        report = gate.run(version, "head")
        show_gate(report, on_stderr=True)
        if not report["passed"] and not forced:
            click.echo("not promoted; --force REASON does it all the same", err=True)
            raise SystemExit(EXIT_FAILED)
        # What was measured is what is promoted, whatever is stored under that beginning by now.
        version, gated = report["version"], _told(report)
    if forced:
        gated["forced"] = forced
    reason = "promotion" if n_canary is None else "canary"
    wish = Wish(version, reason, who(), now_ms(), why, gated, limits, bool(forced))

    async def work(store: Store) -> str:
        await check_others(store)
        if n_canary is None:
            return await _head_set(store, wish)
        n_partitions = len(await store.partitions())
        if n_canary >= n_partitions:
            raise ConfigurationError(
                f"--canary must be less than the {n_partitions} partitions that have been read, got "
                f"{n_canary}; without it all score with the version"
            )
        watch = await store.trials.start_canary(wish, n_canary, for_ms)
        return (
            f"{watch.begun} is a canary on {n_canary} of {n_partitions} partitions until "
            f"{rfc3339(watch.until_ms)}; `streamer model canary` shows it"
        )

    details = {"why": why, **gated} | ({} if n_canary is None else {"partitions": str(n_canary)})
    action: Action = "promote" if n_canary is None else "canary"
    if proposal_id:
        details["proposal"] = proposal_id
    with audited(settings, action, ("version", version), details, decision_id=by):
        if proposal is not None:
            # The gate may have taken a while.
            check_in_place(settings, proposal)
        with carrying_out(settings, proposal_id):
            told = with_store(work, settings)
        # Before the audit's last entry, whose warnings would seem to be about the change.
        click.echo(told, err=True)


@click.command()
@as_json
@readable_errors
def canary(as_json: bool) -> None:
    """Show the canary or the last promotion, as it is watched.

    Its figures stand beside those from before.
    """
    watch, at_ms = with_store(lambda store: store.trials.watch()), now_ms()
    degraded = watch.due(at_ms)
    verdict = "nothing degraded" if degraded in (None, "over") else str(degraded[1])
    if as_json:
        print_json({**msgspec.to_builtins(watch), "left_s": watch.left_s(at_ms), "found": verdict})
        return
    if watch.kind == "none":
        click.echo("nothing is watched")
        return
    where = f" on the {watch.n_partitions} lowest partitions" if watch.is_canary else ""
    click.echo(
        f"{watch.kind} {(watch.canary or watch.begun)[:12]}{where} by {watch.who}, watched for another "
        f"{watch.left_s(at_ms):.0f} s: {verdict}"
    )
    beside = "the other partitions" if watch.is_canary else "before"
    table = Table("", watch.kind, beside, box=None)
    for name in watch.facts.__struct_fields__:
        table.add_row(
            name, f"{getattr(watch.facts, name):,.4g}", f"{getattr(watch.before, name):,.4g}"
        )
    table_console().print(table)


@click.command()
@click.argument("version", required=False)
@click.option(
    "--reason",
    "why",
    required=True,
    callback=without_number,
    metavar="TEXT",
    help="Why; the history keeps it for the review.",
)
@readable_errors
def rollback(version: str | None, why: str) -> None:
    """Go back to VERSION, which has been the head.

    Without VERSION, end the canary; where there is none, go back to the head that the last
    promotion or import replaced.

    This needs no gate and works while Kafka is unreachable, too. Workers go on from VERSION within
    seconds. What was learned since stays with the version that is left; no payment is scored or
    alerted again.
    """

    async def work(store: Store) -> str:
        await check_others(store)
        wish = Wish(version or "", "rollback", who(), now_ms(), why)
        if version is None:
            if (ended := await store.trials.end_canary(wish)) is not None:
                return f"the canary {ended.canary} has ended; the head scores all partitions"
            wish = replace(wish, version=await _before_promotion(store))
        return await _head_set(store, wish)

    settings = load_settings()
    by = permitted(settings, "roll_back")
    subject = "version", version or "the one before"
    with audited(settings, "roll back", subject, {"why": why}, may_wait=True, decision_id=by):
        told = with_store(work, settings)
        click.echo(told, err=True)


async def _head_set(store: Store, wish: Wish) -> str:
    """Make a version the head and return what was done, with every id that one may look for."""
    _, asked = await store.version(wish.version)
    made = await store.set_head(wish)
    lines = [f"{made} is the head"]
    if made != asked.id:
        entries = await store.lineage(_RECENT)
        entry = next((each for each in entries if each.get("version") == made), {})
        replaced = entry.get("replaced", "")
        instead = f", in place of {replaced[:12]}, the head until now" if replaced else ""
        became = "is back" if wish.reason == "rollback" else "became the head"
        lines.insert(
            0,
            f"{asked.id} {became} as {made[:12]}{instead}: the same model, whose drift is measured "
            "from now on, under an id of its own",
        )
    return "\n".join(lines)


async def changes(store: Store, *, merges: bool) -> list[dict[str, str]]:
    """Return the history of the head, newest first; without ``merges`` what people changed."""
    entries = await store.lineage(_ALL)
    return [entry for entry in entries if merges or entry["reason"] != "merge"]


def _told(report: dict[str, Any]) -> dict[str, str]:
    """Return what the history keeps of a gate: the outcome, and the rules without a figure."""
    rules: dict[str, list[str]] = {}
    for ruling in report["rules"]:
        rules.setdefault(ruling["outcome"], []).append(ruling["rule"])
    told = {"gate": "passed" if report["passed"] else f"failed: {', '.join(rules['fail'])}"}
    if "not measured" in rules:
        told["not_measured"] = ", ".join(rules["not measured"])
    return told


async def _before_promotion(store: Store) -> str:
    """Return what the last promotion replaced; raise where nobody promoted, or it was undone."""
    entries = await changes(store, merges=False)
    last = next((entry for entry in entries if "replaced" in entry), None)
    if last is None or not last["replaced"]:
        raise ConfigurationError(
            "a version must have been promoted to go back from it, got none in the history; name one "
            "of `streamer model list`"
        )
    if last["reason"] == "rollback":
        raise ConfigurationError(
            f"the last change must be a promotion to go back from it, got a rollback at {last['at']} "
            f"from {last['replaced'][:12]}; name a version of `streamer model list`"
        )
    return last["replaced"]
