"""The body of a request to payments: through the intake of the stream, one by one.

What cannot be scored gets the reason, the path and the sentence that its dead letter would have; the
others of a batch are answered all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.card_rule import REFUSED, CardRule
from streamer.intake import Intake
from streamer.intake.decoding import Decoded, TimestampRange, decode_batch

__all__ = ["Question", "Refusal", "read_questions"]

_NOWHERE: Final = "request"


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a payment is not scored: what its dead letter would say."""

    reason: str
    path: str
    detail: str
    hint: str = ""


class Question(NamedTuple):
    """Payments that were asked about: those that can be scored, and why the others cannot.

    ``decoded.offsets`` are their places in the request, and so are the keys of ``refused``.
    """

    decoded: Decoded
    refused: dict[int, Refusal]
    n_asked: int


def read_questions(
    values: Sequence[bytes],
    now_ms: int,
    believable: TimestampRange,
    intake: Intake,
    cards: CardRule = REFUSED,
) -> Question:
    """Return what the messages of a request are read as; no bytes raise."""
    records = [StoredRecord(i, now_ms, None, value) for i, value in enumerate(values)]
    decoded = decode_batch(Batch(_NOWHERE, 0, records, now_ms), believable, intake, cards)
    refused = {
        letter.record.offset: Refusal(letter.reason, letter.path, letter.detail, letter.hint)
        for letter in decoded.dead_letters
    }
    passed_over = set(range(len(values))) - refused.keys() - set(decoded.offsets.tolist())
    because = ", ".join(decoded.passed_over)
    refused |= dict.fromkeys(
        passed_over,
        Refusal(
            "passed_over", "$", f"must be a payment, got what the stream passes over: {because}"
        ),
    )
    return Question(decoded, refused, len(values))
