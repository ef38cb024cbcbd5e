"""Prometheus and Alertmanager as child processes, with the rules' times scaled down to seconds."""

from __future__ import annotations

import json
import re
import shutil
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
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
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
# A minute becomes two seconds, and the shortest window of a rate ten.
_SCALE: Final = 30
# It is the time-out of a scrape too, which a slow machine must not miss.
_SCRAPE_S: Final = 1
_STEP_MS: Final = 500


def missing() -> str | None:
    """Say what is not installed, None when all is."""
    for program in ("prometheus", "prometheus-alertmanager"):
        if shutil.which(program) is None:
            return f"{program} is not installed; run .ci/install-services"
    return None


def scaled(text: str) -> str:
    """Return rules or a configuration with every time a thirtieth of what it was."""

    def less(found: re.Match[str]) -> str:
        milliseconds = int(found[2]) * _SECONDS[found[3]] * 1_000 // _SCALE
        return f"{found[1]}{max(milliseconds, _STEP_MS)}ms"

    place = r"(\[|offset |for: |interval: |group_wait: |group_interval: |repeat_interval: )"
    return re.sub(rf"{place}(\d+)([smhd])\b", less, text)


class Monitoring:
    """Both programs with the project's own rules and routes, scaled; ``targets`` are scraped."""

    def __init__(self, folder: Path, targets: Sequence[str]) -> None:
        self._folder = folder
        self._targets = list(targets)
        self._ends = ExitStack()
        self.prometheus = f"{HOST}:{stable_port()}"
        self.alertmanager = f"{HOST}:{stable_port()}"

    def __enter__(self) -> Self:
        (self._folder / "streamer.rules.yml").write_text(
            scaled((_OPS / "streamer.rules.yml").read_text())
        )
        (self._folder / "alertmanager.yml").write_text(
            scaled((_OPS / "alertmanager.yml").read_text())
        )
        settings = yaml.safe_load((_OPS / "prometheus.yml").read_text())
        settings["global"] = {
            "scrape_interval": f"{_SCRAPE_S}s",
            "evaluation_interval": f"{_STEP_MS}ms",
        }
        settings["rule_files"] = [str(self._folder / "*.rules.yml")]
        settings["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [
            self.alertmanager
        ]
        (job,) = settings["scrape_configs"]
        del job["dns_sd_configs"]
        job["static_configs"] = [{"targets": self._targets}]
        (self._folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
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

    def firing(self) -> Iterator[str]:
        """Names of the alerts that Alertmanager has, suppressed ones too, and that have not ended."""
        for alert in _get(f"http://{self.alertmanager}/api/v2/alerts"):
            yield alert["labels"]["alertname"]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ends.close()


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=DEADLINE_S) as answer:  # noqa: S310 - of this machine
        return json.load(answer)


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - of this machine
            return True
    except OSError:
        return False
