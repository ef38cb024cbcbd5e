"""An alert by its own id, its payment's or its card's: from what is kept, or from the alerts topic.

What is looked for is sent as a form, so that nothing that somebody pasted stands in an address.
"""

from __future__ import annotations

from itertools import chain
from typing import Final
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from streamer.console.moment_words import moment_text
from streamer.console.pages.absent_pages import gone_page, logged_verdict, older_page
from streamer.console.pages.alert_pages import alert_entry, alert_id_of, shown_alert
from streamer.console.pages.sight import sight_of
from streamer.console.pages.visits import Visit, message_page
from streamer.console.service.older_searches import spans_in, spans_text
from streamer.store import LookedUp, row_of
from streamer.stream.publishing.alert_search import Searched

__all__ = ["find", "reopen"]

_LONGEST: Final = 256


async def find(visit: Visit) -> Response:
    """Go to an alert that is kept here, or look for it in the topic if the form says so."""
    wanted = visit.form.get("wanted", "").strip()
    if not wanted:
        return RedirectResponse("/", 303)
    if len(wanted) > _LONGEST:
        told = f"An id must have at most {_LONGEST} characters, got {len(wanted):,}."
        return message_page(400, "Nothing was looked up", told)
    here = await _here(visit, wanted)
    if not here:
        # A card's number gets no further, and into no page.
        known = visit.console.cards.id_of(wanted)
        if known is None:
            told = "Cards' numbers are not kept here: look for the token, an alert's id or a payment's."
            return message_page(400, "This is a card's number", told)
        wanted, here = known, await _of_card(visit, known)
    if here:
        return RedirectResponse(f"/alerts/{quote(here, safe='')}", 303)
    if visit.form.get("topic") != "1":
        return await gone_page(visit, wanted, is_id=False)
    return await _searched(visit, wanted)


async def reopen(visit: Visit) -> Response:
    """Put an alert that was looked up back into the queue, as the visitor's."""
    alert_id = alert_id_of(visit)
    comment = visit.form.get("comment", "")
    alert = await visit.console.alert(alert_id)
    if alert is None:
        return await gone_page(visit, alert_id, comment)
    sight = await sight_of(visit, alert_id)
    is_open = (await visit.console.claims.look(alert_id)).is_open
    if not sight.may_judge or sight.review is not None or is_open:
        return await shown_alert(visit, alert_id, comment=comment)
    logged = await logged_verdict(visit, alert_id, sight)
    if logged is not None and not visit.account.is_lead:
        told = f"{logged.who} judged it: {logged.verdict}, {moment_text(logged.decided_ms)}."
        what = "A lead can judge it again. Nothing was done."
        return message_page(403, "This alert was judged", told, what, comment=comment)
    await visit.console.trail.acknowledged(alert_entry("reopen", visit, alert))
    return await shown_alert(visit, alert_id, comment=comment, row=row_of(alert))


async def _here(visit: Visit, wanted: str) -> str:
    """Return the id of an alert that is kept here, or was judged, "" where there is none."""
    if await visit.console.alerts.alert(wanted) is not None:
        return wanted
    _, rows, _ = await visit.console.rows_for(visit.account)
    judged = await visit.console.judged_entries()
    pairs = chain(
        ((row.transaction_id, row.alert_id) for row in rows),
        ((entry.transaction_id, entry.alert_id) for entry in judged),
    )
    return next((alert_id for name, alert_id in pairs if name == wanted), "")


async def _of_card(visit: Visit, wanted: str) -> str:
    """Return the id of a card's latest alert that is kept here, "" where there is none.

    The card may be named by its id or by any of its pseudonyms.
    """
    names = visit.console.names_of_card(wanted)
    for noted in reversed(await visit.console.store.cards.of(*names)):
        if await visit.console.alerts.alert(noted.alert_id) is not None:
            return noted.alert_id
    return ""


async def _searched(visit: Visit, wanted: str) -> Response:
    console, who = visit.console, visit.account.name
    read = visit.form.get("read", "")
    near_ms = await console.store.older.came_ms(wanted)
    before = spans_in(read)
    told = await console.searches.search(who, wanted, near_ms, before, lambda: console.is_ending)
    if isinstance(told, str):
        return await older_page(visit, wanted, [told], read=read, status=409)
    found = told.found
    entry = visit.acting.entry("search")
    if found is None:
        # What was typed may be anything.
        await console.trail.noted(entry)
        heading = "It is not in the alerts topic" if told.is_whole else "It was not found yet"
        lines = _lines(wanted, told)
        return await older_page(visit, wanted, lines, read=_read(told), heading=heading)
    await console.trail.noted(alert_entry("search", visit, found.alert))
    topic = console.settings.alerts_topic
    place = LookedUp(topic, found.partition, found.offset, found.at_ms)
    await console.store.older.keep(found.alert.alert_id, found.raw, place)
    return RedirectResponse(f"/alerts/{quote(found.alert.alert_id, safe='')}", 303)


def _lines(wanted: str, told: Searched) -> list[str]:
    since = moment_text(told.since_ms) if told.since_ms else ""
    if told.is_whole and not since:
        return ["The alerts topic has nothing at present."]
    if told.is_whole:
        return [
            f"{wanted} is no alert in the topic, nor of the payment of one. The topic has everything "
            f"since {since}; what is older is gone.",
            "If it was an alert, the store of your payments, and the feedback topic, may know of it.",
        ]
    reached = f", all since {since}" if since else ""
    return [
        f"{wanted} is not among the {told.n_read:,} alerts that were read{reached}. "
        "The topic has more."
    ]


def _read(told: Searched) -> str | None:
    return None if told.is_whole else spans_text(told.spans)
