"""Settings, metrics, alerts, panels, runbooks and commands name each other: none missing, none dead.

That every alert has its section, its link and its tests is in `test_rules`; that every event of the log
is on its page in `test_logs_page`.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import click
import pytest
import yaml

import streamer
from streamer.cli import main
from streamer.pages import settings_page
from streamer.settings import PREFIX, Settings
from streamer.telemetry.metrics import catalogue

ROOT: Final = Path(__file__).resolve().parents[2]
OPS: Final = ROOT / "ops"
PAGES: Final = tuple(
    sorted(
        path
        for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *OPS.rglob("*.md"))
        # What an earlier release was called stays in the list of changes.
        if path.name != "CHANGELOG.md"
    )
)
PANELS: Final = tuple(sorted((OPS / "grafana").rglob("*.json")))
MANIFESTS: Final = (
    ROOT / "docker-compose.yml",
    OPS / "Dockerfile",
    *(
        path
        for folder in (OPS, ROOT / ".github")
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".yaml", ".yml", ".env", ".json"}
    ),
)
PACKAGE: Final = Path(streamer.__file__).parent
SOURCES: Final = tuple(sorted(PACKAGE.rglob("*.py")))


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent if path in SOURCES else ROOT))


# Settings

VARIABLES: Final = {PREFIX + name.upper() for name in Settings.model_fields}


def test_the_page_of_settings_is_as_generated() -> None:
    assert settings_page.main(["--check", "--page", str(OPS / "SETTINGS.md")]) == 0


_READ_OTHERWISE: Final = {
    "admin_host": ("stream/health/endpoints.py", 'f"{name}_{part}"'),
    **{
        f"{name}_retention_s": ("retention/kept_topics.py", f'"{name}_retention_s"')
        for name in ("alerts", "dead_letters", "feedback", "scores")
    },
}


def test_every_setting_is_read_by_the_code() -> None:
    """Beyond its own definition and the rules that join it with others."""
    read: set[str] = set()
    for path in SOURCES:
        if name_of(path) not in {"streamer/settings/settings.py", "streamer/settings/rules.py"}:
            read |= set(re.findall(r"\.([a-z][a-z0-9_]+)\b", text_of(path)))
    for name, (file, text) in _READ_OTHERWISE.items():
        assert text in text_of(PACKAGE / file), name
    assert Settings.model_fields.keys() - read == _READ_OTHERWISE.keys()


def unknown_variables(path: Path) -> set[str]:
    """Return what is named like a setting and is none; STREAMER_KAFKA_* stands for several."""
    found: set[str] = set()
    for name, star in re.findall(rf"\b({PREFIX}[A-Z0-9_]+)(\*?)", text_of(path)):
        is_part = star or name.endswith("_")
        if not (any(v.startswith(name) for v in VARIABLES) if is_part else name in VARIABLES):
            found.add(name)
    return found


# Kubernetes makes it for a Service of that name, unless it is told not to.
_NOT_OURS: Final = {"STREAMER_SERVICE_HOST"}


def test_pages_manifests_and_code_name_existing_settings_only() -> None:
    named = {name_of(path): unknown_variables(path) for path in (*PAGES, *MANIFESTS, *SOURCES)}
    assert {path: names - _NOT_OURS for path, names in named.items() if names - _NOT_OURS} == {}


# Metrics

_PARTS: Final = ("bucket", "count", "sum")
# The client's own of the process are there for whoever wants them.
METRICS: Final = {f.name for f in catalogue() if f.name.startswith("streamer_")}
SAMPLES: Final = METRICS | {
    f"{f.name}_{part}" for f in catalogue() if f.kind == "histogram" for part in _PARTS
}
RULES: Final = [
    rule
    for group in yaml.safe_load(text_of(OPS / "prometheus" / "streamer.rules.yml"))["groups"]
    for rule in group["rules"]
]
RECORDED: Final = {rule["record"] for rule in RULES if "record" in rule}
ALERTS: Final = {rule["alert"] for rule in RULES if "alert" in rule}
_METRIC: Final = re.compile(r"(?<![\w/.-])streamer_[a-z0-9_]+(?![\w/.*{-]*/)")

FOR_EXPLORATION: Final = {
    "streamer_batch_seconds": "the stages beside it are on the panels; it has the exemplars",
    "streamer_entities_aged_total": "how many were forgotten by their age; the log says so too",
    "streamer_expected_loss_alerted_total": "for reports, where losses rank; 0 elsewhere",
    "streamer_model_merges_total": "one per checkpoint that learned; its rate tells a silent model",
    "streamer_publish_queue_bytes": "messages are on the panel; bytes say whether they are large",
    "streamer_redis_failures_in_a_row": "what the breaker counts; its state is on the panel",
}
"""Metrics that no rule, panel or page names, with why they are there."""


def metric_of(sample: str) -> str:
    found = re.fullmatch(rf"(\w+)_(?:{'|'.join(_PARTS)})", sample)
    return found[1] if found and found[1] in METRICS else sample


def used_metrics() -> set[str]:
    places = [path for path in PAGES if path.name != "METRICS.md"]
    text = "\n".join(map(text_of, (*places, *PANELS, OPS / "prometheus" / "streamer.rules.yml")))
    text += "\n".join(text_of(path) for path in SOURCES if "streamer/status/" in str(path))
    return {metric_of(sample) for sample in _METRIC.findall(text)}


def test_every_metric_is_looked_at_or_declared_for_exploration() -> None:
    used = used_metrics()
    assert METRICS - used == FOR_EXPLORATION.keys()


def test_pages_panels_and_rules_name_existing_metrics_only() -> None:
    places = (*PAGES, *PANELS, OPS / "prometheus" / "streamer.rules.yml")
    unknown = {name_of(path): set(_METRIC.findall(text_of(path))) - SAMPLES for path in places}
    assert {path: names for path, names in unknown.items() if names} == {}


def test_every_recorded_series_that_is_named_is_recorded() -> None:
    for path in (*PAGES, *PANELS, OPS / "prometheus" / "streamer.rules.yml"):
        for name, star in re.findall(r"\b(streamer:[\w:]+)(\*?)", text_of(path)):
            is_there = any(r.startswith(name) for r in RECORDED) if star else name in RECORDED
            assert is_there, (name_of(path), name)


# Alerts, runbooks, panels

ALERT_PAGE: Final = OPS / "runbooks" / "alerts.md"


def headings(path: Path) -> list[str]:
    return re.findall(r"^## (.+)$", text_of(path), re.MULTILINE)


def anchor(heading: str) -> str:
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    return {anchor(line) for line in re.findall(r"^#+ (.+)$", text_of(path), re.MULTILINE)}


def test_pages_and_panels_name_existing_alerts_only() -> None:
    for path in (*PAGES, *PANELS):
        named = set(re.findall(r"\bStreamer[A-Z]\w+", text_of(path)))
        # One section may be of several: StreamerLatencyBudgetBurn.
        unknown = {name for name in named if not any(a.startswith(name) for a in ALERTS)}
        assert unknown == set(), name_of(path)


def links(path: Path) -> Iterator[str]:
    """Return what a page links to within the project."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(path)):
        if "://" not in target and not target.startswith("mailto:"):
            yield target


def test_every_link_of_a_page_leads_somewhere() -> None:
    dead = []
    for path in PAGES:
        for target in links(path):
            file, _, section = target.partition("#")
            place = (path.parent / file).resolve() if file else path
            is_there = place.exists() and (not section or section in anchors(place))
            if not is_there:
                dead.append((name_of(path), target))
    assert dead == []


def test_every_section_of_recovery_is_reached_from_an_alert_or_its_own_table() -> None:
    page = OPS / "runbooks" / "recovery.md"
    linked = {
        target.partition("#")[2]
        for path in (page, ALERT_PAGE, OPS / "SLO.md")
        for target in links(path)
        if target.startswith("#") or "recovery.md#" in target
    }
    # Read first, whatever it is.
    general = {"first-always"}
    assert {anchor(heading) for heading in headings(page)} - linked - general == set()


def panels_of(path: Path) -> Iterator[dict[str, Any]]:
    waiting = list(json.loads(text_of(path)).get("panels", []))
    while waiting:
        panel = waiting.pop()
        waiting += panel.get("panels", [])
        if panel["type"] != "row":
            yield panel


@pytest.mark.parametrize("path", PANELS, ids=lambda path: path.name)
def test_every_panel_asks_for_something_and_links_to_a_section_that_exists(path: Path) -> None:
    panels = list(panels_of(path))
    assert panels
    for panel in panels:
        assert panel.get("description"), panel["title"]
        if panel["type"] == "text":
            continue
        assert panel["targets"], panel["title"]
        urls = [link["url"] for link in panel["links"]]
        assert urls, panel["title"]
        for url in urls:
            page, _, section = url.removeprefix("${runbooks:raw}/").partition("#")
            assert section in anchors(OPS / "runbooks" / page), (panel["title"], url)


# Commands

_FENCE: Final = re.compile(r"^```.*?^```$|^(?: {4}.*\n)+", re.MULTILINE | re.DOTALL)
_COMMAND: Final = re.compile(
    r"^\s*(?:\$ )?(?:for .*; do )?(?:[A-Z_]+=\S+ )*(?:python -m )?streamer ([a-z].*)"
)
_ENDS: Final = {"|", "||", "&&", ";", ">", "#", "2>&1"}


def commands(path: Path) -> Iterator[str]:
    """Return what follows ``streamer`` in a page's commands, in blocks and in sentences."""
    text = text_of(path)
    for block in _FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            if found := _COMMAND.match(line):
                yield found[1]
    for span in re.findall(r"`([^`]+)`", _FENCE.sub("", text)):
        if found := _COMMAND.match(" ".join(span.split())):
            yield found[1]


def fault_of(command: str) -> str | None:
    """Return what is wrong with the words after ``streamer``: an unknown command or option."""
    words = shlex.split(command.replace("…", ""), comments=True)
    found: click.Command = main
    context = click.Context(main)
    for word in words:
        if word in _ENDS:
            break
        word = word.rstrip(";,")
        if isinstance(found, click.Group) and not word.startswith("-"):
            command_found = found.get_command(context, word)
            if command_found is None:
                return f"no command {word!r}"
            found = command_found
        elif word.startswith("--"):
            options = {o for p in found.params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
            if found is main:
                options.add("--version")
            if word.partition("=")[0] not in options:
                return f"no option {word!r} of {found.name}"
    return None


def test_every_command_that_a_page_shows_exists_with_its_options() -> None:
    shown = [(name_of(path), command) for path in PAGES for command in commands(path)]
    assert len(shown) > 50
    faults = {
        (path, command): fault
        for path, command in shown
        if (fault := fault_of(command)) is not None
    }
    assert faults == {}


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("partition show --topic fraud-feedback", None),
        ("partition reset 0 --to beginning|end|OFFSET --reason TEXT", None),
        ("replay FILE --intake paysim | head", None),
        ("partition vanish 0", "no command 'vanish'"),
        ("dlq list --sideways", "no option '--sideways' of list"),
    ],
)
def test_a_command_or_option_that_is_not_there_is_found(command: str, fault: str | None) -> None:
    assert fault_of(command) == fault
