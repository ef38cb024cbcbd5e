"""What it costs to look whether a card's id is a card's number, by what the ids are, and of texts.

``python -m load.bench_card_numbers`` decodes batches of messages of the contract in one thread,
with and without the check, and prints µs of CPU a payment: the least of the rounds, which alternate.
Then it looks through texts as people type them and logs have them, and prints µs of CPU a text.
"""

from __future__ import annotations

import re
from time import thread_time
from typing import Final

import click
import orjson

from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.card_numbers import without_card_numbers
from streamer.contract.card_rule import ALLOWED, REFUSED, CardRule
from streamer.contract.network_numbers import is_card_number
from streamer.intake.decoding import PLAIN, TimestampRange, decode_batch

_MESSAGES: Final = 4_000
_TIMES: Final = 200
_FULL_WIDTH: Final = {ord(str(digit)): chr(0xFF10 + digit) for digit in range(10)}
_NOW_MS: Final = 1_795_845_500_000
_BELIEVABLE: Final = TimestampRange(earliest_ms=946_684_800_000, max_ahead_ms=86_400_000)
_TEXTS: Final = {
    "a comment of 60 letters": "the customer has confirmed it by telephone, twice, so it is fine"[
        :60
    ],
    "a line of a log with 40 digits": "checkpoint of transactions/0@12345678901 at "
    "2026-11-30T12:34:56.789 took 0.012345 s",
    "a comment with a number": "of 4929 1234-5678 1236, which was stolen",
    "the same in Arabic digits": "of \u0664\u0669\u0662\u0669 \u0661\u0662\u0663\u0664"
    " \u0665\u0666\u0667\u0668 \u0661\u0662\u0663\u0666, which was stolen",
}
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
    click.echo("\n| text | µs |\n|---|---:|")
    for name, text in _TEXTS.items():
        spent = min(_spent_on(text) for _ in range(rounds))
        click.echo(f"| {name} | {spent:.2f} |")


def _cards() -> dict[str, list[str]]:
    numbers = (f"4929{i:012d}" for i in range(20 * _MESSAGES))
    known = [number for number in numbers if is_card_number(number)]
    shown = known[:_MESSAGES]
    return {
        "card-000383": [f"card-{i:06d}" for i in range(_MESSAGES)],
        "hexadecimal, 32": [f"{i * 0x9E3779B97F4A7C15 % 2**128:032x}" for i in range(_MESSAGES)],
        "16 digits, no number": [f"7{i:015d}" for i in range(_MESSAGES)],
        "card numbers": known[:_MESSAGES],
        "numbers in groups with dashes": ["-".join(re.findall("....", each)) for each in shown],
        "numbers in full-width digits": [each.translate(_FULL_WIDTH) for each in shown],
        "numbers with zeros in front": [f"000{each}" for each in shown],
        "numbers with an exponent": [f"{each[0]}.{each[1:]}E15" for each in shown],
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


def _spent_on(text: str) -> float:
    start = thread_time()
    for _ in range(_TIMES):
        without_card_numbers(text)
    return (thread_time() - start) / _TIMES * 1e6


def _spent(batch: Batch, rule: CardRule) -> float:
    start = thread_time()
    decode_batch(batch, _BELIEVABLE, PLAIN, rule)
    return (thread_time() - start) / len(batch) * 1e6


if __name__ == "__main__":
    main()
