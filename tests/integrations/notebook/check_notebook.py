"""The notebook of the documentation runs to its last cell, and its page is what it gives.

Its cells assert what they claim.  It runs on simulated payments, and says so; and on the Handbook's, of
which its page is, where ``HANDBOOK`` names a Parquet file of them.
"""

from __future__ import annotations

import os

import pytest

from ops.site.notebook_page import page_of, without_outputs
from tests.integrations.notebook.rendering import PAGE, executed


def test_it_runs_on_simulated_payments_and_its_page_has_its_prose_and_code() -> None:
    page, plots = page_of(executed({"HANDBOOK": ""}), PAGE.stem)
    assert "days; from streamer simulate" in page
    assert without_outputs(page) == without_outputs(PAGE.read_text("utf-8"))
    assert plots.keys() == {path.name for path in PAGE.parent.glob(f"{PAGE.stem}-*.png")}
    assert all(len(content) > 5_000 for content in plots.values())


@pytest.mark.skipif(not os.environ.get("HANDBOOK"), reason="HANDBOOK names no file")
def test_what_it_claims_holds_on_the_handbooks_payments() -> None:
    page, plots = page_of(executed({}), PAGE.stem)
    assert "days; from the Fraud Detection Handbook" in page
    assert len(plots) == 4
