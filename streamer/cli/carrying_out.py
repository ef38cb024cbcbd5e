"""Carrying out what a proposal proposes: once, and in place of what was in force when it was made."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from streamer.cli.operator import now_ms, who, with_store
from streamer.errors import ConfigurationError, StreamerError
from streamer.settings import Settings
from streamer.starting.wiring import open_review_store
from streamer.store import Store, rfc3339
from streamer.store.head_history import is_of_the_head

if TYPE_CHECKING:
    from streamer.store.proposals import Proposal

__all__ = ["carrying_out", "check_in_place", "proposal_of", "used"]

# More than a history ever has (STREAMER_LINEAGE_MAX_ENTRIES).
_ALL: Final = 10_000_000


def proposal_of(settings: Settings, proposal_id: str) -> Proposal | None:
    """Return the proposal of ``--proposal``, None where none is given; raise where there is none."""
    if not proposal_id:
        return None

    async def read() -> Proposal | None:
        store = open_review_store(settings)
        try:
            return await store.proposals.get(proposal_id)
        finally:
            await store.close()

    found = asyncio.run(read())
    if found is None:
        raise ConfigurationError(f"--proposal must be one that there is, got {proposal_id[:64]}")
    return found


def used(proposal: Proposal) -> str:
    """Return who has carried a proposal out and when, "" where nobody has."""
    if not proposal.carried_by:
        return ""
    return f"{proposal.carried_by} has carried it out at {rfc3339(proposal.carried_ms)}"


@contextmanager
def carrying_out(settings: Settings, proposal_id: str) -> Iterator[None]:
    """Let a command change something within, once Redis has that the proposal is used.

    It stays used where the change fails: then another is to be approved.  Does nothing without one.
    """
    if not proposal_id:
        yield
        return
    marked = asyncio.run(_marked(settings, proposal_id))
    yield
    try:
        asyncio.run(_sent(settings, marked))
    except StreamerError as error:
        told = f"{settings.proposals_topic} has not that {proposal_id} was carried out: {error}"
        click.echo(f"streamer: {told}", err=True)


def check_in_place(settings: Settings, proposal: Proposal) -> None:
    """Refuse a proposal of a version that is not stored, or whose head was replaced by somebody since.

    What workers have learned since does not make it another head.
    """

    async def work(store: Store) -> None:
        if proposal.version not in {each.id for each in await store.versions()}:
            raise ConfigurationError(
                f"the proposal's version must be stored, got {proposal.version[:12]}, which is not"
            )
        head = (await store.head()).id
        if not await _is_in_place(store, head, proposal):
            raise ConfigurationError(
                f"the proposal must be made for the head, got one for {proposal.head[:12] or 'none'}, "
                f"and {head[:12]} is the head since; propose it again"
            )

    with_store(work, settings)


async def _is_in_place(store: Store, head: str, proposal: Proposal) -> bool:
    """Whether nobody has moved the head since, but workers that learned."""
    if proposal.head == head:
        return True
    for entry in filter(is_of_the_head, await store.lineage(_ALL)):
        if entry.get("version") == proposal.head:
            return True
        if "replaced" in entry:
            return False
    # The history does not go back so far.
    moved_ms = await store.trials.promoted_at_ms()
    return bool(proposal.head) and (moved_ms is None or moved_ms <= proposal.proposed_ms)


async def _marked(settings: Settings, proposal_id: str) -> Proposal:
    store = open_review_store(settings)
    try:
        marked = await store.proposals.carried_out(proposal_id, who(), now_ms())
        found = await store.proposals.get(proposal_id) if marked is None else marked
    finally:
        await store.close()
    if marked is not None:
        return marked
    told = "there is none" if found is None else used(found) or f"it is {found.state}"
    if found is not None and found.is_unsent:
        told += ", which Kafka has not acknowledged"
    raise ConfigurationError(f"--proposal must be approved and not carried out, but {told}")


async def _sent(settings: Settings, proposal: Proposal) -> None:
    from streamer.privacy.erasing_card import send_proposal

    store = open_review_store(settings)
    try:
        await send_proposal(settings, store, proposal)
    finally:
        await store.close()
