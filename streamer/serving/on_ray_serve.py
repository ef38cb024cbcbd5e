"""The app of `streamer serve` on Ray Serve: the same doors over HTTP, as many processes as are asked.

``serve run streamer.serve:deployment max_replicas=8``: each replica is configured by the STREAMER_
variables of its environment, reads model and state for itself, and is drained when it is taken away.
Needs the extras `serve` and `ray`; Ray is imported when the application is built, at no other time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.types import ASGIApp

from streamer.core_dumps import leave_no_core
from streamer.errors import ConfigurationError
from streamer.extra import require
from streamer.serving.serving import Serving
from streamer.serving.serving_tenants import ServingTenants
from streamer.serving.tenants_door import app_of
from streamer.settings import load_settings
from streamer.settings.tenants import load_tenants
from streamer.telemetry.logs import configure_logging

if TYPE_CHECKING:
    from ray.serve import Application

__all__ = ["deployment"]

# Requests that are answered together cost little more than one, so that a replica is given many.
_DEFAULTS: Final = {
    "min_replicas": 1.0,
    "max_replicas": 4.0,
    "target_ongoing_requests": 32.0,
    "num_cpus": 1.0,
}
# Beyond this a replica gets none; STREAMER_SERVE_MAX_IN_FLIGHT refuses before that, and says so.
_ONGOING_PER_TARGET: Final = 8


def deployment(args: dict[str, Any]) -> Application:
    """Return the application; ``args`` may have ``min_replicas``, ``max_replicas``,
    ``target_ongoing_requests`` (per replica, what it is scaled by) and ``num_cpus`` (of a replica)."""
    require("ray.serve")
    from ray import serve

    unknown = sorted(args.keys() - _DEFAULTS.keys())
    if unknown:
        known = ", ".join(_DEFAULTS)
        raise ConfigurationError(f"arguments must be among {known}, got {', '.join(unknown)}")
    given = _DEFAULTS | {name: _number(name, value) for name, value in args.items()}
    made = serve.deployment(
        name="streamer",
        ray_actor_options={"num_cpus": given["num_cpus"]},
        max_ongoing_requests=round(given["target_ongoing_requests"] * _ONGOING_PER_TARGET),
        autoscaling_config={
            "min_replicas": round(given["min_replicas"]),
            "max_replicas": round(given["max_replicas"]),
            "target_ongoing_requests": given["target_ongoing_requests"],
        },
    )(serve.ingress(_app)())
    application: Application = made.bind()
    return application


def _app() -> ASGIApp:
    """Return the app of one replica."""
    leave_no_core()
    settings = load_settings()
    tenants = load_tenants(settings, needed=("serve_api_keys",))
    configure_logging(settings.log_level, settings.log_format)
    return app_of(ServingTenants(settings, tenants) if tenants else Serving(settings))


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ConfigurationError(f"{name} must be a number, got {value}") from None
