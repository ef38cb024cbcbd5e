"""A payment in a line, and an alert in a box, as a reviewer would want to read them."""

from __future__ import annotations

from typing import Final

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from streamer.contract.messages import Alert, Transaction
from streamer.features import money, percent
from streamer.intake.naming import printable
from streamer.reports.summary import Known

__all__ = ["SEVERITY_STYLES", "payment_text", "rank_text", "render_alert"]

SEVERITY_STYLES: Final = {"critical": "bold red", "high": "red", "medium": "yellow"}
_SHOWN_REASONS: Final = 3


def payment_text(payment: Transaction) -> Text:
    """Return how much, with which card, where and when."""
    text = Text()
    place = ", ".join(
        part for part in (payment.merchant_id, payment.channel, payment.country) if part
    )
    text.append(
        "a verification of 0 " + payment.currency
        if payment.amount == 0
        else money(payment.amount, payment.currency),
        style="bold",
    )
    text.append(f" with {printable(payment.card_id)}{' at ' + printable(place) if place else ''}, ")
    text.append(f"{payment.timestamp:%Y-%m-%d %H:%M}")
    return text


def rank_text(score: float) -> str:
    """Return what a score says, which is a share of recent payments.

    >>> rank_text(0.9976), rank_text(1.0)
    ('ranked above 99.8% of recent payments', 'ranked above all recent payments')
    >>> rank_text(0.99985)
    'ranked above more than 99.9% of recent payments'
    """
    share = "all" if score == 1.0 else f"{percent(100 * score)} of"
    return f"ranked above {share} recent payments"


def render_alert(alert: Alert, known: Known | None = None) -> Panel:
    """Return an alert as a reviewer would want to read it, with what its label says if it is known."""
    style = SEVERITY_STYLES[alert.severity]
    # So that a sentence of several lines stays beside its share.
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", width=4, no_wrap=True)
    table.add_column()
    for reason in alert.reasons[:_SHOWN_REASONS]:
        # That it was drawn is why a payment is here, and adds nothing to where it ranks.
        table.add_row(percent(100 * reason.share) if reason.share > 0 else "", reason.sentence)
    if alert.wave_sentence is not None:
        table.add_row("", alert.wave_sentence)
    if alert.counterfactual is not None:
        table.add_row("", Text(alert.counterfactual.sentence, style="dim"))
    name = printable(alert.transaction.transaction_id)
    table.add_row("", Text(f"{rank_text(alert.score)}; {name}", style="dim"))
    title = f"[{style}]{alert.severity}[/{style}] {alert.alert_id}"
    return Panel(
        Group(payment_text(alert.transaction), table),
        title=title,
        title_align="left",
        subtitle=None if known is None else _label_text(known),
        subtitle_align="right",
        border_style=style,
        padding=(0, 1),
    )


def _label_text(known: Known) -> str | None:
    if not known.is_labelled:
        return None
    return f"label: fraud, {known.pattern}" if known.is_fraud else "label: genuine"
