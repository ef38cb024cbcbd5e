"""``streamer privacy``: what is stored of a card, and forgetting it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
import msgspec

from streamer.cli.command_permission import permitted
from streamer.cli.operator import audited, now_ms, seen, who
from streamer.cli.options import as_json
from streamer.cli.privacy_words import tell_erased, tell_forgotten, tell_waiting
from streamer.cli.told_name import told_name
from streamer.display.output import EXIT_FAILED, print_json, readable_errors
from streamer.errors import ConfigurationError
from streamer.settings import Settings, load_settings
from streamer.starting.wiring import model_config, open_review_store, open_store
from streamer.store import rfc3339

if TYPE_CHECKING:
    from streamer.privacy.erasing_card import ErasedReport
    from streamer.privacy.gathered import Gathered
    from streamer.store import ReviewStore, Store
    from streamer.store.proposals import Proposal

__all__ = ["privacy"]

_T = TypeVar("_T")
_MOST_REASON: Final = 500
_OWNER_ALONE: Final = 0o600
_NOTE: Final = (
    "All of it, as articles 15 of the GDPR and 1798.110 of the CCPA ask for; times are UTC. Who asked "
    "for it and when is on the audit topic."
)
_card = click.argument("card", metavar="CARD|-")
_others = click.option(
    "--topic",
    "others",
    multiple=True,
    metavar="NAME",
    help="Look on this topic too, such as that of `streamer serve`'s answers. Repeatable.",
)


@click.group()
def privacy() -> None:
    """Show what is stored of a card, or forget a card.

    CARD is its id as payments have it; - reads it from standard input, so that it stays out of the
    shell history. The audit topic gets what was done, under a random name in place of the card.
    docs/privacy.md says more.

    \b
    streamer privacy export - --out card.json < card.txt
    streamer privacy erase - --reason "request 4711 of 30 November" < card.txt
    """


@privacy.command()
@_card
@_others
@click.option(
    "--out",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to FILE.json or FILE.txt, readable by you alone.  [default: standard output]",
)
@as_json
@readable_errors
def export(card: str, others: tuple[str, ...], path: Path | None, as_json: bool) -> None:
    """Write everything that is stored of CARD.

    In words, or with --json, and with a list of what was read for it.

    It covers what workers keep in Redis, alerts with their reasons, verdicts and what they taught,
    the console's part, audit entries that name the card or its alerts, and dead letters that carry
    it. Topics are read whole.

    \b
    streamer privacy export - --out card.json < card.txt
    """
    from streamer.privacy.card_names import known_names
    from streamer.privacy.export_text import export_text
    from streamer.privacy.gathered import as_document, gather

    settings = load_settings()
    card = _meant(card, settings)

    by = permitted(settings, "export_card")

    async def alias(store: Store, _: ReviewStore) -> str:
        return (await known_names(settings, card, store.erasures.aliases)).aliases[0]

    async def work(store: Store, reviews: ReviewStore) -> Gathered:
        names = await known_names(settings, card, store.erasures.aliases)
        return await gather(settings, store, reviews, names, others)

    subject = "card", _with_stores(alias, settings)
    seen(settings, "export", subject, {"what": "all that is stored of a card"}, decision_id=by)
    document = as_document(_with_stores(work, settings), now_ms(), _NOTE)
    is_json = as_json or (path is not None and path.suffix == ".json")
    if path is None and is_json:
        print_json(document)
        return
    if path is None:
        sys.stdout.write(export_text(document))
        return
    _write(path, document, is_json=is_json)
    click.echo(f"written to {path}, which is as secret as what it says", err=True)


@privacy.command()
@_card
@_others
@click.option(
    "--reason",
    metavar="TEXT",
    default="",
    help="Why; required to propose. It must not name the card.",
)
@click.option(
    "--as",
    "name",
    default="",
    metavar="NAME",
    help="Your name in the console, so that you cannot approve your own proposal.  [default: your "
    "user name]",
)
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0.0),
    default=60.0,
    show_default=True,
    help="Seconds that workers have to forget the card.",
)
@as_json
@readable_errors
def erase(
    card: str, others: tuple[str, ...], reason: str, name: str, wait_s: float, as_json: bool
) -> None:
    """Propose that CARD is forgotten, or do it once approved.

    The first run proposes it and prints the proposal's number; a lead or a model owner, somebody
    else, approves it in `streamer console`. The same command once more then carries it out: the
    card is removed from Redis and from the memory of workers, and what topics still hold cannot be
    traced to it any more, if alerts carry aliases (docs/privacy.md says what stays). A later
    payment of the card begins anew.

    \b
    streamer privacy erase - --reason "request 4711 of 30 November" < card.txt
    """
    from streamer.privacy import erasing_card
    from streamer.privacy.forgotten_card import forgotten_card

    settings = load_settings()
    card = _meant(card, settings)
    found = _with_stores(
        lambda store, reviews: erasing_card.proposed_erasure(store, reviews, card), settings
    )
    if found is not None and (found.proposal is None or found.proposal.state == "declined"):
        gone = found.erasure.id
        if not _with_stores(lambda store, _: store.erasures.drop(gone), settings):
            raise ConfigurationError(f"{gone} is under way and must have its proposal, got none")
        told = "no longer exists" if found.proposal is None else "was declined"
        click.echo(f"proposal {gone} {told}; this is another one", err=True)
        found = None
    if found is None:
        asking = settings, card, who(), now_ms()
        before, is_back = _with_stores(
            lambda store, reviews: forgotten_card(store, reviews, *asking), settings
        )
        if before is not None and not reason:
            tell_forgotten(before, is_back=is_back, as_json=as_json)
            if is_back:
                raise SystemExit(EXIT_FAILED)
            return
        if before is not None:
            at = rfc3339(before.at_ms)
            click.echo(f"it was forgotten at {at}, by {before.id}; this is another one", err=True)
    proposal = None if found is None else found.proposal
    is_unsent = proposal is not None and proposal.state == "open" and proposal.is_unsent
    if found is None or proposal is None or is_unsent:
        proposed = _proposed(settings, card, reason, told_name(settings, name), proposal)
        tell_waiting(proposed, as_json=as_json)
        return
    if not found.is_approved:
        tell_waiting(proposal, as_json=as_json)
        raise SystemExit(EXIT_FAILED)

    async def work(store: Store, reviews: ReviewStore) -> ErasedReport:
        return await erasing_card.carry_out(
            settings,
            store,
            reviews,
            found,
            wait_s=wait_s,
            now_ms=now_ms,
            who=who(),
            others=others,
        )

    by = permitted(settings, "erase", proposal.id)
    details = {"proposed_by": proposal.proposed_by, "approved_by": proposal.decided_by}
    stays = _bound(settings, card, None)
    with audited(settings, "erase", ("erasure", found.erasure.id), details, decision_id=by) as came:
        report = _with_stores(work, settings)
        came |= {"partitions": str(len(report.partitions)), "turns": str(report.n_turns)}
    tell_erased(report, stays, as_json=as_json)


@privacy.command()
@_card
@click.option(
    "--payments",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many payments the card made, where its own state does not bound its weight.",
)
@as_json
@readable_errors
def bound(card: str, payments: int | None, as_json: bool) -> None:
    """Say how much of the model can be CARD's at most.

    This is what an erasure cannot take out. Where the card's own state does not bound it, say how many
    payments it made: `streamer privacy bound - --payments 40 < card.txt`.
    """
    settings = load_settings()
    card = _meant(card, settings)
    permitted(settings, "export_card")
    found = _bound(settings, card, payments)
    if as_json:
        print_json(found)
        return
    for line in found["words"]:
        click.echo(line)


def _meant(card: str, settings: Settings) -> str:
    """Return what the card that is meant counts under; one line of standard input for -."""
    from streamer.starting.card_keys_in_use import card_rule_of

    given = sys.stdin.readline().strip() if card == "-" else card
    if not given.strip() or given != given.strip():
        raise ConfigurationError("CARD must be a card's id as payments have it, got none or spaces")
    # A number that is refused today may be there from before.
    return card_rule_of(settings).id_of(given) or given


def _with_stores(work: Callable[[Store, ReviewStore], Awaitable[_T]], settings: Settings) -> _T:
    async def run() -> _T:
        store, reviews = open_store(settings), open_review_store(settings)
        try:
            return await work(store, reviews)
        finally:
            await reviews.close()
            await store.close()

    return asyncio.run(run())


def _proposed(
    settings: Settings, card: str, reason: str, name: str, begun: Proposal | None
) -> Proposal:
    """Propose it, or go on with what was begun and not sent; return the proposal."""
    from streamer.contract.card_numbers import has_card_number
    from streamer.privacy.erasing_card import new_erasure_id, propose_erasure, send_proposal

    if begun is None and not 1 <= len(reason.strip()) <= _MOST_REASON:
        raise ConfigurationError(
            f"--reason must say why, in 1 to {_MOST_REASON} characters, got {len(reason.strip())}"
        )
    if has_card_number(reason) or (card and card in reason):
        raise ConfigurationError(
            "--reason must not name the card: it stays on topics; name the customer's request"
        )
    erasure_id = new_erasure_id() if begun is None else begun.id
    # Whatever they are called in the console: who proposes is not to approve there.
    user, _, _ = who().partition("@")

    async def work(store: Store, reviews: ReviewStore) -> Proposal:
        said = card, name, reason.strip(), now_ms()
        proposal = begun or await propose_erasure(store, reviews, erasure_id, *said, user)
        await send_proposal(settings, reviews, proposal)
        return proposal

    details = {"why": reason.strip(), "as": name}
    with audited(settings, "propose", ("erasure", erasure_id), details):
        return _with_stores(work, settings)


def _bound(settings: Settings, card: str, payments: int | None) -> dict[str, Any]:
    from streamer.privacy.bound_of_card import bound_of_card

    async def work(store: Store, _: ReviewStore) -> dict[str, Any]:
        config = model_config(settings)
        topic, limit = settings.transactions_topic, settings.checkpoint_max_transactions
        return await bound_of_card(store, config, topic, card, payments, now_ms(), limit)

    return _with_stores(work, settings)


def _write(path: Path, document: Mapping[str, Any], *, is_json: bool) -> None:
    """Write an export, for nobody else to read."""
    from streamer.privacy.export_text import export_text

    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
    content = text if is_json else export_text(document)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ALONE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, _OWNER_ALONE)
        file.write(content)
