"""The queue, and the help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from starlette.responses import RedirectResponse, Response

from streamer.console.console import now_ms
from streamer.console.pages.sightings import seen
from streamer.console.pages.visits import Visit, is_own_navigation
from streamer.console.queue.queue_filters import chosen
from streamer.console.queue.wave_items import Item, items_of, members_of
from streamer.store import QueueRow
from streamer.store.snoozes import Snooze, awake_first, snooze_of

__all__ = ["MOST_TICKED", "help_page", "next_alert", "queue"]

MOST_TICKED: Final = 50
"""Alerts that a lead judges at once, at most."""

_PAGE_ROWS: Final = 50
_LONGEST_NUMBER: Final = 9


async def queue(visit: Visit) -> Response:
    """Show the open alerts by rank, or blind in an order that tells nothing, fifty to a page."""
    console, filters = visit.console, visit.filters
    counts, rows, rulings = await console.rows_for(visit.account)
    snoozes = await console.snoozes.now(now_ms())
    found = _found(visit, rows, snoozes)
    items = console.items.of(found) if found is rows else items_of(found)
    n_pages = max(-(-len(items) // _PAGE_ROWS), 1)
    asked = visit.request.query_params.get("page", "1")
    is_number = asked.isascii() and asked.isdigit() and len(asked) <= _LONGEST_NUMBER
    number = min(max(int(asked), 1), n_pages) if is_number else 1
    shown = [Item(each) for each in items[(number - 1) * _PAGE_ROWS : number * _PAGE_ROWS]]
    ids = [row.alert_id for item in shown for row in item.rows]
    if ids:
        await seen(visit, "view queue", alerts=ids)
    holder_of = dict(zip(ids, await console.claims.holders(ids), strict=True))
    return await visit.page(
        "queue.html",
        filters=filters,
        refused=[name for name in visit.refused if visit.request.query_params.get(name)],
        rulings=rulings,
        choices=console.choices.of(rows),
        counts=counts,
        n_found=len(found),
        first=(number - 1) * _PAGE_ROWS + 1,
        number=number,
        n_pages=n_pages,
        n_items=len(items),
        items=[(item, [holder_of[row.alert_id] for row in item.rows]) for item in shown],
        snoozed={
            row.alert_id: snooze_of(row.card_id, row.merchant_id, snoozes, row.other_card_ids)
            for item in shown
            for row in item.rows
        },
        n_snoozed=len(snoozes),
        can_tick=visit.account.is_lead and console.blind is None,
        most_ticked=MOST_TICKED,
        now_ms=now_ms(),
    )


async def next_alert(visit: Visit) -> Response:
    """Go to the first alert that nobody else has."""
    return RedirectResponse(await next_address(visit), 303)


async def next_address(visit: Visit, done: str = "", joint: str = "") -> str:
    """Return the address of the first alert of the filters that nobody else has, or of the queue.

    Where it is of a wave, that is the wave's.  ``done`` is the alert that was just judged, ``joint``
    the form by which a wave was.
    """
    _, rows, _ = await visit.console.rows_for(visit.account)
    found = _found(visit, rows, await visit.console.snoozes.now(now_ms()))
    # A form has a token of ours; a link may be another site's.
    is_claiming = visit.request.method == "POST" or is_own_navigation(visit.request)
    alert_id = await visit.console.next_for(visit.account.name, found, is_claiming=is_claiming)
    told = {name: value for name, value in (("done", done), ("joint", joint)) if value}
    query = "&".join(part for part in (visit.filters.query, urlencode(told)) if part)
    path = f"/alerts/{alert_id}" if alert_id else "/"
    wave_id = next((row.wave_id for row in found if row.alert_id == alert_id), "")
    if len(members_of(rows, wave_id)) > 1:
        path = f"/waves/{quote(wave_id, safe='')}"
    return f"{path}?{query}" if query else path


def _found(visit: Visit, rows: list[QueueRow], snoozes: Mapping[str, Snooze]) -> list[QueueRow]:
    """Return the rows of the filters, what is put off last; the same list where nothing changes it."""
    found = chosen(rows, visit.filters, now_ms()) if visit.filters.query else rows
    return awake_first(found, snoozes) if snoozes else found


async def help_page(visit: Visit) -> Response:
    """Show what there is to know of the console."""
    console = visit.console
    return await visit.page(
        "help.html",
        claim_min=console.claim_ms // 60_000,
        most_claims=console.settings.console_max_claims,
        least_look_s=console.settings.console_least_look_s,
        has_seconds=console.settings.console_second_share > 0,
        most_ticked=MOST_TICKED,
    )
