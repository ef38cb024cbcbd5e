"""Prometheus and Alertmanager as child processes, with the rules' times scaled down to seconds.

A time of m minutes becomes 3 * sqrt(m) seconds: the order of all times is kept, windows of five minutes
still hold some scrapes, and three days are over in as many minutes.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import yaml

from streamer.embedded import ChildProcess
from tests.rig.ports import HOST, stable_port
from tests.rig.waiting import DEADLINE_S

__all__ = ["Monitoring", "missing", "scaled"]

_OPS: Final = Path(__file__).resolve().parents[2] / "ops" / "prometheus"
_MINUTES: Final = {"s": 1 / 60, "m": 1, "h": 60, "d": 1_440}
_MINUTE_S: Final = 3.0
# It is the time-out of a scrape too, which a slow machine must not miss.
_SCRAPE_S: Final = 1
_STEP_MS: Final = 500
_FRESH_S: Final = 0.25
_NOBODY: Final[Mapping[str, str]] = {}
_PLACES: Final = r"(\[|offset |for: |interval: |group_wait: |group_interval: |repeat_interval: )"
# What else the rules say, and what it is here. Ages in seconds are times too. A slow machine that is
# well may miss 200 ms. A surge must last until it has been seen. Nobody sends 100,000 payments first.
_ELSE: Final = (
    ('le="0.2"', 'le="2.5"'),
    (":p95_5m > 0.2", ":p95_5m > 2.5"),
    ("offset 10m", "offset 2h"),
    ("(streamer_model_transactions_seen) > 100000", "(streamer_model_transactions_seen) > 500"),
    ("(streamer_checkpoint_age_seconds) > 60", "(streamer_checkpoint_age_seconds) > 3"),
    ("(streamer_model_age_seconds) > 900", "(streamer_model_age_seconds) > 12"),
)


def missing() -> str | None:
    """Say what is not installed, None when all is."""
    for program in ("prometheus", "prometheus-alertmanager"):
        if shutil.which(program) is None:
            return f"{program} is not installed; run .ci/install-services"
    return None


def scaled(text: str) -> str:
    """Return rules or a configuration with every time as it is here.

    >>> scaled("for: 1h"), scaled("[5m]"), scaled("[3d]")
    ('for: 23238ms', '[6708ms]', '[197180ms]')
    """

    def less(found: re.Match[str]) -> str:
        minutes = int(found[2]) * _MINUTES[found[3]]
        return f"{found[1]}{round(_MINUTE_S * math.sqrt(minutes) * 1_000)}ms"

    return re.sub(rf"{_PLACES}(\d+)([smhd])\b", less, text)


def _scaled_rules() -> str:
    text = (_OPS / "streamer.rules.yml").read_text()
    for there, here in _ELSE:
        assert there in text, f"the rules do not say {there} any more"
        text = text.replace(there, here)
    return scaled(text)


class Monitoring:
    """Both programs with the project's own rules and routes; each namespace's target is scraped.

    ``targets`` are workers, ``serving`` what answers requests.
    """

    def __init__(
        self, folder: Path, targets: Mapping[str, str], serving: Mapping[str, str] = _NOBODY
    ) -> None:
        self._folder = folder
        self._targets = {"streamer": targets, "streamer-serve": serving}
        self._ends = ExitStack()
        self._lock = threading.Lock()
        self._asked_at = -math.inf
        self._told: dict[tuple[str, str], set[str]] = {}
        self.prometheus = f"{HOST}:{stable_port()}"
        self.alertmanager = f"{HOST}:{stable_port()}"

    def __enter__(self) -> Self:
        self._write()
        with ExitStack() as on_failure:
            on_failure.callback(self._ends.close)
            self._start(
                "prometheus-alertmanager",
                self.alertmanager,
                f"--config.file={self._folder / 'alertmanager.yml'}",
                f"--storage.path={self._folder / 'alertmanager'}",
                "--cluster.listen-address=",
            )
            self._start(
                "prometheus",
                self.prometheus,
                f"--config.file={self._folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={self._folder / 'prometheus'}",
            )
            on_failure.pop_all()
        return self

    def _write(self) -> None:
        (self._folder / "streamer.rules.yml").write_text(_scaled_rules())
        routes = (_OPS / "alertmanager.yml").read_text()
        (self._folder / "alertmanager.yml").write_text(scaled(routes))
        settings = yaml.safe_load((_OPS / "prometheus.yml").read_text())
        settings["global"] = {
            "scrape_interval": f"{_SCRAPE_S}s",
            "evaluation_interval": f"{_STEP_MS}ms",
            "external_labels": {"runbooks": "https://git.example.com/"},
        }
        settings["rule_files"] = [str(self._folder / "*.rules.yml")]
        (receivers,) = settings["alerting"]["alertmanagers"]
        receivers["static_configs"] = [{"targets": [self.alertmanager]}]
        for job in settings["scrape_configs"]:
            del job["dns_sd_configs"]
            job["static_configs"] = [
                {"targets": [target], "labels": {"namespace": namespace}}
                for namespace, target in self._targets[job["job_name"]].items()
            ]
        (self._folder / "prometheus.yml").write_text(yaml.safe_dump(settings))

    def _start(self, program: str, address: str, *arguments: str) -> None:
        found = shutil.which(program)
        assert found is not None, missing()
        child = ChildProcess([found, f"--web.listen-address={address}", *arguments], name=program)
        self._ends.callback(child.stop)
        url = f"http://{address}/-/ready"
        child.start().wait_ready(lambda: _is_ready(url), url, DEADLINE_S)

    def rules(self) -> list[dict[str, Any]]:
        """Return every rule with its health, as Prometheus has it."""
        groups = _get(f"http://{self.prometheus}/api/v1/rules")["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return what an expression gives now."""
        query = urllib.parse.urlencode({"query": expression})
        result: list[dict[str, Any]] = _get(f"http://{self.prometheus}/api/v1/query?{query}")[
            "data"
        ]["result"]
        return result

    def query_range(
        self, expression: str, start_s: float, end_s: float, step_s: float
    ) -> list[dict[str, Any]]:
        """Return what an expression gave from ``start_s`` to ``end_s``, in seconds since the epoch."""
        asked = {"query": expression, "start": start_s, "end": end_s, "step": step_s}
        url = f"http://{self.prometheus}/api/v1/query_range?{urllib.parse.urlencode(asked)}"
        result: list[dict[str, Any]] = _get(url)["data"]["result"]
        return result

    def annotations(self, namespace: str, alert: str) -> dict[str, str]:
        """Return what Alertmanager has to tell of an alert; empty where it has none."""
        for each in _get(f"http://{self.alertmanager}/api/v2/alerts"):
            if _key(each) == (namespace, alert):
                told: dict[str, str] = each["annotations"]
                return told
        return {}

    def states(self, namespace: str, alert: str) -> set[str]:
        """Return where an alert is to be seen: ``firing`` in Prometheus, ``active`` and ``suppressed``.

        The last two are Alertmanager's.  Empty when both have nothing of it but what is pending.
        """
        with self._lock:
            if time.monotonic() - self._asked_at > _FRESH_S:
                self._told = self._ask()
                self._asked_at = time.monotonic()
            return self._told.get((namespace, alert), set())

    def _ask(self) -> dict[tuple[str, str], set[str]]:
        told: dict[tuple[str, str], set[str]] = {}
        for each in _get(f"http://{self.prometheus}/api/v1/alerts")["data"]["alerts"]:
            if each["state"] == "firing":
                told.setdefault(_key(each), set()).add("firing")
        for each in _get(f"http://{self.alertmanager}/api/v2/alerts"):
            told.setdefault(_key(each), set()).add(each["status"]["state"])
        return told

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ends.close()


def _key(alert: dict[str, Any]) -> tuple[str, str]:
    labels = alert["labels"]
    return labels.get("namespace", ""), labels["alertname"]


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=DEADLINE_S) as answer:  # noqa: S310 - of this machine
        return json.load(answer)


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - of this machine
            return True
    except OSError:
        return False
