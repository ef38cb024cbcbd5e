"""An attack on the model: cards that pay just below the threshold until a center has come along.

The attacker knows the model's current version, the traffic's features and the bounds, and is granted
more than any payment can do: every feature of a payment may be chosen freely.  Honest traffic is the
simulator's, through the real features; scores, lessons and merges are the real ones.

``python -m tests.pipeline.attack 6000 200000 0`` prints what is gained among 6,000 honest payments a
day by an attack that begins after 200,000, seed 0.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Floats
from streamer.contract.codes import CURRENCY_INDEX
from streamer.features import FEATURE_NAMES, Columns, History, Tables
from streamer.intake.decoding import decode_batch
from streamer.model import (
    ModelConfig,
    Scorer,
    Sums,
    advance,
    learn,
    learn_warming,
    may_teach,
    uniform_hash,
)
from streamer.simulator import Simulator, SimulatorConfig
from tests.builders import batch, model_config, pipeline_config

REAL_DAYS = 21
ATTACK_DAYS = 30
MERGES_PER_DAY = 4
N_CARDS = 50
PAYMENTS_PER_CARD = 40
# Decayed payments of a day of a card that makes 40 a day, evenly: 40 / ln 2.
CARD_DAY_SUM = PAYMENTS_PER_CARD / math.log(2)
# The fraud to come: a card that is emptied in a series of payments far above its habit.
PATTERN = (
    "amount",
    "amount_ratio_to_card",
    "amount_deviation_from_card",
    "spend_today_ratio",
    "card_high_series",
)
FRAUD_AT = 2.5
UNBOUNDED = {"card_daily_lessons": math.inf, "center_leash": math.inf, "variance_leash": math.inf}


@dataclass(frozen=True)
class Traffic:
    """Honest payments as the model meets them; ``day_sums`` are their cards' payments of a day."""

    X: Floats
    currencies: NDArray[np.int64]
    day_sums: Floats


@dataclass(frozen=True)
class Outcome:
    """What the attacker gained.

    ``displacement``: how far the center that the fraud belongs to is from where it would be without
    the attack, in the deviations that its cluster had before it.  ``fraud``: the fraud's distance over
    the threshold, `FRAUD_AT` before; above 1 it alerts.  ``calm``: the same without the attack.
    """

    displacement: float
    fraud: float
    calm: float


def config(**changes: float) -> ModelConfig:
    """Return the defaults of a worker."""
    defaults = {
        "n_clusters": 16,
        "half_life": 200_000,
        "score_half_life": 20_000,
        "warmup": 5_000,
        "alert_budget": 0.005,
    }
    return model_config(**defaults | changes)


@cache
def honest(per_day: int, seed: int) -> Traffic:
    """Return three weeks of the simulator, three payments a day of every customer, without fraud."""
    n = REAL_DAYS * per_day
    simulator = Simulator(
        SimulatorConfig(seed=seed, n_customers=per_day // 3, fraud_share=0.0, price_drift=False)
    )
    tables, parts = Tables.empty(100_000, 100_000), []
    for first in range(0, n, 20_000):
        values = [value for _, value in simulator.generate(min(20_000, n - first)).records()]
        decoded = decode_batch(batch(values, first), pipeline_config().believable)
        columns = Columns.of(decoded.transactions, decoded.times_ms)
        history = History.observe(columns, tables)
        parts.append((history.X, columns.currencies, history.card_payments_1d))
    X, currencies, day_sums = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Traffic(X, currencies, day_sums)


@dataclass
class World:
    """A model that is taught batch by batch, as a worker would."""

    version: Scorer
    offset: int = 0

    def teach(self, traffic: Traffic) -> None:
        """Score and learn ``traffic``, then merge (IN/OUT)."""
        version, n = self.version, len(traffic.X)
        delta = Sums.zero(version.config)
        if version.is_warming:
            learn_warming(delta, traffic.X, traffic.currencies)
        else:
            scored = version.score(traffic.X, traffic.currencies)
            offsets = np.arange(self.offset, self.offset + n)
            teaching = ~scored.alerted & may_teach(
                uniform_hash(offsets), traffic.day_sums, version.config.card_daily_lessons
            )
            learn(delta, scored, teaching, scored.alerted, traffic.X[:, 0], traffic.currencies)
        self.offset += n
        sums = advance(version.sums, delta, version.config)
        self.version = Scorer.of("", sums, version.config)


def fraud_row(version: Scorer, cluster: int, fraud_at: float) -> Floats:
    """Return the row, (1, n_features), out from ``cluster``, ``fraud_at`` thresholds from its own."""
    direction = np.array([float(name in PATTERN) for name in FEATURE_NAMES])
    direction /= np.linalg.norm(direction)
    step = direction * spread(version, cluster)
    lo, hi = 0.0, 100.0
    for _ in range(50):
        reach = (lo + hi) / 2
        row = _raw(version, version.centers[[cluster]] + reach * step)
        lo, hi = (lo, reach) if distance(version, row)[1] > fraud_at else (reach, hi)
    return row


def spread(version: Scorer, cluster: int) -> Floats:
    return np.asarray(np.sqrt(version.variances[cluster]))


def distance(version: Scorer, row: Floats) -> tuple[int, float]:
    """Return the cluster of ``row`` and its distance over the threshold."""
    scored = version.score(row, np.array([CURRENCY_INDEX["EUR"]]))
    return int(scored.nearest[0]), math.sqrt(scored.distances_sq[0] / version.threshold_sq)


def attack(version: Scorer, fraud: Floats, n: int, rng: np.random.Generator) -> Traffic:
    """Return ``n`` payments towards ``fraud``, as far out as goes without an alert."""
    euro = CURRENCY_INDEX["EUR"]
    target = version.centred(fraud, np.array([euro]))[0]
    cluster, _ = distance(version, fraud)
    scale = spread(version, cluster)
    center = version.centers[cluster]
    way = target - center
    length = np.linalg.norm(way / scale)
    jitter = 0.2 * scale * rng.normal(size=(n, len(center)))
    reach = min(1.0, 0.95 * math.sqrt(version.threshold_sq) / length)
    X = _raw(version, center + reach * way + jitter)
    return Traffic(X, np.full(n, euro), np.full(n, CARD_DAY_SUM))


def _raw(version: Scorer, centred: Floats) -> Floats:
    raw = centred.copy()
    raw[:, 0] += version.currency_means[CURRENCY_INDEX["EUR"]]
    return raw


def mixed(one: Traffic, other: Traffic) -> Traffic:
    return Traffic(
        np.concatenate([one.X, other.X]),
        np.concatenate([one.currencies, other.currencies]),
        np.concatenate([one.day_sums, other.day_sums]),
    )


def part(traffic: Traffic, first: int, last: int) -> Traffic:
    rows = slice(first, last)
    return replace(
        traffic,
        X=traffic.X[rows],
        currencies=traffic.currencies[rows],
        day_sums=traffic.day_sums[rows],
    )


def simulate(
    model: ModelConfig,
    per_day: int,
    seed: int,
    cluster: int,
    *,
    n_before: int = 200_000,
    fraud_at: float = FRAUD_AT,
) -> Outcome:
    """Honest traffic of ``n_before`` payments, then a month with the attack in it.

    The fraud lies out from ``cluster``'s center, and is attacked wherever it then belongs.
    """
    start = grown(model, n_before, per_day, seed)
    fraud = fraud_row(start, cluster, fraud_at)
    end = _month(start, fraud, per_day, seed)
    calm = _month(start, None, per_day, seed)
    label, ratio = distance(end, fraud)
    gained = (end.centers[label] - calm.centers[label]) / spread(start, label)
    return Outcome(float(np.linalg.norm(gained)), ratio, distance(calm, fraud)[1])


@cache
def grown(model: ModelConfig, n: int, per_day: int, seed: int) -> Scorer:
    """Return the version that ``n`` honest payments make: three weeks, the last of them repeated."""
    world = World(Scorer.of("", Sums.zero(model), model))
    for number in range(-(-n * MERGES_PER_DAY // per_day)):
        world.teach(_quarter(per_day, seed, number))
    return world.version


def _quarter(per_day: int, seed: int, number: int) -> Traffic:
    step = per_day // MERGES_PER_DAY
    week = 7 * MERGES_PER_DAY
    n_real = REAL_DAYS * MERGES_PER_DAY
    at = number if number < n_real else n_real - week + (number - n_real) % week
    return part(honest(per_day, seed), at * step, (at + 1) * step)


def _month(start: Scorer, fraud: Floats | None, per_day: int, seed: int) -> Scorer:
    """Return the version after a month more, attacked if there is a ``fraud``."""
    rng, world = np.random.default_rng([seed, 1]), World(start)
    n_attack = N_CARDS * PAYMENTS_PER_CARD // MERGES_PER_DAY
    first = -(-start.sums.transactions_seen * MERGES_PER_DAY // per_day)
    for number in range(first, first + ATTACK_DAYS * MERGES_PER_DAY):
        now = _quarter(per_day, seed, number)
        if fraud is not None:
            now = mixed(now, attack(world.version, fraud, n_attack, rng))
        world.teach(now)
    return world.version


def main(per_day: int, n_before: int, seed: int) -> None:
    """Print displacement, and the fraud's distance with and without the attack, of three clusters."""
    for fraud_at in (1.5, 2.0, 2.5):
        for name, model in (("without bounds", config(**UNBOUNDED)), ("with", config())):
            outcomes = [
                simulate(model, per_day, seed, cluster, n_before=n_before, fraud_at=fraud_at)
                for cluster in (1, 8, 14)
            ]
            shown = "  ".join(f"{o.displacement:.1f} {o.fraud:.2f} {o.calm:.2f}" for o in outcomes)
            print(
                f"{per_day:6} {n_before:7} seed {seed} at {fraud_at} {name:14} {shown}", flush=True
            )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
