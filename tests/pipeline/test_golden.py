"""What goes out, byte for byte: an alert, a score and the headers of a dead letter.

``python -m tests.pipeline.test_golden`` writes the files anew; a difference in them is a difference
that every consumer sees.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from streamer.contract.card_rule import ALLOWED
from streamer.contract.messages import Alert, Score
from streamer.features import FEATURE_NAMES
from streamer.model import Scorer, Sums
from streamer.model.histogram import N_BINS, distribution_of
from streamer.stream.publishing.dead_letters import dead_letter_message
from tests.builders import batch, payment, pipeline_config
from tests.pipeline.helpers import CARD_KEY, run

GOLDEN = Path(__file__).parent.parent / "golden"
CONFIG = replace(pipeline_config(), card_key=CARD_KEY, cards=ALLOWED, with_scores=True)


def fixed_version() -> Scorer:
    """Return a version of round numbers: usual amount e³ = 20.09 EUR, all features of deviation 1.

    Cluster 0 has its center at 0 in every feature and three quarters of the traffic, the others at
    0.3, 0.6 and 0.9.  980 of 1,000 payments had a squared distance of 2^4, 16 to 16.4, and 20 of 2^6:
    the threshold lies between.
    """
    sums = Sums.zero(CONFIG.model)
    n_features = len(FEATURE_NAMES)
    weights = np.array([750.0, 150.0, 70.0, 30.0])
    centers = 0.3 * np.arange(4.0)[:, None] * np.ones(n_features)
    known = np.repeat(weights[:, None], n_features, axis=1)
    sums.cluster_weights, sums.cluster_known = weights, known
    sums.cluster_sums, sums.cluster_sums_sq = known * centers, known * (centers**2 + 1.0)
    sums.feature_weights, sums.feature_sums = known.sum(axis=0), sums.cluster_sums.sum(axis=0)
    sums.feature_sums_sq = sums.cluster_sums_sq.sum(axis=0)
    sums.feature_addends = 0.5 * sums.feature_weights
    sums.currency_weights[:], sums.currency_sums[:] = 1_000.0, 3_000.0
    sums.transactions_seen = sums.transactions_taught = 1_000
    version = Scorer.of("0123456789abcdef" * 4, sums, CONFIG.model)
    scores = np.zeros(N_BINS)
    scores[384], scores[448] = 980.0, 20.0
    return replace(version, distances_below=distribution_of(scores))


def rounded(message: Alert | Score) -> bytes:
    """Return the message as encoded, floats at 9 digits: processors differ in the last ones."""

    def shorten(value: object) -> object:
        if isinstance(value, float):
            return float(f"{value:.9g}")
        if isinstance(value, dict):
            return {key: shorten(inner) for key, inner in value.items()}
        return [shorten(inner) for inner in value] if isinstance(value, list) else value

    decoded = msgspec.json.decode(msgspec.json.encode(message))
    return msgspec.json.format(msgspec.json.encode(shorten(decoded))) + b"\n"


def produced() -> dict[str, bytes]:
    """Return every golden file's content as this code makes it."""
    here = {"latitude": 52.5, "longitude": 13.4, "channel": "pos", "country": "DE", "mcc": "5411"}
    values = [
        payment(i, after_s=600.0 * i, card_id="4111111111111111", merchant_id="shop-1", **here)
        for i in range(3)
    ]
    values.append(
        payment(
            3,
            after_s=1_900,
            card_id="4111111111111111",
            amount=412.5,
            merchant_id="shop-1",
            **here | {"latitude": 52.6},
        )
    )
    source = batch([*values, payment(4, currency="4111111111111111")], first_offset=1_000)
    result = run([source], CONFIG, fixed_version())
    (letter,) = result.dead_letters
    headers = dead_letter_message(letter, source, 900_000).headers
    return {
        "alert.json": rounded(next(a for a in result.alerts if a.source.offset == 1_003)),
        "score.json": rounded(result.scores[3]),
        "dead-letter-headers.txt": b"".join(
            name.encode() + b": " + value + b"\n" for name, value in headers
        ),
    }


@pytest.mark.parametrize("name", ["alert.json", "score.json", "dead-letter-headers.txt"])
def test_what_goes_out_is_byte_for_byte_what_it_was(name: str) -> None:
    assert produced()[name].decode() == (GOLDEN / name).read_text(encoding="utf-8")


def test_the_golden_alert_and_score_decode_as_the_published_types() -> None:
    alert = msgspec.json.decode((GOLDEN / "alert.json").read_bytes(), type=Alert)
    score = msgspec.json.decode((GOLDEN / "score.json").read_bytes(), type=Score)
    assert alert.source == score.source
    assert alert.score == score.score
    assert alert.transaction.amount == 412.5


def test_the_golden_alert_is_encoded_in_the_order_of_its_fields() -> None:
    """What `rounded` leaves out of the comparison: the wire has no blanks, and this order."""
    alert = msgspec.json.decode((GOLDEN / "alert.json").read_bytes(), type=Alert)
    wire = msgspec.json.encode(alert)
    assert wire.startswith(b'{"alert_id":"transactions-0-1003","transaction":{"transaction_id":')
    names = list(msgspec.json.decode(wire))
    assert names == [name for name in Alert.__struct_fields__ if name in names]
    assert {"ranked_by", "log_odds"}.isdisjoint(names)  # no verdict was learned


def test_no_golden_file_has_the_card() -> None:
    for name in produced():
        assert b"4111111111111111" not in (GOLDEN / name).read_bytes()


if __name__ == "__main__":
    for file_name, content in produced().items():
        (GOLDEN / file_name).write_bytes(content)
