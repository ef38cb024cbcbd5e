"""An explanation as a reviewer reads it: who and when, every part with a bar, the sum, the sentences."""

from __future__ import annotations

from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from streamer.demo.display import SEVERITY_STYLES, payment_text
from streamer.explanation import Explanation, PartExplained
from streamer.features import FEATURE_NAMES, readable

__all__ = ["render_explanation"]

_BAR_WIDTH: Final = 16
# Below this share of the ranking value a remainder is rounding.
_ROUNDING: Final = 1e-9


def render_explanation(explanation: Explanation) -> RenderableType:
    """Return the whole explanation; parts that add nothing come as one line."""
    alert = explanation.alert
    telling = [part for part in explanation.parts if part.contribution != 0]
    silent = [part for part in explanation.parts if part.contribution == 0]
    blocks: list[RenderableType] = [_header(explanation), Text(), _table(explanation, telling)]
    sentences = Text("\n").join(Text(f"- {part.sentence}") for part in telling)
    blocks += [Text(), sentences]
    if silent:
        names = ", ".join(f"{p.feature} {_number(p, p.value, explanation)}" for p in silent)
        blocks += [Text(), Text(f"Nothing added by: {names}.", style="dim")]
    blocks.append(Text())
    if alert.counterfactual is not None:
        blocks.append(Text(alert.counterfactual.sentence, style="bold"))
    else:
        blocks.append(Text("No smaller amount, down to a hundredth, was found to pass."))
    center = alert.nearest_center
    blocks.append(
        Text(f"Most like center {center.index}, {center.share_of_traffic:.1%} of traffic.")
    )
    blocks.append(_verdict(explanation))
    return Group(*blocks)


def _header(explanation: Explanation) -> Text:
    alert = explanation.alert
    text = Text()
    text.append(alert.severity, style=SEVERITY_STYLES[alert.severity])
    text.append(f" {alert.alert_id}  ", style="bold")
    text.append(payment_text(alert.transaction))
    text.append(f"\nmore unusual than {alert.score:.3%} of recent payments; ")
    if alert.probability is not None:
        text.append(f"probability of fraud {alert.probability:.1%}; ")
    text.append(f"{alert.transaction.transaction_id}, model {alert.model_version[:12]}")
    return text


def _table(explanation: Explanation, parts: list[PartExplained]) -> Padding:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("part")
    table.add_column(_ranked_name(explanation), justify="right")
    table.add_column("share", justify="right")
    table.add_column("", width=_BAR_WIDTH)
    table.add_column("value", justify="right")
    table.add_column("expected", justify="right")
    table.add_column("unit", style="dim", overflow="fold")
    largest = max((abs(part.contribution) for part in parts), default=1.0)
    if explanation.base:
        table.add_row("an average payment", f"{explanation.base:+.3f}")
    for part in parts:
        is_for = part.contribution > 0
        length = max(round(_BAR_WIDTH * abs(part.contribution) / largest), 1)
        table.add_row(
            part.feature,
            f"{part.contribution:+.3f}",
            f"{part.share:.1%}" if is_for else "against",
            Text("█" * length, style="red" if is_for else "green"),
            _number(part, part.value, explanation),
            _number(part, part.expected, explanation),
            _unit(part, explanation),
        )
    if abs(explanation.remainder) > _ROUNDING * max(abs(explanation.ranked_value), 1.0):
        named = "other parts, not listed" if explanation.is_reproduced is None else "of no feature"
        table.add_row(named, f"{explanation.remainder:+.3f}")
    table.add_section()
    table.add_row(
        Text("sum", style="bold"),
        Text(f"{explanation.ranked_value:.3f}", style="bold"),
        "",
        Text(f"alerts above {explanation.threshold_value:.3f}", style="dim"),
    )
    return Padding(table, (0, 0, 0, 2))


def _ranked_name(explanation: Explanation) -> str:
    return "log-odds" if explanation.alert.ranked_by == "log_odds" else "distance²"


def _number(part: PartExplained, value: float, explanation: Explanation) -> str:
    if part.feature in FEATURE_NAMES:
        index = FEATURE_NAMES.index(part.feature)
        return readable(index, value, explanation.alert.transaction.currency)
    return f"{value:.1f}"


def _unit(part: PartExplained, explanation: Explanation) -> str:
    is_money = part.unit == "currency units"
    return str(explanation.alert.transaction.currency) if is_money else part.unit


def _verdict(explanation: Explanation) -> Text:
    if explanation.is_reproduced is None:
        return Text("Not recomputed: these are the reasons that the alert carries.", style="yellow")
    if explanation.is_reproduced:
        return Text("Reproduced bit for bit by the model version that scored it.", style="green")
    told = ", ".join(
        f"{name} {theirs!r} became {ours!r}"
        for name, (theirs, ours) in explanation.differences.items()
    )
    return Text(f"NOT reproduced: {told}.", style="bold red")
