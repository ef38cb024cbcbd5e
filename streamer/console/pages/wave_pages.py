"""A wave: its open alerts on one page, judged at once, each by a verdict of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from streamer.console.alert.card_habit import odd_text
from streamer.console.console import now_ms
from streamer.console.pages.joint_verdicts import (
    Group,
    claimed_by,
    judged_at_once,
    let_go,
    undone,
)
from streamer.console.pages.sight import no_groups
from streamer.console.pages.sightings import seen
from streamer.console.pages.visits import Visit, is_own_navigation, message_page
from streamer.console.queue.wave_items import Item, members_of

__all__ = ["MOST_MEMBERS", "claim_wave", "judge_wave", "release_wave", "undo_wave", "wave_page"]

MOST_MEMBERS: Final = 200
"""Alerts of a wave that are judged at once, at most."""

# Alerts that are read whole for their wave's page.
_MOST_TOLD: Final = 60
_LONGEST_KEY: Final = 96


async def wave_page(visit: Visit) -> Response:
    """Show the open alerts of a wave; where a link of ours led here, what is free is claimed."""
    if visit.console.blind is not None:
        return no_groups()
    is_claiming = is_own_navigation(visit.request) and await visit.may("claim")
    return await _shown_wave(visit, is_claiming=is_claiming)


async def claim_wave(visit: Visit) -> Response:
    """Give the visitor what nobody has of a wave, with what was typed."""
    if visit.console.blind is not None:
        return no_groups(visit.form.get("comment", ""))
    return await _shown_wave(visit, visit.form.get("comment", ""))


async def judge_wave(visit: Visit) -> Response:
    """Send a verdict on each alert that the form has, and go on once Kafka has them all."""
    if visit.console.blind is not None:
        return no_groups(visit.form.get("comment", ""))

    async def show(comment: str, notice: str, status: int) -> Response:
        return await _shown_wave(visit, comment, notice, status)

    return await judged_at_once(visit, _group(visit), show)


async def undo_wave(visit: Visit) -> Response:
    """Overrule each verdict that a form of the visitor's gave at once, within the minute."""
    key = visit.form.get("key", "")[:_LONGEST_KEY]
    joint = await visit.console.store.waves.joint(visit.account.name, key)
    if joint is None or joint.wave_id != _wave_id(visit):
        return message_page(404, "Nothing was undone", "No verdict of yours on this wave is known.")
    return await undone(visit, joint, _group(visit))


async def release_wave(visit: Visit) -> Response:
    """Let go of every alert of a wave that is the visitor's."""
    if visit.console.blind is not None:
        return no_groups()
    _, rows = await visit.console.rows()
    return await let_go(visit, [row.alert_id for row in members_of(rows, _wave_id(visit))])


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
        holders = await claimed_by(visit, ids)
    else:
        holders = await console.claims.holders(ids)
    item, last = Item(shown), max(shown, key=lambda row: row.wave_alerts)
    alert = await console.alert(last.alert_id)
    card = item.first.card_id if item.whose == "card" else ""
    await seen(visit, "view wave", alerts=ids, card_id=card, subject=wave_id if not card else "")
    # What is strange for one card says nothing of another's payment.
    odd = await _odd(visit, ids[:_MOST_TOLD]) if item.whose == "card" else {}
    yours = [each for each, holder in zip(ids, holders, strict=True) if holder == who]
    is_free = not is_claiming and "" in holders
    return await visit.page(
        "wave.html",
        status if yours or is_free or status != 200 else 409,
        heading=f"{len(found)} {'alert' if len(found) == 1 else 'alerts'} of one {item.whose}",
        at=f"/waves/{quote(wave_id, safe='')}",
        item=item,
        card=card,
        n_open=len(found),
        # As it happened: a burst is read as a story.
        members=sorted(zip(shown, holders, strict=True), key=lambda each: each[0].event_ms),
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


async def _odd(visit: Visit, ids: Sequence[str]) -> dict[str, str]:
    """Return what is strange of each alert that carries its card's past, by its id."""
    alerts = await asyncio.gather(*map(visit.console.alert, ids))
    return {each.alert_id: odd_text(each) for each in alerts if each is not None and each.before}


def _group(visit: Visit) -> Group:
    wave_id = _wave_id(visit)
    return Group(wave_id, "this wave", MOST_MEMBERS, lambda alert: alert.wave_id == wave_id)


def _wave_id(visit: Visit) -> str:
    return str(visit.request.path_params["wave_id"])
