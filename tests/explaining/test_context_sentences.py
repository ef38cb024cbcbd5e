"""What is said of verdicts and of the merchant, where there are verdicts and where there are none."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.contract.messages import Reason
from streamer.explaining.findings import Findings, findings_of_features
from streamer.explaining.reasons import reasons_of
from streamer.explaining.reasons import told as all_told
from streamer.features import CONTEXT_NAMES, FEATURE_NAMES
from tests.explaining.helpers import EURO, rows, with_odds


def found(**context: float) -> Findings:
    """Return the findings on one payment of which this is known around it."""
    version = with_odds()
    X, V = rows(version, 1)
    V[0] = [context.get(name, np.nan) for name in CONTEXT_NAMES]
    return findings_of_features(version, X, V, EURO, 0)


def told(**context: float) -> dict[str, Reason]:
    """Return all its parts, by feature."""
    return {part.feature: part for part in all_told(found(**context), "EUR")}


def with_share(frauds: float, payments: float) -> Findings:
    """Return findings in which the card's share of frauds, and the amount, speak for fraud."""
    at = len(FEATURE_NAMES) + CONTEXT_NAMES.index("card_fraud_share_30d")
    share = float(np.log((frauds + 0.01) / (payments - frauds + 0.99)))
    findings = found(card_fraud_share_30d=share, card_judgeable_30d=float(np.log1p(payments)))
    findings.known[0], findings.usual[0] = np.log(500.0), np.log(20.0)
    return findings._replace(parts=[at, 0.0], contributions=[2.0, 1.0], positive=3.0)


def test_a_share_is_told_only_where_there_are_payments() -> None:
    judged = {"card_fraud_share_30d": 0.0, "card_judgeable_30d": float(np.log1p(4.0))}
    unjudged = {"card_fraud_share_30d": float(np.log(0.01 / 0.99)), "card_judgeable_30d": 0.0}
    assert told(**judged)["card_fraud_share"].sentence.startswith(
        "An estimated 50% of this card's payments are frauds, mostly of the last 30 days, "
        "by 4 payments (all payments: "
    )
    assert told(**unjudged)["card_fraud_share"].sentence == (
        "No recent payment of this card could have been judged."
    )


def test_an_estimate_without_a_known_fraud_is_no_reason_beside_another() -> None:
    """Its part is not told, so that it is in the alert's ``other_contribution``."""
    known, unknown = with_share(1.0, 6.0), with_share(0.0, 6.0)
    assert [each.feature for each in reasons_of(known, "EUR")] == ["card_fraud_share", "amount"]
    assert [each.feature for each in reasons_of(unknown, "EUR")] == ["amount"]
    [alone] = reasons_of(unknown._replace(parts=unknown.parts[:1]), "EUR")
    assert "an estimated 0.1% of this card's payments are frauds" in alone.sentence
    assert "by 6 payments and no known fraud (all payments: " in alone.sentence
    [few] = reasons_of(with_share(0.0, 0.5)._replace(parts=unknown.parts[:1]), "EUR")
    assert "by less than 1 payment and no known fraud" in few.sentence


@pytest.mark.parametrize(
    ("name", "value", "usual", "is_told"),
    [
        ("card_high_series", 0.0, 1.0, False),
        ("card_high_series", 0.01, 1.0, False),
        ("card_high_series", 0.9, 1.0, True),
        ("card_high_series", 2.0, 0.0, True),
        ("card_payments_1d", 1.4, 1.2, False),
        ("card_country_familiarity", 0.0, 0.9, True),
        ("travel_distance", 0.0, 12.0, False),
    ],
)
def test_what_reads_as_nothing_or_as_usual_is_no_reason_beside_another(
    name: str, value: float, usual: float, is_told: bool
) -> None:
    at, findings = FEATURE_NAMES.index(name), with_share(1.0, 6.0)
    logs = name != "card_country_familiarity"
    findings.known[at], findings.usual[at] = np.log1p([value, usual]) if logs else (value, usual)
    findings = findings._replace(parts=[at, 0.0], contributions=[2.0, 1.0])
    reasons = reasons_of(findings, "EUR")
    assert ([each.feature for each in reasons] == [name, "amount"]) is is_told
    assert sum(each.contribution for each in reasons) == (3.0 if is_told else 1.0)
    assert [each.feature for each in reasons_of(findings._replace(parts=[at]), "EUR")] == [name]


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
