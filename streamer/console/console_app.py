"""The console as an ASGI app: which address is which page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from streamer.console.console import Console
from streamer.console.pages.alert_pages import (
    alert_page,
    exported,
    kept_page,
    printed,
    recomputed,
)
from streamer.console.pages.arrivals import SEES_QUEUE, arrivals
from streamer.console.pages.asked_pages import asked_page
from streamer.console.pages.below_page import below_page
from streamer.console.pages.budget_page import budget_page
from streamer.console.pages.claim_pages import claim, release, take
from streamer.console.pages.gates import PUBLIC, Gate, GatedRoute
from streamer.console.pages.login_pages import login, logout
from streamer.console.pages.model_page import model_page
from streamer.console.pages.oidc_pages import come_back, go_out
from streamer.console.pages.older_pages import find, reopen
from streamer.console.pages.operations_page import operations
from streamer.console.pages.page_templates import static_file
from streamer.console.pages.proposal_pages import (
    decide,
    decided_about,
    proposals_page,
    propose,
    propose_budget,
)
from streamer.console.pages.queue_pages import help_page, next_alert, queue
from streamer.console.pages.safe_headers import SafeHeaders
from streamer.console.pages.snooze_pages import (
    end_snooze,
    snooze,
    snoozed_about,
    snoozes_page,
)
from streamer.console.pages.snooze_proposals import carried_about, carry_out
from streamer.console.pages.team_page import team
from streamer.console.pages.ticked_pages import (
    judge_ticked,
    open_ticked,
    release_ticked,
    undo_ticked,
)
from streamer.console.pages.verdict_pages import judge, judged_about, overrule, undo
from streamer.console.pages.visits import Handler, Visits, message_page
from streamer.console.pages.wave_pages import (
    claim_wave,
    judge_wave,
    release_wave,
    undo_wave,
    wave_page,
)
from streamer.console.people.oidc_people import CALLBACK
from streamer.errors import StreamerError
from streamer.telemetry.tenant_families import of_one_tenant

__all__ = ["console_app", "troubles_of"]

Endpoint = Callable[[Request], Awaitable[Response]]
Made = Callable[[Handler, Gate], Endpoint]

_GET: Final = ["GET"]
_POST: Final = ["POST"]


def console_app(console: Console, *, is_whole: bool = True) -> ASGIApp:
    """Return the app; it reads alerts while it runs.

    ``is_whole``: its metrics are those of the process too, which has no other console.
    """
    made = Visits(console, kept_page).endpoint

    async def log_in(request: Request) -> Response:
        return await login(console, request)

    async def out(request: Request) -> Response:
        return await go_out(console, request)

    async def back(request: Request) -> Response:
        return await come_back(console, request)

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
        console.read_secrets()
        found = console.metrics.collect(console.opa_trouble, console.trail.writer)
        body, content_type = console.metrics.rendered(found if is_whole else of_one_tenant(found))
        return Response(body, media_type=content_type)

    async def readyz(_: Request) -> Response:
        because = await troubles_of(console)
        if because:
            return JSONResponse({"status": "not ready", "because": because}, 503)
        return JSONResponse({"status": "ready"})

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with console.running():
            yield

    routes = [
        *_pages(made),
        *_of_an_alert(made),
        *_at_once(made),
        GatedRoute("/login", log_in, ["GET", "POST"], PUBLIC),
        GatedRoute("/oidc/login", out, _GET, PUBLIC),
        GatedRoute(CALLBACK, back, _GET, PUBLIC),
        GatedRoute("/events", events, _GET, SEES_QUEUE),
        GatedRoute("/static/{name}", static, _GET, PUBLIC),
        GatedRoute("/healthz", healthz, _GET, PUBLIC),
        GatedRoute("/readyz", readyz, _GET, PUBLIC),
        GatedRoute("/metrics", metrics, _GET, PUBLIC),
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


async def troubles_of(console: Console) -> list[str]:
    """Return why a console is not ready, nothing when it is."""
    because = [console.reading_error] if console.reading_error else []
    try:
        await console.alerts.counts()
    except StreamerError as error:
        because.append(str(error))
    return because


def _pages(made: Made) -> list[GatedRoute]:
    """Return the routes of what is beside an alert."""

    def get(path: str, handler: Handler, action: str) -> GatedRoute:
        return _gated(made, path, handler, _GET, Gate((action,)))

    def post(path: str, handler: Handler, gate: Gate) -> GatedRoute:
        return _gated(made, path, handler, _POST, gate)

    return [
        get("/", queue, "view_queue"),
        get("/next", next_alert, "claim"),
        get("/model", model_page, "view_model"),
        get("/budget", budget_page, "view_budget"),
        get("/below", below_page, "view_below"),
        get("/team", team, "view_team"),
        get("/snoozed", snoozes_page, "view_snoozes"),
        get("/proposals", proposals_page, "view_proposals"),
        get("/operations", operations, "view_operations"),
        get("/help", help_page, "view_help"),
        post("/find", find, Gate(("search",))),
        post("/model/propose", propose, Gate(("propose",))),
        post("/budget/propose", propose_budget, Gate(("propose",))),
        post("/snoozed/end", end_snooze, Gate(("end_snooze",))),
        post("/proposals/{proposal_id}/decide", decide, Gate(("approve",), decided_about)),
        post(
            "/proposals/{proposal_id}/carry-out",
            carry_out,
            Gate(("snooze_long",), carried_about),
        ),
        post("/logout", logout, Gate(("log_out",))),
    ]


def _of_an_alert(made: Made) -> list[GatedRoute]:
    """Return the routes of one alert."""

    def get(path: str, handler: Handler, action: str) -> GatedRoute:
        return _gated(made, f"/alerts/{{alert_id}}{path}", handler, _GET, Gate((action,)))

    def post(path: str, handler: Handler, gate: Gate) -> GatedRoute:
        return _gated(made, f"/alerts/{{alert_id}}{path}", handler, _POST, gate)

    return [
        get("", alert_page, "view_alert"),
        get("/asked", asked_page, "ask_model"),
        get("/recomputed", recomputed, "ask_model"),
        get("/export.json", exported, "export_alert"),
        get("/print", printed, "export_alert"),
        post("/verdict", judge, Gate(("judge", "rule"), judged_about)),
        post("/undo", undo, Gate(("judge",))),
        post("/overrule", overrule, Gate(("judge",))),
        post("/claim", claim, Gate(("claim",))),
        post("/release", release, Gate(("claim",))),
        post("/take", take, Gate(("take_from_others",))),
        post("/reopen", reopen, Gate(("reopen",))),
        post("/snooze", snooze, Gate(("snooze", "propose"), snoozed_about)),
    ]


def _at_once(made: Made) -> list[GatedRoute]:
    """Return the routes by which several alerts are judged."""
    wave, ticked = "/waves/{wave_id}", "/ticked"

    def post(path: str, handler: Handler, action: str) -> GatedRoute:
        return _gated(made, path, handler, _POST, Gate((action,)))

    return [
        _gated(made, wave, wave_page, _GET, Gate(("view_card_history",))),
        post(f"{wave}/claim", claim_wave, "claim"),
        post(f"{wave}/verdict", judge_wave, "judge"),
        post(f"{wave}/undo", undo_wave, "judge"),
        post(f"{wave}/release", release_wave, "claim"),
        post(ticked, open_ticked, "judge_many"),
        post(f"{ticked}/verdict", judge_ticked, "judge_many"),
        post(f"{ticked}/undo", undo_ticked, "judge_many"),
        post(f"{ticked}/release", release_ticked, "claim"),
    ]


def _gated(made: Made, path: str, handler: Handler, methods: list[str], gate: Gate) -> GatedRoute:
    return GatedRoute(path, made(handler, gate), methods, gate)


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
