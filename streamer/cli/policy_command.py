"""``streamer policy``: the budget and the ranking of running workers, in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streamer.cli.carrying_out import carrying_out
from streamer.cli.command_permission import asks_for_a_proposal, permitted
from streamer.cli.operator import audited, now_ms, who, with_store
from streamer.cli.options import as_json, without_number
from streamer.display.output import print_json, readable_errors, table_console
from streamer.display.policy_display import history_table, policy_text
from streamer.errors import ConfigurationError
from streamer.policies import (
    Policy,
    changed_policy,
    changes_between,
    policy_in_file,
    policy_of,
)
from streamer.settings import load_settings
from streamer.store import PolicyEntry, Store

if TYPE_CHECKING:
    from streamer.store.proposals import Proposal

__all__ = ["policy"]

# More than a history has.
_ALL: Final = 1_000_000


@click.group()
def policy() -> None:
    """Show and change the alert budget and other live settings.

    A policy holds the alert budget, the sample, the reserve, the ranking and what goes with them.
    It is a record in Redis (STREAMER_REDIS_URL, STREAMER_NAMESPACE). The first policy comes from
    the environment of the first worker; after that only the record counts, and running workers take
    up a changed one within seconds, without a restart.
    """


@policy.command()
@click.argument("policy_id", metavar="[ID]", required=False, default="")
@as_json
@readable_errors
def show(policy_id: str, as_json: bool) -> None:
    """Show the policy in force as a file for `apply`.

    Or the one with this ID, of which the beginning is enough.
    """

    async def work(store: Store) -> tuple[Policy, str, list[PolicyEntry]]:
        found = await store.policies.find(policy_id)
        return found, await store.policies.head(), await store.policies.history(_ALL)

    found, in_force, entries = with_store(work)
    entry = next((each for each in entries if each.id == found.id), None)
    if as_json:
        told = None if entry is None else asdict(entry)
        print_json(
            {
                "id": found.id,
                "is_in_force": found.id == in_force,
                "values": dict(found.values),
                "last_put_in_force": told,
            }
        )
        return
    click.echo(policy_text(found, entry, is_in_force=found.id == in_force), nl=False)


@policy.command()
@click.argument("other", metavar="[ID|FILE]", required=False)
@as_json
@readable_errors
def diff(other: str | None, as_json: bool) -> None:
    """Show what differs between the policy in force and another.

    The other policy is that with this ID, or that in FILE; without either, what the environment
    asks for.
    """
    settings = load_settings()
    given = policy_of(settings) if other is None else None
    if other is not None and Path(other).is_file():
        given = policy_in_file(Path(other))

    async def work(store: Store) -> tuple[Policy, Policy]:
        in_force = await store.policies.find()
        return in_force, given or await store.policies.find(other or "")

    in_force, compared = with_store(work, settings)
    changes = changes_between(in_force, compared)
    if as_json:
        told = [asdict(each) for each in changes]
        print_json({"in_force": in_force.id, "other": compared.id, "changes": told})
        return
    click.echo(f"{in_force.id} in force, {compared.id} {other or 'in the environment'}")
    for each in changes:
        click.echo(str(each))
    if not changes:
        click.echo("nothing differs")


@policy.command()
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="NAME=VALUE",
    help="Change one setting of the policy in force, such as alert_budget=0.004; nothing behind the "
    "= unsets it. Repeatable.",
)
@click.option(
    "--from-environment",
    is_flag=True,
    help="Put the settings of the environment (STREAMER_*) in force.",
)
@click.option(
    "--reason",
    "why",
    required=True,
    callback=without_number,
    metavar="TEXT",
    help="Why; the history keeps it.",
)
@asks_for_a_proposal
@readable_errors
def apply(
    file: Path | None,
    changes: tuple[str, ...],
    from_environment: bool,
    why: str,
    proposal_id: str,
) -> None:
    """Put a policy in force, from FILE or with some --set.

    FILE is TOML and holds the whole policy: what it does not name has its default. --set changes
    the policy in force. When a policy is wrong, all its faults are listed and the one in force
    stays. Running workers take up the new policy with their next checkpoint.

    \b
    streamer policy apply --set alert_budget=0.004 --reason "fewer reviewers in August"
    streamer policy show > policy.toml   # then change it in an editor
    streamer policy apply policy.toml --reason "reviewed by two"
    """
    if (n_given := (file is not None) + bool(changes) + from_environment) != 1:
        raise ConfigurationError(
            f"exactly one of FILE, --set and --from-environment must be given, got {n_given or 'none'}"
        )
    if not why.strip():
        raise ConfigurationError("--reason must say why, got nothing")
    settings = load_settings()

    async def planned(store: Store) -> tuple[Policy, Policy]:
        in_force = await store.policies.find()
        wanted = policy_of(settings) if from_environment else _changed(in_force, changes)
        return in_force, wanted if file is None else policy_in_file(file)

    async def work(store: Store) -> bool:
        said = {"who": who(), "why": why.strip(), "now_ms": now_ms()}
        return await store.policies.put_in_force(after, before.id, **said)  # type: ignore[arg-type]

    before, after = with_store(planned, settings)
    details = {"why": why.strip(), "in_place_of": before.id}
    details["changes"] = "; ".join(map(str, changes_between(before, after)))
    is_new = after.id != before.id
    if is_new:

        def fault(proposal: Proposal) -> str:
            is_of_it = proposal.kind == "policy" and sorted(proposal.changes) == sorted(changes)
            if not is_of_it:
                return f"it proposes {' '.join(proposal.changes) or proposal.kind}"
            is_in_place = proposal.head == before.id
            told = (
                f"it is to take the place of {proposal.head or 'none'}, and {before.id} is in force"
            )
            return "" if is_in_place else told

        by = permitted(settings, "change_policy", proposal_id, fault)
        if proposal_id:
            details["proposal"] = proposal_id
        with (
            audited(settings, "policy", ("policy", after.id), details, decision_id=by),
            carrying_out(settings, proposal_id),
        ):
            is_new = with_store(work, settings)
    if not is_new:
        click.echo(f"{after.id} is in force already; nothing was changed", err=True)
        return
    for each in changes_between(before, after):
        click.echo(str(each), err=True)
    click.echo(
        f"{after.id} is in force, in place of {before.id}; running workers take it up within seconds",
        err=True,
    )


@policy.command()
@click.option(
    "--count",
    type=click.IntRange(1, 100_000),
    default=20,
    show_default=True,
    help="How many to show.",
)
@as_json
@readable_errors
def history(count: int, as_json: bool) -> None:
    """Show which policies were put in force, newest first.

    When, by whom, why, and what each changed.
    """
    entries = with_store(lambda store: store.policies.history(count))
    if as_json:
        print_json([asdict(entry) for entry in entries])
    else:
        table_console().print(history_table(entries))


def _changed(in_force: Policy, changes: Sequence[str]) -> Policy:
    """Return ``in_force`` with ``name=value`` for some settings; all faults are told at once."""
    named: dict[str, str] = {}
    faults: list[str] = []
    for change in changes:
        name, is_there, value = (part.strip() for part in change.partition("="))
        if not is_there or not name:
            faults.append(f"--set must be NAME=VALUE, got {change}")
            continue
        if name.lower() in named:
            faults.append(f"--set must name a setting once, got {name} twice")
        named[name.lower()] = value
    try:
        policy = changed_policy(in_force, named)
    except ConfigurationError as error:
        faults += str(error).splitlines()
    if faults:
        raise ConfigurationError("\n".join(faults))
    return policy
