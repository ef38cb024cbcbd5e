"""The bound of `unlearning` for one card, of the version in use, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np

from streamer.features.packed import names_of
from streamer.model import ModelConfig
from streamer.pipeline import card_entities
from streamer.privacy.card_words import card_state
from streamer.privacy.unlearning import Bound, bound_of, payments_a_day, weight_bound
from streamer.store import Store

__all__ = ["bound_of_card"]

_LINEAGE: Final = 10_000


async def bound_of_card(
    store: Store,
    config: ModelConfig,
    topic: str,
    card_id: str,
    payments: int | None,
    now_ms: int,
    delta_limit: int,
) -> dict[str, Any]:
    """Return the bound as JSON has it, with ``words``; ``payments`` counts where nothing else does."""
    head = await store.head()
    per_day = _pace(await store.lineage(_LINEAGE))
    name = names_of(card_entities(card_id)["cards"][:1])
    of_model = config.half_life, per_day, now_ms, delta_limit
    weights: list[float | None] = []
    for (found, partition), record in (await store.partitions()).items():
        if found == topic and record.offset is not None:
            stored = await store.load_entities(found, partition, {"cards": name})
            weights += [
                weight_bound(card_state(each)["numbers"], *of_model)
                for each in stored["cards"].values()
                if each is not None
            ]
    known = [each for each in weights if each is not None]
    weight: float | None = sum(known) if len(known) == len(weights) else None
    if payments is not None:
        weight = float(payments) if weight is None else min(weight, float(payments))
    if weight is None or head.sums.is_warming:
        return {"bound": None, "payments_a_day": per_day, "words": [_unknown(config, per_day)]}
    found_bound = bound_of(head.sums, config, weight, per_day)
    words = _words(found_bound, head.sums.cluster_weights.tolist(), config)
    return {"bound": found_bound.as_json(), "payments_a_day": per_day, "words": words}


def _pace(lineage: Sequence[Mapping[str, str]]) -> float | None:
    """Return how many payments a day were learned, over all that the lineage has."""
    merges = [each for each in lineage if each.get("reason") == "merge"]
    if len(merges) < 2:
        return None
    last, first = (
        (
            round(datetime.fromisoformat(each["at"]).timestamp() * 1000),
            int(each["transactions_seen"]),
        )
        for each in (merges[0], merges[-1])
    )
    return payments_a_day(first, last)


def _unknown(config: ModelConfig, per_day: float | None) -> str:
    pace = "at an unknown pace" if per_day is None else f"at {per_day:,.0f} payments a day"
    return (
        "In the model its payments cannot be told from others', and its state does not bound how much "
        f"they weigh: what is learned weighs half after {config.half_life:,.0f} payments, {pace}. "
        "Count its payments in the transactions topic and say `streamer privacy bound CARD "
        "--payments N`."
    )


def _words(bound: Bound, clusters: Sequence[float], config: ModelConfig) -> list[str]:
    shifts = np.array(bound.center_shifts)
    finite = shifts[np.isfinite(shifts)]
    alone = int(np.count_nonzero(np.isinf(shifts)))
    worst = f"{finite.max():.2g}" if len(finite) else "unknown"
    lines = [
        f"In the model its payments cannot be told from others'. They weigh at most {bound.weight:.3g} "
        f"of {sum(clusters):,.0f}: no mean of all traffic can have moved by more than "
        f"{bound.scale_shift:.2g} deviations of a feature, and no center by more than {worst}"
        + (f" ({alone} of {len(shifts)} clusters are lighter than that)" if alone else "")
        + f"; ranks by at most {bound.rank_shift:.2g}.",
    ]
    if bound.half_life_days is not None:
        soon = bound.days_to_a_hundredth
        until = "" if soon is None else f", and less than 0.01 deviations after {soon:.3g} days"
        lines.append(
            f"Half of it is gone after {config.half_life:,.0f} payments of others, some "
            f"{bound.half_life_days:.3g} days{until}."
        )
    if not math.isfinite(bound.scale_shift):
        lines.append("The model is so young that it may be mostly this card's.")
    return lines
