"""What would help a message that was refused: the shapes that are known, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from streamer.contract.messages import Transaction
from streamer.intake.declaration import Declaration
from streamer.intake.iso8583 import is_iso8583
from streamer.intake.readings import Refused
from streamer.intake.transfers import transfer_in

__all__ = ["hinted", "recognised"]


def hinted(refused: Refused, message: Any, declaration: Declaration) -> Refused:
    """Return a refusal with what its message's shape tells, where a field was not found at all."""
    if refused.reason != "missing_field" or not isinstance(message, Mapping):
        return refused
    transfer = transfer_in(message)
    if transfer is not None:
        return Refused(
            "not_a_card_payment",
            refused.path,
            f"value must be a card payment, got {transfer}",
            "there is no card, merchant or category in it; declare fields of your own if its "
            "accounts are to be scored as cards",
        )
    if refused.hint:
        return refused
    preset = recognised(message)
    if preset is not None and preset != declaration.preset:
        hint = (
            f"it looks like {_KNOWN[preset][0]}: use the preset {preset} (--intake {preset}), or what "
            "`streamer intake suggest` makes of a sample"
        )
    elif refused.path.removeprefix("$.") not in Transaction.__struct_fields__:
        hint = (
            "the declared path is not in this message, or has nothing in it: have the producer send "
            "it, or name a second path in a list if it is somewhere else"
        )
    else:
        hint = "say where it is: `streamer intake suggest` proposes the lines from a sample"
    return msgspec.structs.replace(refused, hint=hint)


def recognised(message: Mapping[str, Any]) -> str | None:
    """Return the preset whose layout a message or row has, or None."""
    for preset, (_, matches) in _KNOWN.items():
        if matches(message):
            return preset
    return None


def _has(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda message: all(name in message for name in names)


def _is_stripe(kind: str) -> Callable[[Mapping[str, Any]], bool]:
    def matches(message: Mapping[str, Any]) -> bool:
        is_event = message.get("object") == "event" and isinstance(message.get("data"), Mapping)
        return is_event and str(message.get("type")).startswith(kind)

    return matches


_KNOWN: Final[dict[str, tuple[str, Callable[[Mapping[str, Any]], bool]]]] = {
    "stripe-payment-intents": ("Stripe's event of a payment intent", _is_stripe("payment_intent.")),
    "stripe-checkout": ("Stripe's event of a checkout", _is_stripe("checkout.session.")),
    "stripe": ("a Stripe event", _is_stripe("")),
    "adyen": ("an Adyen notification", _has("notificationItems")),
    "iso8583": ("ISO 8583 as JSON", is_iso8583),
    "handbook": ("the Handbook's layout", _has("TX_DATETIME", "TX_AMOUNT")),
    "sparkov": ("Sparkov's layout", _has("cc_num", "amt", "unix_time")),
    "paysim": ("PaySim's layout", _has("step", "nameOrig", "nameDest")),
    "ieee-cis": ("IEEE-CIS's layout", _has("TransactionDT", "TransactionAmt")),
    "banksim": ("BankSim's layout", _has("step", "customer", "category")),
    "tabformer": ("TabFormer's layout", _has("Use Chip", "Errors?")),
    "ulb": ("ULB's layout", _has("Time", "V1", "Amount")),
}
