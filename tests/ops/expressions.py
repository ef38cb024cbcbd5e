"""Every expression of every panel, variable, annotation and rule, asked of a real Prometheus.

``python -m tests.ops.expressions`` starts a worker under simulated load and prints what each gave.  An
expression must give a number at some moment of the run, or say why a service that is well has none.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

from ops.grafana.source import DASHBOARDS
from ops.grafana.source.variables import ANNOTATIONS, choices, substituted
from streamer.dev.people import Traffic
from streamer.embedded import EmbeddedServers
from streamer.store import Wish
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.publishing.alert_reader import AlertReader
from tests.builders import payment
from tests.ops.monitoring import Monitoring
from tests.rig.ports import HOST, stable_port
from tests.rig.waiting import wait_until
from tests.stream.harness import Record, Service

__all__ = ["Expression", "all_asked", "expressions", "report", "under_load"]

# A rate of Grafana's spans four scrapes at least; here one is a second, and a slow machine misses some.
_BUILT_IN: Final = {"__rate_interval": "10s", "__range": "60s"}
_RANGE_S: Final = 60
_STEP_S: Final = 5
_RATE: Final = 300.0
_VERDICT_DELAY_S: Final = 1.0
_ODD_EVERY_S: Final = 0.5
# What a run of a minute cannot show: a long history and a fault that pages.
_NOT_SHOWN: Final = (
    "streamer:alert_budget_achieved:ratio",
    "streamer_fraud_",
    "streamer_challenger_",
    "streamer_model_rollbacks_total",
    "streamer_secret_faulted",
    "streamer_serve_decisions_total",
    "> 100000",
    'severity="page"',
)
_LONG_S: Final = 240.0


@dataclass
class Expression:
    """One of them, and what it gave: how many series with a number, or its error."""

    where: str
    promql: str
    is_instant: bool
    quiet: str = ""
    n_series: int = 0
    error: str = field(default="")

    @property
    def is_empty(self) -> bool:
        """Whether it gave nothing and has no reason to."""
        return not (self.n_series or self.quiet or self.error)

    @property
    def is_awaited(self) -> bool:
        """Whether it has yet to give something in this run, reason or not."""
        if self.n_series or self.error or self.where.startswith("rule / Streamer"):
            return False
        return not any(part in self.promql for part in _NOT_SHOWN)

    @property
    def line(self) -> str:
        """What it gave, for a person."""
        gave = self.error or (f"{self.n_series} series" if self.n_series else "empty")
        mark = "ERROR" if self.error else "EMPTY" if self.is_empty else "ok"
        why = f" ({self.quiet})" if not self.n_series and self.quiet else ""
        return f"{mark:5}  {self.where}: {gave}{why}"


def expressions(rules: list[dict[str, Any]]) -> Iterator[Expression]:
    """Return all that Grafana and Prometheus will ever ask; ``rules`` are Prometheus' own list."""
    for board in DASHBOARDS:
        for panel in board.panels:
            for query in panel.queries:
                where = f"{board.name} / {panel.title}" + (
                    f" / {query.legend}" if len(panel.queries) > 1 else ""
                )
                is_instant = panel.kind in ("table", "bargauge")
                promql = substituted(query.promql, _BUILT_IN, board.variables)
                yield Expression(where, promql, is_instant, query.quiet)
    for each in ANNOTATIONS:
        quiet = "nothing pages" if "ALERTS" in each["expr"] else ""
        yield Expression(
            f"mark / {each['name']}", substituted(each["expr"], _BUILT_IN), False, quiet
        )
    for variable in choices(with_partition=True):
        model = variable.build()
        assert isinstance(model.query, dict)
        asked, _, label = str(model.query["query"]).removeprefix("label_values(").rpartition(", ")
        yield Expression(
            f"variable / {model.name} ({label.rstrip(')')})", substituted(asked, _BUILT_IN), True
        )
    quiet_records = {"streamer:alert_budget_achieved:ratio": "not before 100,000 payments"}
    for rule in rules:
        quiet = "fires on a fault only" if rule["type"] == "alerting" else ""
        quiet = quiet_records.get(rule["name"], quiet)
        yield Expression(f"rule / {rule['name']}", rule["query"], True, quiet)


def _ask(asked: list[Expression], watch: Monitoring) -> None:
    """Ask each once, and note what it gives (IN/OUT)."""
    for each in asked:
        try:
            series = (
                watch.query(each.promql)
                if each.is_instant
                else watch.query_range(each.promql, time.time() - _RANGE_S, time.time(), _STEP_S)
            )
        except OSError as error:
            each.error = str(error)
            continue
        each.n_series = sum(map(_has_number, series))


def _has_number(series: dict[str, Any]) -> bool:
    points = series.get("values") or [series["value"]]
    return any(math.isfinite(float(value)) for _, value in points)


def report(asked: list[Expression]) -> str:
    """Return a line for each, and the sum."""
    n_errors = sum(bool(each.error) for each in asked)
    n_empty = sum(each.is_empty for each in asked)
    n_data = sum(bool(each.n_series) for each in asked)
    total = (
        f"{len(asked)} expressions: {n_data} gave data, {n_errors} errors, "
        f"{n_empty} unexpectedly empty"
    )
    return "\n".join([*(each.line for each in asked), total])


@contextmanager
def under_load(
    bootstrap: str, redis_url: str, folder: Path
) -> Iterator[tuple[Service, Monitoring]]:
    """A worker with payments, verdicts and a promotion, and who answers requests, watched."""
    hourly = (
        "100000"  # far above the budget, so that the metrics are there and nothing else changes
    )
    with (
        Service(bootstrap, redis_url, alerts_per_hour=hourly) as service,
        ExitStack() as ends,
    ):
        worker = service.create_topics().worker().wait_ready()
        settings = service.settings
        config = librdkafka_config(settings)
        topics = settings.transactions_topic, settings.feedback_topic
        traffic = Traffic(config, topics, _RATE, 1, _VERDICT_DELAY_S)
        reader = AlertReader(
            config, settings.alerts_topic, service.n_partitions, lambda a, _: traffic.judge(a)
        )
        traffic.start()
        ends.callback(traffic.stop)
        reader.start()
        ends.callback(reader.stop)
        ends.enter_context(_odd_records(service))
        asked = ends.enter_context(_asked(service))
        workers = {"": f"{HOST}:{worker.port}"}
        watch = ends.enter_context(Monitoring(folder, workers, {"": asked}))
        wait_until(lambda: len(service.ask(lambda store: store.versions())) > 1, worker.log)
        _roll_back(service)
        yield watch


@contextmanager
def _odd_records(service: Service) -> Iterator[None]:
    """Dead letters, so many that alerts fire; payments of which a field is left out; no payments."""
    stop = threading.Event()
    bad: list[Record] = [(b"card", b'{"card_id": "card"}')] * 5

    def send() -> None:
        for number in count():
            if stop.wait(_ODD_EVERY_S):
                return
            odd = payment(number, card_id="card-x", latitude=0, longitude=0)
            service.produce([*bad, (b"card-x", json.dumps(odd).encode()), (b"card", None)])

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def _asked(service: Service) -> Iterator[str]:
    """Address of a process that is asked for payments, and for what is none, alone and in a list."""
    port = str(stable_port())
    ports = {"web_port": port, "serve_port": port, "serve_grpc_port": "0"}
    service.worker(("-m", "streamer", "serve"), **ports).wait_ready()
    stop = threading.Event()

    def ask() -> None:
        for number in count():
            if stop.wait(_ODD_EVERY_S):
                return
            good = json.dumps(payment(number, card_id="card-x"))
            for body in (good, f"[{good}, {{}}]", "{}"):
                asked = urllib.request.Request(
                    f"http://{HOST}:{port}/v1/score",
                    body.encode(),
                    {"Content-Type": "application/json"},
                )
                # Nobody is to learn what it answers: Prometheus asks.
                with suppress(OSError), urllib.request.urlopen(asked, timeout=10):  # noqa: S310
                    pass

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield f"{HOST}:{port}"
    finally:
        stop.set()
        thread.join()


def _roll_back(service: Service) -> None:
    """Make the version before the current one the head."""
    versions = service.ask(lambda store: store.versions())
    at_ms = round(time.time() * 1000)
    service.ask(lambda store: store.set_head(Wish(versions[1].id, "rollback", "test", at_ms)))


def all_asked(watch: Monitoring) -> list[Expression]:
    """Ask until each that can give data in such a run has given some; return all of them."""
    asked = list(expressions(watch.rules()))

    def is_done() -> bool:
        _ask([each for each in asked if not each.n_series], watch)
        return not any(each.is_awaited for each in asked)

    def still() -> str:
        return "\n".join(f"{each.where}: {each.promql}" for each in asked if each.is_awaited)

    wait_until(is_done, still, _LONG_S)
    return asked


def main() -> int:
    """Print what each gave; return 1 if one failed or is empty without a reason."""
    with (
        EmbeddedServers() as servers,
        tempfile.TemporaryDirectory() as folder,
        under_load(servers.bootstrap_servers, servers.redis_url, Path(folder)) as watch,
    ):
        asked = all_asked(watch)
    print(report(asked))
    return int(any(each.error or each.is_empty for each in asked))


if __name__ == "__main__":
    sys.exit(main())
