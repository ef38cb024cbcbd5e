"""The rules: valid, tested, in step with metrics, runbooks, Alertmanager and the operator's copy."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamer.status import answers, troubles
from streamer.telemetry.metrics import catalogue
from tests.ops.manifests import PROMETHEUS_RULE, prometheus_rule
from tests.rig.requirements import require

OPS = Path(__file__).resolve().parents[2] / "ops"
RULES = OPS / "prometheus" / "streamer.rules.yml"
# Prometheus says itself whether it could scrape.
OF_PROMETHEUS = {"up"}


def _rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


RECORDED = {rule["record"] for rule in _rules() if "record" in rule}
ALERTS = {rule["alert"]: rule for rule in _rules() if "alert" in rule}


def _run(*command: str | Path) -> str:
    program = shutil.which(str(command[0]))
    require(None if program else f"{command[0]} is not installed; run .ci/install-services")
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _anchors(page: str) -> Iterator[str]:
    """Every heading of a page as a link names it."""
    for heading in re.findall(r"^## (.+)$", (OPS.parent / page).read_text(), re.MULTILINE):
        yield re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


def test_prometheus_and_alertmanager_take_their_files(tmp_path: Path) -> None:
    """The rules of the container's folder are those of this one."""
    _run("promtool", "check", "rules", RULES)
    settings = (OPS / "prometheus" / "prometheus.yml").read_text()
    assert "/etc/prometheus/*.rules.yml" in settings
    here = tmp_path / "prometheus.yml"
    here.write_text(settings.replace("/etc/prometheus/", f"{RULES.parent}/"))
    assert f"{len(_rules())} rules found" in _run("promtool", "check", "config", here)
    _run("amtool", "check-config", OPS / "prometheus" / "alertmanager.yml")


@pytest.mark.parametrize("tests", sorted(RULES.parent.glob("*.test.yml")), ids=lambda p: p.name)
def test_every_rule_fires_when_it_should_and_not_else(tests: Path) -> None:
    """By Prometheus' own engine."""
    assert "SUCCESS" in _run("promtool", "test", "rules", tests)


def test_every_alert_is_tested_firing_and_not_firing() -> None:
    firing, quiet = set(), set()
    for path in RULES.parent.glob("*.test.yml"):
        for test in yaml.safe_load(path.read_text())["tests"]:
            for check in test["promql_expr_test"]:
                (name,) = re.findall(r'alertname="(\w+)"', check["expr"])
                (firing if check["exp_samples"] else quiet).add(name)
    assert firing == quiet == set(ALERTS)


def test_every_metric_of_a_rule_is_in_the_catalogue_or_recorded() -> None:
    """And every record is read by an alert."""
    known = OF_PROMETHEUS | RECORDED
    for family in catalogue():
        known.add(family.name)
        if family.kind == "histogram":
            known |= {f"{family.name}_{part}" for part in ("bucket", "count", "sum")}
    named = set()
    for rule in _rules():
        text = re.sub(r'"[^"]*"', "", rule["expr"])
        text = re.sub(r"\b(by|on|without|ignoring) \([^)]*\)", "", text)
        named |= set(re.findall(r"\b(?:up|(?:streamer|process)[_:][\w:]+)\b", text))
    assert named - known == set()
    assert named >= RECORDED


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_urgent_it_is_what_is_wrong_and_where_to_read(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"] == {"severity": rule["labels"]["severity"]}
    assert rule["labels"]["severity"] in {"page", "ticket", "info"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["description"].endswith(".")


def test_every_alert_has_a_section_of_the_runbook_and_every_section_an_alert() -> None:
    """Alerts on the burn of one objective share a section."""
    page = "ops/runbooks/alerts.md"
    named = {rule["annotations"]["runbook_url"] for rule in ALERTS.values()}
    base = "{{ $externalLabels.runbooks }}"
    assert named == {f"{base}{page}#{anchor}" for anchor in _anchors(page)}
    for name, rule in ALERTS.items():
        anchor = rule["annotations"]["runbook_url"].partition("#")[2]
        assert name.lower().startswith(anchor)


def test_every_heading_that_status_names_is_in_the_runbook() -> None:
    source = Path(troubles.__file__).read_text()
    (page,) = re.findall(r'_RUNBOOK: Final = "(.+)"', source)
    source += Path(answers.__file__).read_text()
    named = set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', source))
    assert named, "status names no heading"
    assert named <= set(_anchors(page))


def test_every_link_within_the_pages_of_operations_leads_somewhere() -> None:
    pages = [*OPS.glob("*.md"), *OPS.glob("runbooks/*.md")]
    for page in pages:
        for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text()):
            path, _, anchor = target.partition("#")
            there = (page.parent / path).resolve() if path else page
            assert there.exists(), f"{page.name}: {target}"
            if anchor:
                assert anchor in set(_anchors(str(there))), f"{page.name}: {target}"


def test_the_objectives_name_every_alert() -> None:
    """And no other."""
    named = set(re.findall(r"\bStreamer[A-Z]\w+", (OPS / "SLO.md").read_text()))
    assert named == set(ALERTS)


def test_alertmanager_inhibits_alerts_that_exist() -> None:
    settings = yaml.safe_load((OPS / "prometheus" / "alertmanager.yml").read_text())
    for rule in settings["inhibit_rules"]:
        for matcher in rule["source_matchers"] + rule["target_matchers"]:
            pattern = re.search(r'"(.+)"', matcher)
            assert pattern is not None
            for each in _alternatives(pattern[1]):
                assert each in ALERTS, matcher


def _alternatives(pattern: str) -> Iterator[str]:
    """What a pattern such as ``A|B(C|D)`` stands for."""
    for part in re.findall(r"(?:[^|(]|\([^)]*\))+", pattern):
        head, _, tail = part.partition("(")
        yield from (head + end for end in tail.rstrip(")").split("|"))


def test_the_operator_gets_the_same_rules() -> None:
    """Otherwise: make manifests."""
    assert PROMETHEUS_RULE.read_text() == prometheus_rule()
    spec = yaml.safe_load(prometheus_rule())["spec"]
    assert spec == yaml.safe_load(RULES.read_text())
