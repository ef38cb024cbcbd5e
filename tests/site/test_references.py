"""The references of the site are complete: nothing of the code is missing, nothing else is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click
import yaml

import streamer
from ops.site import alert_rules_page, cli_page, equations_page, python_page, topics_page
from ops.site.markdown_text import anchors_of
from streamer.cli import main
from streamer.settings import Settings

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = Path(streamer.__file__).parent


def sections(page: str, level: int = 2) -> dict[str, str]:
    """Return what stands under each heading of a level."""
    parts = re.split(rf"^{'#' * level} (.+)$", page, flags=re.MULTILINE)
    assert len(parts[1::2]) == len(set(parts[1::2])), "a heading comes twice"
    return dict(zip(parts[1::2], parts[2::2], strict=True))


# Commands, by what click says of itself


def told_by_click(name: str, info: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield name, info
    for part, found in info.get("commands", {}).items():
        yield from told_by_click(f"{name} {part}", found)


CLICK: Final = dict(told_by_click("streamer", main.to_info_dict(click.Context(main))))


def test_every_command_has_a_section_and_no_other_has() -> None:
    assert len(CLICK) > 50
    assert sections(cli_page.page()).keys() == CLICK.keys()


def test_every_argument_and_option_has_its_row_and_no_other_is_there() -> None:
    """Rows begin with the names; what click hides is left out."""
    n_rows = 0
    for name, section in sections(cli_page.page()).items():
        rows = re.findall(r"^\| (`(?:[^|]|\\\|)+`) \|", section, re.MULTILINE)
        told = {flag for row in rows for flag in re.findall(r"`(--?[\w-]+)`", row)}
        n_arguments = sum("`-" not in row for row in rows)
        params = [each for each in CLICK[name]["params"] if not each.get("hidden")]
        params = [each for each in params if each["name"] != "help"]
        options = [each for each in params if each["param_type_name"] == "option"]
        assert told == {o for each in options for o in (*each["opts"], *each["secondary_opts"])}, (
            name
        )
        assert n_arguments == len(params) - len(options), name
        n_rows += len(rows)
    assert n_rows > 200


def test_an_option_says_its_default_its_range_and_what_it_does() -> None:
    """Of `streamer dev`, by hand."""
    section = sections(cli_page.page())["streamer dev"]
    row = "| `--rate` `TPS` | 100.0 | Simulated payments per second. Range: x>=1. |"
    assert row in section
    assert "```text\nstreamer dev --rate 500\nstreamer dev --no-traffic" in section


# Alert rules


def test_every_alert_has_a_row_with_its_runbook_and_an_expression() -> None:
    rules = yaml.safe_load((ROOT / "ops/prometheus/streamer.rules.yml").read_text("utf-8"))
    alerts = [r for group in rules["groups"] for r in group["rules"] if "alert" in r]
    page = alert_rules_page.page()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|.*\[runbook\]\(([^)]+)\) \|$", page, re.MULTILINE)
    assert [(r["alert"], r["labels"]["severity"]) for r in alerts] == [row[:2] for row in rows]
    assert sections(page, 3).keys() == {r["alert"] for r in alerts}
    for name, _, link in rows:
        file, _, anchor = link.partition("#")
        assert anchor in anchors_of((ROOT / file).read_text("utf-8")), name


# Topics and schemas


def test_every_topic_setting_has_a_row_and_every_schema_a_section_with_all_fields() -> None:
    page = topics_page.page()
    named = set(re.findall(r"<br>`STREAMER_(\w+_TOPIC)` \|", page))
    assert named == {n.upper() for n in Settings.model_fields if n.endswith("_topic")}
    assert topics_page.MESSAGES.keys() == set(topics_page.topic_settings())
    files = {path.name.removesuffix(".json") for path in (ROOT / "schemas").glob("*.json")}
    assert sections(page).keys() == files == topics_page.schemas().keys()
    used = {stem for _, stem in topics_page.MESSAGES.values() if stem}
    assert used | topics_page.ELSEWHERE.keys() == files
    for stem, section in sections(page).items():
        parts = sections(section, 3)
        definitions = topics_page.schemas()[stem]["$defs"]
        assert parts.keys() == definitions.keys(), stem
        for name, text in parts.items():
            fields = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
            assert fields == list(definitions[name].get("properties", {})), (stem, name)


# Python


def test_every_room_that_gives_names_is_a_page_or_said_to_be_inside() -> None:
    """A room gives names by the ``__all__`` of its package."""
    giving = {
        f"streamer.{path.parent.name}"
        for path in PACKAGE.glob("*/__init__.py")
        if re.search(r"^__all__ = \[", path.read_text("utf-8"), re.MULTILINE)
    }
    told = {module for module in python_page.LIBRARY if module.count(".") == 1}
    assert giving == (told - {"streamer.errors"}) | python_page.INSIDE.keys()
    assert not told & python_page.INSIDE.keys()


def test_every_public_name_has_an_entry_that_says_something_and_no_other_has() -> None:
    pages, rooms = python_page.pages(), python_page.page()
    assert len(pages) == len(python_page.LIBRARY)
    for module in python_page.LIBRARY:
        entries = sections(pages[f"reference/python/{module[9:].replace('.', '-')}.md"])
        assert list(entries) == list(import_module(module).__all__), module
        assert all(text.strip() for text in entries.values()), module
        assert f"`{module}`" in rooms


# Equations


def test_modules_with_equations_are_shown_in_the_reading_order_of_the_model() -> None:
    """`elimination` and others are helpers that the order does not name."""
    order = equations_page.reading_order()
    modules = {path.stem for path in (PACKAGE / "model").glob("*.py")} - {"__init__"}
    assert set(order) <= modules
    shown = sections(equations_page.page())
    assert list(shown) == [name for name in order if name in shown]
    for name in ("kmeans", "learning", "scores", "odds", "drift", "delays", "census", "bounds"):
        assert name in shown
    assert "c' = c + (m / W')(x̄ - c)" in shown["learning"]
