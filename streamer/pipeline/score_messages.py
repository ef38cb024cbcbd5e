"""What the scores topic gets of a batch: one message for every transaction, alerted or not."""

from __future__ import annotations

from streamer.contract.messages import Score, Source
from streamer.contract.pseudonyms import CardKey, pseudonym
from streamer.intake.decoding import Decoded
from streamer.intake.payment_columns import CARD, ID
from streamer.model import Scored, Scorer
from streamer.pipeline.deciding import Decision
from streamer.pipeline.partition_state import PartitionState

__all__ = ["score_messages"]


def score_messages(
    decoded: Decoded,
    state: PartitionState,
    version: Scorer,
    scored: Scored | None,
    decision: Decision,
    card_key: CardKey | None,
) -> list[Score]:
    """Return the message of every transaction of a batch; ``scored`` is None while warming."""
    topic, partition = decoded.batch.topic, decoded.batch.partition
    names = decoded.payments.names
    told: list[float | None] = [None] * len(decoded)
    if scored is not None and len(scored.log_odds):
        told = version.probabilities_of(scored.log_odds).tolist()
    named = names.column(ID).strings(), names.column(CARD).strings()
    return [
        Score(
            transaction_id=transaction_id,
            card_id=card_id if card_key is None else pseudonym(card_id, card_key),
            score=None if scored is None else float(scored.scores[i]),
            distance=None if scored is None else float(scored.distances_sq[i]) ** 0.5,
            alerted=bool(decision.alerted[i]),
            status="warming" if scored is None else "scored",
            log_odds=None if scored is None else scored.log_odds_of(i),
            probability=told[i],
            ranked_by=version.ranked_by,
            expected_loss=None if scored is None else scored.expected_loss_of(i),
            model_version=version.id,
            source=Source(topic, partition, offset, state.epoch),
        )
        for i, (offset, transaction_id, card_id) in enumerate(
            zip(decoded.offsets.tolist(), *named, strict=True)
        )
    ]
