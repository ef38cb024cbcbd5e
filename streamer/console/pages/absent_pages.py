"""What is said of an alert that is not kept here, and how it is looked up."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from streamer.console.moment_words import moment_text
from streamer.console.pages.sight import Sight, sight_of
from streamer.console.pages.visits import Visit
from streamer.contract.card_numbers import without_card_numbers
from streamer.store.judged_alerts import JudgedAlert

__all__ = ["gone_page", "kept_for_lead", "logged_verdict", "older_page"]


async def gone_page(
    visit: Visit, alert_id: str, comment: str = "", *, is_id: bool = True
) -> Response:
    """Say what is known of an alert that is kept no more, or never was, and offer to look it up.

    Without ``is_id`` what was asked for may be a payment's id too.
    """
    console = visit.console
    sight = await sight_of(visit, alert_id)
    review, logged = sight.review, await logged_verdict(visit, alert_id, sight)
    if review is not None:
        what = f"It was judged by {review.who}: {review.verdict}, {moment_text(review.decided_ms)}."
        if not review.is_sent:
            what += " That was not confirmed: it may not have arrived."
    elif logged is not None:
        what = f"It was judged by {logged.who}: {logged.verdict}, {moment_text(logged.decided_ms)}."
    elif await console.alerts.was_here(alert_id):
        what = "It had waited longest and made room for others: nobody has judged it here."
    elif is_id:
        what = "It has not come here. What exceeds twice the budget is on another topic."
    else:
        what = (
            "No alert with this id, or of a payment or card with it, is in the queue or among those "
            "whose verdicts are remembered. A merchant's alerts are found by Filters, above the queue."
        )
    lines = [
        f"{alert_id} is not kept here. {what}",
        "While the alerts topic has it, it can be looked up there. Nothing was sent from here.",
    ]
    return await older_page(visit, alert_id, lines, comment=comment)


async def older_page(
    visit: Visit,
    wanted: str,
    lines: Sequence[str],
    *,
    read: str | None = "",
    comment: str = "",
    status: int = 404,
    heading: str = "This alert is not in the queue",
) -> Response:
    """Return a page of ``lines`` that offers to read the topic on from ``read``, None: all was read."""
    # What was asked for stands in it, and may have come in an address.
    if visit.console.cards.is_checked:
        wanted, lines = without_card_numbers(wanted), [*map(without_card_numbers, lines)]
    return await visit.page(
        "older.html",
        status,
        heading=heading,
        wanted=wanted,
        lines=lines,
        read=read,
        comment=comment,
    )


async def kept_for_lead(visit: Visit, alert_id: str, sight: Sight) -> JudgedAlert | None:
    """Return the verdict in the log on an alert that was put back, where the visitor is no lead."""
    if visit.account.is_lead or await visit.console.store.older.place(alert_id) is None:
        return None
    return await logged_verdict(visit, alert_id, sight)


async def logged_verdict(visit: Visit, alert_id: str, sight: Sight) -> JudgedAlert | None:
    """Return the latest verdict that may be told, where none that was sent is but in the log."""
    is_known = sight.review is not None and sight.review.is_sent
    if is_known or sight.task or alert_id in sight.veiled:
        return None
    entries = await visit.console.judged_entries()
    return next((each for each in entries if each.alert_id == alert_id), None)
