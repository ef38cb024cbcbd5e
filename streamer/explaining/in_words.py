"""An alert in words for a notebook: plain lines, and the same as a table of HTML.

What a card or a merchant is called is somebody else's text: in HTML it is escaped, and what does not
print is shown as a point.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final, NamedTuple

from streamer.contract.messages import Alert, Reason
from streamer.features import money, percent

__all__ = ["Words", "html_of", "lines_of", "payment_line"]

# Below this share of the ranking value a part is rounding.
_ROUNDING: Final = 1e-9


class Words(NamedTuple):
    """An alert and every part of what ranks it; ``is_reproduced`` as in an `Explanation`."""

    alert: Alert
    parts: Sequence[Reason]
    ranked_value: float
    threshold_value: float
    base: float
    is_reproduced: bool | None


def lines_of(words: Words) -> list[str]:
    """Return the lines: the payment, its rank, each part with its sentence, what would have passed."""
    lines = [_headline(words.alert), _rank(words), ""]
    lines += [f"{share:>8} {adds:>9}  {sentence}" for share, adds, sentence in _parts(words)]
    return [*lines, "", *_tail(words)]


def html_of(words: Words) -> str:
    """Return the same as HTML, without a script or a style sheet."""
    rows = "".join(
        f"<tr><td>{escape(share)}</td><td>{escape(adds)}</td>"
        f'<td style="text-align:left">{escape(sentence)}</td></tr>'
        for share, adds, sentence in _parts(words)
    )
    head = '<tr><th>share</th><th>adds</th><th style="text-align:left">why</th></tr>'
    tail = "<br>".join(map(escape, _tail(words)))
    return (
        f"<p><b>{escape(_headline(words.alert))}</b><br>{escape(_rank(words))}</p>"
        f"<table>{head}{rows}</table><p>{tail}</p>"
    )


def payment_line(alert: Alert) -> str:
    """Return how much, with which card, where and when.

    The name of a card that has a line feed stays on the line.
    """
    payment = alert.transaction
    place = ", ".join(filter(None, (payment.merchant_id, payment.channel, payment.country)))
    amount = money(payment.amount, payment.currency)
    told = f"{amount} with {payment.card_id}{f' at {place}' if place else ''}"
    return f"{_printed(told)}, {payment.timestamp:%Y-%m-%d %H:%M}"


def _headline(alert: Alert) -> str:
    return f"{alert.severity}: {payment_line(alert)}"


def _rank(words: Words) -> str:
    alert = words.alert
    above = "all" if alert.score == 1.0 else f"{percent(100 * alert.score)} of"
    told = f"ranked above {above} recent payments"
    if alert.probability is not None:
        told += f", probability of fraud {percent(100 * alert.probability)}"
    name = "distance²" if alert.ranked_by == "distance" else "log-odds"
    if alert.ranked_by == "expected_loss":
        return f"{told}; expected loss {alert.expected_loss or 0.0:,.2f}"
    return f"{told}; {name} {words.ranked_value:.2f}, alerts above {words.threshold_value:.2f}"


def _parts(words: Words) -> Iterator[tuple[str, str, str]]:
    """Yield share, contribution and sentence of each part that adds something, as texts."""
    if words.base:
        yield "", f"{words.base:+.3f}", "An average payment."
    least = _ROUNDING * max(abs(words.ranked_value), 1.0)
    for part in words.parts:
        if abs(part.contribution) > least:
            share = percent(100 * part.share).replace("less than ", "<")
            yield (
                share if part.contribution > 0 else "against",
                f"{part.contribution:+.3f}",
                part.sentence,
            )


def _tail(words: Words) -> list[str]:
    alert = words.alert
    told = [] if alert.counterfactual is None else [alert.counterfactual.sentence]
    if alert.wave_sentence is not None:
        told.append(alert.wave_sentence)
    if alert.sampled:
        told.append("It was drawn at random from below the threshold.")
    share = percent(100 * alert.nearest_center.share_of_traffic)
    told.append(f"Most like center {alert.nearest_center.index}, {share} of traffic.")
    if words.is_reproduced is not None:
        told.append(
            "Reproduced bit for bit from the alert." if words.is_reproduced else "NOT reproduced."
        )
    return told


def _printed(text: str) -> str:
    """Return a text on one line.

    >>> _printed("a\\nb\\u202e")
    'a·b·'
    """
    return "".join(each if each.isprintable() else "·" for each in text)
