"""Payments of kinds that lie far apart, as feature rows and as a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from streamer.fitting.file_features import Traffic
from tests.builders import model_config, payment

# Amount (EUR), seconds between payments of a card, number of such cards.
KINDS = ((2.0, 60.0, 1), (100.0, 600.0, 10), (5_000.0, 6_000.0, 100))


def blobs(n: int, n_kinds: int = 3, distance: float = 8.0, seed: int = 0) -> Traffic:
    """Return ``n`` rows of equally frequent kinds with deviation 1, that far apart in each feature."""
    rng = np.random.default_rng(seed)
    d = model_config().n_features
    centers = distance * rng.permuted(np.tile(np.arange(n_kinds), (d, 1)), axis=1).T
    X = centers[rng.integers(n_kinds, size=n)] + rng.normal(size=(n, d))
    return Traffic(X.astype(np.float32), np.zeros(n, dtype=np.int64))


def three_kinds(path: Path, n: int, seed: int = 0) -> Path:
    """Write ``n`` payments of three equally frequent kinds of cards to a JSON Lines file.

    Small ones by the minute, usual ones six an hour, large ones every other hour; a card keeps to its
    own rhythm and amount within a few percent.
    """
    rng = np.random.default_rng(seed)
    duration_s = n / 3 * 60.0
    rows = []
    for kind, (amount, gap_s, n_cards) in enumerate(KINDS):
        for card in range(n_cards):
            times = np.arange(rng.uniform(0, gap_s), duration_s, gap_s)
            times += rng.uniform(-0.05, 0.05, len(times)) * gap_s
            amounts = amount * rng.lognormal(0, 0.05, len(times))
            rows += [
                (t, f"card-{kind}-{card}", round(a, 2))
                for t, a in zip(times.tolist(), amounts.tolist(), strict=True)
            ]
    rows.sort()
    with path.open("w", encoding="utf-8") as out:
        for i, (t, card_id, a) in enumerate(rows[:n]):
            out.write(json.dumps(payment(i, max(t, 0.0), card_id=card_id, amount=a)) + "\n")
    return path
