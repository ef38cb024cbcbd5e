"""The model page: the version that scores, how traffic has moved from it, and what came before."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup
from starlette.responses import Response

from streamer.console.console import now_ms
from streamer.console.pages.visits import Visit
from streamer.drifting.drift_page import headline, told_reference
from streamer.drifting.drift_svg import feature_svg

__all__ = ["model_page"]

_DRAWN: Final = 4
# Of an entry of the history, what has a column of its own.
_PLAIN: Final = ("at", "reason", "who", "version", "parent", "replaced", "why")


async def model_page(visit: Visit) -> Response:
    """Show head, drift, challengers, versions and history, and a form to propose another head."""
    models = await visit.console.models.get()
    drift = models.drift
    return await visit.page(
        "model.html",
        head=models.head,
        drift=drift,
        headline=headline(dict(drift)),
        reference=told_reference(dict(drift)),
        drawn=[
            (each, _svg(each, drift["currency"]))
            for each in (drift["features"][:_DRAWN] if drift["reference"] != "none" else ())
        ],
        versions=models.versions,
        changes=[_change(entry) for entry in models.changes],
        challengers=models.challengers,
        watch=models.watch,
        left_min=models.watch.left_s(now_ms()) / 60,
        key=secrets.token_urlsafe(12),
    )


def _svg(feature: Mapping[str, Any], currency: str) -> Markup:
    # It escapes what it is given, and has no style of its own.
    return Markup(feature_svg(dict(feature), currency))  # noqa: S704 - made of our own text


def _change(entry: Mapping[str, str]) -> dict[str, str]:
    others = {name: value for name, value in entry.items() if name not in _PLAIN and value}
    details = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in others.items())
    return {name: entry.get(name, "") for name in _PLAIN} | {"details": details}
