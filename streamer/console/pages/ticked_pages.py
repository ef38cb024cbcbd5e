"""What a lead has ticked in the queue: judged at once, each by a verdict of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from streamer.console.console import now_ms
from streamer.console.pages.joint_verdicts import (
    Group,
    claimed_at_once,
    judged_at_once,
    let_go,
    members_in,
    undone,
)
from streamer.console.pages.queue_pages import MOST_TICKED
from streamer.console.pages.sight import no_groups
from streamer.console.pages.sightings import seen
from streamer.console.pages.visits import Visit, message_page
from streamer.console.queue.wave_items import Item

__all__ = ["judge_ticked", "open_ticked", "release_ticked", "undo_ticked"]

_LONGEST_KEY: Final = 96
_LONGEST_TOLD: Final = 10


async def open_ticked(visit: Visit) -> Response:
    """Give a lead what nobody has of what was ticked, and show it on one page."""
    return _kept_from(visit) or await _shown(visit)


async def judge_ticked(visit: Visit) -> Response:
    """Send a verdict on each alert that the form has, and go on once Kafka has them all."""

    async def show(comment: str, notice: str, status: int) -> Response:
        return await _shown(visit, comment, notice, status)

    group = _group(members_in(visit))
    return _kept_from(visit) or await judged_at_once(visit, group, show)


async def undo_ticked(visit: Visit) -> Response:
    """Overrule each verdict that a form of the visitor's gave at once, within the minute."""
    key = visit.form.get("key", "")[:_LONGEST_KEY]
    joint = await visit.console.store.waves.joint(visit.account.name, key)
    if joint is None or not joint.is_ticked:
        return message_page(404, "Nothing was undone", "No such verdict of yours is known.")
    return await undone(visit, joint, _group(joint.members))


async def release_ticked(visit: Visit) -> Response:
    """Let go of those of them that are the visitor's."""
    return await let_go(visit, members_in(visit)[:MOST_TICKED])


def _kept_from(visit: Visit) -> Response | None:
    """Return why nobody judges several at once."""
    if visit.console.blind is not None:
        return no_groups(visit.form.get("comment", ""))
    return None


async def _shown(visit: Visit, comment: str = "", notice: str = "", status: int = 200) -> Response:
    console, who, ticked = visit.console, visit.account.name, members_in(visit)
    if not 1 <= len(ticked) <= MOST_TICKED:
        told = f"Tick 1 to {MOST_TICKED} alerts in the queue, got {len(ticked)}. Nothing was done."
        return message_page(400, "Not so many at once", told, comment=comment)
    row_of = {row.alert_id: row for row in (await console.rows())[1]}
    ids = [each for each in ticked if each in row_of]
    left = await _left(visit, [each for each in ticked if each not in row_of])
    if not ids:
        return message_page(404, "None of it can be judged at once", left, comment=comment)
    notice = notice or left
    claim = console.store.waves.tick(ids, who, console.claim_ms, MOST_TICKED)
    claimed = await claimed_at_once(visit, ids, claim)
    if claimed.others:
        return _full(claimed.others, comment)
    holders = [claimed.holders[each] for each in ids]
    await seen(visit, "view wave", alerts=ids)
    yours = [each for each, holder in zip(ids, holders, strict=True) if holder == who]
    rows = [row_of[each] for each in ids]
    n = len(ids)
    return await visit.page(
        "wave.html",
        status if yours or status != 200 else 409,
        heading=f"{n} {'alert' if n == 1 else 'alerts'} that you ticked",
        at="/ticked",
        item=Item(rows),
        card="",
        n_open=n,
        members=list(zip(rows, holders, strict=True)),
        yours=yours,
        is_free=False,
        sentence="",
        odd={},
        n_plain=0,
        key=console.signer.form_key(_group(yours).name, who, now_ms()),
        claim_min=console.claim_ms // 60_000,
        comment=comment,
        notice=notice,
    )


async def _left(visit: Visit, left: Sequence[str]) -> str:
    """Return why some of what was ticked is not on its page, "" where there is none such."""
    _, rows, _ = await visit.console.rows_for(visit.account)
    waiting = {row.alert_id for row in rows}
    # Which of them are second opinions and which rulings is told on their own pages.
    alone = [each for each in left if each in waiting]
    gone = [each for each in left if each not in waiting]
    kinds = ("Judged one by one", alone), ("No longer in the queue", gone)
    return " ".join(f"{told}: {_listed(ids)}." for told, ids in kinds if ids)


def _full(others: Sequence[str], comment: str) -> Response:
    lines = [
        f"You have {len(others)} by ticks: {_listed(others)}. At most {MOST_TICKED} are one person's "
        "by ticks at a time. Nothing was claimed.",
        "Judge them or let go of them first: tick them again, and the page has both.",
    ]
    return message_page(409, "Too many ticked at a time", *lines, comment=comment)


def _listed(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _LONGEST_TOLD} more" if len(ids) > _LONGEST_TOLD else ""
    return f"{', '.join(ids[:_LONGEST_TOLD])}{more}"


def _group(members: Sequence[str]) -> Group:
    """Return the group of some alerts: a form is of those that its page showed, and no others."""
    named = hashlib.sha256(" ".join(sorted(members)).encode()).hexdigest()[:32]
    return Group(f"ticked-{named}", "what you ticked", MOST_TICKED, lambda _: True, is_ticked=True)
