"""Proposals: one person proposes another head, another decides; who runs the command finds it there.

Each step is on the audit topic before it is taken: what is about to happen, and what came of it.  Then
it is acknowledged by Kafka on the proposals topic before it is told as done.
The console itself changes no model: `streamer model promote` runs the gate, which needs payments.
"""

from __future__ import annotations

import re
from typing import Any, Final, get_args

from msgspec.structs import replace
from starlette.responses import RedirectResponse, Response

from streamer.access.decision import Facts
from streamer.audit.audit_entry import Action
from streamer.console.console import now_ms
from streamer.console.pages.budget_page import budget_of, payments_a_day, step_in
from streamer.console.pages.visits import Visit, message_page
from streamer.console.sending.audit_trail import Entry
from streamer.contract.card_numbers import has_card_number
from streamer.errors import StreamerError
from streamer.store.proposals import Proposal, ProposalKind, ProposalState

__all__ = [
    "PROPOSALS",
    "decide",
    "decided_about",
    "may_decide",
    "proposal_entry",
    "proposals_page",
    "propose",
    "propose_budget",
    "proposed",
    "published",
]

PROPOSALS: Final = "/proposals", "Proposals"
"""Where they are, and what that is called."""


# A proposal's id stands in its address, and in the command that carries it out.
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_APPROVED: Final = Facts(maker="somebody-else", approver="another")
_VERSION: Final = re.compile(r"[0-9a-f]{64}")
_MOST_REASON: Final = 500
_MODEL: Final = "/model", "Model"
_BUDGET: Final = "/budget", "Budget"


async def proposals_page(visit: Visit) -> Response:
    """Show the proposals, those that wait for a decision first."""
    found = await visit.console.proposals.all()
    return await visit.page(
        "proposals.html",
        waiting=[each for each in found if each.state == "open"],
        decided=[each for each in found if each.state != "open"],
        may_decide=await may_decide(visit),
        may_snooze=await visit.may("snooze_long", _APPROVED),
        stored=await _stored(visit),
        now_ms=now_ms(),
    )


async def propose(visit: Visit) -> Response:
    """Propose that a stored version becomes the head."""
    form, console = visit.form, visit.console
    key, version, kind = (form.get(name, "") for name in ("key", "version", "kind"))
    reason = form.get("reason", "").strip()
    fault = _fault(key, kind, reason)
    if kind not in ("promotion", "rollback", "import"):
        fault = fault or "A version must be promoted, rolled back to or imported."
    if kind == "import" and not _VERSION.fullmatch(version):
        fault = fault or "A version must be named by all 64 digits of its id to be imported."
    if fault:
        return _refused(400, fault, reason, _MODEL)
    models = await console.models.get()
    if kind != "import" and version not in [
        each.id for each in models.versions if not each.is_head
    ]:
        told = f"A version must be one that is stored and is not the head, got {version[:64]!r}."
        return _refused(409, told, reason, _MODEL)
    wanted = Proposal(
        id=key,
        kind=kind,  # type: ignore[arg-type]
        version=version,
        head=str(models.head["version"]),
        reason=reason,
        proposed_by=visit.account.name,
        proposed_ms=now_ms(),
    )
    return await proposed(visit, wanted)


async def propose_budget(visit: Visit) -> Response:
    """Propose that another share of payments alerts, or as many an hour where that is what counts."""
    form, console = visit.form, visit.console
    key, step, reason = form.get("key", ""), form.get("step", ""), form.get("reason", "").strip()
    number = step_in(step)
    fault = _fault(key, "policy", reason)
    if fault or number is None:
        told = fault or "A budget must be on the slider."
        return _refused(400, told, reason, _BUDGET)
    budget = budget_of(number)
    head, status = (await console.models.get()).head, await console.status.get()
    a_day = None if status.model is None else payments_a_day(status.model)
    change = f"alert_budget={budget:g}"
    if head["alerts_per_hour"] is not None:
        if a_day is None:
            told = "An hourly limit is in force, and how many payments a day has is not known yet."
            return _refused(409, told, reason, _BUDGET)
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
    return await proposed(visit, wanted)


async def proposed(visit: Visit, wanted: Proposal, **of_card: str) -> Response:
    """Make a proposal; ``of_card`` are card, payment and comment that its entry has."""
    proposals = visit.console.proposals
    entry = proposal_entry(visit, wanted, "propose", **{"comment": wanted.reason} | of_card)
    await visit.console.trail.acknowledged(entry)
    kept = await proposals.put(wanted)
    told = ""
    if kept is None:
        told = "200 proposals wait for a decision. Ask a lead to decide on them first."
    elif not _is_same(kept, wanted):
        told = "This form was sent before, and is something else by now. Proposals has it."
    if told or kept is None:
        await visit.console.trail.noted(replace(entry, outcome="failed"))
        return _refused(409, told, wanted.reason, PROPOSALS)
    await published(visit, kept, entry)
    return RedirectResponse("/proposals", 303)


def _is_same(kept: Proposal, wanted: Proposal) -> bool:
    names = "proposed_ms", "head", "is_unsent"
    own: dict[str, Any] = {name: getattr(kept, name) for name in names}
    if kept.snooze is not None and wanted.snooze is not None:
        times = {"at_ms": kept.snooze.at_ms, "until_ms": kept.snooze.until_ms}
        own["snooze"] = replace(wanted.snooze, **times)
    return kept == replace(wanted, **own)


def _refused(status: int, told: str, reason: str, back: tuple[str, str]) -> Response:
    return message_page(status, "Nothing was proposed", told, comment=reason, back=back)


async def decide(visit: Visit) -> Response:
    """Approve or decline somebody else's proposal."""
    proposal_id, form = str(visit.request.path_params["proposal_id"]), visit.form
    remark, state = form.get("remark", "").strip(), form.get("state", "")

    def refused(status: int, told: str) -> Response:
        title = "Nothing was decided"
        return message_page(status, title, told, comment=remark, back=PROPOSALS)

    if has_card_number(remark):
        return refused(
            400, "A remark must not have a card's number: it goes to Kafka. Take it out."
        )
    if state not in ("approved", "declined") or len(remark) > _MOST_REASON:
        return refused(
            400,
            "A decision must be approved or declined, with a remark of at most "
            f"{_MOST_REASON} characters.",
        )
    if state == "approved" and await _is_past(visit, proposal_id):
        told = "Its version is stored no more, so that nobody could carry it out. Decline it."
        return refused(409, told)
    wanted: ProposalState = "approved" if state == "approved" else "declined"
    action: Action = "approved" if state == "approved" else "declined"
    who, proposals = visit.account.name, visit.console.proposals
    found = await proposals.outcome_of(proposal_id, wanted, who)
    if found.outcome == "done" and found.proposal is not None:
        # Sent again it is the same entry, whatever is typed this time.
        said = remark if found.proposal.state == "open" else found.proposal.remark
        entry = proposal_entry(visit, found.proposal, action, comment=said)
        await visit.console.trail.acknowledged(entry)
        found = await proposals.decide(proposal_id, wanted, who, now_ms(), remark)
        if found.outcome == "done" and found.proposal is not None:
            await published(visit, found.proposal, entry)
            if found.proposal.kind == "erase" and wanted == "declined":
                # Nobody needs whose card it was any more.  Where this fails, sent again it is done.
                await visit.console.model_store.erasures.drop(proposal_id)
            return RedirectResponse("/proposals", 303)
        # Somebody else was faster.
        await visit.console.trail.noted(replace(entry, outcome="failed"))
    told = {
        "own": "Nobody decides on what they proposed. Ask another lead.",
        "closed": "Somebody has decided on it before. Proposals has who and when.",
    }.get(found.outcome, "There is no such proposal. Proposals has all there are.")
    return refused(404 if found.outcome == "gone" else 409, told)


async def may_decide(visit: Visit) -> bool:
    """Whether the visitor decides on what others propose."""
    return await visit.may("approve", Facts(maker="somebody-else"))


async def decided_about(visit: Visit) -> tuple[str, Facts]:
    """Return what a decision is asked as: its answer depends on who made the proposal."""
    found = await visit.console.proposals.get(str(visit.request.path_params["proposal_id"]))
    return "approve", Facts(maker="" if found is None else found.proposed_by)


async def _is_past(visit: Visit, proposal_id: str) -> bool:
    """Whether a proposal that waits is of a version that has been trimmed since."""
    found = await visit.console.proposals.get(proposal_id)
    if found is None or found.state != "open" or not found.version:
        return False
    stored = await _stored(visit)
    return stored is not None and found.version not in stored


async def _stored(visit: Visit) -> frozenset[str] | None:
    """Return the ids of the stored versions, None where the models cannot be read."""
    try:
        return (await visit.console.models.get()).stored
    except StreamerError:
        return None


def _fault(key: str, kind: str, reason: str) -> str:
    if not _KEY.fullmatch(key):
        return "The form must have its key. Open its page again."
    if kind not in get_args(ProposalKind):
        return "A proposal must be a promotion or a rollback, or of the other kinds that there are."
    if has_card_number(reason):
        return "A reason must not have a card's number: it goes to Kafka. Take it out."
    if not 1 <= len(reason) <= _MOST_REASON:
        return f"A reason must have 1 to {_MOST_REASON} characters, got {len(reason):,}."
    return ""


def proposal_entry(visit: Visit, proposal: Proposal, action: Action, **told: str) -> Entry:
    """Return an entry of a step that is about to be taken."""
    return visit.acting.entry(
        action,
        **told,
        subject=f"{proposal.kind}: {proposal.version or ', '.join(proposal.changes) or proposal.id}",
        id=f"{proposal.id}-{'open' if action == 'propose' else action}",
    )


async def published(visit: Visit, proposal: Proposal, entry: Entry) -> None:
    """Send what was done to its topic, sent again the same message, and then write that it was."""
    console = visit.console
    await console.outbox.send(console.settings.proposals_topic, proposal.message(), proposal.id)
    await console.proposals.acknowledged(proposal)
    await console.trail.noted(replace(entry, outcome="done"))
