"""Snoozes: a card or merchant is put off from an alert, for a reason and for at most 180 days.

It is scored, learned and counted all the same; its alerts stand behind all others, and say so.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from streamer.access.decision import Facts
from streamer.console.console import now_ms
from streamer.console.pages.sightings import seen
from streamer.console.pages.snooze_proposals import propose_snooze
from streamer.console.pages.visits import Visit, message_page
from streamer.contract.card_numbers import has_card_number
from streamer.durations import DAY_MS
from streamer.store.snoozes import LONGEST_MS, REASONS, Snooze, SnoozeKind

__all__ = ["end_snooze", "snooze", "snoozed_about", "snoozes_page"]

_LONGEST_DAYS: Final = LONGEST_MS // DAY_MS
_MOST_COMMENT: Final = 500
_LONGEST_KEY: Final = 96
_DIGITS: Final = 4


async def snoozes_page(visit: Visit) -> Response:
    """Show what is put off at present, what ends first at the top."""
    found = await visit.console.snoozes.now(now_ms())
    shown = sorted(found.values(), key=lambda each: each.until_ms)
    if shown:
        await seen(visit, "view snoozed", alerts=[each.alert_id for each in shown])
    return await visit.page("snoozes.html", snoozes=shown)


async def snooze(visit: Visit) -> Response:
    """Put the card or the merchant of an alert off."""
    console, form = visit.console, visit.form
    alert_id = str(visit.request.path_params["alert_id"])
    kind, reason, days = (form.get(name, "") for name in ("kind", "reason", "days"))
    comment, key = form.get("comment", "").strip(), form.get("key", "")[:_LONGEST_KEY]
    alert = await console.alert(alert_id)
    if alert is None:
        told = f"{alert_id} is no longer here. Snooze from another alert of its card or merchant."
        return message_page(404, "Nothing was snoozed", told, comment=comment)
    of: dict[str, tuple[SnoozeKind, str]] = {
        "card": ("card", alert.transaction.card_id),
        "merchant": ("merchant", alert.transaction.merchant_id or ""),
    }
    back = f"/alerts/{quote(alert_id, safe='')}", "the alert"
    fault = _fault(kind, reason, days, comment)
    if not fault and not of[kind][1]:
        fault = "This payment names no merchant."
    if fault:
        return message_page(400, "Nothing was snoozed", fault, comment=comment, back=back)
    named, what = of[kind]
    at_ms = now_ms()
    wanted = Snooze(
        kind=named,
        what=what,
        reason=reason,
        comment=comment,
        by=visit.account.name,
        at_ms=at_ms,
        until_ms=at_ms + int(days) * DAY_MS,
        alert_id=alert_id,
    )
    if _is_long(visit):
        return await propose_snooze(visit, alert, wanted, int(days))
    await console.trail.acknowledged(
        visit.acting.entry(
            "snooze",
            alert_id=alert_id,
            card_id=alert.transaction.card_id,
            transaction_id=alert.transaction.transaction_id,
            subject=f"{kind} for {days} days: {reason}",
            comment=comment,
            # The same form again is the same entry.
            id=f"snooze-{kind}-{days}-{key}" if key else "",
        )
    )
    if not await console.snoozes.put(wanted):
        told = "There are at most 2,000 snoozes at a time. End one first."
        return message_page(409, "Nothing was snoozed", told, comment=comment, back=back)
    query = visit.filters.query
    return RedirectResponse(f"/alerts/{alert_id}{'?' + query if query else ''}", 303)


async def snoozed_about(visit: Visit) -> tuple[str, Facts]:
    """Return what a snooze is asked as: longer than the limit it is proposed."""
    return "propose" if _is_long(visit) else "snooze", Facts()


async def end_snooze(visit: Visit) -> Response:
    """End a snooze before its time."""
    name = visit.form.get("name", "")
    found = (await visit.console.snoozes.now(now_ms())).get(name)
    if found is None:
        told = "It has ended already. Snoozed has what is left."
        return message_page(404, "Nothing was ended", told, back=("/snoozed", "Snoozed"))
    entry = visit.acting.entry("snooze ended", alert_id=found.alert_id, subject=found.kind)
    await visit.console.trail.acknowledged(entry)
    await visit.console.snoozes.end(name)
    return RedirectResponse("/snoozed", 303)


def _is_long(visit: Visit) -> bool:
    days, limit = visit.form.get("days", ""), visit.console.settings.console_snooze_days
    is_number = days.isascii() and days.isdigit() and len(days) < _DIGITS
    return is_number and limit < int(days) <= _LONGEST_DAYS


def _fault(kind: str, reason: str, days: str, comment: str) -> str:
    if kind not in ("card", "merchant"):
        return "What is snoozed must be the card or the merchant."
    if reason not in REASONS:
        return "The reason must be one of the list."
    is_number = days.isascii() and days.isdigit() and len(days) < _DIGITS
    if not is_number or not 1 <= int(days) <= _LONGEST_DAYS:
        return f"It must last 1 to {_LONGEST_DAYS} days, got {days[:20]!r}."
    if reason == REASONS[-1] and not comment:
        return "A comment must say why, where the reason is another one."
    if has_card_number(comment):
        return "A comment must not have a card's number: it is kept in the audit log. Take it out."
    if len(comment) > _MOST_COMMENT:
        return f"A comment must have at most {_MOST_COMMENT} characters, got {len(comment):,}."
    return ""
