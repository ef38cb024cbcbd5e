"""The pages of the Python API: what each room gives to others, from its ``__all__`` and docstrings."""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from ops.site.docstring_text import as_markdown

__all__ = ["INSIDE", "LIBRARY", "page", "pages", "public_names"]

LIBRARY: Final = (
    "streamer.library.detector",
    "streamer.library.results",
    "streamer.library.measuring",
    "streamer.library.measured",
    "streamer.library.online_kmeans",
    "streamer.contract.messages",
    "streamer.contract.batch",
    "streamer.contract.ledger",
    "streamer.intake",
    "streamer.datafiles",
    "streamer.features",
    "streamer.model",
    "streamer.verdicts",
    "streamer.pipeline",
    "streamer.offline.offline_partition",
    "streamer.explaining.explanation",
    "streamer.settings",
    "streamer.policies",
    "streamer.evaluation",
    "streamer.fitting",
    "streamer.backtesting",
    "streamer.gating",
    "streamer.fairness",
    "streamer.drifting",
    "streamer.watching",
    "streamer.simulator",
    "streamer.embedded",
    "streamer.status",
    "streamer.errors",
)
INSIDE: Final = {
    "streamer.cli": "commands; see the page of commands",
    "streamer.compiled": "how loops are compiled; for who adds one",
    "streamer.demo": "`streamer demo`",
    "streamer.dev": "`streamer dev`",
    "streamer.indexing": "the table behind features and verdicts",
    "streamer.serve": "the app for Ray Serve",
    "streamer.store": "Redis, whose keys are no contract",
    "streamer.telemetry": "metrics and logs, which have pages of their own",
}
"""Rooms that give names to other rooms and are on no page, with why."""

_HEAD: Final = """\
# Python API

What can be imported from `streamer`, room by room: these pages are made from `__all__` and the
docstrings. The wire formats are the contract that is kept ([topics and schemas](#topics)); names here
may change with a release, which [the list of changes](CHANGELOG.md) then says. What `import streamer`
itself offers is kept: [as a library](docs/library.md).

| room | what it is |
|---|---|
"""


def public_names(module: str) -> list[str]:
    """Return what a module gives to others, in its own order."""
    return list(import_module(module).__all__)


def page() -> str:
    """Return the list of rooms."""
    rows = "".join(
        f"| [`{module}`](made:{_place(module)}) | {_first_line(import_module(module))} |\n"
        for module in LIBRARY
    )
    return _HEAD.replace("#topics", "made:reference/topics.md") + rows


def pages() -> dict[str, str]:
    """Return the page of each room, by its place on the site."""
    return {_place(module): _page(module) for module in LIBRARY}


def _place(module: str) -> str:
    return f"reference/python/{module.removeprefix('streamer.').replace('.', '-')}.md"


def _first_line(found: Any) -> str:
    return as_markdown(found.__doc__).split("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def _page(module: str) -> str:
    found = import_module(module)
    parts = [f"# {module}\n\n{as_markdown(found.__doc__)}\n"]
    parts += [_entry(module, name, getattr(found, name)) for name in public_names(module)]
    return "\n".join(parts)


def _entry(module: str, name: str, value: Any) -> str:
    if inspect.isclass(value):
        return f"## {name}\n\n{_call(name, value)}{_documentation(value)}{_members(value)}"
    if inspect.isroutine(value) or hasattr(value, "__wrapped__"):
        return f"## {name}\n\n{_call(name, value)}{_documentation(value)}"
    if getattr(value, "__module__", "") in ("typing", "collections.abc"):
        return f"## {name}\n\nA type: `{value!r}`.\n"
    said = _said_beside(module, name)
    return f"## {name}\n\nA constant, `{type(value).__name__}`{_shown(value)}.{said}\n"


def _said_beside(module: str, name: str) -> str:
    """Return what the text below a constant's assignment says, wherever in the room that is."""
    said = _said_of_constants(module).get(name)
    return f"\n\n{as_markdown(said)}" if said else ""


@cache
def _said_of_constants(module: str) -> dict[str, str]:
    path = Path(import_module(module).__file__ or "")
    files = sorted(path.parent.glob("*.py")) if path.name == "__init__.py" else [path]
    said: dict[str, str] = {}
    for file in files:
        for assigned, below in pairwise(ast.parse(file.read_text("utf-8")).body):
            targets: list[ast.expr] = []
            if isinstance(assigned, ast.AnnAssign):
                targets.append(assigned.target)
            elif isinstance(assigned, ast.Assign):
                targets += assigned.targets
            if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                names = [each.id for each in targets if isinstance(each, ast.Name)]
                said |= dict.fromkeys(names, str(below.value.value))
    return said


def _shown(value: Any) -> str:
    text = repr(value)
    plain = isinstance(value, str | int | float | bool | tuple | frozenset) and len(text) <= 60
    return f": `{text}`" if plain else ""


def _call(name: str, value: Any) -> str:
    """Return how it is called, as a block; nothing where that cannot be told."""
    try:
        signature = str(inspect.signature(value))
    except (TypeError, ValueError):
        return ""
    signature = re.sub(r"(: |-> |\| )'([^']*)'", r"\1\2", signature)
    signature = re.sub(r"<object object at 0x[0-9a-f]+>|<factory>", "...", signature)
    return f"```python\n{name}{signature}\n```\n\n"


def _documentation(value: Any) -> str:
    text = value.__doc__ or ""
    # What dataclasses write themselves says what the block above says.
    if text.startswith(f"{getattr(value, '__name__', '')}("):
        return ""
    return as_markdown(text) + "\n"


def _members(value: type) -> str:
    rows = []
    for name, member in vars(value).items():
        function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        is_told = inspect.isfunction(function) or isinstance(member, property)
        if not name.startswith("_") and is_told and function.__doc__:
            rows.append(f"| `{name}` | {_first_line(function)} |\n")
    return f"\n| member | what it does |\n|---|---|\n{''.join(rows)}" if rows else ""
