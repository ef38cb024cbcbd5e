"""ops/LOGS.md: every event and field that the code logs, and none that it does not."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import streamer

PACKAGE: Final = Path(streamer.__file__).parent
PAGE: Final = Path(__file__).parents[2] / "ops" / "LOGS.md"
_METHODS: Final = {"debug", "info", "warning", "error", "critical"}

Events = dict[tuple[str, str], set[str]]


def in_code() -> Events:
    """Return the fields of every event that is logged, by event and level."""
    found: Events = defaultdict(set)
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
        for call in calls(tree):
            assert isinstance(call.func, ast.Attribute)
            event = call.args[0]
            assert isinstance(event, ast.Constant), (
                f"{path.name}:{call.lineno} must be a plain text"
            )
            fields = found[event.value, call.func.attr]
            for keyword in call.keywords:
                if keyword.arg is None:
                    fields |= returned(keyword.value, functions)
                elif keyword.arg != "exc_info":
                    fields.add(keyword.arg)
    return dict(found)


def calls(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "_log"
            and node.func.attr in _METHODS
        ):
            yield node


def returned(value: ast.expr, functions: dict[str, ast.FunctionDef]) -> set[str]:
    """Return the keys of the dict that a function of the module returns, as in ``**_counts(...)``."""
    assert isinstance(value, ast.Call)
    assert isinstance(value.func, ast.Name)
    (returns,) = [n for n in ast.walk(functions[value.func.id]) if isinstance(n, ast.Return)]
    assert isinstance(returns.value, ast.Dict)
    return {key.value for key in returns.value.keys if isinstance(key, ast.Constant)}


def rows(title: str) -> list[list[str]]:
    """Return the cells of the table below a title of the page."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[1:]]


def names(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def on_page() -> Events:
    found: Events = {}
    for title in ("A worker's life", "What goes wrong", "Asked for", "Of `streamer console`"):
        for event, level, fields, _ in rows(title):
            found[event.strip("`"), level] = names(fields)
    found["checkpoint", "info"] = set().union(*(names(field) for field, _ in rows(CHECKPOINT)))
    return found


CHECKPOINT: Final = "The line of a checkpoint"


def test_every_event_and_field_that_is_logged_is_on_the_page_and_no_other() -> None:
    code, page = in_code(), on_page()
    assert page.keys() == code.keys()
    differing = {event: (page[event], code[event]) for event in code if page[event] != code[event]}
    assert not differing
    assert len(code["checkpoint", "info"]) > 20
