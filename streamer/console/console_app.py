"""The console as an ASGI app: which address is which page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from streamer.console.console import Console
from streamer.console.pages.alert_pages import (
    alert_page,
    exported,
    kept_page,
    printed,
    recomputed,
)
from streamer.console.pages.arrivals import arrivals
from streamer.console.pages.asked_pages import asked_page
from streamer.console.pages.below_page import below_page
from streamer.console.pages.budget_page import budget_page
from streamer.console.pages.claim_pages import claim, release, take
from streamer.console.pages.login_pages import login, logout
from streamer.console.pages.model_page import model_page
from streamer.console.pages.older_pages import find, reopen
from streamer.console.pages.operations_page import operations
from streamer.console.pages.page_templates import static_file
from streamer.console.pages.proposal_pages import decide, proposals_page, propose, propose_budget
from streamer.console.pages.queue_pages import help_page, next_alert, queue
from streamer.console.pages.safe_headers import SafeHeaders
from streamer.console.pages.snooze_pages import end_snooze, snooze, snoozes_page
from streamer.console.pages.team_page import team
from streamer.console.pages.ticked_pages import (
    judge_ticked,
    open_ticked,
    release_ticked,
    undo_ticked,
)
from streamer.console.pages.verdict_pages import judge, undo
from streamer.console.pages.visits import Handler, Visits, message_page
from streamer.console.pages.wave_pages import (
    claim_wave,
    judge_wave,
    release_wave,
    undo_wave,
    wave_page,
)
from streamer.errors import StreamerError

__all__ = ["console_app"]

Endpoint = Callable[[Request], Awaitable[Response]]


def console_app(console: Console) -> ASGIApp:
    """Return the app; it reads alerts while it runs."""
    made = Visits(console, kept_page).endpoint

    async def log_in(request: Request) -> Response:
        return await login(console, request)

    async def events(request: Request) -> Response:
        return await arrivals(console, request)

    async def static(request: Request) -> Response:
        found = static_file(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        return found

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def metrics(_: Request) -> Response:
        body, content_type = console.metrics.exposition(console.trail.writer)
        return Response(body, media_type=content_type)

    async def readyz(_: Request) -> Response:
        because = [console.reading_error] if console.reading_error else []
        try:
            await console.alerts.counts()
        except StreamerError as error:
            because.append(str(error))
        if because:
            return JSONResponse({"status": "not ready", "because": because}, 503)
        return JSONResponse({"status": "ready"})

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with console.running():
            yield

    one, gets, posts = "/alerts/{alert_id}", ["GET"], ["POST"]
    routes = [
        Route("/", made(queue), methods=gets),
        Route("/next", made(next_alert), methods=gets),
        Route("/find", made(find), methods=posts),
        Route("/model", made(model_page), methods=gets),
        Route("/model/propose", made(propose), methods=posts),
        Route("/budget", made(budget_page), methods=gets),
        Route("/budget/propose", made(propose_budget), methods=posts),
        Route("/below", made(below_page), methods=gets),
        Route("/team", made(team), methods=gets),
        Route("/snoozed", made(snoozes_page), methods=gets),
        Route("/snoozed/end", made(end_snooze), methods=posts),
        Route(f"{one}/snooze", made(snooze), methods=posts),
        Route("/proposals", made(proposals_page), methods=gets),
        Route("/proposals/{proposal_id}/decide", made(decide), methods=posts),
        Route("/operations", made(operations), methods=gets),
        Route("/help", made(help_page), methods=gets),
        Route(one, made(alert_page), methods=gets),
        Route(f"{one}/asked", made(asked_page), methods=gets),
        Route(f"{one}/recomputed", made(recomputed), methods=gets),
        Route(f"{one}/export.json", made(exported), methods=gets),
        Route(f"{one}/print", made(printed), methods=gets),
        Route(f"{one}/verdict", made(judge), methods=posts),
        Route(f"{one}/undo", made(undo), methods=posts),
        Route(f"{one}/claim", made(claim), methods=posts),
        Route(f"{one}/release", made(release), methods=posts),
        Route(f"{one}/take", made(take), methods=posts),
        Route(f"{one}/reopen", made(reopen), methods=posts),
        *_at_once(made),
        Route("/login", log_in, methods=["GET", "POST"]),
        Route("/logout", made(logout), methods=posts),
        Route("/events", events, methods=gets),
        Route("/static/{name}", static, methods=gets),
        Route("/healthz", healthz, methods=gets),
        Route("/readyz", readyz, methods=gets),
        Route("/metrics", metrics, methods=gets),
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )
    # It would redirect to whatever host the request names.
    app.router.redirect_slashes = False
    # Around all of it, so that answers of Starlette's own have the headers too.
    return SafeHeaders(app)


def _at_once(made: Callable[[Handler], Endpoint]) -> list[Route]:
    """Return the routes by which several alerts are judged."""
    wave, ticked, posts = "/waves/{wave_id}", "/ticked", ["POST"]
    return [
        Route(wave, made(wave_page), methods=["GET"]),
        Route(f"{wave}/claim", made(claim_wave), methods=posts),
        Route(f"{wave}/verdict", made(judge_wave), methods=posts),
        Route(f"{wave}/undo", made(undo_wave), methods=posts),
        Route(f"{wave}/release", made(release_wave), methods=posts),
        Route(ticked, made(open_ticked), methods=posts),
        Route(f"{ticked}/verdict", made(judge_ticked), methods=posts),
        Route(f"{ticked}/undo", made(undo_ticked), methods=posts),
        Route(f"{ticked}/release", made(release_ticked), methods=posts),
    ]


async def _refused(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    if status == 404:
        return message_page(404, "There is no such page", "The queue has all there is.")
    told = "This address is asked for in another way. Nothing was done. Go back to the queue."
    answer = message_page(status, "That cannot be done here", told)
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


async def _failed(_: Request, __: Exception) -> Response:
    # Uvicorn writes its traceback down.
    told = "Whether anything was sent is told by the alert's page: open it again."
    return message_page(500, "That was a defect of the console", told)
