"""What the intake costs per message: ``python -m load.bench_intake``.

Three ways are measured in turn, round after round, so that a busy machine weighs on all alike: decoding
alone (msgspec, to a transaction for plain messages and to a dict for mapped ones), plain messages
through the intake without a declaration, and messages of the presets through their mapping.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from time import thread_time
from typing import Any, Final

import click
import msgspec
import orjson

from load.machine import describe_machine
from streamer.contract.messages import Transaction
from streamer.intake import Intake, parse_declaration, plain_transaction, preset_text

__all__ = ["main"]

_MESSAGES: Final = 2_000
_PLAIN: Final = {
    "transaction_id": "t1",
    "card_id": "card-000383",
    "amount": 42.5,
    "currency": "GBP",
    "timestamp": "2026-11-28T05:58:00Z",
    "merchant_id": "m-1",
    "mcc": "5411",
    "country": "GB",
    "channel": "pos",
}
_RENAMED: Final = """
card_id = "card.token"
transaction_id = "id"
currency = "amount.currency"
amount = { path = "amount.value", unit = "minor" }
timestamp = { path = "created", unit = "ms" }
merchant_id = "merchant.id"
mcc = "merchant.mcc"
country = "merchant.country"
channel = "channel"
"""


@click.command()
@click.option("--rounds", type=click.IntRange(3), default=30, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(rounds: int, as_json: bool) -> None:
    """Measure decoding alone, plain and mapped messages, interleaved."""
    best = _measure(_contestants(), rounds)
    if as_json:
        click.echo(json.dumps({"about": describe_machine(), "us_per_message": best}, indent=2))
        return
    click.echo("| µs per message | decoding alone | through the intake | more |")
    click.echo("|---|---:|---:|---:|")
    for name, (alone, through) in best.items():
        click.echo(f"| {name} | {alone:.2f} | {through:.2f} | {through - alone:.2f} |")


def _contestants() -> dict[str, tuple[Callable[[bytes], Any], Callable[[bytes], Any], list[bytes]]]:
    plain, renamed = Intake(), Intake(parse_declaration(_RENAMED, "renamed"))
    stripe = Intake(parse_declaration(preset_text("stripe"), "stripe"))
    as_transaction = msgspec.json.Decoder(Transaction).decode
    as_dict = msgspec.json.Decoder().decode

    def checked(value: bytes) -> Transaction:
        # What the worker did before there was an intake.
        if not (value.isascii() or value.decode()):
            raise ValueError
        return as_transaction(value)

    return {
        "plain": (checked, plain_transaction, [orjson.dumps(_PLAIN)] * _MESSAGES),
        "plain, as readings": (checked, plain.read, [orjson.dumps(_PLAIN)] * _MESSAGES),
        "mapped: nested, minor units, epoch": (as_dict, renamed.read, [_nested()] * _MESSAGES),
        "mapped: preset stripe": (as_dict, stripe.read, [_stripe()] * _MESSAGES),
    }


def _measure(
    contestants: dict[str, tuple[Callable[[bytes], Any], Callable[[bytes], Any], list[bytes]]],
    rounds: int,
) -> dict[str, tuple[float, float]]:
    best = {name: (float("inf"), float("inf")) for name in contestants}
    for _ in range(rounds):
        for name, (alone, through, messages) in contestants.items():
            spent = _spent(alone, messages), _spent(through, messages)
            best[name] = min(best[name][0], spent[0]), min(best[name][1], spent[1])
    return best


def _spent(read: Callable[[bytes], Any], messages: list[bytes]) -> float:
    start = thread_time()
    for message in messages:
        read(message)
    return (thread_time() - start) / len(messages) * 1e6


def _nested() -> bytes:
    return orjson.dumps(
        {
            "id": "t1",
            "card": {"token": "card-000383"},
            "amount": {"value": 4250, "currency": "GBP"},
            "created": 1795845480000,
            "merchant": {"id": "m-1", "mcc": "5411", "country": "GB"},
            "channel": "pos",
        }
    )


def _stripe() -> bytes:
    card = {"country": "GB", "last4": "1881", "fingerprint": "Fp9x"}
    charge = {
        "id": "ch_1X",
        "object": "charge",
        "amount": 4250,
        "currency": "gbp",
        "created": 1795845480,
        "payment_method_details": {"type": "card", "card": card},
    }
    event = {"id": "evt_1X", "object": "event", "type": "charge.succeeded"}
    return orjson.dumps({**event, "created": 1795845480, "data": {"object": charge}})


if __name__ == "__main__":
    main()
