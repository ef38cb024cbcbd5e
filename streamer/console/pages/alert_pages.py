"""An alert: its page, the same computed again, and what of it can be taken along."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

import msgspec
from starlette.responses import Response

from streamer.audit.audit_entry import Action
from streamer.console.alert.blind_alert import blind_alert
from streamer.console.console import now_ms
from streamer.console.pages.absent_pages import gone_page, logged_verdict
from streamer.console.pages.alert_facts import (
    asked_alone,
    blind_facts_of,
    facts_as_json,
    facts_of,
)
from streamer.console.pages.sight import Sight, not_yet, sight_of, why_not_overruled
from streamer.console.pages.sightings import seen
from streamer.console.pages.visits import Visit, can_undo, is_own_navigation, message_page
from streamer.console.sending.audit_trail import Entry
from streamer.contract.messages import Alert
from streamer.errors import ConfigurationError
from streamer.explaining.explanation import Explanation, explain_by_parameters
from streamer.store import Claimed, QueueRow, Review, rfc3339
from streamer.store.snoozes import REASONS, snooze_of

__all__ = [
    "alert_entry",
    "alert_id_of",
    "alert_page",
    "exported",
    "held_page",
    "kept_page",
    "printed",
    "recomputed",
    "shown_alert",
]


_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")


async def alert_page(visit: Visit) -> Response:
    """Show an alert, which is the visitor's from then on if it is open and a link of ours led here."""
    # Who only looks takes no alert from those who judge.
    is_claiming = is_own_navigation(visit.request) and await visit.may("claim")
    return await shown_alert(visit, alert_id_of(visit), is_claiming=is_claiming)


async def kept_page(visit: Visit, comment: str) -> Response:
    """Show the alert of a form that another session was given, with what was typed."""
    notice = "That form was of another session. Nothing was sent; what you had typed is below."
    if "alert_id" not in visit.request.path_params:
        told = "Go back to the queue and try again."
        return message_page(403, "Nothing was done", notice, told, comment=comment)
    # Another site may have sent it, so that it claims nothing.
    return await shown_alert(
        visit, alert_id_of(visit), comment=comment, notice=notice, status=403, is_claiming=False
    )


async def shown_alert(
    visit: Visit,
    alert_id: str,
    *,
    comment: str = "",
    notice: str = "",
    status: int = 200,
    is_claiming: bool = True,
    row: QueueRow | None = None,
) -> Response:
    """Show an alert with a comment that was typed before, and why it is shown.

    With its ``row`` one that was looked up is put back into the queue.
    """
    console, who = visit.console, visit.account.name
    alert = await console.alert(alert_id)
    if alert is None:
        return await gone_page(visit, alert_id, comment)
    sight = await sight_of(visit, alert_id)
    if not sight.may_judge:
        claimed = Claimed("", is_open=False)
    elif is_claiming:
        claimed = await _claimed(visit, alert, row)
    else:
        claimed = await console.claims.look(alert_id)
    if row is not None and claimed.holder != who:
        failed = alert_entry("reopen failed", visit, alert)
        await console.trail.noted(msgspec.structs.replace(failed, holder=claimed.holder))
    if claimed.holder not in ("", who):
        return await held_page(visit, alert_id, claimed.holder, comment, claimed.left_ms)
    review = sight.review
    if not (is_claiming and sight.may_judge):
        await seen(visit, "view alert", alert=alert)
    place = await console.store.older.place(alert_id) if sight.may_judge else None
    # Of what came by itself the log need not be read.
    is_looked_up = sight.may_judge and not (claimed.is_open and place is None)
    logged = await logged_verdict(visit, alert_id, sight) if is_looked_up else None
    is_undoable = review is not None and can_undo(review, visit.account, now_ms())
    return await visit.page(
        "blind.html" if sight.is_blind else "alert.html",
        409 if claimed.others and status == 200 else status,
        **await _shown_values(visit, alert, sight),
        place=None if claimed.is_open else place,
        logged=logged,
        is_open=bool(claimed.holder),
        is_free=claimed.is_open and not claimed.holder,
        others=claimed.others,
        left_min=claimed.left_ms // 60_000,
        is_undoable=is_undoable,
        may_overrule=not is_undoable and await _may_overrule(visit, sight),
        key=_key(visit, alert_id, review),
        comment=comment or (review.comment if review and not review.is_sent else ""),
        notice=notice,
    )


async def _may_overrule(visit: Visit, sight: Sight) -> bool:
    """Whether the visitor may send the other verdict than the one that stands and was sent."""
    is_sent = sight.review is not None and sight.review.is_sent
    because = why_not_overruled(sight, is_lead=visit.account.is_lead)
    return is_sent and not because and await visit.may("judge")


async def _claimed(visit: Visit, alert: Alert, row: QueueRow | None) -> Claimed:
    """Give the visitor an alert that is free, and write before what they see and have then."""
    console, who, alert_id = visit.console, visit.account.name, alert.alert_id
    found = await console.claims.look(alert_id)
    if found.holder not in ("", who):
        return found
    is_there = found.is_open or row is not None
    await seen(visit, "open" if is_there else "view alert", alert=alert)
    claimed = await console.claims.claim(alert_id, who, console.claim_ms, row)
    if is_there and claimed.holder != who:
        failed = alert_entry("open failed", visit, alert)
        await console.trail.noted(msgspec.structs.replace(failed, holder=claimed.holder))
    return claimed


async def _shown_values(visit: Visit, alert: Alert, sight: Sight) -> dict[str, Any]:
    """Return what an alert's page is made of; a blind one has nothing else of the alert."""
    console, payment = visit.console, alert.transaction
    snoozes = await console.snoozes.now(now_ms())
    values = {
        "review": sight.review,
        "opinions": sight.opinions,
        "twice": sight.told_twice,
        "snooze": snooze_of(payment.card_id, payment.merchant_id, snoozes, alert.other_card_ids),
        "snooze_reasons": REASONS,
        "snooze_days": console.settings.console_snooze_days,
        "event_ms": _ms(alert.event_time.timestamp()),
        "now_ms": now_ms(),
    }
    if sight.is_blind:
        facts, known = await blind_facts_of(console, alert, sight.veiled)
        return values | {"alert": blind_alert(alert), "facts": facts, "known": known}
    # In a blind queue nothing is told of those of its wave that are open.
    rows = (await console.rows())[1] if console.blind is None else []
    return values | {
        "alert": alert,
        "facts": await facts_of(console, alert, sight.review, sight.veiled),
        "members": [row for row in rows if alert.wave_id and row.wave_id == alert.wave_id],
        "scored_ms": _ms(alert.scored_at.timestamp()),
    }


async def _tellable(visit: Visit, action: Action) -> tuple[Alert, Sight] | Response:
    """Return the alert that is asked for, with an entry that it was; or why it is not told of."""
    alert_id = alert_id_of(visit)
    alert = await visit.console.alert(alert_id)
    if alert is None:
        return await gone_page(visit, alert_id)
    sight = await sight_of(visit, alert_id)
    if sight.is_blind:
        return not_yet()
    await visit.console.trail.noted(alert_entry(action, visit, alert))
    return alert, sight


async def recomputed(visit: Visit) -> Response:
    """Show the alert's score computed again by what it carries, part by part."""
    tellable = await _tellable(visit, "recompute")
    if isinstance(tellable, Response):
        return tellable
    alert, _ = tellable
    explanation, complaint = await explained(alert)
    return await visit.page(
        "recomputed.html", alert=alert, explanation=explanation, complaint=complaint
    )


async def exported(visit: Visit) -> Response:
    """Return the alert with what was decided on it and what comes out again, as JSON."""
    tellable = await _tellable(visit, "export")
    if isinstance(tellable, Response):
        return tellable
    alert, sight = tellable
    explanation, complaint = await explained(alert)
    facts = await facts_of(visit.console, alert, sight.review, sight.veiled)
    found, version, because = await asked_alone(visit.console, alert)
    twice = sight.told_twice
    told = {
        "exported_at": rfc3339(now_ms()),
        "exported_by": visit.account.name,
        "alert": alert,
        "review": sight.review,
        "second_opinion": None if twice is None else twice.second,
        "ruling": None if twice is None else twice.ruling,
        "is_reproduced": None if explanation is None else explanation.is_reproduced,
        "recomputed": None if explanation is None else explanation.recomputed,
        "parts": None if explanation is None else explanation.parts,
        "complaint": complaint,
        "would_have_changed_it": found,
        "asked_version": None if version is None else version.id,
        "not_asked_because": because,
        **facts_as_json(facts),
    }
    # Who writes the topic chooses the id, and no header.
    name = f'attachment; filename="{_UNSAFE.sub("_", alert.alert_id)[:100]}.json"'
    return Response(
        msgspec.json.format(msgspec.json.encode(told), indent=2),
        media_type="application/json",
        headers={"Content-Disposition": name},
    )


async def printed(visit: Visit) -> Response:
    """Show all of an alert on one page for paper, such as a customer's complaint is answered with."""
    tellable = await _tellable(visit, "print")
    if isinstance(tellable, Response):
        return tellable
    alert, sight = tellable
    explanation, complaint = await explained(alert)
    found, version, because = await asked_alone(visit.console, alert)
    return await visit.page(
        "print.html",
        alert=alert,
        explanation=explanation,
        complaint=complaint,
        review=sight.review,
        facts=await facts_of(visit.console, alert, sight.review, sight.veiled),
        alone=found,
        asked_version="" if version is None else version.id,
        because=because,
        event_ms=_ms(alert.event_time.timestamp()),
        now_ms=now_ms(),
    )


async def explained(alert: Alert) -> tuple[Explanation | None, str]:
    """Return the alert's explanation by its own parameters, and what is wrong with it."""
    if alert.parameters is None:
        return None, (
            "This alert carries no parameters, so only its model version can score it again: "
            f"`streamer explain {alert.alert_id}`."
        )
    try:
        # The first call loads compiled loops.
        explanation = await asyncio.to_thread(explain_by_parameters, alert)
    except ConfigurationError as error:
        return None, f"It cannot be computed again: {error}."
    return explanation, ""


async def held_page(
    visit: Visit, alert_id: str, holder: str, comment: str = "", left_ms: int = 0
) -> Response:
    """Say who has an alert; a lead can release it."""
    return await visit.page(
        "held.html",
        409,
        alert_id=alert_id,
        holder=holder,
        left_min=max(left_ms // 60_000, 1),
        comment=comment,
    )


def alert_entry(action: Action, visit: Visit, alert: Alert) -> Entry:
    """Return an entry of the audit topic about an alert."""
    return visit.acting.entry(
        action,
        alert_id=alert.alert_id,
        card_id=alert.transaction.card_id,
        transaction_id=alert.transaction.transaction_id,
    )


def alert_id_of(visit: Visit) -> str:
    return str(visit.request.path_params["alert_id"])


def _key(visit: Visit, alert_id: str, review: Review | None) -> str:
    who = visit.account.name
    # What was begun and not acknowledged goes on under its own name.
    if review is not None and not review.is_sent and review.who == who:
        return review.key
    return visit.console.signer.form_key(alert_id, who, now_ms())


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
