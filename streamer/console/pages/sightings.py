"""What is written before card data is shown: who sees which alert, or which of a list."""

from __future__ import annotations

from collections.abc import Sequence

from streamer.audit.audit_entry import Action
from streamer.console.pages.visits import Visit
from streamer.contract.messages import Alert

__all__ = ["seen"]


async def seen(
    visit: Visit,
    action: Action,
    *,
    alert: Alert | None = None,
    alerts: Sequence[str] = (),
    card_id: str = "",
    subject: str = "",
) -> None:
    """Write that the visitor is about to see an alert, or a list of some.

    Raises `UnavailableError` where that cannot be kept: nothing is shown then.
    """
    payment = None if alert is None else alert.transaction
    await visit.console.trail.noted(
        visit.acting.entry(
            action,
            alert_id="" if alert is None else alert.alert_id,
            card_id=card_id if payment is None else payment.card_id,
            transaction_id="" if payment is None else payment.transaction_id,
            alerts=alerts,
            subject=subject,
        )
    )
