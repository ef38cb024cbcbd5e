"""Proposals: one person proposes another head, another decides; who runs the command finds it there.

Each step is acknowledged by Kafka before it is told as done: the audit topic, then the proposals topic.
The console itself changes no model: `streamer model promote` runs the gate, which needs payments.
"""

from __future__ import annotations

from typing import Final, get_args

import msgspec
from starlette.responses import RedirectResponse, Response

from streamer.console.console import now_ms
from streamer.console.pages.budget_page import budget_of, payments_a_day, step_in
from streamer.console.pages.visits import Visit, message_page
from streamer.console.sending.audit_trail import Entry
from streamer.console.sending.card_numbers import has_card_number
from streamer.store.proposals import Proposal, ProposalKind

__all__ = ["decide", "proposals_page", "propose", "propose_budget"]

_LONGEST_KEY: Final = 64
_MOST_REASON: Final = 500


async def proposals_page(visit: Visit) -> Response:
    """Show the proposals, those that wait for a decision first."""
    found = await visit.console.proposals.all()
    return await visit.page(
        "proposals.html",
        waiting=[each for each in found if each.state == "open"],
        decided=[each for each in found if each.state != "open"],
        may_decide=visit.account.role == "lead",
        now_ms=now_ms(),
    )


async def propose(visit: Visit) -> Response:
    """Propose that a stored version becomes the head."""
    form, console = visit.form, visit.console
    key, version, kind = (form.get(name, "") for name in ("key", "version", "kind"))
    reason = form.get("reason", "").strip()
    fault = _fault(key, kind, reason)
    if kind == "policy":
        fault = "A version must be promoted or rolled back to."
    if fault:
        return message_page(400, "Nothing was proposed", fault, comment=reason)
    models = await console.models.get()
    if version not in [each.id for each in models.versions if not each.is_head]:
        told = f"A version must be one that is stored and is not the head, got {version[:64]!r}."
        return message_page(409, "Nothing was proposed", told, "Go back to Model.", comment=reason)
    wanted = Proposal(
        id=key,
        kind="rollback" if kind == "rollback" else "promotion",
        version=version,
        head=str(models.head["version"]),
        reason=reason,
        proposed_by=visit.account.name,
        proposed_ms=now_ms(),
    )
    return await _proposed(visit, wanted)


async def propose_budget(visit: Visit) -> Response:
    """Propose that another share of payments alerts, or as many an hour where that is what counts."""
    form, console = visit.form, visit.console
    key, step, reason = form.get("key", ""), form.get("step", ""), form.get("reason", "").strip()
    number = step_in(step)
    fault = _fault(key, "policy", reason)
    if fault or number is None:
        told = fault or "A budget must be on the slider."
        return message_page(400, "Nothing was proposed", told, comment=reason)
    budget = budget_of(number)
    head, status = (await console.models.get()).head, await console.status.get()
    a_day = None if status.model is None else payments_a_day(status.model)
    change = f"alert_budget={budget:g}"
    if head["alerts_per_hour"] is not None and a_day is not None:
        change = f"alerts_per_hour={budget * a_day / 24:.3g}"
    wanted = Proposal(
        id=key,
        kind="policy",
        head=status.policy,
        changes=[change],
        reason=reason,
        proposed_by=visit.account.name,
        proposed_ms=now_ms(),
    )
    return await _proposed(visit, wanted)


async def _proposed(visit: Visit, wanted: Proposal) -> Response:
    kept = await visit.console.proposals.put(wanted)
    if kept is None:
        told = "200 proposals wait for a decision. Ask a lead to decide on them first."
        return message_page(409, "Nothing was proposed", told, comment=wanted.reason)
    if kept != msgspec.structs.replace(wanted, proposed_ms=kept.proposed_ms, head=kept.head):
        told = "This form was sent before, and is something else by now. Proposals has it."
        return message_page(409, "Nothing was proposed", told, comment=wanted.reason)
    await _publish(visit, kept, "propose", kept.reason)
    return RedirectResponse("/proposals", 303)


async def decide(visit: Visit) -> Response:
    """Approve or decline somebody else's proposal."""
    proposal_id, form = str(visit.request.path_params["proposal_id"]), visit.form
    remark, state = form.get("remark", "").strip(), form.get("state", "")
    if visit.account.role != "lead":
        return message_page(403, "Nothing was decided", "A lead decides on proposals.")
    if has_card_number(remark):
        told = "A remark must not have a card's number: it goes to Kafka. Take it out."
        return message_page(400, "Nothing was decided", told, comment=remark)
    if state not in ("approved", "declined") or len(remark) > _MOST_REASON:
        told = (
            "A decision must be approved or declined, with a remark of at most "
            f"{_MOST_REASON} characters."
        )
        return message_page(400, "Nothing was decided", told, comment=remark)
    found = await visit.console.proposals.decide(
        proposal_id,
        "approved" if state == "approved" else "declined",
        visit.account.name,
        now_ms(),
        remark,
    )
    if found.outcome == "done" and found.proposal is not None:
        await _publish(visit, found.proposal, found.proposal.state, remark)
        return RedirectResponse("/proposals", 303)
    told = {
        "own": "Nobody decides on what they proposed. Ask another lead.",
        "closed": "Somebody has decided on it before. Proposals has who and when.",
    }.get(found.outcome, "There is no such proposal. Proposals has all there are.")
    return message_page(
        404 if found.outcome == "gone" else 409, "Nothing was decided", told, comment=remark
    )


def _fault(key: str, kind: str, reason: str) -> str:
    if not 1 <= len(key) <= _LONGEST_KEY:
        return "The form must have its key. Open Model again."
    if kind not in get_args(ProposalKind):
        return "A proposal must be a promotion or a rollback."
    if has_card_number(reason):
        return "A reason must not have a card's number: it goes to Kafka. Take it out."
    if not 1 <= len(reason) <= _MOST_REASON:
        return f"A reason must have 1 to {_MOST_REASON} characters, got {len(reason):,}."
    return ""


async def _publish(visit: Visit, proposal: Proposal, action: str, comment: str) -> None:
    """Send what was done to both topics; sent again it is the same message."""
    console = visit.console
    await console.trail.acknowledged(
        Entry(
            action=action,
            who=visit.account.name,
            role=visit.account.role,
            comment=comment,
            subject=f"{proposal.kind}: {proposal.version or ', '.join(proposal.changes)}",
            id=f"{proposal.id}-{proposal.state}",
        )
    )
    value = msgspec.json.encode(proposal)
    await console.outbox.send(console.settings.proposals_topic, value, proposal.id)
