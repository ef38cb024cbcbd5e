"""What an alert's page says beside the alert itself, from what the stream and the console keep.

What cannot be told says why; only a store that is away keeps the page from being made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from streamer.console.alert.blind_alert import KnownValue, known_values
from streamer.console.alert.card_drawing import CardMap, Strip, map_of, strip_of
from streamer.console.alert.card_habit import Habit, habits_of, usual_amount
from streamer.console.alert.fraud_history import Known, known_at_alert, known_now, without
from streamer.console.alert.lesson_words import Told, overruled_text, told_lesson
from streamer.console.alert.positions import Position, Traffic, positions_of
from streamer.console.alert.what_if import Alone, Slider, alone, sliders_of
from streamer.console.console import Console, now_ms
from streamer.contract.messages import Alert
from streamer.errors import ConfigurationError, InvariantError
from streamer.features.kinds import MERCHANT_VERDICTS
from streamer.indexing import fingerprints
from streamer.model import Scorer
from streamer.store import CardAlert, Review, rfc3339

__all__ = [
    "CardFacts",
    "Facts",
    "MerchantFacts",
    "asked_alone",
    "blind_facts_of",
    "facts_as_json",
    "facts_of",
]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class MerchantFacts:
    """What verdicts said of the merchant when the alert was scored, and what the stream has of it now.

    ``before`` is what it would have now without this alert's verdict, () where that has taught nothing.
    """

    then: tuple[Known, ...] = ()
    now: tuple[Known, ...] = ()
    before: tuple[Known, ...] = ()


@dataclass(frozen=True, slots=True)
class CardFacts:
    """The alerts of a card that are kept, by the time of their payments, and what draws them."""

    alerts: tuple[CardAlert, ...]
    strip: Strip | None
    map: CardMap | None


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it.  ``positions`` are of the alert's reasons; ``drawn_from`` says of what, or why not.

    ``first_version`` is the id of the first version that has learned the verdict, "" where unknown.
    """

    positions: tuple[Position | None, ...]
    drawn_from: str
    habits: tuple[Habit, ...]
    sliders: tuple[Slider, ...]
    card: CardFacts
    merchant: MerchantFacts
    told: Told | None
    first_version: str = ""


async def facts_of(
    console: Console,
    alert: Alert,
    review: Review | None,
    veiled: AbstractSet[str] = frozenset(),
) -> Facts:
    """Return what there is to tell of an alert, and of the verdict that was sent on it.

    Of alerts that are ``veiled`` nothing follows from what others have judged.
    """
    at_ms = now_ms()
    asked_now = _merchant_now(console, alert, at_ms) if alert.alert_id not in veiled else _nothing()
    (positions, drawn_from), card, now, (told, first_version) = await asyncio.gather(
        _positions(console, alert),
        _card(console, alert, veiled),
        _or(asked_now, lambda: ()),
        _or(_lesson(console, alert, review, at_ms), lambda: (None, "")),
    )
    before: tuple[Known, ...] = ()
    # Where it overruled another verdict, that one would stand without it.
    if review is not None and told is not None and told.is_first:
        before = without(now, review, at_ms)
    return Facts(
        tuple(positions),
        drawn_from,
        habits_of(alert),
        tuple(sliders_of(alert, {})),
        card,
        MerchantFacts(known_at_alert(alert, "merchant"), now, before),
        told,
        first_version,
    )


async def blind_facts_of(
    console: Console, alert: Alert, veiled: AbstractSet[str]
) -> tuple[Facts, list[KnownValue]]:
    """Return what may be told of an alert before its verdict, and what was known of the payment."""
    (traffic, drawn_from), card = await asyncio.gather(
        _traffic(console), _card(console, alert, veiled)
    )
    merchant = MerchantFacts(known_at_alert(alert, "merchant"))
    known = await asyncio.to_thread(known_values, alert, traffic)
    return Facts((), drawn_from, (), (), card, merchant, None), known


async def asked_alone(console: Console, alert: Alert) -> tuple[list[Alone], Scorer | None, str]:
    """Return what each thing alone would have done, by which version; or why that cannot be asked."""
    version, because = await console.versions.of(alert)
    if version is None:
        return [], None, because
    try:
        return await asyncio.to_thread(alone, alert, version), version, ""
    except ConfigurationError as error:
        return [], version, f"It cannot be asked again: {error}."


def facts_as_json(facts: Facts) -> dict[str, Any]:
    """Return what goes into the export: no drawings."""
    return {
        "drawn_from": facts.drawn_from,
        "beside_the_card": {each.what: each.text for each in facts.habits},
        "positions": [None if each is None else each.sentence for each in facts.positions],
        "merchant_when_scored": _shares(facts.merchant.then),
        "merchant_now": _shares(facts.merchant.now),
        "alerts_of_the_card": facts.card.alerts,
        "verdict_taught": None if facts.told is None else _taught(facts),
    }


def _taught(facts: Facts) -> dict[str, Any] | None:
    if facts.told is None or facts.told.lesson is None:
        return None
    return {
        "lesson": facts.told.lesson.lesson,
        "learned_at": rfc3339(facts.told.lesson.stored_ms),
        "first_version": facts.first_version or None,
        "merchant_without_it": _shares(facts.merchant.before),
    }


def _shares(known: tuple[Known, ...]) -> list[dict[str, float]]:
    return [
        {
            "half_life_days": each.days,
            "frauds": each.frauds,
            "payments": each.payments,
            "share": each.share,
        }
        for each in known
    ]


async def _positions(console: Console, alert: Alert) -> tuple[list[Position | None], str]:
    traffic, drawn_from = await _traffic(console)
    if traffic is None:
        return [None] * len(alert.reasons), drawn_from
    return positions_of(alert, traffic), drawn_from


async def _traffic(console: Console) -> tuple[Traffic | None, str]:
    """Return recent traffic and what it is, or why it is not known."""
    try:
        in_use = await console.versions.in_use()
    except InvariantError as error:
        return None, f"What recent traffic was like cannot be told: {error}."
    version = in_use.version
    if version is None:
        return None, in_use.because
    traffic = console.traffic_of(version)
    drawn_from = (
        f"Drawn from the model's sample of recent traffic: {traffic.n_sampled:,} payments, which stand "
        f"for the last {_rounded(traffic.n_payments)} or so, as of {in_use.made_at:%Y-%m-%d %H:%M} UTC "
        f"(version {version.id[:12]})."
    )
    return traffic, drawn_from


async def _card(console: Console, alert: Alert, veiled: AbstractSet[str]) -> CardFacts:
    found = [
        msgspec.structs.replace(each, verdict="") if each.alert_id in veiled else each
        for each in await console.store.cards.of(alert.transaction.card_id, *alert.other_card_ids)
    ]
    own = alert.alert_id
    return CardFacts(tuple(found), strip_of(found, own, usual_amount(alert)), map_of(found, own))


async def _nothing() -> tuple[Known, ...]:
    return ()


async def _merchant_now(console: Console, alert: Alert, at_ms: int) -> tuple[Known, ...]:
    """Return what the stream had of the merchant at its last checkpoint, as of now."""
    merchant_id, source = alert.transaction.merchant_id, alert.source
    if merchant_id is None:
        return ()
    lookups, kind = console.store.lookups, MERCHANT_VERDICTS.name
    numbers = await lookups.partition_numbers(source.topic)
    if source.partition not in numbers:
        return ()
    names = [str(fingerprints([merchant_id]).item())]
    stored = await lookups.read_states(source.topic, {source.partition: {kind: names}})
    [state] = stored[source.partition].states[kind]
    if state is None or len(state) != MERCHANT_VERDICTS.row.itemsize:
        return ()
    return await asyncio.to_thread(known_now, state, at_ms, len(numbers))


async def _lesson(
    console: Console, alert: Alert, review: Review | None, at_ms: int
) -> tuple[Told | None, str]:
    if review is None or not review.is_sent:
        return None, ""
    taught, source = console.store.taught, alert.source
    found = await taught.lessons_on(
        source.topic, source.partition, alert.transaction.transaction_id, review.decided_ms
    )
    own = [
        each
        for each in found
        if round(each.lesson.decided_at.timestamp() * 1000) == review.decided_ms
    ]
    lesson = own[-1] if own else None
    first = await taught.version_with(lesson) if lesson is not None else ""
    overruled = ""
    if lesson is not None and lesson.lesson.before in ("fraud", "legitimate"):
        entries = [e for e in await console.judged_entries() if e.alert_id == alert.alert_id]
        scored_ms = round(alert.scored_at.timestamp() * 1000)
        name = alert.transaction.transaction_id
        earlier = await taught.lessons_on(source.topic, source.partition, name, scored_ms)
        overruled = overruled_text(review, entries, earlier)
    return told_lesson(review, lesson, at_ms, overruled), first


async def _or(work: Awaitable[_T], otherwise: Callable[[], _T]) -> _T:
    """Return what ``work`` gives, or what is told where what is stored is not as it should be."""
    try:
        return await work
    except (ConfigurationError, InvariantError):
        return otherwise()


def _rounded(n: int) -> str:
    """Return a number as far as it says anything.

    >>> [_rounded(n) for n in (7, 1_234, 29_876)]
    ['7', '1,200', '30,000']
    """
    return f"{int(float(f'{n:.2g}')):,}"
