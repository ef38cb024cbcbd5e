"""The budget's page: what another number of alerts would find and miss, and a form to propose it."""

from __future__ import annotations

import asyncio
import math
import secrets
from typing import Final

from starlette.responses import Response

from streamer.console.pages.visits import Visit
from streamer.console.team.budget_curve import GRID, Expected
from streamer.console.team.score_drawing import drawing_of
from streamer.impact.prices import NO_PRICES
from streamer.status.facts import ModelStatus

__all__ = ["N_STEPS", "budget_of", "budget_page", "payments_a_day", "step_in", "step_of"]

_LEAST, _MOST = GRID[0], GRID[-1]

N_STEPS: Final = 80
"""Steps of the slider, of equal ratio, from the least budget of the grid to the largest."""


async def budget_page(visit: Visit) -> Response:
    """Show the budgets side by side, and the one that the address names."""
    console = visit.console
    models, status = await console.models.get(), await console.status.get()
    a_day = None if status.model is None else payments_a_day(status.model)
    hourly = models.head["alerts_per_hour"]
    current = float(models.head["alert_budget"])
    if hourly is not None and a_day is not None:
        current = 24 * hourly / a_day
    asked = step_in(visit.request.query_params.get("step", ""))
    step = step_of(current) if asked is None else asked
    judged = console.standing.of(await console.judged_entries())
    # Of 20,000 verdicts it takes a tenth of a second.
    curve = await asyncio.to_thread(console.curve.of, judged)
    in_use, impact = await console.versions.in_use(), await console.impact()

    def told(budget: float) -> Expected:
        return curve.expected(budget, current, a_day)

    # For 20,000 verdicts it takes longer than others may be kept waiting.
    budgets = current, budget_of(step), *GRID
    in_force, chosen, *grid = await asyncio.to_thread(lambda: [told(each) for each in budgets])
    return await visit.page(
        "budget.html",
        current=in_force,
        is_hourly=hourly is not None,
        chosen=chosen,
        step=step,
        n_steps=N_STEPS,
        grid=grid,
        n_judged=len(judged),
        n_sampled=curve.n_sampled,
        drawn=None if in_use.version is None else drawing_of(in_use.version),
        undrawn=in_use.because,
        payments_a_day=a_day,
        impact=impact,
        no_prices=NO_PRICES,
        worth=impact.at(budget_of(step)),
        worth_now=impact.at(current),
        key=secrets.token_urlsafe(12),
    )


def budget_of(step: int) -> float:
    """Return the budget of a step of the slider, to three figures.

    >>> budget_of(0), budget_of(40), budget_of(80)
    (0.0005, 0.005, 0.05)
    """
    return float(f"{_LEAST * (_MOST / _LEAST) ** (step / N_STEPS):.3g}")


def step_of(budget: float) -> int:
    """Return the step of the slider that is nearest to a budget."""
    step = round(N_STEPS * math.log(budget / _LEAST) / math.log(_MOST / _LEAST))
    return min(max(step, 0), N_STEPS)


def payments_a_day(model: ModelStatus) -> float | None:
    """Return how many payments a day of recent traffic has, None while that is not known."""
    if not model.per_hour_achieved or not model.budget_achieved > 0:
        return None
    a_day = 24 * model.per_hour_achieved / model.budget_achieved
    return a_day if math.isfinite(a_day) else None


def step_in(text: str) -> int | None:
    """Return the step that somebody sent, None for what is none of the slider's.

    >>> [step_in(text) for text in ("80", "81", "-1", "0000099", "")]
    [80, None, None, None, None]
    """
    is_number = text.isascii() and text.isdigit() and len(text) < 4
    return int(text) if is_number and int(text) <= N_STEPS else None
