"""The page of the notebook is its prose and code, with outputs that are small and nobody's."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any, Final

from ops.site.notebook_page import page_of, read_notebook, without_outputs

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
NOTEBOOK: Final = DOCS / "notebook.ipynb"
PAGE: Final = DOCS / "notebook.md"


def test_the_page_is_the_notebooks_but_for_what_it_gave_when_it_ran() -> None:
    """What it gives is held by the check in tests/integrations, which runs it."""
    page, plots = page_of(read_notebook(NOTEBOOK), "notebook")
    assert not plots
    assert without_outputs(page) == page
    assert without_outputs(PAGE.read_text("utf-8")) == page


def test_the_notebook_is_committed_without_outputs_and_in_order() -> None:
    cells = read_notebook(NOTEBOOK)["cells"]
    code = [each for each in cells if each["cell_type"] == "code"]
    assert len(code) > 10
    assert all(not each["outputs"] and each["execution_count"] is None for each in code)
    assert all("assert" in "".join(each["source"]) for each in code if "process(" in str(each))
    assert len({each["id"] for each in cells}) == len(cells)


def test_page_and_plots_are_small_shown_and_name_no_folder_of_a_machine() -> None:
    page = PAGE.read_text("utf-8")
    assert "days; from the Fraud Detection Handbook\n" in page
    plots = sorted(DOCS.glob("notebook-*.png"))
    assert re.findall(r"\]\((notebook-\d+\.png)\)", page) == [path.name for path in plots]
    assert sum(path.stat().st_size for path in plots) < 300_000
    assert len(page) < 100_000
    assert NOTEBOOK.stat().st_size < 1_000_000
    for text in (page, NOTEBOOK.read_text("utf-8")):
        assert not re.search(r"/(home|tmp|work|root|Users)/", text)


def output(**of_it: Any) -> dict[str, Any]:
    cell = {"cell_type": "code", "source": ["a\n", "b"], "outputs": [of_it]}
    return {"cells": [{"cell_type": "markdown", "source": ["# T\n", "\n", "Text."]}, cell]}


def shown(**of_it: Any) -> str:
    page, _ = page_of(output(**of_it), "n")
    head, _, rest = page.partition("\n```\n")
    assert head.endswith("```python\na\nb")
    assert without_outputs(page) == page_of({"cells": output()["cells"][:1]}, "n")[0] + "\n" + (
        "<!-- not run: the check of the notebook in tests/integrations runs it -->\n"
        "```python\na\nb\n```\n"
    )
    return rest.removeprefix("\n<!-- output -->\n\n").removesuffix("\n\n<!-- end of output -->\n")


def test_text_tables_and_plots_are_shown_and_what_is_nothing_to_read_is_not() -> None:
    assert shown(output_type="stream", name="stdout", text=["x  \n", "\n", "y\n"]) == (
        "```text\nx\n\ny\n```"
    )
    assert shown(output_type="stream", name="stderr", text=["warned"]) == ""
    html = "<div>\n<style scoped>\n t {}\n</style>\n<table>\n\n <tr></tr></table></div>"
    result = {"output_type": "execute_result"}
    assert shown(**result, data={"text/html": html, "text/plain": "x"}) == (
        "<div><table><tr></tr></table></div>"
    )
    assert shown(**result, data={"text/plain": "<matplotlib.legend.Legend at 0x7f>"}) == ""
    assert shown(**result, data={"text/plain": "42"}) == "```text\n42\n```"
    drawn = {"image/png": base64.b64encode(b"png").decode(), "text/plain": "<Figure size 1x1>"}
    page, plots = page_of(output(output_type="display_data", data=drawn), "n")
    assert "![What the cell above has drawn](n-1.png)" in page
    assert plots == {"n-1.png": b"png"}
