"""The notebook as a page: its prose, its code and what it gave when it ran, with the plots beside it.

``docs/notebook.md`` and its plots are committed, since to run the notebook takes packages and minutes
that ``make docs`` does not have.  `tests.integrations.notebook.rendering` writes them; what of the page
is not output follows from the notebook alone, and a test holds both together.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any, Final

__all__ = ["CODE_MARK", "page_of", "read_notebook", "without_outputs"]

CODE_MARK: Final = "<!-- not run: the check of the notebook in tests/integrations runs it -->"
_BEGIN: Final = "<!-- output -->"
_END: Final = "<!-- end of output -->"
_OUTPUT: Final = re.compile(rf"\n{_BEGIN}\n.*?{_END}\n", re.DOTALL)
_STYLE: Final = re.compile(r"<style.*?</style>", re.DOTALL)
_TEXT_OF_FIGURE: Final = "<Figure size"


def read_notebook(path: Path) -> dict[str, Any]:
    """Return a notebook of version 4 as its file has it."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def page_of(notebook: dict[str, Any], name: str) -> tuple[str, dict[str, bytes]]:
    """Return the page and its plots, by file name: ``name`` and a number, as PNG.

    >>> cell = {"cell_type": "code", "source": ["print(1)"], "outputs": []}
    >>> page_of({"cells": [cell]}, "n")[0].splitlines()[1:]
    ['```python', 'print(1)', '```']
    """
    plots: dict[str, bytes] = {}
    parts: list[str] = []
    for cell in notebook["cells"]:
        text = "".join(cell["source"]).strip("\n")
        if cell["cell_type"] == "markdown":
            parts.append(text if parts else _with_source(text, name))
            continue
        parts.append(f"{CODE_MARK}\n```python\n{text}\n```")
        shown = [each for out in cell["outputs"] if (each := _shown(out, name, plots))]
        if shown:
            parts.append(f"{_BEGIN}\n\n" + "\n\n".join(shown) + f"\n\n{_END}")
    return "\n\n".join(parts) + "\n", plots


def without_outputs(page: str) -> str:
    """Return a page as it would be if nothing had run."""
    return _OUTPUT.sub("", page)


def _with_source(text: str, name: str) -> str:
    """Return the first cell with a line, below its title, that says what the page is.

    >>> _with_source("# Title", "n")
    '# Title\\n\\nThis page is [n.ipynb](n.ipynb) as it ran.\\n'
    """
    title, _, rest = text.partition("\n")
    return f"{title}\n\nThis page is [{name}.ipynb]({name}.ipynb) as it ran.\n{rest}"


def _shown(output: dict[str, Any], name: str, plots: dict[str, bytes]) -> str:
    """Return one output as Markdown; a plot is added to ``plots`` (IN/OUT)."""
    if output["output_type"] == "stream":
        return _fenced("".join(output["text"])) if output["name"] == "stdout" else ""
    data = output.get("data", {})
    if "image/png" in data:
        file = f"{name}-{len(plots) + 1}.png"
        plots[file] = base64.b64decode("".join(data["image/png"]))
        return f"![What the cell above has drawn]({file})"
    if "text/html" in data:
        html = _STYLE.sub("", "".join(data["text/html"]))
        # A line that is empty would end the block of HTML.
        return "".join(line.strip() for line in html.splitlines())
    plain = "".join(data.get("text/plain", ""))
    # What matplotlib's calls return is nothing to read.
    return "" if plain.startswith((_TEXT_OF_FIGURE, "<matplotlib")) else _fenced(plain)


def _fenced(text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
    return f"```text\n{lines}\n```" if lines else ""
