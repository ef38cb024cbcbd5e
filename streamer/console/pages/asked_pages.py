"""The page on which the model is asked again with other values, with script and without."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from streamer.console.alert.what_if import change_of, change_text, sliders_of
from streamer.console.pages.absent_pages import gone_page
from streamer.console.pages.alert_facts import asked_alone
from streamer.console.pages.sight import not_yet, sight_of
from streamer.console.pages.sightings import seen
from streamer.console.pages.visits import Visit
from streamer.errors import ConfigurationError
from streamer.explaining.asked_again import Change, Changed, asked_again

__all__ = ["asked_page"]


async def asked_page(visit: Visit) -> Response:
    """Show what the model says of the alert's payment with the values in the address."""
    alert_id = str(visit.request.path_params["alert_id"])
    alert = await visit.console.alert(alert_id)
    if alert is None:
        return await gone_page(visit, alert_id)
    if (await sight_of(visit, alert_id)).is_blind:
        return not_yet()
    await seen(visit, "ask", alert=alert)
    told: tuple[Changed, ...] = ()
    change, complaint, status = Change(), "", 200
    sliders = sliders_of(alert, {})
    version, because = await visit.console.versions.of(alert)
    try:
        sliders = sliders_of(alert, visit.request.query_params)
        change = change_of(alert, sliders)
        if version is not None:
            asked = [Change(), change]
            told = tuple(await asyncio.to_thread(asked_again, alert, version, asked))
    except ConfigurationError as error:
        complaint, status = f"It cannot be asked: {error}.", 400
    found, _, _ = await asked_alone(visit.console, alert)
    return await visit.page(
        "asked.html",
        status,
        alert=alert,
        sliders=sliders,
        told=told,
        change=change_text(change, alert.transaction.currency),
        alone=found,
        version="" if version is None else version.id,
        complaint=complaint or because,
    )
