"""What the random sample below the threshold says: recall and precision, and the frauds in it."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from streamer.console.console import Console
from streamer.console.pages.sight import veiled_from
from streamer.console.pages.sightings import seen
from streamer.console.pages.visits import Visit
from streamer.console.team.below_line import Come, below_line, drawing
from streamer.explaining.reasons import DRAWN
from streamer.reports.census_report import estimates_of

__all__ = ["below_page"]


async def below_page(visit: Visit) -> Response:
    """Show what verdicts on the sample say, by this console's log and as the model has learned it."""
    console = visit.console
    stands = console.standing.of(await console.judged_entries())
    head = (await console.models.get()).head
    budget = float(head["alert_budget"])
    come = await _come(console)
    # Who may give a second opinion is not told of the first, nor what it adds to a count.
    veiled = await veiled_from(visit)
    judged = [each for each in stands if each.alert_id not in veiled] if veiled else stands
    found = await asyncio.to_thread(below_line, judged, come)
    dots, line = drawing(judged, budget)
    if found.frauds:
        await seen(visit, "view below", alerts=[each.alert_id for each in found.frauds])
    return await visit.page(
        "below.html",
        below=found,
        frauds=found.frauds,
        n_veiled=len(stands) - len(judged),
        come=come,
        dots=dots,
        line=line,
        budget=budget,
        estimates={} if console.blind is not None else estimates_of(head["found"]),
        n_entries=len(judged),
    )


async def _come(console: Console) -> Come | None:
    """Return what came of both kinds and is open; None in a blind queue, where that would tell."""
    if console.blind is not None:
        return None
    counts, rows = await console.rows()
    drawn = await console.alerts.n_drawn()
    is_drawn = [row.feature == DRAWN for row in rows]
    n_open = sum(is_drawn)
    # The count of those that were drawn began later than that of all.
    drawn = max(drawn, n_open)
    return Come(max(counts.arrived - drawn, 0), len(rows) - n_open, drawn, n_open)
