"""Verdicts into what is learned: the fraud shares of merchant and card, and the odds.

Applying a set of verdicts gives the same shares, rulings and lessons in whatever order they come, up
to rounding, as long as the same version scores: each verdict counts at the time it was decided, and one
that is overruled is taken back.

A verdict may name its payment alone, or the card by the pseudonym that alerts carry: card and merchant
are those of the payment that waits for it, as long as it waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from streamer.arrays import Floats, Integers
from streamer.contract.messages import Feedback
from streamer.contract.pseudonyms import CardKey, is_pseudonym
from streamer.durations import DAY_MS
from streamer.features import Tables, add_verdicts
from streamer.model import (
    FOUND_OUT,
    Scorer,
    Sums,
    count_delays,
    count_judged,
    learn_verdicts,
)
from streamer.verdicts.buffer import UNJUDGED, UnjudgedBuffer
from streamer.verdicts.lesson_record import Known, LessonRecord, Noted
from streamer.verdicts.overheard import (
    Overheard,
    OverheardJudged,
    OverheardRuling,
)
from streamer.verdicts.rulings import Rulings, overrules
from streamer.verdicts.waiting import Waiting

__all__ = ["Applied", "VerdictConfig", "VerdictState", "apply_verdicts", "remember"]

Standing = tuple[Feedback, float]
"""A verdict, and 1 if it begins to stand or -1 if it no longer does."""


@dataclass(frozen=True, slots=True)
class VerdictConfig:
    """How much is kept for verdicts to come, and for how long.

    ``capacity`` in payments of one partition, 0 keeps none and leaves the odds off; ``horizon_ms`` in
    event time, of which all of them are kept for ``whole_ms`` and then a sample
    (`streamer.verdicts.thinning`).

    ``unlabelled_is_legitimate``: what nobody has judged ``presumed_after_ms`` after it is learned as
    legitimate, until a verdict within the horizon says otherwise.  Earlier than verdicts come, and
    frauds are learned the wrong way round; later, and the odds learn from alerts alone, which are no
    fair sample of anything.  Of them a sample teaches, the most usual with the probability
    ``presumed_least``, 1 for all (`streamer.verdicts.presuming`).
    """

    capacity: int = 100_000
    horizon_ms: int = 180 * DAY_MS
    whole_ms: int = 30 * DAY_MS
    presumed_after_ms: int = 8 * DAY_MS
    unlabelled_is_legitimate: bool = True
    presumed_least: float = 0.2


@dataclass(slots=True)
class VerdictState:
    """What one partition remembers for the sake of verdicts; part of its checkpoint.

    ``record`` is what people are told; it holds nothing where there is no checkpoint to take it.

    ``cursors`` maps ``topic/partition`` of the feedback to the first place not applied yet.
    ``clock_ms`` is the latest event time seen.

    ``overheard`` is what others learn from beside the model in use, None where there is nobody.
    """

    buffer: UnjudgedBuffer
    rulings: Rulings
    cursors: dict[str, int] = field(default_factory=dict)
    clock_ms: int = -1
    record: LessonRecord = field(default_factory=LessonRecord)
    overheard: Overheard | None = None

    @classmethod
    def empty(cls, n_inputs: int, capacity: int) -> VerdictState:
        return cls(UnjudgedBuffer(n_inputs, capacity), Rulings(capacity))


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of a set of verdicts.

    ``n_standing`` began to stand, ``n_ignored`` repeated or were overruled by what stood;
    ``n_learned`` found their payment in the buffer, and the odds learned from it.  ``alerts_judged``
    says of each alert among those whether it is fraud, in the order of the verdicts.
    """

    n_standing: int
    n_ignored: int
    n_learned: int
    alerts_judged: tuple[bool, ...] = ()


def remember(
    kept: VerdictState,
    delta: Sums,
    version: Scorer,
    config: VerdictConfig,
    hashes: Floats,
    waiting: Waiting,
) -> None:
    """Keep scored payments for their verdicts, presume of the older ones that they are legitimate, thin
    those that few verdicts come for, and let go of those beyond the horizon.

    ``kept`` and ``delta`` are IN/OUT.
    """
    kept.buffer.add(hashes, waiting)
    kept.clock_ms = max(kept.clock_ms, waiting.latest_ms)
    buffer = kept.buffer
    if config.unlabelled_is_legitimate:
        age_ms = min(config.presumed_after_ms, config.horizon_ms)
        presumed = buffer.presume(kept.clock_ms - age_ms)
        if n := len(presumed):
            drawn, weights = buffer.draw_presumed(presumed, config.presumed_least)
            _teach(kept, delta, version, drawn, np.zeros(len(drawn)), weights, n_learned=n)
    if config.whole_ms < config.horizon_ms:
        buffer.thin(kept.clock_ms - config.whole_ms)
    expired = buffer.older_than(kept.clock_ms - config.horizon_ms)
    if len(expired):
        buffer.remove(expired)


def apply_verdicts(
    verdicts: Sequence[Feedback],
    kept: VerdictState,
    tables: Tables,
    delta: Sums,
    version: Scorer,
    card_key: CardKey | None = None,
) -> Applied:
    """Learn from ``verdicts``; ``kept``, ``tables`` and ``delta`` are IN/OUT.

    ``card_key`` is what the pseudonyms in alerts are made with, or were.
    """
    buffer = kept.buffer
    standing: list[Standing] = []
    # The payment, what `learn_verdicts` takes for a fraud, and 1 or -1 as in `Standing`.
    lessons: list[tuple[int, float, float]] = []
    # The payment, and a verdict of fraud on it.
    found: list[tuple[int, Standing]] = []
    judged: list[bool] = []
    # Alerts alone, of every verdict that stands whether it is fraud, and 1 or -1 as in `Standing`.
    counted: list[tuple[int, bool, float]] = []
    n_learned = 0
    slots = buffer.slots([verdict.transaction_id for verdict in verdicts])
    for verdict, slot in zip(verdicts, slots, strict=True):
        is_fraud = verdict.verdict == "fraud"
        before = kept.rulings.get(verdict.transaction_id)
        if before is not None and not overrules(verdict, before):
            continue
        if slot is not None:
            verdict = _completed(verdict, *buffer.parties(slot), card_key)
        kept.rulings.put(verdict)
        standing.append((verdict, 1.0))
        if before is not None:
            standing.append((before, -1.0))
        if kept.overheard is not None:
            time_ms = None if slot is None else buffer.times_ms(np.array([slot])).item()
            kept.overheard.rulings.append(OverheardRuling.of(verdict, before, time_ms))
        if slot is None:
            continue
        learned = buffer.learned(slot)
        taught = _taught(buffer, slot, is_fraud)
        lessons += [(slot, *lesson) for lesson in taught]
        _tell(kept, verdict, version, slot, taught)
        if is_fraud:
            found.append((slot, (verdict, 1.0)))
        if before is not None and before.verdict == "fraud" and buffer.is_judged(slot):
            found.append((slot, (before, -1.0)))
        if buffer.is_alerted(slot):
            counted.append((slot, is_fraud, 1.0))
            if buffer.is_judged(slot):
                counted.append((slot, learned == 1, -1.0))
            else:
                judged.append(is_fraud)
        n_learned += not buffer.is_judged(slot)
        buffer.judge(slot, is_fraud, is_final=verdict.origin == "chargeback")
    _count(tables, standing)
    if found:
        _count_delays(delta, version, buffer, found)
    if counted:
        _count_judged(kept, delta, counted)
    if lessons:
        _learn(kept, delta, version, lessons)
    n_standing = sum(sign > 0 for _, sign in standing)
    return Applied(n_standing, len(verdicts) - n_standing, n_learned, tuple(judged))


def _learn(
    kept: VerdictState,
    delta: Sums,
    version: Scorer,
    lessons: Sequence[tuple[int, float, float]],
) -> None:
    at, frauds, signs = (np.array(column) for column in zip(*lessons, strict=True))
    weights = kept.buffer.weights(at) * signs
    _teach(kept, delta, version, at, frauds.astype(float), weights)


def _teach(
    kept: VerdictState,
    delta: Sums,
    version: Scorer,
    slots: Integers,
    frauds: Floats,
    weights: Floats,
    *,
    n_learned: int | None = None,
) -> None:
    """Learn from payments that wait, and let others overhear it; as for `learn_verdicts`."""
    known = slots, frauds, weights
    learn_verdicts(delta, version, kept.buffer.vectors, *known, n_learned=n_learned)
    if kept.overheard is not None:
        kept.overheard.hear(kept.buffer, *known, n_learned)


def _count_judged(
    kept: VerdictState, delta: Sums, counted: Sequence[tuple[int, bool, float]]
) -> None:
    slots, frauds, signs = zip(*counted, strict=True)
    judged = OverheardJudged(kept.buffer.stakes(slots), np.array(frauds, float), np.array(signs))
    count_judged(delta, *judged)
    if kept.overheard is not None:
        kept.overheard.judged.append(judged)


def _taught(buffer: UnjudgedBuffer, slot: int, is_fraud: bool) -> list[tuple[float, float]]:
    """Return what a verdict teaches: of each lesson what it takes the payment for, and 1 or -1."""
    learned = buffer.learned(slot)
    if learned == is_fraud:
        return []
    if buffer.is_presumed(slot):
        return [(FOUND_OUT, 1.0 if is_fraud else -1.0)]
    lesson = (float(is_fraud), 1.0)
    return [lesson] if learned == UNJUDGED else [lesson, (float(not is_fraud), -1.0)]


def _tell(
    kept: VerdictState,
    verdict: Feedback,
    version: Scorer,
    slot: int,
    taught: Sequence[tuple[float, float]],
) -> None:
    """Note for people what a verdict on the payment in ``slot`` teaches."""
    if not kept.record.capacity:
        return
    buffer = kept.buffer
    weight = float(buffer.weights(np.array([slot]))[0])
    before: Known = "nothing"
    if buffer.is_judged(slot):
        before = "fraud" if buffer.learned(slot) else "legitimate"
    elif buffer.is_presumed(slot):
        before = "presumed"
    inputs = buffer.vectors[slot, : buffer.n_inputs].copy()
    weighted = [(is_fraud, sign * weight) for is_fraud, sign in taught]
    kept.record.add(Noted(verdict, version, inputs, weighted, buffer.is_alerted(slot), before))


def _completed(
    verdict: Feedback, card_id: str | None, merchant_id: str | None, card_key: CardKey | None
) -> Feedback:
    """Return ``verdict`` with the payment's card and merchant where it does not name them itself."""
    if card_id is None:
        return verdict
    named = verdict.card_id or card_id
    if card_key is not None and named != card_id and is_pseudonym(named, card_id, card_key):
        named = card_id
    merchant = verdict.merchant_id or merchant_id
    if (named, merchant) == (verdict.card_id, verdict.merchant_id):
        return verdict
    return msgspec.structs.replace(verdict, card_id=named, merchant_id=merchant)


def _count_delays(
    delta: Sums, version: Scorer, buffer: UnjudgedBuffer, found: Sequence[tuple[int, Standing]]
) -> None:
    """Count how old frauds were when they were found; what was overruled is taken back."""
    slots = np.array([slot for slot, _ in found])
    decided_ms = np.array([_decided_ms(verdict) for _, (verdict, _) in found], np.int64)
    weights = buffer.weights(slots) * [sign for _, (_, sign) in found]
    alerted = np.array([buffer.is_alerted(slot) for slot in slots.tolist()])
    last_s = version.sums.event_span.item(1)
    count_delays(delta, last_s, alerted, buffer.times_ms(slots), decided_ms, weights)


def _decided_ms(verdict: Feedback) -> int:
    return round(verdict.decided_at.timestamp() * 1000)


def _count(tables: Tables, standing: Sequence[Standing]) -> None:
    """Count verdicts in the shares of their merchants and cards, of those that they name."""
    times_ms = np.array([_decided_ms(verdict) for verdict, _ in standing], np.int64)
    counts = np.array([sign for _, sign in standing])
    frauds = counts * [v.verdict == "fraud" for v, _ in standing]
    for table, names in (
        (tables.merchant_verdicts, [v.merchant_id for v, _ in standing]),
        (tables.card_verdicts, [v.card_id for v, _ in standing]),
    ):
        named = [i for i, name in enumerate(names) if name is not None]
        keys = [name for name in names if name is not None]
        add_verdicts(table, keys, times_ms[named], frauds[named], counts[named])
