"""From a score to something that a person can act on: an alert with reasons in words.

The reasons are exact (`reasons`): with the base and the rest they sum to what the alert is ranked by.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import msgspec

from streamer.arrays import Floats, Integers
from streamer.contract.messages import Alert, Mode, Severity, Source, Transaction
from streamer.contract.pseudonyms import CardKey, pseudonym, pseudonyms
from streamer.explaining.before import before_of
from streamer.explaining.centers import center_of
from streamer.explaining.counterfactual import counterfactual
from streamer.explaining.findings import Findings, findings_of, ranking_of, threshold_of
from streamer.explaining.grouping import wave_id, wave_of, wave_sentence
from streamer.explaining.reasons import at_stake, drawn_at_random, reasons_of
from streamer.features import CONTEXT_NAMES, FEATURE_NAMES, Columns, History
from streamer.model import SAMPLE, Scorer

__all__ = ["AlertContext", "alert_id", "build_alert", "build_alerts", "pseudonym"]

# Severity is the rank among what the budget admits: the top twentieth, the top quarter, the rest.
_CRITICAL_SHARE: Final = 1 / 20
_HIGH_SHARE: Final = 1 / 4
_NAMES: Final = (*FEATURE_NAMES, *CONTEXT_NAMES)
# One takes about a tenth of a millisecond: so many between two steps.
_AT_ONCE: Final = 16


@dataclass(slots=True)
class AlertContext:
    """What a batch's alerts are built from; ``epoch`` is that of its offsets (`Source`).

    ``rows`` are those of which there may be one, in ascending order.  ``shares`` (n,) say for each
    payment which share of recent traffic was to alert, ``lanes`` (n,) in which of them it did, and
    ``weights`` (n,) how many it stands for if it was drawn from below the line.  ``waves`` (m, 4) are
    those of ``rows`` (`streamer.explaining.grouping`).
    """

    topic: str
    partition: int
    epoch: int
    version: Scorer
    columns: Columns
    history: History
    mode: Mode
    scored_at_ms: int
    card_key: CardKey | None
    rows: list[int]
    shares: Floats
    lanes: Integers
    weights: Floats
    waves: Integers
    _findings: dict[int, Findings] = field(default_factory=dict)

    def findings(self, index: int) -> Findings:
        """Return those of one of ``rows``; of those behind it some are asked about in the same call."""
        if index not in self._findings:
            at = bisect_left(self.rows, index)
            some = self.rows[at : at + _AT_ONCE]
            decided = self.shares, self.lanes
            found = findings_of(self.version, self.columns, self.history, some, *decided)
            self._findings.update(zip(some, found, strict=True))
        return self._findings[index]

    def before(self, index: int) -> dict[str, float]:
        """Return what the amount and hour of one of ``rows`` were compared with."""
        history, payment = self.history, self.columns.payments[index]
        habit, merchant = history.spending[index], history.merchants[index]
        return before_of(habit, merchant, payment["local_hour"])


def alert_id(source: Source) -> str:
    """Return the id of the alert on the transaction of ``source``: the same whoever computes it.

    No topic's name contains an @, so that an epoch is never taken for a part of one.

    >>> alert_id(Source("transactions", 2, 25_262)), alert_id(Source("transactions", 2, 25_262, 1))
    ('transactions-2-25262', 'transactions-2-25262@1')
    """
    place = f"{source.topic}-{source.partition}-{source.offset}"
    return f"{place}@{source.epoch}" if source.epoch else place


def build_alerts(
    context: AlertContext,
    offsets: Integers,
    transaction_of: Callable[[int], Transaction],
    rows: Sequence[int],
) -> Generator[None, None, list[Alert]]:
    """Return the alerts on some ``rows`` of a batch, with a step after every few.

    ``transaction_of`` returns that of a row.
    """
    alerts: list[Alert] = []
    for i in rows:
        alerts.append(build_alert(context, i, offsets.item(i), transaction_of(i)))
        if len(alerts) % _AT_ONCE == 0:
            yield
    return alerts


def build_alert(context: AlertContext, index: int, offset: int, transaction: Transaction) -> Alert:
    """Return the alert on the batch's transaction ``index``."""
    version, findings, currency = context.version, context.findings(index), transaction.currency
    by_odds, is_sampled = findings.by_odds > 0, context.lanes.item(index) == SAMPLE
    probability = None if version.odds is None else version.probability_of(findings.log_odds)
    expected_loss = None if math.isnan(findings.log_loss) else math.exp(findings.log_loss)
    log_odds = None if version.odds is None else findings.log_odds
    ranked_value = findings.log_odds if by_odds else findings.distance_sq
    reasons = reasons_of(findings, currency)
    if findings.by_loss and probability is not None:
        reasons = at_stake(findings, probability, transaction, reasons)
    weight = context.weights.item(index) if is_sampled else None
    if weight is not None:
        reasons = drawn_at_random(weight, reasons)
    source = Source(context.topic, context.partition, offset, context.epoch)
    shown, others = transaction, list[str]()
    if context.card_key is not None:
        name, *others = pseudonyms(transaction.card_id, context.card_key)
        shown = msgspec.structs.replace(transaction, card_id=name)
    wave = wave_of(context.waves, bisect_left(context.rows, index))
    return Alert(
        alert_id=alert_id(source),
        transaction=shown,
        score=findings.score,
        distance=findings.distance_sq**0.5,
        distance_sq=findings.distance_sq,
        threshold=threshold_of(findings),
        severity="medium" if is_sampled else _severity(findings.score, findings.asked),
        reasons=reasons,
        other_contribution=ranked_value - findings.base - sum(r.contribution for r in reasons),
        nearest_center=center_of(version, int(findings.nearest), findings.currency_mean),
        model_version=version.id,
        source=source,
        event_time=transaction.timestamp,
        scored_at=datetime.fromtimestamp(context.scored_at_ms / 1000, tz=UTC),
        mode=context.mode,
        counterfactual=counterfactual(
            int(findings.quiet_units), findings.is_quiet_below > 0, currency
        ),
        ranked_by=ranking_of(findings),
        log_odds=log_odds,
        base_log_odds=findings.base,
        probability=probability,
        sampled=is_sampled,
        sample_weight=weight,
        wave_id=None if wave is None else wave_id(wave, shown),
        wave_alerts=None if wave is None else wave.n_alerts,
        wave_sentence=None if wave is None else wave_sentence(wave),
        features={
            name: value
            for name, value in zip(_NAMES, findings.known, strict=True)
            if not math.isnan(value)
        },
        parameters=findings.parameters,
        expected_loss=expected_loss,
        before=context.before(index),
        other_card_ids=others,
    )


def _severity(score: float, asked: float) -> Severity:
    """Return the band of a payment by its rank among those that are to alert at its hour.

    ``asked`` is the share of recent scores that is to alert; a flood of fraud ranks above the recent
    ones, so that its bands are fuller and nothing is cut off.
    """
    rarity = (1.0 - score) / asked
    if rarity <= _CRITICAL_SHARE:
        return "critical"
    return "high" if rarity <= _HIGH_SHARE else "medium"
