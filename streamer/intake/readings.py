"""What an intake makes of what a producer sent: payments, refunds, things to skip, and refusals.

Invariants: a detail and a hint never repeat a string or a number of the message, which could be a card
number in the wrong field.  A path leads into what the producer sent, not into the contract.
"""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

import msgspec

from streamer.contract.messages import Transaction

__all__ = [
    "OUTCOMES",
    "PASSED_OVER",
    "REFUSALS",
    "Fault",
    "LeftOut",
    "Outcome",
    "PassedOver",
    "Payment",
    "Reading",
    "Refund",
    "Refusal",
    "Refused",
    "SkipReason",
    "Skipped",
    "outcome_of",
]

Outcome = Literal["payment", "refund", "skipped", "dead_letter"]

Refusal = Literal[
    "empty",
    "malformed_json",
    "truncated_json",
    "invalid_utf8",
    "lone_surrogate",
    "nested_too_deep",
    "not_an_object",
    "missing_field",
    "wrong_type",
    "out_of_range",
    "wrong_format",
    "unknown_code",
    "retired_code",
    "invalid_timestamp",
    "timestamp_without_offset",
    "not_a_card_payment",
    "unknown_schema",
    "schema_mismatch",
    "null_island",
    "card_number",
]

SkipReason = Literal["declined", "deleted", "updated", "tombstone", "not_a_payment"]

OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
PassedOver = Literal["refund", SkipReason]
"""Why a message that is well understood is not scored."""

PASSED_OVER: Final[tuple[PassedOver, ...]] = get_args(PassedOver)
REFUSALS: Final[tuple[Refusal, ...]] = get_args(Refusal)


class LeftOut(msgspec.Struct, frozen=True, gc=False):
    """An optional field that could not be used: the payment is scored without it."""

    field: str
    reason: Refusal
    path: str


class Payment(msgspec.Struct, frozen=True, gc=False):
    """A payment in the contract's own terms, and what of the message had to be left out of it."""

    transaction: Transaction
    left_out: tuple[LeftOut, ...] = ()


class Refund(msgspec.Struct, frozen=True, gc=False):
    """Money that goes back to the card: counted, never scored.  ``path`` is what said so."""

    path: str


class Skipped(msgspec.Struct, frozen=True, gc=False):
    """A message that is well understood and is no payment."""

    reason: SkipReason
    path: str


class Refused(msgspec.Struct, frozen=True, gc=False):
    """What becomes a dead letter: the reason, where, one line of detail, and what would help."""

    reason: Refusal
    path: str
    detail: str
    hint: str = ""


Reading = Payment | Refund | Skipped | Refused


class Fault(Exception):  # noqa: N818 - a value that is not usable, and no error of this program
    """Why one value cannot be used; never leaves this package.

    ``at`` is the path within the value, where the fault lies deeper than the value itself.
    """

    def __init__(self, reason: Refusal, detail: str, hint: str = "", at: str = "") -> None:
        super().__init__(detail)
        self.reason: Refusal = reason
        self.detail = detail
        self.hint = hint
        self.at = at


def outcome_of(reading: Reading) -> Outcome:
    """Return the one word for a reading.

    >>> outcome_of(Skipped("declined", "$.status"))
    'skipped'
    """
    outcomes: dict[type[Any], Outcome] = {
        Payment: "payment",
        Refund: "refund",
        Skipped: "skipped",
        Refused: "dead_letter",
    }
    return outcomes[type(reading)]
