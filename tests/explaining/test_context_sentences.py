"""What is said of verdicts and of the merchant, where there are verdicts and where there are none."""

from __future__ import annotations

import numpy as np

from streamer.contract.messages import Reason
from streamer.explaining.findings import findings_of_features
from streamer.explaining.reasons import told as all_told
from streamer.features import CONTEXT_NAMES
from tests.explaining.helpers import EURO, rows, with_odds


def told(**context: float) -> dict[str, Reason]:
    """Return the parts of one payment of which this is known around it, by feature."""
    version = with_odds()
    X, V = rows(version, 1)
    V[0] = [context.get(name, np.nan) for name in CONTEXT_NAMES]
    findings = findings_of_features(version, X, V, EURO, 0)
    return {part.feature: part for part in all_told(findings, "EUR")}


def test_a_share_is_told_only_where_there_are_payments() -> None:
    judged = {"card_fraud_share_30d": 0.0, "card_judgeable_30d": float(np.log1p(4.0))}
    unjudged = {"card_fraud_share_30d": float(np.log(0.01 / 0.99)), "card_judgeable_30d": 0.0}
    assert told(**judged)["card_fraud_share"].sentence.startswith(
        "50% of this card's payments are known frauds, mostly of the last 30 days"
    )
    assert told(**unjudged)["card_fraud_share"].sentence == (
        "No recent payment of this card could have been judged."
    )


def test_a_merchant_that_the_card_knows_well_is_not_called_hardly_known() -> None:
    version = with_odds()
    at = len(version.config.feature_names) + CONTEXT_NAMES.index("card_merchant_familiarity")
    assert version.odds is not None
    usual = float(version.odds.means[at])
    known = told(card_merchant_familiarity=usual + 0.5)["card_merchant_familiarity"].sentence
    new = told(card_merchant_familiarity=usual - 0.5)["card_merchant_familiarity"].sentence
    assert known.startswith("As in ")
    assert "of this card's payments at this merchant (all payments: " in known
    assert "of this card's payments are at this merchant (all payments: " in new
