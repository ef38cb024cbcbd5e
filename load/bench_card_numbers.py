"""What it costs to look whether a card's id is a card's number, by what the ids are.

``python -m load.bench_card_numbers`` decodes batches of messages of the contract in one thread,
with and without the check, and prints µs of CPU a payment: the least of the rounds, which alternate.
"""

from __future__ import annotations

from time import thread_time
from typing import Final

import click
import orjson

from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.card_rule import ALLOWED, REFUSED, CardRule
from streamer.contract.network_numbers import is_card_number
from streamer.intake.decoding import PLAIN, TimestampRange, decode_batch

_MESSAGES: Final = 4_000
_NOW_MS: Final = 1_795_845_500_000
_BELIEVABLE: Final = TimestampRange(earliest_ms=946_684_800_000, max_ahead_ms=86_400_000)
_MASKED: Final = CardRule("mask", b"0123456789abcdef")


@click.command(help=__doc__)
@click.option("--rounds", default=30, show_default=True, help="Batches of each kind and rule.")
def main(rounds: int) -> None:
    """Print a table of what was measured."""
    batches = {name: _batch(cards) for name, cards in _cards().items()}
    kinds = [(name, rule) for name in batches for rule in (ALLOWED, REFUSED, _MASKED)]
    least = dict.fromkeys([(name, rule.handling) for name, rule in kinds], float("inf"))
    for number in range(rounds):
        # Who comes first finds the caches as others left them.
        for name, rule in kinds[number % 3 :] + kinds[: number % 3]:
            spent = _spent(batches[name], rule)
            least[name, rule.handling] = min(least[name, rule.handling], spent)
    click.echo("| card ids | allow | refuse | mask |")
    click.echo("|---|---:|---:|---:|")
    for name in batches:
        told = " | ".join(f"{least[name, how]:.3f}" for how in ("allow", "refuse", "mask"))
        click.echo(f"| {name} | {told} |")


def _cards() -> dict[str, list[str]]:
    numbers = (f"4929{i:012d}" for i in range(20 * _MESSAGES))
    known = [number for number in numbers if is_card_number(number)]
    return {
        "card-000383": [f"card-{i:06d}" for i in range(_MESSAGES)],
        "hexadecimal, 32": [f"{i * 0x9E3779B97F4A7C15 % 2**128:032x}" for i in range(_MESSAGES)],
        "16 digits, no number": [f"7{i:015d}" for i in range(_MESSAGES)],
        "card numbers": known[:_MESSAGES],
    }


def _batch(cards: list[str]) -> Batch:
    payment = {"amount": 42.5, "currency": "GBP", "timestamp": "2026-11-28T05:58:00Z"}
    records = [
        StoredRecord(
            i,
            _NOW_MS,
            card.encode(),
            orjson.dumps({"transaction_id": f"t{i}", "card_id": card} | payment),
        )
        for i, card in enumerate(cards)
    ]
    return Batch("transactions", 0, records, _NOW_MS)


def _spent(batch: Batch, rule: CardRule) -> float:
    start = thread_time()
    decode_batch(batch, _BELIEVABLE, PLAIN, rule)
    return (thread_time() - start) / len(batch) * 1e6


if __name__ == "__main__":
    main()
