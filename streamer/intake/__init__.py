"""Intake: any producer's messages and any file's rows, to transactions by one declaration.

Reading order: `readings` (what comes out), `declaration` (what a producer is said to send), `mapping`
(a declaration compiled), `envelopes`, `intake` (all of it together).

>>> reading, = Intake().read(b'{"card_id": 383, "amount": 42.5, "currency": "826", "country": "GBR", '
...     b'"timestamp": "2026-11-28 05:58:00+00", "transaction_id": "t1", "mcc": ""}')
>>> reading.transaction.currency, reading.transaction.country, reading.left_out[0].field
('GBP', 'GB', 'mcc')
"""

from streamer.intake.declaration import Declaration, parse_declaration
from streamer.intake.intake import Intake, nameless, plain_transaction, plain_transactions
from streamer.intake.presets import preset_names, preset_text
from streamer.intake.readings import (
    LeftOut,
    Payment,
    Reading,
    Refund,
    Refused,
    Skipped,
    outcome_of,
)

__all__ = [
    "Declaration",
    "Intake",
    "LeftOut",
    "Payment",
    "Reading",
    "Refund",
    "Refused",
    "Skipped",
    "nameless",
    "outcome_of",
    "parse_declaration",
    "plain_transaction",
    "plain_transactions",
    "preset_names",
    "preset_text",
]
