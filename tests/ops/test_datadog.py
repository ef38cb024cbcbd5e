"""ops/datadog: in step with the catalogue of metrics and the alert rules of Prometheus."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamer.telemetry.metrics import catalogue
from tests.ops.datadog import CONF, MONITORS, OBJECTIVES, QUERIES, rules, written

README = CONF.parents[2] / "README.md"
MONITOR = {each["name"].split(":")[0]: each for each in json.loads(MONITORS.read_text())}
# Where Datadog is asked another question: what of the rule's own must be in it.
OTHERWISE = {
    "StreamerNoWorker": "<= 0",
    "StreamerServeDown": "<= 0",
    "StreamerServeTenantDown": "<= 0",
    "StreamerServeLatencyHigh": "upper_bound:0.2}",
    "StreamerLatencyHigh": "upper_bound:0.2}",
    "StreamerRecordsLost": "last_1h",
    "StreamerAlertBudgetMissed": "> 0.5",
    "StreamerWorkerDown": "openmetrics.health",
}


def _names() -> dict[str, str]:
    """Return the type of each metric by the name that the agent gives it, endings apart."""
    (instance,) = yaml.safe_load(CONF.read_text())["instances"]
    kinds = {family.family_name: family.kind for family in catalogue()}
    found = {}
    for entry in instance["metrics"]:
        ((ours, its),) = entry.items()
        found[f"{instance['namespace']}.{its}"] = kinds[ours]
    return found


@pytest.mark.parametrize("path", written(), ids=lambda path: path.name)
def test_the_files_are_what_is_written_from_their_sources(path: Path) -> None:
    """Otherwise: make datadog."""
    assert path.read_text() == written()[path]


def test_every_metric_of_the_catalogue_has_a_name_of_its_own() -> None:
    """None is missing, none is dead; the check appends no ending that a name has already."""
    names = _names()
    assert len(names) == len({family.family_name for family in catalogue()})
    assert not [name for name in names if name.endswith(("_total", "_bucket", "_sum", "_count"))]


def test_every_query_asks_for_what_the_agent_sends() -> None:
    """A counter has `.count`, a histogram three endings, a gauge none."""
    endings = {"counter": {".count"}, "gauge": {""}, "histogram": {".count", ".sum", ".bucket"}}
    known = {name + end for name, kind in _names().items() for end in endings[kind]}
    objectives = [each["query"] for each in json.loads(OBJECTIVES.read_text())]
    queries = [part for each in objectives for part in each.values()]
    queries += [each["query"] for each in MONITOR.values() if each["type"] == "query alert"]
    for query in queries:
        asked = re.findall(r"(?:sum|min|max):([\w.]+)\{", query)
        assert asked, query
        assert set(asked) <= known, query
        tags = re.findall(r"!?(\w+):", " ".join(re.findall(r"\{([^}]*)\}", query)))
        labels = {label for family in catalogue() for label in family.labels}
        assert set(tags) <= labels | {"service", "tenant", "upper_bound"}, query


def test_every_rule_has_a_monitor_or_a_reason() -> None:
    page = README.read_text()
    for name in rules().keys() - MONITOR.keys():
        assert f"{name} " in page, name
    assert MONITOR.keys() <= rules().keys()
    assert QUERIES.keys() <= MONITOR.keys()


@pytest.mark.parametrize("name", MONITOR)
def test_a_monitor_has_the_threshold_of_its_rule(name: str) -> None:
    """As a number after the same comparison, `== 0` being `<= 0` of what is never negative."""
    query = MONITOR[name]["query"]
    told = _limit(rules()[name])
    if name in OTHERWISE:
        assert OTHERWISE[name] in query
        return
    compare, limit = re.findall(r"([<>]=?) ([\d.]+)$", query)[0]
    assert (compare, float(limit)) == told
    critical = MONITOR[name]["options"]["thresholds"]["critical"]
    assert critical == float(limit)


def _limit(rule: dict[str, Any]) -> tuple[str, float]:
    compare, limit = re.findall(r"([<>=]=?) \(?([\d.]+)", rule["expr"])[0]
    same = {"== 0": "<=", "== 1": ">="}
    return same.get(f"{compare} {limit}", compare), float(limit)


def test_windows_of_a_burn_are_those_of_its_rule() -> None:
    burning = [name for name in MONITOR if "BudgetBurn" in name]
    assert len(burning) == 6
    for name in burning:
        windows = re.findall(r'(?:long|short)_window\("(\w+)"\)', MONITOR[name]["query"])
        named = re.findall(r"ratio_rate(\w+) >", rules()[name]["expr"])
        assert [window.replace("24h", "1d") for window in windows] == named


def test_messages_have_no_template_of_prometheus_left() -> None:
    for monitor in MONITOR.values():
        text = monitor["name"] + monitor["message"]
        assert "$" not in text
        assert "ops/runbooks/alerts.md#" in text


def test_objectives_are_those_that_are_written_down() -> None:
    page = (CONF.parents[3] / "SLO.md").read_text()
    for each in json.loads(OBJECTIVES.read_text()):
        (threshold,) = each["thresholds"]
        assert f"| {threshold['target']:g}% of" in page
