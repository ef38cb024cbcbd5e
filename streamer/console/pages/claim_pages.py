"""Whose an alert is: claimed by a press, let go of, or taken from somebody by a lead."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from streamer.audit.audit_entry import Action
from streamer.console.pages.alert_pages import alert_id_of, held_page, shown_alert
from streamer.console.pages.sight import sight_of
from streamer.console.pages.visits import Visit
from streamer.console.sending.audit_trail import Entry

__all__ = ["claim", "release", "take"]


async def claim(visit: Visit) -> Response:
    """Give the visitor an alert that nobody has, with what was typed."""
    return await shown_alert(visit, alert_id_of(visit), comment=visit.form.get("comment", ""))


async def release(visit: Visit) -> Response:
    """Let go of an alert that is the visitor's."""
    console, alert_id, who = visit.console, alert_id_of(visit), visit.account.name
    if (await console.claims.look(alert_id)).holder == who:
        await console.trail.acknowledged(_entry(visit, "release", who))
        await console.claims.release(alert_id, who)
    query = visit.filters.query
    return RedirectResponse(f"/?{query}" if query else "/", 303)


async def take(visit: Visit) -> Response:
    """Give a lead an alert, if who has it is still the one whom the page named."""
    console, alert_id, who = visit.console, alert_id_of(visit), visit.account.name
    named, comment = visit.form.get("holder", ""), visit.form.get("comment", "")
    if not (await sight_of(visit, alert_id)).may_judge:
        return await shown_alert(visit, alert_id, comment=comment)
    found = await console.claims.look(alert_id)
    if found.holder and found.holder == named:
        await console.trail.acknowledged(_entry(visit, "take", named))
        found = await console.claims.take(alert_id, who, named, console.claim_ms)
        if found.holder != who:
            await console.trail.noted(_entry(visit, "take failed", found.holder))
    if found.holder not in ("", who):
        return await held_page(visit, alert_id, found.holder, comment, found.left_ms)
    return await shown_alert(visit, alert_id, comment=comment)


def _entry(visit: Visit, action: Action, holder: str) -> Entry:
    return visit.acting.entry(action, alert_id=alert_id_of(visit), holder=holder)
