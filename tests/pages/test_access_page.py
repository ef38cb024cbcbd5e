"""docs/access.md: in step with the table."""

from __future__ import annotations

import re
from pathlib import Path

from streamer.access.access_rules import RULES
from streamer.pages import access_page

PAGE = Path(__file__).parents[2] / "docs" / "access.md"


def test_the_page_is_as_generated_and_a_difference_is_told(tmp_path: Path) -> None:
    """Otherwise: python -m streamer.pages.access_page."""
    assert access_page.main(["--page", str(PAGE), "--check"]) == 0
    page = tmp_path / "access.md"
    page.write_text("other", "utf-8")
    assert access_page.main(["--page", str(page), "--check"]) == 1


def test_every_action_has_a_row_with_a_cross_for_each_of_its_roles() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", access_page.page(), re.MULTILINE))
    assert list(rows) == list(RULES)
    for action, rule in RULES.items():
        assert rows[action].count("| x ") == (5 if rule.anybody else len(rule.roles)), action
    # Reviewer, lead, model owner, auditor, operator.
    assert rows["approve"].split("|")[1:6] == ["  ", " x ", " x ", "  ", "  "]
