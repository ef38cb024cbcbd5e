"""What `streamer serve` answers; on no topic, and like the messages there otherwise."""

from __future__ import annotations

from typing import Literal

import msgspec

from streamer.contract.messages import Counterfactual, Loss, Mode, Ranking, Reason, Share

__all__ = ["Answer"]


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What `streamer serve` answers of a transaction that it is asked about; it is on no topic.

    ``decision`` goes by the line of the model version alone: the stream may move it by the pace that
    a partition keeps, and alerts in its reserve and its sample besides.  ``threshold`` is of what
    ``ranked_by`` names, as in an `Alert`, and so are ``reasons`` and ``counterfactual``, where asked
    for.  ``state_age_s`` is how old what is kept of the card was, as of the last checkpoint of the
    ``partition`` that it was found in; it is not there for a card that was never seen.  Where
    ``mode`` is not normal nothing was known of card and merchant, and the model alone answered.
    """

    transaction_id: str
    card_id: str
    decision: Literal["alert", "pass", "warming"]
    score: Share | None
    distance: float | None
    threshold: float | None
    model_version: str
    mode: Mode
    ranked_by: Ranking = "distance"
    log_odds: float | None = None
    probability: Share | None = None
    expected_loss: Loss | None = None
    partition: int | None = None
    state_age_s: float | None = None
    reasons: list[Reason] | None = None
    counterfactual: Counterfactual | None = None
