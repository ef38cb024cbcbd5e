"""The queue, and the help."""

from __future__ import annotations

from typing import Final

from starlette.responses import RedirectResponse, Response

from streamer.console.console import now_ms
from streamer.console.queue_filters import choices_of, chosen
from streamer.console.visits import Visit

__all__ = ["help_page", "next_alert", "queue"]

_PAGE_ROWS: Final = 50
_LONGEST_NUMBER: Final = 9


async def queue(visit: Visit) -> Response:
    """Show the open alerts by rank, fifty to a page."""
    console, filters = visit.console, visit.filters
    counts, rows = await console.rows()
    found = chosen(rows, filters, now_ms())
    n_pages = max(-(-len(found) // _PAGE_ROWS), 1)
    asked = visit.request.query_params.get("page", "1")
    is_number = asked.isascii() and asked.isdigit() and len(asked) <= _LONGEST_NUMBER
    number = min(max(int(asked), 1), n_pages) if is_number else 1
    shown = found[(number - 1) * _PAGE_ROWS : number * _PAGE_ROWS]
    holders = await console.claims.holders([row.alert_id for row in shown])
    return await visit.page(
        "queue.html",
        filters=filters,
        choices=choices_of(rows),
        counts=counts,
        n_found=len(found),
        first=(number - 1) * _PAGE_ROWS + 1,
        number=number,
        n_pages=n_pages,
        rows=list(zip(shown, holders, strict=True)),
        now_ms=now_ms(),
    )


async def next_alert(visit: Visit) -> Response:
    """Go to the first alert that nobody else has."""
    return RedirectResponse(await next_address(visit), 303)


async def next_address(visit: Visit, done: str = "") -> str:
    """Return the address of the first alert of the filters that nobody else has, or of the queue.

    ``done`` is the alert that was just judged.
    """
    _, rows = await visit.console.rows()
    found = chosen(rows, visit.filters, now_ms())
    alert_id = await visit.console.next_for(visit.account.name, found)
    told = [visit.filters.query, f"done={done}" if done else ""]
    query = "&".join(part for part in told if part)
    path = f"/alerts/{alert_id}" if alert_id else "/"
    return f"{path}?{query}" if query else path


async def help_page(visit: Visit) -> Response:
    """Show what there is to know of the console."""
    console = visit.console
    return await visit.page(
        "help.html",
        claim_min=console.claim_ms // 60_000,
        most_claims=console.settings.console_max_claims,
        least_look_s=console.settings.console_least_look_s,
    )
