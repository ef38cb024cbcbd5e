"""Who finds out what, when."""

from __future__ import annotations

from streamer.simulator import LateVerdicts


def found_out() -> LateVerdicts:
    """Reviewers need 10, chargebacks 70."""
    return LateVerdicts(10.0, 70.0)


def test_an_alert_is_judged_rightly_once_and_not_before_its_time() -> None:
    late = found_out()
    late.cheated("a", "card-a", "m", 0.0)
    late.alerted("alert-a", "a", "card-a", "m", 5.0)
    late.alerted("alert-b", "b", "card-b", None, 6.0)
    assert late.due(14.9) == []
    fraud, genuine = late.due(16.0)
    assert (fraud.at, fraud.card_id, fraud.message["is_fraud"]) == (15.0, "card-a", True)
    assert (genuine.at, genuine.message["is_fraud"]) == (16.0, False)
    assert fraud.message["alert_id"] == "alert-a"
    assert {each.message["origin"] for each in (fraud, genuine)} == {"reviewer"}
    assert late.due(1e9) == []


def test_a_fraud_that_nobody_alerted_comes_back_later_and_one_that_was_does_not() -> None:
    late = found_out()
    late.cheated("a", "card-a", "m", 0.0)
    late.cheated("b", "card-b", "m", 1.0)
    late.alerted("alert-a", "a", "card-a", "m", 60.0)
    assert late.due(69.0) == []
    (review,) = late.due(70.0)
    assert not review.is_chargeback
    (chargeback,) = late.due(71.0)
    assert chargeback.is_chargeback
    assert chargeback.transaction_id == "b"
    assert chargeback.message["is_fraud"] is True
    assert "alert_id" not in chargeback.message
