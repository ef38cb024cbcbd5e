"""Snoozes beyond the limit: proposed by one, approved by another, carried out here by a lead.

The proposal's message has the alert and no card; who is put off stays in Redis until it is done.
"""

from __future__ import annotations

from msgspec.structs import replace
from starlette.responses import RedirectResponse, Response

from streamer.access.decision import Facts
from streamer.console.console import now_ms
from streamer.console.pages.alert_pages import alert_entry
from streamer.console.pages.gates import Gate
from streamer.console.pages.proposal_pages import PROPOSALS, proposed
from streamer.console.pages.visits import Visit, denied_page, message_page
from streamer.console.sending.audit_trail import Acting
from streamer.contract.messages import Alert
from streamer.durations import DAY_MS
from streamer.store.proposals import Proposal
from streamer.store.snoozes import Snooze

__all__ = ["carried_about", "carry_out", "propose_snooze"]


async def propose_snooze(visit: Visit, alert: Alert, wanted: Snooze, days: int) -> Response:
    """Propose that a card or merchant is put off for longer than one person may."""
    # Who proposes it must be one who may put off at all.
    may = await Gate(("snooze",)).decide(visit.console.guard, visit.account, visit)
    if not may.is_allowed:
        told = f"{may.asked.action}: {may.code}"
        entry = Acting(visit.account, may.id).entry("denied", alert_id=alert.alert_id, subject=told)
        await visit.console.trail.noted(entry)
        return denied_page(may, wanted.comment)
    proposal = Proposal(
        id=f"snooze-{visit.form.get('key', '')}"[:64],
        kind="snooze",
        head=alert.alert_id,
        changes=[f"the {wanted.kind} for {days} days"],
        reason=wanted.reason,
        proposed_by=visit.account.name,
        proposed_ms=wanted.at_ms,
        snooze=wanted,
        days=days,
    )
    return await proposed(
        visit,
        proposal,
        alert_id=alert.alert_id,
        card_id=alert.transaction.card_id,
        transaction_id=alert.transaction.transaction_id,
        comment=wanted.comment,
    )


async def carried_about(visit: Visit) -> tuple[str, Facts]:
    """Return what carrying a proposal out is asked as: who made it counts, and who approved it."""
    found = await visit.console.proposals.get(_id(visit))
    if found is None or found.kind != "snooze":
        return "snooze_long", Facts()
    is_approved = found.is_approved and not (found.is_unsent and not found.carried_by)
    approver = found.decided_by if is_approved else ""
    return "snooze_long", Facts(maker=found.proposed_by, approver=approver)


async def carry_out(visit: Visit) -> Response:
    """Put off what was approved, from now on."""
    console, at_ms = visit.console, now_ms()
    found = await console.proposals.get(_id(visit))
    if found is None or found.snooze is None:
        told = "Somebody has carried it out before. Proposals has who and when."
        return message_page(409, "Nothing was snoozed", told, back=PROPOSALS)
    until_ms = at_ms + found.days * DAY_MS
    wanted = replace(found.snooze, at_ms=at_ms, until_ms=until_ms)
    alert = await console.alert(wanted.alert_id)
    said = {
        "subject": f"{wanted.kind} for {found.days} days: {wanted.reason}; proposal {found.id}",
        "id": f"{found.id}-carry-out",
    }
    if alert is not None:
        entry = replace(alert_entry("snooze", visit, alert), **said)
    else:
        said["alert_id"] = wanted.alert_id
        said["card_id"] = wanted.what if wanted.kind == "card" else ""
        entry = visit.acting.entry("snooze", **said)
    await console.trail.acknowledged(entry)
    if not await console.snoozes.put(wanted):
        await console.trail.noted(replace(entry, outcome="failed"))
        full = "There are at most 2,000 snoozes at a time. End one first."
        return message_page(409, "Nothing was snoozed", full, back=PROPOSALS)
    done = await console.proposals.carried_out(found.id, visit.account.name, at_ms)
    if done is not None:
        await console.outbox.send(console.settings.proposals_topic, done.message(), done.id)
        await console.proposals.acknowledged(done)
    await console.trail.noted(replace(entry, outcome="done"))
    return RedirectResponse("/snoozed", 303)


def _id(visit: Visit) -> str:
    return str(visit.request.path_params["proposal_id"])
