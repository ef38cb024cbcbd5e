"""axe-core finds nothing on any page, in both themes, on a desk's screen and on a telephone's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

from tests.integrations.browser.desk import Desk
from tests.integrations.browser.walk import PAGES, THEMES, WIDTHS, walk

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
# All rules but the experimental; that of WCAG 2.2 on the size of targets is off unless it is asked for.
OPTIONS = {"rules": {"target-size": {"enabled": True}}, "resultTypes": ["violations"]}


def violations(page: Page) -> list[str]:
    """Return what axe-core says of a page as it is: rule, element, and why."""
    page.evaluate(AXE)
    found: list[dict[str, Any]] = page.evaluate(
        "(options) => axe.run(document, options).then((told) => told.violations)", OPTIONS
    )
    return [
        f"{each['id']}: {node['target']}: {node['failureSummary']}"
        for each in found
        for node in each["nodes"]
    ]


def test_axe_finds_nothing_on_any_page_in_both_themes_and_widths(desk: Desk) -> None:
    found: list[str] = []
    seen: list[str] = []

    def see(name: str, page: Page) -> None:
        seen.append(name)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            needed = page.evaluate("document.documentElement.scrollWidth")
            if needed > width:
                found.append(f"{name}: {needed} pixels wide on a screen of {width}")
            for theme in THEMES:
                page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                found.extend(f"{name}, {theme}, {width}: {each}" for each in violations(page))

    walk(desk, see)
    assert tuple(seen) == PAGES
    assert found == [], "\n".join(found)


def test_axe_finds_what_is_wrong(desk: Desk) -> None:
    """So that nothing found is not for want of looking."""
    page = desk.login("mona")
    page.evaluate("document.querySelector('.who button').textContent = ''")
    page.evaluate("document.querySelector('h1').insertAdjacentHTML('afterend', '<input>')")
    told = {each.partition(":")[0] for each in violations(page)}
    assert {"button-name", "label"} <= told
