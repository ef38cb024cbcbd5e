"""The navigation, the sources and the repository agree: no page is missing, none comes twice."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

from ops.site.__main__ import gather_all
from ops.site.home_page import places
from ops.site.site_pages import gathered, made

ROOT: Final = Path(__file__).resolve().parents[2]
NOT_ON_THE_SITE: Final = {
    "README.md": "the front page of the repository: the home page has its place here",
    "load/sizing_page.md": "a part of docs/sizing.md",
}


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]
    return found


def test_the_navigation_names_every_page_once_but_for_decisions_and_rooms() -> None:
    """Those are reached from the lists of them."""
    named = places(project()["nav"])
    pages = gathered().keys() | made().keys() | {"index.md"}
    listed = {p for p in pages if p.startswith(("decisions/0", "reference/python/"))}
    assert sorted(named) == sorted(pages - listed)


def test_the_navigation_has_the_parts_that_were_asked_for() -> None:
    assert [title for part in project()["nav"] for title in part] == [
        "Home", "Start", "Your data", "Review", "Run", "Fit and promote", "Score on request",
        "Evaluate", "Extend", "Understand", "Reference", "Decisions", "Compare",
    ]  # fmt: skip


def test_every_page_of_the_repository_is_on_the_site_or_said_not_to_be() -> None:
    tops = [*ROOT.glob("*.md"), *(ROOT / "load").glob("*.md"), *(ROOT / "ops").rglob("*.md")]
    pages = {path.relative_to(ROOT).as_posix() for path in (*tops, *(ROOT / "docs").rglob("*.md"))}
    whole = {each.file for each in gathered().values() if not each.section}
    assert pages - whole == NOT_ON_THE_SITE.keys()


def test_the_readme_can_be_read_in_one_sitting_and_its_links_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 150
    targets = set(re.findall(r"\]\(([^)#\s]+)", text))
    assert len(targets) > 40
    assert [each for each in sorted(targets) if not (ROOT / each).exists()] == []


def test_every_link_leads_somewhere_and_the_home_page_names_every_page_of_the_navigation() -> None:
    """`gather_all` raises otherwise."""
    site = gather_all()
    home = site.pages["index.md"]
    for place in set(places(project()["nav"])) - {"index.md"}:
        assert f"]({place})" in home
    assert len(site.pages) > 100
    assert all(text.startswith("# ") for text in site.pages.values())


def test_the_site_asks_for_no_font_of_another_host() -> None:
    """What is built is checked by ``make docs``; this is the line that it hangs on."""
    assert project()["theme"]["font"] is False
    assert project()["strict"] is True
