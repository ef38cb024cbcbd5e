"""A card is forgotten: proposed by one person, approved by another, then done step by step.

1. What is stored of it is looked for everywhere (`gathered`).
2. What makes its alias is destroyed, and verdicts on it are taken out of what workers are to learn.
3. The erasure is begun: the owner of each partition lets go of the card between two batches, and of
   what is stored of it with its next checkpoint.
4. When every partition has done it, workers' part is read again; what is left is done once more.
5. The console's part of Redis and what verdicts taught are let go of, and then the erasure itself, the
   last that knows the card.

Each step can be done again, so that who is interrupted begins anew.

Invariants:
* Nobody approves what they proposed, and nothing is done that was not approved.
* Outside of Redis the erasure is known by a number that was drawn.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from streamer.errors import ConfigurationError, UnavailableError
from streamer.privacy.card_names import CardNames, known_names
from streamer.privacy.gathered import Gathered, gather
from streamer.privacy.held_of_card import HeldOfCard, held_of_card
from streamer.settings import Settings
from streamer.store import Erasure, Erasures, ReviewStore, Store
from streamer.store.console_traces import erase_console_traces, find_console_traces
from streamer.store.proposals import Proposal
from streamer.store.verdict_traces import erase_verdict_traces, find_verdict_traces
from streamer.stream.kafka.topics import prepare_console_topics
from streamer.stream.publishing.acknowledged import Outbox
from streamer.stream.publishing.tombstones import compacted, send_tombstones

__all__ = [
    "LOOKED_S",
    "ErasedReport",
    "Standing",
    "carry_out",
    "new_erasure_id",
    "propose_erasure",
    "proposed_erasure",
    "send_proposal",
    "tell_carried_out",
]

_POLL_S: Final = 0.1
_TURNS: Final = 3
LOOKED_S: Final = 6.0
"""Longer than it takes until each worker has looked for erasures once more."""
_ID_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Standing:
    """An erasure of a card, and what has become of its proposal; None of one that is gone."""

    erasure: Erasure
    proposal: Proposal | None

    @property
    def is_approved(self) -> bool:
        """Whether somebody else than who proposed it has approved it, and Kafka knows."""
        found = self.proposal
        return found is not None and found.is_approved and not found.is_unsent


@dataclass(slots=True)
class ErasedReport:
    """What was done, with what was ``found`` before.  ``partitions`` let go of the card."""

    erasure_id: str
    found: Gathered
    partitions: list[str] = field(default_factory=list)
    n_turns: int = 0
    n_tombstones: int = 0
    unknown: list[str] = field(default_factory=list)
    """Topics that have records of the card, of which Kafka does not say whether it compacts them."""

    @property
    def on_topics(self) -> dict[str, int]:
        """How many records that have to do with the card are left, by topic."""
        scans = self.found.topics.scans.values()
        return {scan.topic: len(scan.records) for scan in scans if scan.records}


async def proposed_erasure(store: Store, reviews: ReviewStore, card_id: str) -> Standing | None:
    """Return the erasure of a card that is proposed or under way, None where there is none."""
    for erasure in await store.erasures.all():
        if erasure.card_id == card_id:
            return Standing(erasure, await reviews.proposals.get(erasure.id))
    return None


async def propose_erasure(
    store: Store,
    reviews: ReviewStore,
    erasure_id: str,
    card_id: str,
    who: str,
    reason: str,
    now_ms: int,
    user: str = "",
) -> Proposal:
    """Propose that a card is forgotten, and return the proposal, which is still to be sent.

    ``who`` is the person as the console knows them, ``user`` what this machine calls them.
    """
    erasure = Erasure(id=erasure_id, card_id=card_id, proposed_ms=now_ms)
    if not await store.erasures.put(erasure):
        raise ConfigurationError(
            "erasures that wait must be fewer than 200, got as many; let them be decided first"
        )
    kept = await reviews.proposals.put(
        Proposal(
            id=erasure.id,
            kind="erase",
            head="",
            reason=reason,
            proposed_by=who,
            proposed_ms=now_ms,
            user=user,
        )
    )
    if kept is None:
        await store.erasures.drop(erasure.id)
        raise ConfigurationError(
            "proposals that wait must be fewer than 200, got as many; let them be decided first"
        )
    return kept


async def send_proposal(settings: Settings, reviews: ReviewStore, proposal: Proposal) -> None:
    """Send a proposal to its topic, as the console does; `UnavailableError` where Kafka is away.

    Nobody waits before a page here: what Kafka does not take at once it is sent again, for as long as
    an entry of the audit has.
    """
    deadline = time.monotonic() + settings.audit_timeout_s
    await asyncio.to_thread(prepare_console_topics, settings)
    value = msgspec.json.encode(msgspec.structs.replace(proposal, is_unsent=False))
    outbox = Outbox(settings)
    try:
        while True:
            try:
                await outbox.send(settings.proposals_topic, value, proposal.id)
                break
            except UnavailableError:
                if time.monotonic() > deadline:
                    raise
    finally:
        outbox.close()
    await reviews.proposals.acknowledged(proposal)


def new_erasure_id() -> str:
    """Return a number that says nothing of a card."""
    return f"erase-{secrets.token_hex(_ID_BYTES)}"


async def carry_out(
    settings: Settings,
    store: Store,
    reviews: ReviewStore,
    standing: Standing,
    *,
    wait_s: float,
    now_ms: Callable[[], int],
    who: str,
    others: Sequence[str] = (),
) -> ErasedReport:
    """Do it in the name of ``who``, and return what was done.

    Raises `ConfigurationError` where it is not approved; `UnavailableError` where a partition has not
    let go of the card within ``wait_s``: what is done by then stays done, and the rest goes on as soon
    as a worker has the partition.
    """
    if not standing.is_approved:
        raise ConfigurationError(
            f"erasure {standing.erasure.id} must be approved by somebody else than who proposed it, "
            f"got {'no proposal' if standing.proposal is None else standing.proposal.state}"
        )
    erasures, client = store.erasures, reviews.client
    card_id = standing.erasure.card_id
    names = await known_names(settings, card_id, erasures.aliases, standing.erasure.names)
    found = await gather(settings, store, reviews, names, others)
    report = ErasedReport(standing.erasure.id, found)
    erasure = await _alias_destroyed(erasures, standing.erasure, names)
    told = await asyncio.to_thread(_let_go_on_topics, settings, names, found)
    report.n_tombstones, report.unknown = told
    # What workers have not learned from yet must not bring the card back.
    await erase_verdict_traces(client, found.verdicts)
    held: Sequence[HeldOfCard] = found.held
    for report.n_turns in range(1, _TURNS + 1):
        erasure = _begun(erasure, found, held, now_ms())
        await erasures.put(erasure)
        report.partitions = await _all_done(settings, store, erasure, wait_s)
        held = await held_of_card(store, settings.transactions_topic, names, erasure.transactions)
        if not any(_is_left(each, erasure) for each in held):
            break
    else:
        raise UnavailableError(
            f"nothing of the card must be left after {_TURNS} turns, got some: verdicts on it come "
            "while it is erased; say it again"
        )
    # Nobody alerts on what it was any more.
    console = await find_console_traces(client, names.all, found.topics.alert_ids)
    await erase_console_traces(client, console)
    verdicts = await find_verdict_traces(client, names.all, erasure.transactions)
    await erase_verdict_traces(client, verdicts)
    kept_ms = round(settings.audit_retention_s * 1000)
    await erasures.finish(erasure, now_ms(), kept_ms)
    # Afterwards: of a proposal that is used the erasure could not go on.
    await tell_carried_out(settings, reviews, erasure.id, who, now_ms())
    return report


async def tell_carried_out(
    settings: Settings, reviews: ReviewStore, erasure_id: str, who: str, now_ms: int
) -> None:
    """Note and send that a card is forgotten; nothing where that was done."""
    done = await reviews.proposals.carried_out(erasure_id, who, now_ms)
    known = done or await reviews.proposals.get(erasure_id)
    if known is not None and known.carried_by and known.is_unsent:
        await send_proposal(settings, reviews, known)


async def _alias_destroyed(erasures: Erasures, erasure: Erasure, names: CardNames) -> Erasure:
    """Let nobody make the card's alias any more, once what it was is noted; return what is noted."""
    shown = names.aliases[0]
    noted = msgspec.structs.replace(
        erasure,
        names=sorted(names.all - {names.card_id}),
        alias=erasure.alias or shown,
    )
    await erasures.put(noted)
    # Else it was destroyed before somebody was interrupted, and this is the next one.
    if noted.alias == shown:
        await erasures.aliases.forget(*names.published)
    return noted


def _let_go_on_topics(
    settings: Settings, names: CardNames, found: Gathered
) -> tuple[int, list[str]]:
    """Send messages without a value where Kafka compacts; return how many, and where it does not say.

    Not on topics that workers read again, where each message must be one.
    """
    ours = {settings.alerts_topic, settings.overflow_topic, settings.feedback_topic}
    ours |= {settings.audit_topic, settings.dead_letters_topic, settings.transactions_topic}
    ours |= {settings.feedback_dead_letters_topic, settings.proposals_topic}
    scans = {scan.topic: scan for scan in found.topics.scans.values() if scan.records}
    is_compacted, unknown = compacted(settings, scans.keys() - ours)
    places = {
        (record.topic, record.partition, record.key)
        for topic in is_compacted
        for record in scans[topic].records
        if record.key is not None and record.key.decode(errors="replace") in names.all
    }
    return send_tombstones(settings, places) if places else 0, sorted(unknown)


def _begun(erasure: Erasure, found: Gathered, held: Sequence[HeldOfCard], at_ms: int) -> Erasure:
    return msgspec.structs.replace(
        erasure,
        # Another turn has another time.
        begun_ms=max(at_ms, erasure.begun_ms + 1),
        # What was known before somebody was interrupted may not be found any more.
        transactions=sorted({*found.transactions, *erasure.transactions}),
        segments={f"{each.topic}:{each.partition}": each.segments for each in held},
    )


async def _all_done(settings: Settings, store: Store, erasure: Erasure, wait_s: float) -> list[str]:
    """Return the partitions that have let go of the card once all have."""
    began = time.monotonic()
    deadline = began + wait_s
    while True:
        records = {
            name: record
            for name, record in (await store.partitions()).items()
            if name[0] == settings.transactions_topic
        }
        saved = [name for name, record in records.items() if record.offset is not None]
        done = await store.erasures.done()
        left = [name for name in saved if erasure.done_name(*name) not in done]
        # One that is read and was never saved says nothing; its owner has looked by then.
        has_looked = time.monotonic() > began + LOOKED_S or len(saved) == len(records)
        if not left and has_looked:
            return [f"{topic}/{partition}" for topic, partition in saved]
        if not left:
            await asyncio.sleep(_POLL_S)
            continue
        if time.monotonic() > deadline:
            told = ", ".join(f"{topic}/{partition}" for topic, partition in left)
            raise UnavailableError(
                f"every partition must let go of the card within {wait_s:g} s, got none of {told} to "
                "do so: start a worker, which does it as soon as it has the partition, and say this "
                "again; it goes on where it was"
            )
        await asyncio.sleep(_POLL_S)


def _is_left(held: HeldOfCard, erasure: Erasure) -> bool:
    """Whether there is something of what the card did before it was erased.

    It may have paid since: a state, and payments that still wait, are of then, since all that waited
    were let go of.
    """
    known = set(erasure.transactions)
    is_waiting = all(each.still_waits for each in held.waiting)
    return not is_waiting or any(each.transaction_id in known for each in held.rulings)
