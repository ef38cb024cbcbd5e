"""Photographs every page: ``python -m tests.integrations.browser.screenshots --to FOLDER``.

One PNG for each page, theme and width, and three of alerts that a worker has made; with ``--docs`` two
of these go into docs/, in few colours.  The environment is made first, where it is not there.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.integrations.environments import ROOT, environments

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.integrations.browser.desk import Desk

_MODULE: Final = "tests.integrations.browser.screenshots"
_IN_DOCS: Final = {
    "queue-at-work-light-1280": "console-queue",
    "alert-at-work-dark-1280": "console-alert",
}
_N_COLOURS: Final = 64


def main() -> int:
    """Photograph, in the environment that has Playwright."""
    parser = argparse.ArgumentParser(prog=f"python -m {_MODULE}")
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--docs", action="store_true", help="write docs/console-*.png anew")
    options = parser.parse_args()
    folder: Path = options.to
    if find_spec("playwright") is not None:
        _photograph(folder)
        return 0
    environment = environments()["browser"]
    environment.make()
    command = [environment.python, "-m", _MODULE, "--to", folder]
    done = subprocess.run(command, cwd=ROOT, env=environment.env(), check=False)
    if options.docs and done.returncode == 0:
        _write_docs(folder)
    return done.returncode


def _photograph(folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    from tests.integrations.browser.desk import Desk, browser_of, stood
    from tests.integrations.browser.walk import THEMES, WIDTHS, walk

    folder.mkdir(parents=True, exist_ok=True)

    def see(name: str, page: Page) -> None:
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            for theme in THEMES:
                page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                path = folder / f"{name.replace(' ', '-')}-{theme}-{width}.png"
                page.screenshot(path=path, full_page=not name.startswith("queue"))
                print(path, flush=True)

    with stood() as stand, sync_playwright() as playwright, browser_of(playwright) as browser:
        for visit in (walk, _at_work):
            desk = Desk(stand, browser, stand.ask("open"))
            try:
                visit(desk, see)
            finally:
                desk.close()


def _at_work(desk: Desk, see: Callable[[str, Page], None]) -> None:
    desk.ask("start_worker")
    page = desk.login("mona")
    desk.queued(page, 20)
    see("queue at work", page)
    for name, path in (("alert", "/alerts/"), ("wave", "/waves/")):
        page.goto(desk.url)
        page.locator(f"a.row[href^='{path}']").first.click()
        page.wait_for_selector("#fraud")
        see(f"{name} at work", page)
    desk.follow(page, "/budget?step=20")
    see("budget at work", page)


def _write_docs(folder: Path) -> None:
    from PIL import Image

    for name, there in _IN_DOCS.items():
        with Image.open(folder / f"{name}.png") as picture:
            few = picture.convert("RGB").quantize(_N_COLOURS, dither=Image.Dither.NONE)
            few.save(ROOT / "docs" / f"{there}.png", optimize=True)


if __name__ == "__main__":
    sys.exit(main())
