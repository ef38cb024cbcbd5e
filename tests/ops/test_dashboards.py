"""The dashboards: as generated, as Grafana reads them, in step with metrics, alerts and runbooks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard as OfGrafana

from ops.grafana.source import DASHBOARDS
from ops.grafana.source.__main__ import FOLDER
from ops.grafana.source.alarms import alarm, rules
from ops.grafana.source.panel import Dashboard, Panel
from ops.grafana.source.render import GRID_WIDTH, rendered
from ops.grafana.source.variables import ANNOTATIONS, PROMETHEUS, RUNBOOKS
from streamer.telemetry.family import Family
from streamer.telemetry.metrics import catalogue

OPS = Path(__file__).resolve().parents[2] / "ops"
PANELS = [(board, panel) for board in DASHBOARDS for panel in board.panels]
NAMES = [f"{board.name}: {panel.title}" for board, panel in PANELS]
FAMILIES = list(catalogue())
# What neither a panel nor a rule asks for, and where the same can be seen.
ELSEWHERE = {
    "streamer_batch_seconds": "its stages",
    "streamer_currencies_estimated": "a fact of the settings",
    "streamer_entities_aged_total": "a matter of retention; `not seen for long` in the log",
    "streamer_entities_unreadable_total": "somebody else's rows; `rows of no entity` in the log",
    "streamer_expected_loss_alerted_total": "0 unless losses rank; for a report, not for an operator",
    "streamer_model_merges_total": "the age of the version",
    "streamer_publish_queue_bytes": "the messages in the queue",
    "streamer_redis_failures_in_a_row": "the breaker",
    "streamer_secrets_taken_up_total": "the log: `secret taken up`; docs/secrets.md has when to ask",
    "streamer_spans_total": "the log says what is lost, the collector has the rest",
    "streamer_serve_body_bytes": "the refusals: `overloaded` where it is full",
    "process_virtual_memory_bytes": "resident memory",
    "streamer_access_decisions_total": "denials are in the console's log and on the audit topic",
    "streamer_oidc_logins_total": "the console's log and the audit topic say who was not let in",
    "streamer_opa_up": "the console's Operations page",
    "streamer_audit_entries_total": "the audit topic itself",
    "streamer_audit_producers_failed_total": "how long the oldest entry has waited, below",
    "streamer_audit_refused_total": "of the console: docs/audit.md has an expression",
    "streamer_audit_unsent": "how long the oldest has waited, below",
    "streamer_audit_unsent_seconds": "of the console: docs/audit.md has an expression",
    "streamer_audit_head_sequence": "an anchor for `streamer audit verify`, no matter of operation",
    "streamer_audit_head_digest": "the same",
}


def _read(board: Dashboard) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((FOLDER / f"{board.name}.json").read_text())
    return told


def _asked(text: str) -> set[str]:
    """Metrics and records that an expression names."""
    text = re.sub(r'"[^"]*"', "", text)
    return set(re.findall(r"\b(?:up|ALERTS|(?:streamer|process)[_:][\w:]+)\b", text))


def _samples(family: Family[Any]) -> Iterator[str]:
    yield family.name
    if family.kind == "histogram":
        yield from (f"{family.name}_{part}" for part in ("bucket", "count", "sum"))


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.name)
def test_the_file_is_as_generated(board: Dashboard) -> None:
    """Otherwise: make dashboards."""
    assert (FOLDER / f"{board.name}.json").read_text() == rendered(board)
    assert {path.stem for path in FOLDER.glob("*")} == {each.name for each in DASHBOARDS}


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.name)
def test_grafana_s_own_types_read_it_and_lose_nothing(board: Dashboard) -> None:
    """But what they do not know of annotations, which is the data source's."""
    register_default_plugins()
    told = _read(board)
    again = json.loads(json.dumps(OfGrafana.from_json(told), cls=JSONEncoder))
    del told["annotations"]
    assert list(_lost(told, again)) == []


def _lost(told: Any, again: Any, where: str = "$") -> Iterator[str]:
    """Paths of what is not there again, or is another value."""
    if isinstance(told, dict) and isinstance(again, dict):
        for name, value in told.items():
            yield from _lost(value, again.get(name), f"{where}.{name}")
    elif isinstance(told, list) and isinstance(again, list) and len(told) == len(again):
        for i, (value, other) in enumerate(zip(told, again, strict=True)):
            yield from _lost(value, other, f"{where}[{i}]")
    elif told != again:
        yield where


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.name)
def test_panels_fill_the_grid_and_none_covers_another(board: Dashboard) -> None:
    panels = _read(board)["panels"]
    ids = [panel["id"] for panel in panels]
    assert len(ids) == len(set(ids))
    cells: list[tuple[int, int]] = []
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= GRID_WIDTH
        cells += ((at["x"] + i, at["y"] + j) for i in range(at["w"]) for j in range(at["h"]))
    assert len(cells) == len(set(cells))
    tops = {panel["gridPos"]["y"] for panel in panels}
    for y in tops:
        assert {x for x, row in cells if row == y} == set(range(GRID_WIDTH)), f"a gap at {y}"


def test_the_first_page_asks_four_questions_and_no_row_has_more_than_twelve_panels() -> None:
    titles = [row.title for row in DASHBOARDS[0].rows]
    assert titles == [
        "Is it alive?",
        "Is it keeping up?",
        "Is it right?",
        "Is it drifting?",
        "Scoring on request",
    ]
    assert all(len(row.panels) <= 12 for board in DASHBOARDS for row in board.rows)
    assert len({board.uid for board in DASHBOARDS}) == len(DASHBOARDS)


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=NAMES)
def test_a_panel_has_a_unit_says_what_it_means_and_where_to_read_on(
    board: Dashboard, panel: Panel
) -> None:
    known = {value for value in vars(units).values() if isinstance(value, str)}
    assert panel.unit in known
    for text in (panel.shows, panel.normal, panel.action):
        assert text.endswith("."), text
    page, _, anchor = panel.runbook.partition("#")
    headings = re.findall(r"^#+ (.+)$", (OPS / "runbooks" / page).read_text(), re.MULTILINE)
    assert anchor in {re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in headings}
    (drawn,) = (each for each in _read(board)["panels"] if each["title"] == panel.title)
    (link,) = drawn["links"]
    assert link["url"] == f"${{runbooks:raw}}/{panel.runbook}"


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=NAMES)
def test_an_expression_uses_metrics_labels_and_variables_that_exist(
    board: Dashboard, panel: Panel
) -> None:
    built_in = {"__rate_interval", "__range"}
    declared = {each["name"] for each in _read(board)["templating"]["list"]}
    recorded = set(re.findall(r"record: (\S+)", _rules_text()))
    known = {"up", "ALERTS", *recorded}.union(*map(_samples, FAMILIES))
    for query in panel.queries:
        assert _asked(query.promql) - known == set()
        assert set(re.findall(r"\$(\w+)", query.promql)) - declared - built_in == set()
        assert "<" not in re.sub(r" [<>]=? ", "", query.promql), "a selector without a meaning"
        kept = set(re.findall(r"\w+", " ".join(re.findall(r"\bby \(([^)]*)\)", query.promql))))
        for label in re.findall(r"\{\{(\w+)\}\}", query.legend):
            assert label in (kept or {"instance"}), f"{label} of {query.legend} is not kept"


def test_every_alert_has_a_panel_and_every_metric_a_panel_a_rule_or_a_reason() -> None:
    shown = {name for _, panel in PANELS for name in panel.alerts}
    assert shown == set(rules())
    texts = [query.promql for _, panel in PANELS for query in panel.queries]
    texts += [each["expr"] for each in ANNOTATIONS]
    asked = _asked(_rules_text()).union(*map(_asked, texts))
    unseen = {family.name for family in FAMILIES if asked.isdisjoint(_samples(family))}
    assert unseen == set(ELSEWHERE)


def test_what_is_red_pages_and_what_is_orange_opens_a_ticket() -> None:
    """By hand, one of each form that the rules have."""

    def steps(name: str, least: float | None = None) -> list[tuple[float | None, str]]:
        return [(step.value, step.colour) for step in alarm(name, least)]

    assert steps("StreamerPartitionStalled") == [(None, "green"), (30, "red")]
    assert steps("StreamerLatencyHigh") == [(None, "green"), (0.2, "orange")]
    assert steps("StreamerCheckpointTooOld") == [(None, "green"), (60, "orange")]
    assert steps("StreamerRestartLoop") == [(None, "green"), (3, "red")]
    assert steps("StreamerKafkaAway") == [(None, "red"), (1, "green")]
    assert steps("StreamerFuseBlown") == [(None, "green"), (1, "red")]
    assert steps("StreamerLedgerImbalance", least=1) == [(None, "green"), (1, "red")]
    assert steps("StreamerAlertBudgetMissed") == [
        (None, "orange"),
        (0.5, "green"),
        (1.5, "orange"),
    ]


def test_grafana_is_given_the_data_sources_and_the_folder_that_dashboards_need() -> None:
    """Provisioned: nobody clicks."""
    provisioning = OPS / "grafana" / "provisioning"
    sources = yaml.safe_load((provisioning / "datasources" / "streamer.yaml").read_text())
    by_uid = {source["uid"]: source for source in sources["datasources"]}
    assert set(by_uid) == {PROMETHEUS.uid, "jaeger"}
    (to_trace,) = by_uid[PROMETHEUS.uid]["jsonData"]["exemplarTraceIdDestinations"]
    assert to_trace == {"name": "trace_id", "datasourceUid": "jaeger"}
    folders = yaml.safe_load((provisioning / "dashboards" / "streamer.yaml").read_text())
    (provider,) = folders["providers"]
    assert provider["type"] == "file"
    services = yaml.safe_load((OPS.parent / "docker-compose.yml").read_text())["services"]
    mounts = services["grafana"]["volumes"]
    assert f"./ops/grafana/dashboards:{provider['options']['path']}:ro" in mounts
    # Grafana serves this folder of its own at /public.
    assert f"./ops/runbooks:/usr/share/grafana{RUNBOOKS.default}:ro" in mounts
    assert {urlsplit(source["url"]).hostname for source in by_uid.values()} <= set(services)
    used = {uid for board in DASHBOARDS for uid in re.findall(r'"uid": "(\w+)"', rendered(board))}
    assert used <= {PROMETHEUS.uid, *(board.uid for board in DASHBOARDS)}


def _rules_text() -> str:
    return (OPS / "prometheus" / "streamer.rules.yml").read_text()
