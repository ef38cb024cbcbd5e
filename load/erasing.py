"""What forgetting a card costs a worker, and an alias an alert: ``python -m load.erasing``; no servers.

A partition with payments that wait for labels, saved in segments as checkpoints do it, and standing
verdicts: how long scoring waits while a card goes out of it, and what the next checkpoint writes anew.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from time import process_time

import click
import numpy as np

from load.machine import describe_machine
from streamer.contract.card_aliases import AliasKey
from streamer.contract.messages import Feedback
from streamer.contract.record_columns import Spans
from streamer.indexing import fingerprints
from streamer.pipeline import PartitionState, erase_card
from streamer.settings import load_settings
from streamer.starting.wiring import pipeline_config
from streamer.verdicts import N_BESIDE, Waiting
from streamer.verdicts.segments import check_numbers

__all__ = ["main"]

_BATCH = 2_000
_CHECKPOINT = 20_000
_N_CARDS = 20_000
_ALIASES = 2_000
_FORGOTTEN = 100


@click.command()
@click.option("--waiting", type=click.IntRange(_CHECKPOINT), default=100_000, show_default=True)
@click.option("--rulings", type=click.IntRange(1), default=20_000, show_default=True)
@click.option("--cards", type=click.IntRange(1), default=20, show_default=True, help="To forget.")
def main(waiting: int, rulings: int, cards: int) -> None:
    """Print a line of JSON of each: medians, processor time."""
    for name, value in describe_machine().items():
        click.echo(f"{name}: {value}")
    state, stored = _filled(waiting, rulings)
    held_ms, written = [], []
    for number in range(cards):
        card = f"card-{number}"
        segments = [n for n in check_numbers(stored) if card.encode() in stored[f"{n}:rows"]]
        began = process_time()
        erase_card(state, card, (), (), segments)
        held_ms.append((process_time() - began) * 1e3)
        written.append(_saved(state, stored))
    told: dict[str, float] = {
        "waiting": len(state.verdicts.buffer),
        "rulings": len(state.verdicts.rulings),
    }
    told |= {"held_ms": round(float(np.median(held_ms)), 2), "most_ms": round(max(held_ms), 2)}
    click.echo(json.dumps(told | {"written_anew_bytes": int(np.median(written))}))
    click.echo(json.dumps(_aliases()))


def _filled(waiting: int, rulings: int) -> tuple[PartitionState, dict[str, bytes]]:
    config = pipeline_config(load_settings({}))
    state = PartitionState.empty(config, 10_000, 10_000)
    stored: dict[str, bytes] = {}
    rng, n_inputs = np.random.default_rng(1), config.model.n_inputs
    for first in range(0, waiting, _BATCH):
        numbers = np.arange(first, first + _BATCH)
        cards = [f"card-{i}" for i in rng.integers(0, _N_CARDS, _BATCH)]
        parties = Spans.of(cards, [f"merchant-{i % 2_000}" for i in numbers])
        state.verdicts.buffer.add(
            rng.random(_BATCH),
            Waiting(
                1_700_000_000_000 + numbers,
                np.zeros(_BATCH, dtype=bool),
                rng.normal(size=(_BATCH, n_inputs)),
                np.full((_BATCH, N_BESIDE), np.nan),
                fingerprints([f"t-{i}" for i in numbers]),
                parties,
            ),
        )
        if (first + _BATCH) % _CHECKPOINT == 0:
            _saved(state, stored)
    decided = datetime(2026, 1, 1, tzinfo=UTC)
    for i in range(rulings):
        state.verdicts.rulings.put(Feedback(f"u-{i}", f"card-{i}", "fraud", "reviewer", decided))
    return state, stored


def _saved(state: PartitionState, stored: dict[str, bytes]) -> int:
    """Do what a checkpoint does to what is stored (IN/OUT); return the bytes that it writes."""
    changed = state.verdicts.buffer.take_changed()
    stored.update(changed)
    for name in state.verdicts.buffer.take_removed():
        stored.pop(name, None)
    return sum(map(len, changed.values()))


def _aliases() -> dict[str, float | int]:
    key = AliasKey.drawn()
    for number in range(_FORGOTTEN):
        key = key.without(f"gone-{number}")
    began = process_time()
    for number in range(_ALIASES):
        key.alias(f"card-{number}")
    took_us = (process_time() - began) / _ALIASES * 1e6
    size = len(key.encoded())
    return {"forgotten": _FORGOTTEN, "alias_us": round(took_us, 1), "key_bytes": size}


if __name__ == "__main__":
    main()
