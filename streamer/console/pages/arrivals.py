"""Server-sent events: how many alerts have come since a page was made.

Written by hand: a line of data every few seconds over Starlette's own streaming answer is all there is,
so that sse-starlette would be one package more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from streamer.console.console import Console
from streamer.console.pages.gates import Gate
from streamer.console.pages.who_asks import visitor_of
from streamer.errors import StreamerError

__all__ = ["SEES_QUEUE", "arrivals", "told_arrivals"]

SEES_QUEUE: Final = Gate(("view_queue",))
"""Who may be told that alerts have come."""

_EVERY_S: Final = 2.0
# A browser asks again by itself, so that a session that is over gets no events.
_LONGEST: Final = 150
_SILENT_TICKS: Final = 7
_LONGEST_NUMBER: Final = 18

_log: Final = structlog.get_logger(__name__)


async def arrivals(console: Console, request: Request) -> Response:
    """Tell who has logged in what comes, for five minutes."""
    try:
        found = await visitor_of(console, request)
        # No content: a browser does not ask again.
        if found is None:
            return Response(status_code=204)
        if not (await SEES_QUEUE.decide(console.guard, found[0], None)).is_allowed:
            return Response(status_code=204)
    except StreamerError as error:
        _log.warning("page not made", path="/events", error=str(error))
        return Response(status_code=503)
    asked = request.query_params.get("since", "")
    if request.method == "HEAD":
        return Response(media_type="text/event-stream")
    is_number = asked.isascii() and asked.isdigit() and len(asked) <= _LONGEST_NUMBER
    since = int(asked) if is_number else 0
    return StreamingResponse(told_arrivals(console, since), media_type="text/event-stream")


async def told_arrivals(
    console: Console, since: int, every_s: float = _EVERY_S
) -> AsyncIterator[str]:
    """Yield an event whenever another number of alerts has come than before."""
    told = 0
    for n_tick in range(_LONGEST):
        if console.is_ending:
            return
        try:
            n_new = (await console.alerts.counts()).arrived - since
        except StreamerError:
            n_new = told
        if n_new != told:
            told = n_new
            yield f"data: {n_new}\n\n"
        elif n_tick % _SILENT_TICKS == 0:
            # So that a connection which is gone is noticed.
            yield ": \n\n"
        await asyncio.sleep(every_s)
