"""A payment in a line, and an alert in a box, as a reviewer would want to read them."""

from __future__ import annotations

from typing import Final

from rich.panel import Panel
from rich.text import Text

from streamer.contract.codes import decimals_of
from streamer.contract.messages import Alert, Transaction
from streamer.intake.naming import printable

__all__ = ["SEVERITY_STYLES", "payment_text", "render_alert"]

SEVERITY_STYLES: Final = {"critical": "bold red", "high": "red", "medium": "yellow"}
_SHOWN_REASONS: Final = 3


def payment_text(payment: Transaction) -> Text:
    """Return how much, with which card, where and when."""
    text = Text()
    place = ", ".join(
        part for part in (payment.merchant_id, payment.channel, payment.country) if part
    )
    text.append(
        f"{payment.amount:,.{decimals_of(payment.currency)}f} {payment.currency}", style="bold"
    )
    text.append(f" with {printable(payment.card_id)}{' at ' + printable(place) if place else ''}, ")
    text.append(f"{payment.timestamp:%Y-%m-%d %H:%M}")
    return text


def render_alert(alert: Alert) -> Panel:
    """Return an alert as a reviewer would want to read it."""
    style = SEVERITY_STYLES[alert.severity]
    text = payment_text(alert.transaction)
    text.append("\n")
    for reason in alert.reasons[:_SHOWN_REASONS]:
        text.append(f"  {reason.share:4.0%}  {reason.sentence}\n")
    if alert.counterfactual is not None:
        text.append(f"  {alert.counterfactual.sentence}\n", style="dim")
    rank = f"more unusual than {alert.score:.3%} of recent payments"
    title = f"[{style}]{alert.severity}[/{style}] {alert.alert_id}"
    text.append(f"  {rank}; {printable(alert.transaction.transaction_id)}", style="dim")
    return Panel(text, title=title, title_align="left", border_style=style, padding=(0, 1))
