"""What `streamer privacy erase` says: what it waits for, and what it has done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from streamer.display.output import print_json
from streamer.store import rfc3339

if TYPE_CHECKING:
    from streamer.privacy.erasing_card import ErasedReport
    from streamer.store.erasures import Forgotten
    from streamer.store.proposals import Proposal

__all__ = ["tell_erased", "tell_forgotten", "tell_waiting"]


def tell_forgotten(found: Forgotten, *, is_back: bool, as_json: bool) -> None:
    """Say when a card was forgotten, and whether it has paid since, for who gives no reason."""
    at = rfc3339(found.at_ms)
    if as_json:
        told = {"erasure": found.id, "is_done": not is_back, "done_at": at}
        print_json(told | {"has_paid_since": is_back})
        return
    since = "it has paid since, and that is stored" if is_back else "nothing is stored of it since"
    click.echo(
        f"it was forgotten at {at}, by {found.id}; {since}: to have what came since forgotten too, "
        "propose it with --reason"
    )


def tell_waiting(proposal: Proposal, *, as_json: bool) -> None:
    """Say what a proposal waits for."""
    if as_json:
        print_json({"proposal": proposal.id, "state": proposal.state, "is_done": False})
        return
    by = f"proposed by {proposal.proposed_by}"
    if proposal.state == "approved":
        click.echo(
            f"{proposal.id}, {by}, was approved by {proposal.decided_by}, who is no other person or "
            "whose approval Kafka has not confirmed: somebody else must approve it"
        )
        return
    click.echo(
        f"{proposal.id}, {by}, waits for a lead or a model owner, who is somebody else: Proposals in "
        "`streamer console`. Nothing was erased. Say this again once it is approved."
    )


def tell_erased(report: ErasedReport, stays: dict[str, Any], *, as_json: bool) -> None:
    """Say what was done, and what is left."""
    held, console, verdicts = report.found.held, report.found.console, report.found.verdicts
    counts = {
        "states": sum(len(each.states) for each in held),
        "waiting_payments": sum(len(each.waiting) for each in held),
        "standing_verdicts": sum(len(each.rulings) for each in held),
        "of_the_console": console.n,
        "verdicts_and_lessons": verdicts.n,
    }
    if as_json:
        print_json(
            {
                "erasure": report.erasure_id,
                "is_done": True,
                "partitions": report.partitions,
                "erased": counts,
                "tombstones": report.n_tombstones,
                "compaction_unknown": report.unknown,
                "left_on_topics": report.on_topics,
                "left_in_the_model": stays,
            }
        )
        return
    told = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in counts.items())
    click.echo(
        f"{report.erasure_id} is done: {told}; {len(report.partitions)} partitions let go of it"
    )
    for topic, n in report.on_topics.items():
        click.echo(f"left on {topic} until it goes by age: {n:,} records (docs/privacy.md)")
    for topic in report.unknown:
        click.echo(
            f"Kafka does not say whether it compacts {topic}: where it does, the last message of the "
            "card stays there"
        )
    for line in stays["words"]:
        click.echo(line)
