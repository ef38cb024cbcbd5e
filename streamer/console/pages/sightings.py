"""What is written before card data is shown: who sees which alert, or which of a list."""

from __future__ import annotations

from collections.abc import Sequence

from streamer.audit.audit_entry import Action
from streamer.console.pages.visits import Visit
from streamer.console.sending.audit_trail import Entry
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
        Entry(
            action=action,
            who=visit.account.name,
            role=visit.account.role,
            alert_id="" if alert is None else alert.alert_id,
            card_id=card_id if payment is None else payment.card_id,
            transaction_id="" if payment is None else payment.transaction_id,
            alerts=alerts,
            subject=subject,
            decision_id="" if visit.decision is None else visit.decision.id,
        )
    )
