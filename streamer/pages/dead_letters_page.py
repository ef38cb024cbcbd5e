"""Writes ``docs/dead-letters.md``: every reason of a dead letter with its cause and its cure.

``python -m streamer.pages.dead_letters_page`` writes it; with ``--check`` it writes nothing and exits with 1
when the page differs.  A test holds `CAUSES` and the reasons in code together.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from streamer.pages.page_command import write_or_check

__all__ = ["CAUSES", "main", "page"]

_PAGE: Final = Path(__file__).parents[2] / "docs" / "dead-letters.md"

CAUSES: Final[dict[str, tuple[str, str]]] = {
    "empty": (
        "The record has no value, or one of no bytes: a tombstone, or a producer that sent nothing.",
        "Tombstones need nothing. Else find the producer by the record's key.",
    ),
    "malformed_json": (
        "The value is no JSON: another format, or text around it.",
        "A topic of Avro or Protobuf needs its schemas (`[schema]`, or a registry). Else mend the producer.",
    ),
    "truncated_json": (
        "The JSON ends in the middle: something between the producer and Kafka cuts messages.",
        "Compare the length with that of others: a limit shows as the same length each time.",
    ),
    "invalid_utf8": (
        "The text is in another encoding, mostly Latin-1 or Windows-1252.",
        "Have the producer write UTF-8; JSON allows no other. For a file, `--encoding`.",
    ),
    "lone_surrogate": (
        "An escape such as `\\ud83d` stands without its other half: a character was cut in two.",
        "Have the producer cut texts by character, not by UTF-16 unit.",
    ),
    "nested_too_deep": (
        "Objects or lists are nested deeper than any payment is.",
        "Find the producer: this is a loop in its data, or an attempt.",
    ),
    "not_an_object": (
        "The JSON is a number, a text or another thing that has no fields.",
        "Payments in a list within an object need `each` in the intake.",
    ),
    "missing_field": (
        "A field that is required is not there, or is null; the path names it. An id may also be a word for "
        "nothing, such as `null`, `None`, `N/A` or `nan`, or blank.",
        "If it has another name or place, declare its path: `streamer intake suggest` finds it. If the "
        "producer has none, give it a `constant` or a `default`.",
    ),
    "wrong_type": (
        "A field holds another type: text for a number, an object for a text, a count for a time.",
        "The hint names the line for the intake, where one is known, such as `unit` for times.",
    ),
    "out_of_range": (
        "A number is beyond what it can be: an amount above 1e12, a latitude above 90.",
        'Amounts too large by a power of ten are minor units: `unit = "minor"` under `[amount]`.',
    ),
    "wrong_format": (
        "A text does not have the form it must have, or is too long or too short: ids have 1 to 128 "
        "characters. An id may also be a number as a spreadsheet rounds one, such as "
        "`4.92912E+15`.",
        "Look at the value with `streamer dlq show`; mostly two fields are mixed up. What a spreadsheet has "
        "rounded is lost: export again with the column as text.",
    ),
    "unknown_code": (
        "A code is not on the published list: a currency, a country, the word of a verdict.",
        "Declare what the producer's words mean with `values`.",
    ),
    "retired_code": (
        "A currency that is no longer in use, such as a predecessor of the euro.",
        "If the payments are old, leave them out; if the code is wrong, map it with `values`.",
    ),
    "invalid_timestamp": (
        "A time that cannot be read: another form, a date that does not exist, 03/04, which may be "
        "in March or in April, a count of no known unit.",
        "Declare `format` or `unit` under `[timestamp]`. In verdicts: RFC 3339, or seconds or "
        "milliseconds since 1970.",
    ),
    "timestamp_without_offset": (
        "A time does not say its zone.",
        "Declare `zone` under `[timestamp]`, or have the producer write the offset.",
    ),
    "unreadable": (
        "The intake failed on this message: a defect of streamer, not of the message.",
        "Report it with the message and the letter's detail; replay it after an update.",
    ),
    "card_number": (
        "The card's id is the number of a card (PAN): 12 to 19 digits with a network's first digits and the "
        "check digit. The letter does not have it: digits are stars, or the value was left out.",
        "Have the producer send tokens. Or set STREAMER_CARD_NUMBERS: `mask` counts such cards under a keyed "
        "pseudonym, `allow` is for ids that only look like numbers ([card numbers](card-numbers.md)). What was "
        "refused has to be sent again by its producer.",
    ),
    "several_payments": (
        "One message holds several payments, which have one offset between them.",
        "Have the producer, or a connector, send a message for each; `streamer dlq replay --intake` does it "
        "for those that are here.",
    ),
    "timestamp_too_old": (
        "A time is before STREAMER_EARLIEST_EVENT_YEAR: mostly a count in the wrong unit, or a zero.",
        "Correct `unit`; if the payments are as old as that, lower the setting.",
    ),
    "timestamp_in_future": (
        "A time is more than STREAMER_MAX_EVENT_AHEAD_S ahead of its arrival: a wrong zone or clock.",
        "Correct the zone or the clock, then send the letters again.",
    ),
    "not_a_card_payment": (
        "The message is of a known kind that has no card: a credit transfer, a payout.",
        "Leave such messages out with `[[only]]` or `[[skip]]`.",
    ),
    "unknown_schema": (
        "The message names a schema that the registry, or the file, does not have.",
        "Check the registry's address and that the id is of this registry.",
    ),
    "schema_mismatch": (
        "The bytes are not what their schema says.",
        "Check whether the topic mixes formats, and `framed` under `[schema]`.",
    ),
    "null_island": (
        "Latitude and longitude are both 0: no place was known.",
        "Nothing is lost: the payment is scored without a place. Have the producer leave both out.",
    ),
    "unknown_alert": (
        "A verdict names its payment by an `alert_id` alone, and that leads to no payment: another topic, "
        "an offset that retention has removed, or one from before the partition was set back.",
        "Send the verdict with `transaction_id` and `card_id`.",
    ),
    "contradictory": (
        "A verdict says both, as `verdict` and `is_fraud`, or names a payment other than that of its alert.",
        "Have the reviewer's tool send one of them.",
    ),
}

_HEAD: Final = """\
# Dead letters

A record that cannot be used is written to a dead-letter topic as it came, key and bytes untouched but
for card numbers ([below](#card-numbers)): payments to `transactions-dlq`, verdicts to
`fraud-feedback-dlq`. Its headers say why (`streamer-reason`,
`-path`, `-detail`, where there is one `-hint`) and where it lay (`streamer-source-topic`, `-partition`,
`-offset`, `streamer-first-seen`). `streamer_dead_letters_total{topic, reason}` counts them; the log has a
line per reason at once, then one a minute, with the count and one example.

<!-- not run: it needs letters of just that kind; tests/cli/test_dlq_command.py has them -->
```sh
streamer dlq list                        # counts by reason, path and partition, and how many were sent again
streamer dlq show 0/17                   # one of them, with the field marked
streamer dlq show 0/17 --intake my.toml  # what a declaration would make of it
streamer dlq replay --reason wrong_type --since 2026-11-28T06:00 --dry-run
streamer dlq replay --reason wrong_type --intake my.toml
```

`replay` sends bytes and key to the partition that they came from, with the header
`streamer-replayed-from`; with `--intake` it sends the payments that the declaration finds, in the
contract's form. Each letter is sent once: what was sent is remembered in Redis for as long as the
dead-letter topic holds it. A replay that is interrupted goes on when it is run again. When the command
is killed, up to 500 may come twice; the worker recognises them by card and transaction id. Where the
place of the record stands for an id (`position = true`), `--intake` keeps the first place, and without
it the record gets another. A letter that was cut because it was too large is not sent. `show` says what
`STREAMER_INTAKE` makes of the message now, or `--intake`, with stars for card numbers, except
with `--raw`. For verdicts say `--topic fraud-feedback-dlq`.

| reason | cause | cure |
|---|---|---|
"""

_CARD_NUMBERS: Final = """
## Card numbers

No dead letter has the number of a card (PAN), whatever it is a dead letter for, unless STREAMER_CARD_NUMBERS
is `allow`: in key and value its digits are stars (`streamer-masked: in part`), or, where the number is in a
form that bytes do not show (escaped, in Avro, in gzip), there is no value at all (`withheld`). A value with
more than 32,768 bytes to be looked at one by one is not looked through, and there is none of it (`too long`):
its digits and an eighth of its bytes count, or all of them where it is not ASCII or has `\\u` or bytes of zero.
What is ASCII is kept all the same where its digits alone, without what lies between them, have no number.
A key with more than 4,096 is left out; a value in which more than 32,768 texts, numbers and signs of texts are
read is `withheld`. Such letters are not replayed: the producer has to send the record again. With `mask` the
card's id stands in place of the number, and the letter is replayed like any other.
[Card numbers](card-numbers.md) has what counts as one.
"""


def page() -> str:
    """Return the page's text."""
    rows = [f"| `{reason}` | {cause} | {cure} |\n" for reason, (cause, cure) in CAUSES.items()]
    return _HEAD + "".join(rows) + _CARD_NUMBERS


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; return the exit code."""
    return write_or_check("streamer.pages.dead_letters_page", __doc__, page, _PAGE, arguments)


if __name__ == "__main__":
    sys.exit(main())
