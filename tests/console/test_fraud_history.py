"""What verdicts have said of a merchant: counts out of an alert and out of Redis, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.console.alert.fraud_history import (
    Known,
    known_at_alert,
    known_now,
    share_sentence,
    without,
)
from streamer.durations import DAY_MS
from streamer.features.kinds import MERCHANT_VERDICTS
from streamer.store import Review
from tests.console.conftest import alert

AT = 20_000 * DAY_MS


def state(**fields: list[float]) -> bytes:
    row = np.zeros(1, MERCHANT_VERDICTS.row)
    row["time_ms"] = AT
    for name, values in fields.items():
        row[name] = values
    return row.tobytes()


def test_an_alert_tells_the_counts_that_its_shares_were_made_of() -> None:
    """14 frauds of 40 verdicts, a day before: they are halved after one day, three and seven."""
    known = known_at_alert(alert(1), "merchant")
    assert [each.days for each in known] == [1, 3, 7]
    for each in known:
        left = 0.5 ** (1 / each.days)
        assert each.frauds == pytest.approx(14 * left, rel=1e-9)
        assert each.payments == pytest.approx(40 * left, rel=1e-9)
        assert each.share == pytest.approx(0.35, rel=1e-9)


def test_a_share_without_frauds_has_none_and_no_payments_no_share() -> None:
    """A share of the prior alone is ln 0.01 - ln 0.99."""
    features = dict(alert(1).features)
    features |= {f"merchant_fraud_share_{n}d": np.log(0.01) - np.log(0.99) for n in (1, 3, 7)}
    features |= {f"merchant_judgeable_{n}d": 0.0 for n in (1, 3, 7)}
    assert known_at_alert(alert(1, features=features), "merchant")[0] == Known(1, 0.0, 0.0)
    assert known_at_alert(alert(1, features={}), "merchant") == ()
    assert share_sentence(Known(1, 0.0, 0.0)).startswith("No recent payment")


def test_what_is_stored_has_faded_and_is_spread_over_the_partitions() -> None:
    """Three days on: 1/8, 1/2 and 2^(-3/7) are left; a fourth of the payments lies here."""
    stored = state(frauds=[8.0] * 3, verdicts=[16.0] * 3, payments=[10.0] * 3)
    found = known_now(stored, AT + 3 * DAY_MS, 4)
    lefts = [1 / 8, 1 / 2, 0.5 ** (3 / 7)]
    assert [each.days for each in found] == [1, 3, 7]
    for each, left in zip(found, lefts, strict=True):
        assert each.frauds == pytest.approx(8 * left)
        assert each.could == pytest.approx(40 * left)
        assert each.verdicts == pytest.approx(16 * left)
        assert each.payments == each.could
        assert each.share == pytest.approx(0.2)


def test_without_a_verdict_its_faded_part_is_missing() -> None:
    """A fraud decided a day ago is half of one at one day, and of 2 of 4 leaves 1.5 of 3.5."""
    review = Review("a", "k", "fraud", "mona", AT)
    [found] = without([Known(1, 2.0, 1.0, 4.0)], review, AT + DAY_MS)
    assert (found.frauds, found.payments) == (1.5, 3.5)
    innocent = Review("a", "k", "legitimate", "mona", AT)
    [found] = without([Known(1, 2.0, 8.0, 4.0)], innocent, AT + DAY_MS)
    assert (found.frauds, found.payments, found.verdicts) == (2.0, 8.0, 3.5)
