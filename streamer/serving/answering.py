"""Payments to answers: the features of the stream, the scores of a version, reasons where asked for.

Pure, and it teaches nothing: the same payments, states and version give the same answers, whatever else
is asked with them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any, Final

import numpy as np
from msgspec.structs import replace

from streamer.contract.answer_message import Answer
from streamer.contract.messages import Mode
from streamer.contract.pseudonyms import CardKey, pseudonym
from streamer.explaining.counterfactual import counterfactual
from streamer.explaining.findings import findings_of
from streamer.explaining.reasons import at_stake, reasons_of
from streamer.features import History
from streamer.intake.decoding import Decoded
from streamer.intake.payment_columns import CARD, ID
from streamer.model import MAIN, Scored, Scorer
from streamer.serving.card_states import Found

__all__ = ["answers_of"]

# Decision, score, distance, threshold, log-odds, probability and expected loss.
_Told = tuple[Any, ...]
_WARMING: Final[_Told] = ("warming", None, None, None, None, None, None)


def answers_of(
    decoded: Decoded,
    found: Found,
    history: History,
    version: Scorer,
    *,
    mode: Mode,
    now_ms: int,
    explain: bool,
    card_key: CardKey | None,
) -> list[Answer]:
    """Return the answers to the payments of ``decoded``, of whose entities this was ``found``.

    ``history`` is theirs, of `observe_apart`.
    """
    columns = decoded.columns
    names = decoded.payments.names
    cards = names.column(CARD).strings()
    if card_key is not None:
        cards = [pseudonym(card, card_key) for card in cards]
    ids = names.column(ID).strings()
    ages = [None if at is None else max(now_ms - at, 0) / 1000 for at in found.saved_at_ms]
    asked_about = zip(ids, cards, found.partitions, ages, strict=True)
    if version.is_warming:
        return _answers(asked_about, repeat(_WARMING, len(ids)), version, mode)
    scored = version.score(history.X, columns.currencies, history.V, columns.times_ms)
    answers = _answers(asked_about, _told(version, scored), version, mode)
    return _with_reasons(answers, decoded, history, version, scored) if explain else answers


def _answers(
    asked_about: Iterable[tuple[str, str, int | None, float | None]],
    told: Iterable[_Told],
    version: Scorer,
    mode: Mode,
) -> list[Answer]:
    """Return answers by id, card, partition and age of its state, and by what is told."""
    by, version_id = version.ranked_by, version.id
    return [
        # By place, in the order of the fields: names would take twice as long.
        Answer(
            i, card, d, score, distance, line, version_id, mode, by, odds, p, loss, partition, age
        )
        for (i, card, partition, age), (d, score, distance, line, odds, p, loss) in zip(
            asked_about, told, strict=True
        )
    ]


def _told(version: Scorer, scored: Scored) -> Iterable[_Told]:
    """Return what is told of each payment."""
    n = len(scored.distances_sq)
    log_odds, told, losses = _none(n), _none(n), _none(n)
    if len(scored.log_odds):
        log_odds = scored.log_odds.tolist()
        told = version.probabilities_of(scored.log_odds).tolist()
    if len(scored.log_losses):
        losses = [math.exp(each) for each in scored.log_losses.tolist()]
    return zip(
        ["alert" if is_alert else "pass" for is_alert in scored.alerted.tolist()],
        scored.scores.tolist(),
        [each**0.5 for each in scored.distances_sq.tolist()],
        [_told_threshold(each, scored) for each in scored.thresholds.tolist()],
        log_odds,
        told,
        losses,
        strict=True,
    )


def _none(n: int) -> list[float | None]:
    return [None] * n


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
