"""The page of the model's equations: docstrings of ``streamer/model`` that state one, in its order."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any, Final

import streamer.model
from ops.site.docstring_text import as_markdown

__all__ = ["equations", "page", "reading_order"]

_HEAD: Final = """\
# The model's equations

Everything that is learned is a sum that merges by addition and forgets by a factor, so that workers
share one model without a leader. The equations stand in the docstrings of the code that computes them,
with their sources; this page is those docstrings, in the reading order of `streamer/model`. What the
parts are for is said in
[the design](DESIGN.md#the-model-in-a-page); why each is as it is, in its decision
([all of them](docs/decisions/README.md)).
"""


def reading_order() -> list[str]:
    """Return the modules of the model in the order in which its docstring has them read."""
    text = streamer.model.__doc__ or ""
    names = re.findall(r"`([a-z_]+)`", text.partition("Reading order:")[2])
    return list(dict.fromkeys(names))


def equations() -> Iterator[tuple[ModuleType, list[tuple[str, Any]]]]:
    """Yield each module that states an equation, with its public functions that do."""
    for name in reading_order():
        module = import_module(f"streamer.model.{name}")
        stating = [
            (each, getattr(module, each))
            for each in getattr(module, "__all__", ())
            if callable(getattr(module, each)) and _states(getattr(module, each).__doc__)
        ]
        if stating or _states(module.__doc__):
            yield module, stating


def _states(docstring: str | None) -> bool:
    """Whether a docstring states an equation: a block with an equals sign, or signs of arithmetic."""
    text = inspect.cleandoc(docstring or "")
    blocks = [line for line in text.splitlines() if line.startswith("    ") and ">>>" not in line]
    return any(" = " in line for line in blocks) or bool(re.search(r"[Σ√γ·]|\bln \d|\d\^", text))


def page() -> str:
    """Return the page's text."""
    return _HEAD + "".join(_section(*each) for each in equations())


def _section(module: ModuleType, stating: list[tuple[str, Any]]) -> str:
    name = module.__name__.rpartition(".")[2]
    functions = "".join(
        f"\n### {name}.{each}\n\n{as_markdown(value.__doc__)}\n" for each, value in stating
    )
    return f"\n## {name}\n\n{as_markdown(module.__doc__)}\n{functions}"
