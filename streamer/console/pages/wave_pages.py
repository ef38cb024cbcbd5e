"""A wave: its open alerts on one page, judged at once, each by a verdict of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec
from starlette.responses import RedirectResponse, Response

from streamer.console.alert.card_habit import odd_text
from streamer.console.console import now_ms
from streamer.console.pages.posted_forms import MOST_COMMENT
from streamer.console.pages.queue_pages import next_address
from streamer.console.pages.visits import Visit, is_own_navigation, message_page
from streamer.console.queue.wave_items import Item, members_of
from streamer.console.sending.audit_trail import Entry
from streamer.console.sending.card_numbers import has_card_number
from streamer.contract.messages import Alert
from streamer.store import Begun, Joint, Review

__all__ = ["MOST_MEMBERS", "claim_wave", "judge_wave", "release_wave", "undo_wave", "wave_page"]

MOST_MEMBERS: Final = 200
"""Alerts that are judged at once, at most."""

_AT_ONCE: Final = 16
# Alerts that are read whole for their wave's page.
_MOST_TOLD: Final = 60
_LONGEST_KEY: Final = 96
_LONGEST_TOLD: Final = 10


async def wave_page(visit: Visit) -> Response:
    """Show the open alerts of a wave; where a link of ours led here, what is free is claimed."""
    if visit.console.blind is not None:
        return _no_waves()
    return await _shown_wave(visit, is_claiming=is_own_navigation(visit.request))


async def claim_wave(visit: Visit) -> Response:
    """Give the visitor what nobody has of a wave, with what was typed."""
    if visit.console.blind is not None:
        return _no_waves(visit.form.get("comment", ""))
    return await _shown_wave(visit, visit.form.get("comment", ""))


async def judge_wave(visit: Visit) -> Response:
    """Send a verdict on each alert that the form has, and go on once Kafka has them all."""
    form = visit.form
    key, verdict, comment = (form.get(name, "") for name in ("key", "verdict", "comment"))
    if visit.console.blind is not None:
        return _no_waves(comment)
    members = list(dict.fromkeys(form.get("members", "").split()))
    fault = _fault(verdict, key, comment, members)
    if fault:
        return await _shown_wave(visit, comment, fault, 400)
    doubt = await _doubt(visit, key)
    if doubt:
        return await _shown_wave(visit, comment, doubt, 409)
    joint = Joint(
        key=key,
        wave_id=_wave_id(visit),
        verdict="fraud" if verdict == "fraud" else "legitimate",
        who=visit.account.name,
        decided_ms=now_ms(),
        members=members,
    )
    waves = visit.console.store.waves
    known = await waves.joint(joint.who, key)
    # The same form again does not begin the minute of its undo anew.
    if known is None or known.verdict != joint.verdict:
        await waves.note(joint)

    async def decide(i: int, alert: Alert) -> Begun:
        named, said = joint.member_key(i), joint.verdict
        wanted = Review(alert.alert_id, named, said, joint.who, joint.decided_ms, comment)
        return await visit.console.decider.decide(alert, wanted, visit.account)

    outcomes = await _each(visit, joint, decide)
    if all(begun.outcome == "sent" for begun in outcomes):
        return RedirectResponse(await next_address(visit, joint=key), 303)
    return _partly(visit, joint, outcomes, comment)


async def undo_wave(visit: Visit) -> Response:
    """Overrule each verdict that a form of the visitor's gave at once, within the minute."""
    waves, key = visit.console.store.waves, visit.form.get("key", "")[:_LONGEST_KEY]
    joint = await waves.joint(visit.account.name, key)
    if joint is None or joint.wave_id != _wave_id(visit):
        return message_page(404, "Nothing was undone", "No verdict of yours on this wave is known.")
    now = now_ms()

    async def correct(i: int, alert: Alert) -> Begun:
        named = f"undo-{joint.member_key(i)}"
        wanted = Review(alert.alert_id, named, "legitimate", joint.who, now)
        return await visit.console.decider.correct(alert, wanted, visit.account)

    outcomes = await _each(visit, joint, correct)
    if all(begun.outcome == "sent" for begun in outcomes):
        await waves.note(msgspec.structs.replace(joint, is_undone=True))
        told = [visit.filters.query, f"joint={joint.key}"]
        return RedirectResponse(f"/?{'&'.join(filter(None, told))}", 303)
    return _partly(visit, joint, outcomes, "")


async def release_wave(visit: Visit) -> Response:
    """Let go of every alert of a wave that is the visitor's."""
    console, who = visit.console, visit.account
    if console.blind is not None:
        return _no_waves()
    _, rows = await console.rows()
    members = [row.alert_id for row in members_of(rows, _wave_id(visit))]
    holders = await console.claims.holders(members)
    theirs = [each for each, name in zip(members, holders, strict=True) if name == who.name]
    entries = (_entry("release", visit, alert_id) for alert_id in theirs)
    await asyncio.gather(*map(console.trail.acknowledged, entries))
    await console.store.waves.release(theirs, who.name)
    query = visit.filters.query
    return RedirectResponse(f"/?{query}" if query else "/", 303)


async def _shown_wave(
    visit: Visit,
    comment: str = "",
    notice: str = "",
    status: int = 200,
    *,
    is_claiming: bool = True,
) -> Response:
    console, wave_id, who = visit.console, _wave_id(visit), visit.account.name
    _, rows = await console.rows()
    found = members_of(rows, wave_id)
    if not found:
        told = "Its alerts were judged, or made room for others. Nothing was sent from here."
        return message_page(404, "This wave is not in the queue", told, comment=comment)
    shown = found[:MOST_MEMBERS]
    ids = [row.alert_id for row in shown]
    if is_claiming:
        claimed = await console.store.waves.claim(ids, who, console.claim_ms)
        for alert_id in claimed.new:
            console.trail.noted(_entry("open", visit, alert_id))
        holders = [claimed.holders[each] for each in ids]
    else:
        holders = await console.claims.holders(ids)
    last = max(shown, key=lambda row: row.wave_alerts)
    alert = await console.alert(last.alert_id)
    item = Item(shown)
    # What is strange for one card says nothing of another's payment.
    odd = await _odd(visit, ids[:_MOST_TOLD]) if item.whose == "card" else {}
    yours = [each for each, holder in zip(ids, holders, strict=True) if holder == who]
    is_free = not is_claiming and "" in holders
    return await visit.page(
        "wave.html",
        status if yours or is_free or status != 200 else 409,
        item=item,
        n_open=len(found),
        members=list(zip(shown, holders, strict=True)),
        yours=yours,
        is_free=is_free,
        sentence=(alert.wave_sentence if alert else None) or "",
        odd=odd,
        n_plain=sum(not text for text in odd.values()),
        key=console.signer.form_key(wave_id, who, now_ms()),
        claim_min=console.claim_ms // 60_000,
        comment=comment,
        notice=notice,
    )


def _no_waves(comment: str = "") -> Response:
    told = (
        "In this queue each alert is judged by itself: those drawn at random from below the threshold "
        "are in no wave, and would be told by that. Nothing was sent from here."
    )
    return message_page(409, "There are no waves in this queue", told, comment=comment)
async def _odd(visit: Visit, ids: Sequence[str]) -> dict[str, str]:
    """Return what is strange of each alert that carries its card's past, by its id."""
    alerts = await asyncio.gather(*map(visit.console.alert, ids))
    return {each.alert_id: odd_text(each) for each in alerts if each is not None and each.before}


async def _doubt(visit: Visit, key: str) -> str:
    console, who = visit.console, visit.account.name
    shown_ms = console.signer.shown_ms(key, _wave_id(visit), who)
    if shown_ms is None:
        # What was begun under a key of another process goes on under it.
        joint = await console.store.waves.joint(who, key)
        is_known = joint is not None and joint.wave_id == _wave_id(visit)
        return "" if is_known else "That form was not of this wave as it is shown to you."
    if 0 <= now_ms() - shown_ms < console.least_look_ms:
        return (
            "This wave had only just come when the verdict did: nothing was sent, as that may have "
            "been the second tap of two. Press again if it was not."
        )
    return ""


async def _each(
    visit: Visit, joint: Joint, act: Callable[[int, Alert], Awaitable[Begun]]
) -> list[Begun]:
    """Return what became of each; raises once all have ended, where Kafka or Redis was away for one."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(i: int, alert_id: str) -> Begun:
        async with gate:
            alert = await visit.console.alert(alert_id)
            # A form that names what is in no such wave says nothing of it.
            if alert is None or alert.wave_id != joint.wave_id:
                return Begun("gone")
            return await act(i, alert)

    acts = (one(i, alert_id) for i, alert_id in enumerate(joint.members))
    told = await asyncio.gather(*acts, return_exceptions=True)
    for error in told:
        if isinstance(error, BaseException):
            raise error
    return [begun for begun in told if isinstance(begun, Begun)]


def _fault(verdict: str, key: str, comment: str, members: Sequence[str]) -> str:
    if verdict not in ("fraud", "legitimate"):
        return "A verdict must be fraud or legitimate. Nothing was sent."
    if not 1 <= len(key) <= _LONGEST_KEY:
        return "The form must have its key. Nothing was sent: press again."
    if not 1 <= len(members) <= MOST_MEMBERS:
        return f"1 to {MOST_MEMBERS} alerts are judged at once, got {len(members)}."
    if len(comment) > MOST_COMMENT:
        return f"A comment must have at most {MOST_COMMENT:,} characters, got {len(comment):,}."
    if has_card_number(comment):
        return "The comment has digits that may be a card number: nothing was sent. Take them out."
    return ""


def _partly(visit: Visit, joint: Joint, outcomes: Sequence[Begun], comment: str) -> Response:
    pairs = list(zip(joint.members, outcomes, strict=True))
    n_sent = sum(begun.outcome == "sent" for begun in outcomes)
    lines = [f"{n_sent} of {len(pairs)} were sent. Of the others nothing was sent now:"]
    # Any of them may come to this person again, for a second opinion.
    is_veiled = visit.console.settings.console_second_share > 0
    left = [
        _reason(alert_id, begun, is_veiled=is_veiled)
        for alert_id, begun in pairs
        if begun.outcome != "sent"
    ]
    lines += left[:_LONGEST_TOLD]
    if len(left) > _LONGEST_TOLD:
        lines.append(f"and {len(left) - _LONGEST_TOLD} more.")
    return message_page(409, "Not all of the wave", *lines, comment=comment)


def _reason(alert_id: str, begun: Begun, *, is_veiled: bool) -> str:
    if begun.outcome == "held":
        return f"{alert_id} is with {begun.holder}."
    if begun.outcome == "closed" and begun.review is not None and is_veiled:
        return f"{alert_id} was judged meanwhile."
    if begun.outcome in ("closed", "late") and begun.review is not None:
        late = " more than a minute ago" if begun.outcome == "late" else ""
        return f"{alert_id} was judged by {begun.review.who}{late}: {begun.review.verdict}."
    if begun.outcome == "sending":
        return f"{alert_id} is on its way to Kafka; open it in half a minute to see if it came."
    return f"{alert_id} is not here, or not of this wave."


def _entry(action: str, visit: Visit, alert_id: str) -> Entry:
    account = visit.account
    return Entry(
        action=action,
        who=account.name,
        role=account.role,
        alert_id=alert_id,
        holder=account.name if action == "release" else "",
    )


def _wave_id(visit: Visit) -> str:
    return str(visit.request.path_params["wave_id"])
