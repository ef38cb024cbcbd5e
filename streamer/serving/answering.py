"""Payments to answers: the features of the stream, the scores of a version, reasons where asked for.

Pure, and it teaches nothing: the same payments, states and version give the same answers, whatever else
is asked with them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from streamer.contract.answer_message import Answer
from streamer.contract.messages import Mode
from streamer.contract.pseudonyms import pseudonym
from streamer.explaining.counterfactual import counterfactual
from streamer.explaining.findings import findings_of
from streamer.explaining.reasons import at_stake, reasons_of
from streamer.features import History, observe_apart
from streamer.intake.decoding import Decoded
from streamer.intake.payment_columns import CARD, ID
from streamer.model import MAIN, Scored, Scorer
from streamer.serving.card_states import Found

__all__ = ["answers_of"]


def answers_of(
    decoded: Decoded,
    found: Found,
    n_partitions: int,
    version: Scorer,
    *,
    mode: Mode,
    now_ms: int,
    explain: bool,
    card_key: bytes | None,
) -> list[Answer]:
    """Return the answers to the payments of ``decoded``, of whose entities this was ``found``."""
    columns = decoded.columns
    history = observe_apart(columns, found.kept, n_partitions)
    names = decoded.payments.names
    cards = names.column(CARD).strings()
    if card_key is not None:
        cards = [pseudonym(card, card_key) for card in cards]
    answers = [
        Answer(
            transaction_id=transaction_id,
            card_id=card_id,
            decision="warming",
            score=None,
            distance=None,
            threshold=None,
            model_version=version.id,
            mode=mode,
            ranked_by=version.ranked_by,
            partition=partition,
            state_age_s=None if saved_at_ms is None else max(now_ms - saved_at_ms, 0) / 1000,
        )
        for transaction_id, card_id, partition, saved_at_ms in zip(
            names.column(ID).strings(), cards, found.partitions, found.saved_at_ms, strict=True
        )
    ]
    if version.is_warming:
        return answers
    scored = version.score(history.X, columns.currencies, history.V, columns.times_ms)
    answers = _with_scores(answers, version, scored)
    return _with_reasons(answers, decoded, history, version, scored) if explain else answers


def _with_scores(answers: Sequence[Answer], version: Scorer, scored: Scored) -> list[Answer]:
    told: list[float | None] = [None] * len(answers)
    if len(scored.log_odds):
        told = list(version.probabilities_of(scored.log_odds).tolist())
    return [
        replace(
            answer,
            decision="alert" if scored.alerted[i] else "pass",
            score=float(scored.scores[i]),
            distance=float(scored.distances_sq[i]) ** 0.5,
            threshold=_told_threshold(float(scored.thresholds[i]), scored),
            log_odds=scored.log_odds_of(i),
            probability=told[i],
            expected_loss=scored.expected_loss_of(i),
        )
        for i, answer in enumerate(answers)
    ]


def _told_threshold(threshold: float, scored: Scored) -> float:
    """Return a threshold in the units that an alert has: a distance, not its square."""
    if scored.by_loss:
        return math.exp(threshold)
    return threshold if scored.by_odds else threshold**0.5


def _with_reasons(
    answers: Sequence[Answer],
    decoded: Decoded,
    history: History,
    version: Scorer,
    scored: Scored,
) -> list[Answer]:
    columns, rows = decoded.columns, range(len(answers))
    lanes = np.full(len(answers), MAIN)
    found = findings_of(version, columns, history, rows, scored.asked, lanes)
    explained = []
    for i, (answer, findings) in enumerate(zip(answers, found, strict=True)):
        payment = decoded.transaction(i)
        reasons = reasons_of(findings, payment.currency)
        if findings.by_loss and answer.probability is not None:
            reasons = at_stake(findings, answer.probability, payment, reasons)
        units, is_quiet_below = int(findings.quiet_units), findings.is_quiet_below > 0
        quiet = counterfactual(units, is_quiet_below, payment.currency)
        explained.append(replace(answer, reasons=reasons, counterfactual=quiet))
    return explained
