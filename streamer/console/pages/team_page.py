"""The team's page: what waits and what is late, who judged what, and how often alerts were right."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from streamer.console.console import Console, now_ms
from streamer.console.pages.visits import Visit
from streamer.console.team.opinion_agreement import agreement, agreement_by_person
from streamer.console.team.team_figures import people, waiting
from streamer.reports.census_report import estimates_of

__all__ = ["team"]

_N_DAYS = 21


async def team(visit: Visit) -> Response:
    """Show it, by what this console and others of the namespace have sent."""
    console, at_ms = visit.console, now_ms()
    counts, rows = await console.rows()
    ids = [row.alert_id for row in rows]
    holders = dict(zip(ids, await console.claims.holders(ids), strict=True))
    entries = await console.judged_entries()
    # By severity it would tell, of an alert that somebody has just opened, which it has.
    shown = rows if console.blind is None else console.blind.of(rows)
    pairs, pending = await console.twice.pairs(), await console.twice.pending()
    return await visit.page(
        "team.html",
        counts=counts,
        waiting=waiting(shown, holders, _limits_h(console), at_ms),
        people=await asyncio.to_thread(people, entries, at_ms),
        days=console.days.of(console.standing.of(entries))[-_N_DAYS:],
        n_judged=len(entries),
        second_share=console.settings.console_second_share,
        agreement=agreement(pairs),
        agreement_of=agreement_by_person(pairs),
        n_waiting=sum(each.state == "waiting" for each in pending),
        n_split=sum(each.state == "split" for each in pending),
        n_not_asked=await console.twice.not_asked(),
        estimates=await _estimates(console),
    )


async def _estimates(console: Console) -> dict[str, tuple[str, str]]:
    """Return the model's own, none in a blind queue: they move at once by a verdict."""
    if console.blind is not None:
        return {}
    return estimates_of((await console.models.get()).head["found"])


def _limits_h(console: Console) -> dict[str, float]:
    settings = console.settings
    if console.blind is not None:
        return {"": settings.console_medium_s / 3600}
    limits_s = settings.console_critical_s, settings.console_high_s, settings.console_medium_s
    return {
        name: limit_s / 3600
        for name, limit_s in zip(("critical", "high", "medium"), limits_s, strict=True)
    }
