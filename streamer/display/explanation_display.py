"""An explanation as a reviewer reads it: who and when, every part, the sum, the sentences."""

from __future__ import annotations

from typing import Final

from rich.bar import Bar
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from streamer.contract.messages import Reason
from streamer.display.alert_panel import SEVERITY_STYLES, payment_text, rank_text
from streamer.explaining.explanation import Explanation
from streamer.explaining.reasons import AT_STAKE, BESIDE, DRAWN, quantity_of
from streamer.features import percent
from streamer.intake.naming import printable

__all__ = ["render_explanation"]

# Below this share of the ranking value a remainder is rounding.
_ROUNDING: Final = 1e-9
_LOUD_BELOW: Final = (
    "At smaller amounts, down to a hundredth of it, it would have been alerted too."
)
_VERIFIED: Final = "It verifies a card: there is no smaller amount."


def render_explanation(explanation: Explanation) -> RenderableType:
    """Return the whole explanation; parts that add nothing, or less than rounding, are one line."""
    alert = explanation.alert
    least = _ROUNDING * max(abs(explanation.ranked_value), 1.0)
    parts = [part for part in explanation.parts if part.feature not in BESIDE]
    telling = [part for part in parts if abs(part.contribution) > least]
    silent = [part for part in parts if abs(part.contribution) <= least]
    blocks: list[RenderableType] = [_header(explanation), Text(), _table(explanation, telling)]
    if explanation.alert.ranked_by == "expected_loss":
        stake = [reason.sentence for reason in alert.reasons if reason.feature == AT_STAKE]
        blocks += [Text(), *(Text(sentence, style="bold") for sentence in stake)]
    sentences = Table.grid(padding=(0, 1))
    for part in telling:
        sentences.add_row("-", Text(part.sentence))
    blocks += [Text(), sentences]
    if silent:
        names = ", ".join(f"{p.feature} {_number(p, p.value, explanation)}" for p in silent)
        blocks += [Text(), Text(f"Nothing added by: {names}.", style="dim")]
    blocks.append(Text())
    if alert.sampled:
        # It is here whatever its amount, so that no smaller one would have kept it away.
        drawn = [reason.sentence for reason in alert.reasons if reason.feature == DRAWN]
        blocks += [Text(sentence, style="bold") for sentence in drawn]
    elif alert.counterfactual is not None:
        blocks.append(Text(alert.counterfactual.sentence, style="bold"))
    else:
        blocks.append(Text(_LOUD_BELOW if alert.transaction.amount > 0 else _VERIFIED))
    center = alert.nearest_center
    share = percent(100 * center.share_of_traffic)
    blocks.append(Text(f"Most like center {center.index}, {share} of traffic."))
    blocks.append(_verdict(explanation))
    return Group(*blocks)


def _header(explanation: Explanation) -> Text:
    alert = explanation.alert
    text = Text()
    text.append(alert.severity, style=SEVERITY_STYLES[alert.severity])
    text.append(f" {alert.alert_id}  ", style="bold")
    text.append(payment_text(alert.transaction))
    text.append(f"\n{rank_text(alert.score)}")
    if alert.probability is not None:
        text.append(f", probability of fraud {percent(100 * alert.probability)}")
    text.append(
        f"\n{printable(alert.transaction.transaction_id)}, "
        f"scored {alert.scored_at:%Y-%m-%d %H:%M:%S} UTC by model {alert.model_version[:12]}",
        style="dim",
    )
    return text


def _table(explanation: Explanation, parts: list[Reason]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1))
    table.add_column("part", no_wrap=True)
    alert = explanation.alert
    by_odds = alert.ranked_by != "distance"
    name = "log-odds" if by_odds else "distance²"
    table.add_column(name, justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    table.add_column("", min_width=4, max_width=16)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("expected", justify="right", no_wrap=True)
    largest = max((abs(part.contribution) for part in parts), default=1.0)
    if by_odds:
        table.add_row("an average payment", f"{explanation.base:+.3f}")
    for part in parts:
        is_for = part.contribution > 0
        table.add_row(
            part.feature,
            _signed(part.contribution),
            _short(percent(100 * part.share)) if is_for else "against",
            Bar(largest, 0.0, abs(part.contribution), color="red" if is_for else "green"),
            _number(part, part.value, explanation),
            _number(part, part.expected, explanation),
        )
    if abs(explanation.remainder) > _ROUNDING * max(abs(explanation.ranked_value), 1.0):
        named = "parts not listed" if explanation.is_reproduced is None else "of no feature"
        table.add_row(named, _signed(explanation.remainder))
    table.add_row("sum", f"{explanation.ranked_value:.3f}", style="bold")
    if alert.ranked_by == "expected_loss":
        table.add_row("expected loss", f"{alert.expected_loss or 0.0:,.2f}", style="bold")
    table.add_row("alerts above", f"{explanation.threshold_value:.3f}", style="dim")
    return table


def _signed(contribution: float) -> str:
    """Return a contribution to three decimals; what is not 0 never reads as if it were."""
    text = f"{contribution:+.3f}"
    return text if float(text) else f"{contribution:+.0e}"


def _number(part: Reason, value: float, explanation: Explanation) -> str:
    return _short(quantity_of(part, value, explanation.alert.transaction.currency))


def _short(told: str) -> str:
    """Return a text as a column of a table wants it.

    >>> _short("less than 0.1 standard deviations above")
    '<0.1 sd above'
    """
    for long, short in (("less than ", "<"), ("more than ", ">"), ("standard deviations", "sd")):
        told = told.replace(long, short)
    return told


def _verdict(explanation: Explanation) -> Text:
    if explanation.is_reproduced is None:
        return Text("Not recomputed: these are the reasons that the alert carries.", style="yellow")
    source = (
        "from the parameters in the alert"
        if explanation.computed_from == "parameters"
        else "by the model version that scored it"
    )
    if explanation.is_reproduced:
        return Text(f"Reproduced bit for bit {source}.", style="green")
    told = ", ".join(
        f"{name} {theirs!r} became {ours!r}"
        for name, (theirs, ours) in explanation.differences.items()
    )
    return Text(f"NOT reproduced {source}: {told}.", style="bold red")
