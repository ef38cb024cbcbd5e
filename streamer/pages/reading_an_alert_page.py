"""Writes ``docs/reading-an-alert.md``: what a fraud reviewer needs to know of every field of an alert.

``python -m streamer.pages.reading_an_alert_page`` writes it; with ``--check`` it writes nothing and
exits with 1 when the page differs.  The fields are those of the schema, the sentences those of the
features, and the alert on the page was made by the pipeline; `MEANINGS` says what a field means to a
reviewer.
"""

from __future__ import annotations

import inspect
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console

from streamer.contract import messages
from streamer.contract.json_schemas import json_schemas
from streamer.contract.messages import Alert
from streamer.display.alert_panel import render_alert
from streamer.errors import InvariantError
from streamer.features import CONTEXT_FEATURES, FEATURES, VERDICT_FEATURES, Feature
from streamer.pages.example_alert import example_alert
from streamer.pages.page_command import write_or_check

__all__ = ["MEANINGS", "check_meanings", "main", "page"]

_PAGE: Final = Path(__file__).parents[2] / "docs" / "reading-an-alert.md"
_SCHEMA: Final = "alert.v1"
# The parts of an alert in the order of the page; a payment's fields are the producer's.
_PARTS: Final = ("Alert", "Reason", "Counterfactual", "Center", "CenterValue", "Source")
_COLUMNS: Final = 96
# Format, flags, bins and layout; behind them comes the checksum.
_SHOWN_OF_PARAMETERS: Final = 16

MEANINGS: Final[dict[str, dict[str, str]]] = {
    "Alert": {
        "alert_id": "The alert's name: topic, partition and offset of the payment. A verdict may name it.",
        "transaction": "The payment as it was read. `card_id` is a pseudonym where the service has a key for that.",
        "score": "The share of recent payments that rank lower, 0 to 1: 0.998 is above 99.8% of them. It is a rank, not a probability of fraud.",
        "distance": "How unlike similar payments it is, over all that is known of it. 0 is just like them. Without a unit; to be compared with `threshold` where `ranked_by` is `distance`.",
        "distance_sq": "The square of `distance`: what the reasons add up to where `ranked_by` is `distance`.",
        "threshold": "What had to be exceeded when the payment came, in the units of what `ranked_by` names. It follows the agreed number of alerts, so it moves from hour to hour.",
        "severity": "The rank among alerts: `critical` is the top twentieth of what the budget admits, `high` the top quarter, `medium` the rest.",
        "reasons": "Up to five, the one that adds most first; what would read as usual, or as nothing, is left out where there is another. They are parts of the ranking, not opinions: see below.",
        "other_contribution": "What everything that is not among the reasons adds, and takes away, together. Below 0 where it speaks against fraud.",
        "nearest_center": "The kind of payment that the model thought this one most like.",
        "model_version": "The model that scored it: the SHA-256 of its state.",
        "source": "Where the payment lay in Kafka.",
        "event_time": "When the payment was made, as its producer says.",
        "scored_at": "When it was scored.",
        "mode": "`redis-unavailable`: the store was away, so a card or merchant may have been scored without its past. Else `normal`.",
        "counterfactual": "The smaller amount at which the same payment would not have been alerted. Not there if no smaller amount, down to a hundredth, would have helped.",
        "ranked_by": "`distance`: by how unlike similar payments it is. `log_odds`: by how like earlier frauds, once verdicts have taught that. `expected_loss`: by that and the amount, where the service ranks so.",
        "log_odds": "The logarithm of the odds of fraud: 0 is one to one, -4.6 one to a hundred; every 0.7 more doubles the odds. Not there before any verdict.",
        "base_log_odds": "The log-odds of a payment that is average in everything: what the reasons are added to. 0 where `ranked_by` is `distance`.",
        "probability": "The probability of fraud, 0 to 1: how many of recent payments with such `log_odds` were judged to be fraud. Not there before any verdict.",
        "sampled": "Whether it was drawn at random from below the threshold. Nothing says that such a payment is suspicious: your verdict on it says what the model misses.",
        "sample_weight": "For how many payments below the threshold a sampled one stands.",
        "wave_id": "The same for alerts that are one matter: those of a card within a day, or of a merchant within six hours (from 0, 6, 12 or 18 o'clock UTC on) where a second card is among them. The card's goes before the merchant's, so the first alert of a merchant has its card's. Not there on a sampled alert.",
        "wave_alerts": "The number of this alert among those of that card or merchant in that time, counted from 1. A merchant's are counted per partition.",
        "wave_sentence": "The same in words, from the second alert on.",
        "features": "Everything that was known of the payment, on the model's own scale (mostly logarithms). For recomputing, not for reading: `reasons` have the same values in units.",
        "parameters": "The numbers of the model that the features met, packed. For recomputing: `streamer explain` needs nothing else, however old the alert is.",
        "expected_loss": "`probability` times the amount, in the currency that the service counts in (`STREAMER_CURRENCY_VALUES`): what such payments lose on average if nobody looks. Only where the service ranks by it.",
        "other_card_ids": "What the card is called under the other keys of pseudonyms, while the key is being changed: alerts from before, and from after, are found by them. Else not there.",
        "before": "What amount and hour were compared with: decayed sums of the card and the merchant, as they were before the payment. With `features` they let a model version be asked what it would say of another amount or hour.",
    },
    "Reason": {
        "feature": "What it is about: a name of the lists below.",
        "contribution": "What it adds to `distance_sq`, or to `log_odds`: exactly, to the last digit. 0 for `expected_loss` and `sample`, which are no part of the sum.",
        "share": "Its part of all that speaks for fraud, 0 to 1.",
        "value": "What this payment has, in `unit`.",
        "expected": "What similar payments have, or all payments where the sentence says so, in `unit`.",
        "unit": "The unit of both.",
        "direction": "Whether `value` is above or below `expected`.",
        "sentence": "All of that in words.",
    },
    "Counterfactual": {
        "amount": "The amount, in units of the currency.",
        "currency": "The payment's currency.",
        "sentence": 'The same in words. "Or less" where smaller amounts would have been quiet too, "or a little less" where some would not.',
    },
    "Center": {
        "index": "Its number within the model version. Another version's center of that number is another one.",
        "share_of_traffic": "The share of payments that are of this kind, 0 to 1.",
        "values": "What is usual of them.",
    },
    "CenterValue": {
        "feature": "A name of the lists below.",
        "value": "What is usual, in `unit`.",
        "unit": "Its unit.",
    },
    "Source": {
        "topic": "Kafka's topic.",
        "partition": "Its partition.",
        "offset": "The place in it.",
        "epoch": "How often the partition was set back to offsets that it had had before. Mostly 0.",
    },
}

_HEAD: Final = """\
# How to read an alert

For those who decide whether a payment was fraud. This page is made from the code (`python -m
streamer.pages.reading_an_alert_page`), and so is the alert on it.

An alert says: of all recent payments this is one of the few that you agreed to look at. It does not say
that it is fraud. How many alerts there are is agreed beforehand; the model only decides which.

## What you see

{panel}
The first line is the payment. Below are the reasons: what share of the suspicion each one is, and why.
Then a smaller amount at which there would have been no alert, and the rank among recent payments.
"""

_WORDS: Final = """\
## The words in it

- **Reasons** are sums, not guesses. What the model ranks a payment by is a total, and each reason is the
  part of it that one thing adds. With `base_log_odds` and `other_contribution` they give the total:
  {sum}.
- **Share** is of what speaks *for* fraud. Something may speak against it too; that is in
  `other_contribution`, and `streamer explain` lists it.
- **Similar payments** are those of the nearest center: the kind of payment that this one is most like.
  Where a sentence says **all payments**, it is compared with all.
- **Standard deviations** say how far a value is from a habit, in units of how much that habit varies.
  Of a card that always pays about 20, 40 is far; of one that pays 5 one day and 200 the next it is not.
  About two of three payments are within 1 of the habit, 1 of 20 is beyond 2, and 1 of 370 beyond 3.
- **A habit** is a card's or merchant's own past, of which the last weeks count most. "Within about an
  hour" or "mostly of the last 7 days" is meant like that: older payments fade, they do not drop out.
- **"As in earlier frauds"** opens a reason that is nothing strange by itself, but was so in payments that
  were judged fraudulent. **"As in payments judged legitimate"** is the opposite.
- **"Unusual"** opens a reason that differs from similar payments and that nobody would call high.
- **Familiarity** is the share of a card's payments at this merchant, in this country, for this category,
  or how much like its usual hours this one is. A few percent may be: never before.
- **Fraud share** is an estimate from known frauds, of payments that could have been judged: older than
  about a week, or judged already. It begins with 1%, which weighs as much as one payment: of one payment
  that was a fraud it is 50%, and of few it says little. Where no fraud is known, it is a reason only if
  there is no other.
- **Score** and **severity** are ranks. With a score of 0.998, two in a thousand recent payments rank higher.
  A critical alert is at the top of today's pile; on a quiet day that may be harmless.
- **Probability** is what the score is not: how likely fraud is, by what verdicts have taught. It is as
  good as the verdicts were.
- **Expected loss**: "28% of 412.00 EUR: 115.36 expected loss" is the probability of fraud times the amount.
  Where the service ranks by it, a likely fraud of little may stand below a doubtful payment of much. The
  other reasons say where the probability comes from. An amount of 0 counts as a thousandth.
- **"Drawn at random"** opens an alert that nothing makes suspicious: it is from below the threshold, for
  your verdict to say what the model misses (`sampled`). The other reasons are why it ranks where it does.
- **Ranked by distance**, where other alerts are ranked by log-odds: it is unlike any usual payment, and
  unlike the frauds that verdicts have taught. A new kind of fraud looks like that.
- **Counterfactual** is the question "and if it had been less?", asked of the model: everything else the
  same, another amount. It tells how much of the alert is the amount.
"""

_WRONG: Final = """\
## When it looks wrong

| what you see | what to do |
|---|---|
| The payment is legitimate. | Say so: a verdict with this `alert_id` (`schemas/feedback.v1.json`). That is how the model learns. |
| A reason seems untrue: the card *was* in that country before. | Run `streamer explain` with the `alert_id`: it lists all that was known, value by value. If `mode` is `redis-unavailable`, the card's past was not at hand. |
| The amount is wrong by a factor of 100 or 1,000. | It was read in another unit than it was meant: tell those who run the service (`docs/your-data.md`, `unit`). |
| The time is wrong by whole hours. | The same: a `zone` that is not declared. |
| Reasons add up to less than the total. | The rest is `other_contribution`: more than five things spoke, some against, or one would read "0" or "about the same", and is not told. |
| It was drawn at random, and looks harmless. | Judge it all the same, or nobody knows how many frauds are missed. |
| A high rank and a small probability. | Both are true: on most days even the strangest payments are mostly legitimate. |
| The same payment comes twice. | Two `alert_id` are two records on Kafka: the producer sent it twice under different ids. The same `alert_id` twice is one alert. |
| You doubt the numbers. | `streamer explain` computes the score again from the alert alone and says whether it is the same to the last bit. Exit code 1: it is not. 2: the alert was cut or altered on its way. |
| Too many alerts, or too few. | Not a matter of one alert: the budget is `STREAMER_ALERT_BUDGET` (`ops/SETTINGS.md`). |
"""


def page() -> str:
    """Return the page's text."""
    check_meanings()
    alert = example_alert()
    parts = [
        _HEAD.format(panel=_block(_panel(alert))),
        _WORDS.format(sum=_sum(alert)),
        _WRONG,
        _fields(),
        _sentences(),
        f"## The same alert as it is sent\n\nNumbers at four digits here. `schemas/{_SCHEMA}.json` is the "
        f"contract.\n\n{_block(_json(alert), 'json')}",
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def check_meanings(schema: dict[str, Any] | None = None) -> None:
    """Raise `InvariantError` where `MEANINGS` and the fields of the schema are not the same."""
    definitions = (schema or json_schemas()[_SCHEMA])["$defs"]
    for part in _PARTS:
        fields, told = set(definitions[part]["properties"]), set(MEANINGS[part])
        if fields != told:
            untold = ", ".join(sorted(fields - told)) or "none missing"
            gone = ", ".join(sorted(told - fields)) or "none too many"
            raise InvariantError(
                f"MEANINGS[{part!r}] must say what each field of {part} means to a reviewer, got these "
                f"without: {untold}, and these that there are no longer: {gone}; write a sentence in "
                f"streamer/pages/{Path(__file__).name} and run it"
            )


def _fields() -> str:
    """Return a table for each part of the message, introduced by what its type says of itself."""
    definitions = json_schemas()[_SCHEMA]["$defs"]
    text = ["## Every field\n\nA field in *italics* may be missing.\n"]
    for part in _PARTS:
        definition = definitions[part]
        required = definition.get("required", [])
        about = _plain(inspect.getdoc(getattr(messages, part)) or "")
        text.append(f"\n### {part}\n\n{about}\n\n| field | type | meaning |\n|---|---|---|\n")
        # In the order in which they are sent.
        for name in getattr(messages, part).__struct_fields__:
            shown = f"`{name}`" if name in required else f"*`{name}`*"
            kind = _kind(definition["properties"][name])
            text.append(f"| {shown} | {kind} | {MEANINGS[part][name]} |\n")
    return "".join(text)


def _plain(docstring: str) -> str:
    """Return a docstring as Markdown."""
    return docstring.replace("``", "`").replace(".  ", ". ")


def _kind(of: dict[str, Any]) -> str:
    """Return what a field holds, in words."""
    if "anyOf" in of:
        return _kind(next(each for each in of["anyOf"] if each.get("type") != "null"))
    if "enum" in of:
        return " or ".join(f"`{value}`" for value in of["enum"])
    if "$ref" in of:
        name = of["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})" if name in _PARTS else name
    if of.get("type") == "array":
        return f"list of {_kind(of['items'])}"
    if of.get("format") == "date-time":
        return "time"
    names = {"string": "text", "integer": "whole number", "object": "numbers by name"}
    return names.get(of["type"], str(of["type"]))


def _sentences() -> str:
    """Return every feature with its unit and its sentence, by what is usual to say of it."""
    verdicts = len(VERDICT_FEATURES)
    return (
        "## What the reasons are about\n\n"
        "The sentence of each, with … for its value. The first list counts in distance and log-odds:\n\n"
        f"{_rows(FEATURES)}\nThese only once verdicts have taught log-odds:\n\n"
        f"{_rows(CONTEXT_FEATURES[:verdicts])}{_rows(CONTEXT_FEATURES[verdicts:], head=False)}\n"
        "What verdicts say of one merchant is one reason, `merchant_fraud_share`, over the time span that "
        "adds most; of one card `card_fraud_share`.\n"
    )


def _rows(features: Sequence[Feature], *, head: bool = True) -> str:
    rows = [
        f"| `{f.name}` | {f.unit} | {f.suspect} | {f.sentence.replace('{value}', '…')} |\n"
        for f in features
    ]
    top = "| name | unit | suspicious | sentence |\n|---|---|---|---|\n" if head else ""
    return top + "".join(rows)


def _panel(alert: Alert) -> str:
    """Return what the terminal shows, without colours."""
    out = io.StringIO()
    Console(file=out, width=_COLUMNS, color_system=None, legacy_windows=False).print(
        render_alert(alert)
    )
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _sum(alert: Alert) -> str:
    """Return the example's sum, rounded."""
    parts = [alert.base_log_odds, *(r.contribution for r in alert.reasons)]
    parts.append(alert.other_contribution)
    total = alert.distance_sq if alert.log_odds is None else alert.log_odds
    terms = " ".join(f"{'-' if part < 0 else '+'} {abs(part):.2f}" for part in parts)
    return f"here {terms.removeprefix('+ ')} = {total:.2f}"


def _json(alert: Alert) -> str:
    """Return the alert's JSON at four digits: processors differ in the last ones."""

    def shorten(value: Any) -> Any:
        if isinstance(value, float):
            return float(f"{value:.4g}")
        if isinstance(value, dict):
            return {key: shorten(inner) for key, inner in value.items()}
        return [shorten(inner) for inner in value] if isinstance(value, list) else value

    told = shorten(msgspec.json.decode(msgspec.json.encode(alert)))
    told["parameters"] = f"{told['parameters'][:_SHOWN_OF_PARAMETERS]}..."
    return msgspec.json.format(msgspec.json.encode(told)).decode()


def _block(text: str, language: str = "") -> str:
    return f"```{language}\n{text}\n```\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; return the exit code."""
    return write_or_check("streamer.pages.reading_an_alert_page", __doc__, page, _PAGE, arguments)


if __name__ == "__main__":
    sys.exit(main())
