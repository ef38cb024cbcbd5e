"""HTTP on the worker's port: /healthz, /readyz, /metrics, /model.

They are up before Kafka and Redis are, so that /readyz can say what the worker is waiting for.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
import orjson
from aiohttp import web

from streamer.alerts import describe_center
from streamer.codes import CURRENCIES
from streamer.drift_report import describe_drift
from streamer.head_report import describe_head
from streamer.stream.health import Health, head_age_s
from streamer.stream.scoring import Scoring

__all__ = ["Endpoints", "describe_model"]

_JSON: Final = "application/json"


class Endpoints:
    """The worker's HTTP server."""

    def __init__(self, scoring: Scoring, health: Health, host: str, port: int) -> None:
        self._scoring = scoring
        self._health = health
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Bind the port and serve; OSError when it is taken."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/model", self._model)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    async def stop(self) -> None:
        """Stop serving; does nothing when it never started."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _healthz(self, _: web.Request) -> web.Response:
        return _json({"status": "alive"})

    async def _readyz(self, _: web.Request) -> web.Response:
        faults = self._health.faults()
        status: dict[str, Any] = {"status": "ready"}
        if faults:
            status = {"status": "not ready", "because": faults}
        if warnings := self._health.warnings():
            status["warnings"] = warnings
        return _json(status, 200 if not faults else 503)

    async def _metrics(self, _: web.Request) -> web.Response:
        self._health.update_metrics()
        body, content_type = self._scoring.metrics.exposition()
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _model(self, _: web.Request) -> web.Response:
        return _json(describe_model(self._scoring))


def describe_model(scoring: Scoring) -> dict[str, Any]:
    """Return the model version in use, its centers told in the most frequent currency."""
    version, head = scoring.version, scoring.head
    sums = version.sums
    currency = int(sums.currency_weights.argmax())
    mean = float(version.currency_means[currency])
    described: dict[str, Any] = {
        "version": version.id,
        "status": "warming" if version.is_warming else "learning",
        "transactions_seen": sums.transactions_seen,
        "transactions_taught": sums.transactions_taught,
        "revivals": sums.revivals,
        "alert_budget": version.config.alert_budget,
        "alerts_per_hour": version.config.alerts_per_hour,
        "mode": scoring.mode,
    }
    if head is not None:
        described["parent"] = head.header.parent
        described["created_at"] = head.header.created_at
        described["age_s"] = head_age_s(head, scoring.clock.now_ms())
    if version.is_warming:
        described["warmup"] = {"have": len(sums.warmup_X), "need": version.config.warmup}
        return described
    order = np.argsort(-sums.cluster_weights).tolist()
    described["threshold_distance"] = version.threshold_sq**0.5
    described["currency"] = CURRENCIES[currency]
    described["centers"] = [
        describe_center(version, label, 0.0 if np.isnan(mean) else mean) for label in order
    ]
    described["head"] = describe_head(version)
    described["drift"] = msgspec.to_builtins(describe_drift(sums, version.config))
    described["drift"]["distance_shifts"] = scoring.distance_monitor.n_drifts
    return described


def _json(content: Any, status: int = 200) -> web.Response:
    body = orjson.dumps(msgspec.to_builtins(content), option=orjson.OPT_INDENT_2)
    return web.Response(body=body, status=status, content_type=_JSON)
