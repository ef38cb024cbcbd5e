"""Runs the notebook of the documentation, and writes its page and plots.

``python -m tests.integrations.notebook.rendering``, by the interpreter of the environment, writes
``docs/notebook.md`` and ``docs/notebook-N.png``; of the Handbook's payments, which ``HANDBOOK`` has to
name, as the notebook says how to have them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import nbformat
from nbclient import NotebookClient

from ops.site.notebook_page import page_of
from tests.integrations.environments import ROOT

__all__ = ["NOTEBOOK", "PAGE", "executed"]

NOTEBOOK: Final = ROOT / "docs" / "notebook.ipynb"
PAGE: Final = NOTEBOOK.with_suffix(".md")
_CELL_WITHIN_S: Final = 600


def executed(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the notebook as it ran in a folder of its own; raise where a cell fails."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    # Every cell may take that long; pytest bounds the whole.
    client = NotebookClient(notebook, timeout=_CELL_WITHIN_S, kernel_name="python3")
    with _environment(environ):
        client.execute()
    return notebook


@contextmanager
def _environment(environ: Mapping[str, str]) -> Iterator[None]:
    """Let the kernel, a child process, find ``environ``, and the plots be drawn into the notebook."""
    before = dict(os.environ)
    os.environ.update({"MPLBACKEND": "module://matplotlib_inline.backend_inline", **environ})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def main() -> None:
    """Write page and plots; exit with a sentence where ``HANDBOOK`` names no file."""
    if not Path(os.environ.get("HANDBOOK", "")).is_file():
        raise SystemExit(
            "HANDBOOK must name a Parquet file of the Handbook's payments; see the notebook"
        )
    page, plots = page_of(executed({}), PAGE.stem)
    for path in PAGE.parent.glob(f"{PAGE.stem}-*.png"):
        path.unlink()
    for name, content in plots.items():
        Path(PAGE.parent / name).write_bytes(content)
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
