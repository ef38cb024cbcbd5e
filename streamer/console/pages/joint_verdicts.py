"""Verdicts on several alerts by one form: each a message of its own, all taken back at once.

What the alerts have in common is a `Group`: a wave of the stream's, or what a lead has ticked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.responses import RedirectResponse, Response

from streamer.audit.audit_entry import Action
from streamer.console.console import now_ms
from streamer.console.pages.absent_pages import kept_for_lead
from streamer.console.pages.posted_forms import MOST_COMMENT
from streamer.console.pages.queue_pages import next_address
from streamer.console.pages.sight import Sight, veiled_from
from streamer.console.pages.visits import Visit, message_page
from streamer.console.sending.audit_trail import Entry
from streamer.contract.card_numbers import has_card_number
from streamer.contract.messages import Alert
from streamer.store import Begun, Joint, Review
from streamer.store.wave_claims import WaveClaimed

__all__ = [
    "Group",
    "claimed_at_once",
    "claimed_by",
    "group_entry",
    "judged_at_once",
    "let_go",
    "members_in",
    "undone",
]

_AT_ONCE: Final = 16
_LONGEST_KEY: Final = 96
_LONGEST_TOLD: Final = 10

# Shows a group with a comment, why it is shown, and a status.
Show = Callable[[str, str, int], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts that are judged at once: ``name`` is what their forms are signed over.

    ``has`` is whether an alert is of it, ``what`` it in words; ``most`` are judged at once.
    """

    name: str
    what: str
    most: int
    has: Callable[[Alert], bool]
    is_ticked: bool = False


def members_in(visit: Visit) -> list[str]:
    """Return the alerts that a form names, each once, in their order."""
    return list(dict.fromkeys(visit.form.get("members", "").split()))


async def claimed_by(visit: Visit, alert_ids: Sequence[str]) -> list[str]:
    """Give the visitor what nobody has of some alerts, in one step, and return who has each."""
    console, who = visit.console, visit.account.name
    waves = console.store.waves
    claim = waves.claim(alert_ids, who, console.claim_ms)
    claimed = await claimed_at_once(visit, alert_ids, claim)
    return [claimed.holders[each] for each in alert_ids]


async def claimed_at_once(
    visit: Visit, alert_ids: Sequence[str], claim: Coroutine[Any, Any, WaveClaimed]
) -> WaveClaimed:
    """Write what is to be the visitor's, claim it, and write what has not become so."""
    console = visit.console
    try:
        holders = await console.claims.holders(alert_ids)
        free = [each for each, name in zip(alert_ids, holders, strict=True) if not name]
        await console.trail.noted(*(group_entry("open", visit, each) for each in free))
    except BaseException:
        claim.close()
        raise
    claimed = await claim
    failed = [each for each in free if each not in claimed.new]
    await console.trail.noted(*(group_entry("open failed", visit, each) for each in failed))
    return claimed


async def let_go(visit: Visit, alert_ids: Sequence[str]) -> Response:
    """Let go of those of some alerts that are the visitor's, and go back to the queue."""
    console, who = visit.console, visit.account.name
    holders = await console.claims.holders(alert_ids)
    theirs = [each for each, name in zip(alert_ids, holders, strict=True) if name == who]
    entries = (group_entry("release", visit, alert_id) for alert_id in theirs)
    await asyncio.gather(*map(console.trail.acknowledged, entries))
    await console.store.waves.release(theirs, who)
    query = visit.filters.query
    return RedirectResponse(f"/?{query}" if query else "/", 303)


async def judged_at_once(visit: Visit, group: Group, show: Show) -> Response:
    """Send a verdict on each alert that the form has, and go on once Kafka has them all."""
    form = visit.form
    key, verdict, comment = (form.get(name, "") for name in ("key", "verdict", "comment"))
    members = members_in(visit)
    fault = _fault(verdict, key, comment, members, group)
    if fault:
        return await show(comment, fault, 400)
    doubt = await _doubt(visit, key, group)
    if doubt:
        return await show(comment, doubt, 409)
    joint = Joint(
        key=key,
        wave_id=group.name,
        verdict="fraud" if verdict == "fraud" else "legitimate",
        who=visit.account.name,
        decided_ms=now_ms(),
        members=members,
        is_ticked=group.is_ticked,
    )
    waves = visit.console.store.waves
    # The same form again does not begin the minute of its undo anew.
    known = await waves.begin(joint)
    if known.verdict != joint.verdict:
        n_sent = await _n_sent(visit, known)
        if n_sent:
            return _stands(known, n_sent, group, comment)
        await waves.note(joint)

    async def decide(i: int, alert: Alert) -> Begun:
        sight = Sight(await visit.console.reviews.review(alert.alert_id))
        logged = await kept_for_lead(visit, alert.alert_id, sight)
        if logged is not None:
            told = Review(alert.alert_id, "", logged.verdict, logged.who, logged.decided_ms)
            return Begun("closed", told)
        named, said = joint.member_key(i), joint.verdict
        wanted = Review(alert.alert_id, named, said, joint.who, joint.decided_ms, comment)
        return await visit.console.decider.decide(alert, wanted, visit.acting)

    outcomes = await _each(visit, joint, group, decide)
    if all(begun.outcome == "sent" for begun in outcomes):
        return RedirectResponse(await next_address(visit, joint=key), 303)
    return await _partly(visit, joint, group, outcomes, comment)


async def _n_sent(visit: Visit, joint: Joint) -> int:
    """Return on how many alerts the verdict of a form stands, as far as they were sent."""
    reviews = await asyncio.gather(*map(visit.console.reviews.review, joint.members))
    named = [joint.member_key(i) for i in range(len(joint.members))]
    keys = {key for each in named for key in (each, f"undo-{each}")}
    return sum(each is not None and each.is_sent and each.key in keys for each in reviews)


def _stands(known: Joint, n_sent: int, group: Group, comment: str) -> Response:
    told = (
        f"By this form {known.verdict} was sent on {n_sent} of {len(known.members)}, and that stands. "
        "Nothing was sent now: press the same again for the others, or undo it within the minute."
    )
    return message_page(409, f"Another verdict on {group.what}", told, comment=comment)


async def undone(visit: Visit, joint: Joint, group: Group) -> Response:
    """Overrule each verdict that a form of the visitor's gave at once, within the minute."""
    now = now_ms()

    async def correct(i: int, alert: Alert) -> Begun:
        named = f"undo-{joint.member_key(i)}"
        wanted = Review(alert.alert_id, named, "legitimate", joint.who, now)
        return await visit.console.decider.correct(alert, wanted, visit.acting)

    outcomes = await _each(visit, joint, group, correct)
    if all(begun.outcome == "sent" for begun in outcomes):
        await visit.console.store.waves.note(msgspec.structs.replace(joint, is_undone=True))
        told = [visit.filters.query, f"joint={joint.key}"]
        return RedirectResponse(f"/?{'&'.join(filter(None, told))}", 303)
    return await _partly(visit, joint, group, outcomes, "")


def group_entry(action: Action, visit: Visit, alert_id: str) -> Entry:
    """Return an entry of the audit topic about one of several alerts."""
    holder = visit.account.name if action == "release" else ""
    return visit.acting.entry(action, alert_id=alert_id, holder=holder)


async def _doubt(visit: Visit, key: str, group: Group) -> str:
    console, who = visit.console, visit.account.name
    shown_ms = console.signer.shown_ms(key, group.name, who)
    if shown_ms is None:
        # What was begun under a key of another process goes on under it.
        joint = await console.store.waves.joint(who, key)
        is_known = joint is not None and joint.wave_id == group.name
        return "" if is_known else f"That form was not of {group.what} as it is shown to you."
    if 0 <= now_ms() - shown_ms < console.least_look_ms:
        return (
            "This page had only just come when the verdict did: nothing was sent, as that may have "
            "been the second tap of two. Press again if it was not."
        )
    return ""


async def _each(
    visit: Visit, joint: Joint, group: Group, act: Callable[[int, Alert], Awaitable[Begun]]
) -> list[Begun]:
    """Return what became of each; raises once all have ended, where Kafka or Redis was away for one."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(i: int, alert_id: str) -> Begun:
        async with gate:
            alert = await visit.console.alert(alert_id)
            # A form that names what is not of the group says nothing of it.
            if alert is None or not group.has(alert):
                return Begun("gone")
            return await act(i, alert)

    acts = (one(i, alert_id) for i, alert_id in enumerate(joint.members))
    told = await asyncio.gather(*acts, return_exceptions=True)
    for error in told:
        if isinstance(error, BaseException):
            raise error
    return [begun for begun in told if isinstance(begun, Begun)]


def _fault(verdict: str, key: str, comment: str, members: Sequence[str], group: Group) -> str:
    if verdict not in ("fraud", "legitimate"):
        return "A verdict must be fraud or legitimate. Nothing was sent."
    if not 1 <= len(key) <= _LONGEST_KEY:
        return "The form must have its key. Nothing was sent: press again."
    if not 1 <= len(members) <= group.most:
        return f"1 to {group.most} alerts are judged at once, got {len(members)}."
    if len(comment) > MOST_COMMENT:
        return f"A comment must have at most {MOST_COMMENT:,} characters, got {len(comment):,}."
    if has_card_number(comment):
        return "The comment has digits that may be a card number: nothing was sent. They are stars now."
    return ""


async def _partly(
    visit: Visit, joint: Joint, group: Group, outcomes: Sequence[Begun], comment: str
) -> Response:
    pairs = list(zip(joint.members, outcomes, strict=True))
    n_sent = sum(begun.outcome == "sent" for begun in outcomes)
    lines = [f"{n_sent} of {len(pairs)} were sent. Of the others nothing was sent now:"]
    veiled = await veiled_from(visit)
    left = [
        _reason(alert_id, begun, group, is_veiled=alert_id in veiled)
        for alert_id, begun in pairs
        if begun.outcome != "sent"
    ]
    lines += left[:_LONGEST_TOLD]
    if len(left) > _LONGEST_TOLD:
        lines.append(f"and {len(left) - _LONGEST_TOLD} more.")
    return message_page(409, f"Not all of {group.what}", *lines, comment=comment)


def _reason(alert_id: str, begun: Begun, group: Group, *, is_veiled: bool) -> str:
    if begun.outcome == "held":
        return f"{alert_id} is with {begun.holder}."
    if begun.outcome == "closed" and begun.review is not None and is_veiled:
        return f"{alert_id} was judged meanwhile."
    if begun.outcome in ("closed", "late") and begun.review is not None:
        late = " more than a minute ago" if begun.outcome == "late" else ""
        return f"{alert_id} was judged by {begun.review.who}{late}: {begun.review.verdict}."
    if begun.outcome == "sending":
        return f"{alert_id} is on its way; open it in half a minute to see if it came."
    return f"{alert_id} is not here, or not of {group.what}."
