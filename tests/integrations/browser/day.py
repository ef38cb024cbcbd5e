"""A reviewer's day, played: ``python -m tests.integrations.browser.day play --to FOLDER``.

``play`` lets a service live for weeks (`lived`), opens each alert that waits in the queue's order,
and writes what a person sees of it: ``pages/NNN.txt``, ``NNN-wave.txt`` before the first of a wave,
and each tenth as a picture.  Whoever plays the reviewer reads them and writes ``verdicts.tsv``, a line
for each: number, ``f`` or ``l``, why.  What is written there is pressed in the browser as it comes, and
timed.  ``truth/`` is for ``score``, which says what was found and missed, not for who reviews.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.integrations.environments import ROOT, environments

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.integrations.browser.desk import Desk

_MODULE: Final = "tests.integrations.browser.day"
_SETTINGS: Final = {
    "alert_budget": "0.005",
    "warmup_transactions": "5000",
    "n_clusters": "16",
    "checkpoint_interval_s": "2",
    "console_max_claims": "1000",
}
_ITEMS: Final = "ol.rows > li > a.row"
_PICTURED: Final = 10
_TICK_S: Final = 0.5
_WORDS_A_MINUTE: Final = 200


def main() -> int:
    """Play in the environment that has Playwright, or score here."""
    parser = argparse.ArgumentParser(prog=f"python -m {_MODULE}")
    parser.add_argument("what", choices=["play", "score"])
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--alerts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=float, default=10.0, help="with verdicts, before")
    options = parser.parse_args()
    if options.what == "score":
        print(_scored(options.to))
        return 0
    if find_spec("playwright") is not None:
        _play(options.to, options.alerts, options.seed, options.days)
        return 0
    environment = environments()["browser"]
    environment.make()
    command = [environment.python, "-m", _MODULE, *sys.argv[1:]]
    return subprocess.run(command, cwd=ROOT, env=environment.env(), check=False).returncode


def _play(folder: Path, n_alerts: int, seed: int, days: float) -> None:
    from playwright.sync_api import sync_playwright

    from tests.integrations.browser.desk import Desk, browser_of, stood

    (folder / "pages").mkdir(parents=True, exist_ok=True)
    with stood() as stand, sync_playwright() as playwright, browser_of(playwright) as browser:
        desk = Desk(stand, browser, stand.ask("open", _SETTINGS))
        try:
            told = desk.ask("live", seed, days, n_alerts, str(folder / "truth" / "truth.json"))
            print(json.dumps(told), flush=True)
            page = desk.login("mona")
            desk.queued(page, told["open"])
            alerts = _seen(desk, page, folder)
            (folder / "alerts.json").write_text(json.dumps(alerts, indent=1), encoding="utf-8")
            print(f"{len(alerts)} pages", flush=True)
            _press(desk, page, folder, alerts)
        finally:
            desk.close()


def _seen(desk: Desk, page: Page, folder: Path) -> list[dict[str, Any]]:
    """Write every page in the queue's order; return each alert with severity and what it took."""
    found: list[dict[str, Any]] = []
    items = list(_items(desk, page))
    (folder / "pages" / "queue.txt").write_text("\n\n".join(text for _, text in items))
    for address, _ in items:
        desk.follow(page, address)
        members = [address]
        if address.startswith("/waves/"):
            path = folder / "pages" / f"{len(found) + 1:03}-wave.txt"
            path.write_text(page.inner_text("main"), encoding="utf-8")
            page.screenshot(path=path.with_suffix(".png"), full_page=True)
            members = _addresses(page)
        for each in members:
            began = time.monotonic()
            desk.follow(page, each)
            took_s = time.monotonic() - began
            text = page.inner_text("main")
            path = folder / "pages" / f"{len(found) + 1:03}.txt"
            path.write_text(text, encoding="utf-8")
            if len(found) % _PICTURED == 0:
                page.screenshot(path=path.with_suffix(".png"), full_page=True)
            severity = page.inner_text("h1 .severity").lower()
            told = {"address": each, "severity": severity, "opened_s": took_s}
            found.append(told | {"words": len(text.split()), "wave": len(members)})
    return found


def _items(desk: Desk, page: Page) -> Iterator[tuple[str, str]]:
    page.goto(desk.url)
    while True:
        rows = page.locator(_ITEMS)
        yield from zip(_addresses(page), rows.all_inner_texts(), strict=True)
        later = page.locator("nav.pages a", has_text="Later")
        if not later.count():
            return
        later.click()
        page.wait_for_load_state()


def _addresses(page: Page) -> list[str]:
    rows = page.locator(_ITEMS)
    return list(rows.evaluate_all("(rows) => rows.map((row) => row.getAttribute('href'))"))


def _press(desk: Desk, page: Page, folder: Path, alerts: list[dict[str, Any]]) -> None:
    """Give each verdict as it comes, by its key, until all alerts have theirs."""
    done: set[int] = set()
    while len(done) < len(alerts):
        time.sleep(_TICK_S)
        for number, verdict, _ in _verdicts(folder):
            if number in done:
                continue
            desk.follow(page, alerts[number - 1]["address"])
            began = time.monotonic()
            page.keyboard.press(verdict)
            page.wait_for_selector("#undo")
            alerts[number - 1]["judged_s"] = time.monotonic() - began
            done.add(number)
            (folder / "alerts.json").write_text(json.dumps(alerts, indent=1), encoding="utf-8")


def _verdicts(folder: Path) -> list[tuple[int, str, str]]:
    path = folder / "verdicts.tsv"
    if not path.exists():
        return []
    lines = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return [(int(number), verdict, why) for number, verdict, why in lines]


def _scored(folder: Path) -> str:
    """Return what the verdicts found and missed, by kind of fraud and severity, and what it took."""
    truth = json.loads((folder / "truth" / "truth.json").read_text(encoding="utf-8"))
    alerts = json.loads((folder / "alerts.json").read_text(encoding="utf-8"))
    said: dict[tuple[str, str], Counter[str]] = {}
    wrong = []
    for number, verdict, why in _verdicts(folder):
        alert = alerts[number - 1]
        kind = truth["alerts"][alert["address"].rpartition("/")[2].partition("?")[0]]
        for key in (("kind", kind or "legitimate"), ("severity", alert["severity"]), ("all", "")):
            said.setdefault(key, Counter())[f"{'fraud' if kind else 'legitimate'} {verdict}"] += 1
        if (verdict == "f") != bool(kind):
            wrong.append(f"{number} {alert['severity']} was {kind or 'legitimate'}: {why}")
    lines = []
    for (what, name), counts in sorted(said.items()):
        hit, missed = counts["fraud f"], counts["fraud l"]
        false, right = counts["legitimate f"], counts["legitimate l"]
        recall = f"{hit / (hit + missed):.2f}" if hit + missed else "-"
        precision = f"{hit / (hit + false):.2f}" if hit + false else "-"
        lines.append(
            f"{what} {name}: {hit} frauds found, {missed} missed, {false} false, {right} legitimate "
            f"seen; precision {precision}, recall {recall}"
        )
    lines += ["", *wrong, "", f"frauds without an alert: {truth['frauds_without_an_alert']}"]
    for name in ("opened_s", "judged_s", "words"):
        values = sorted(each[name] for each in alerts if name in each)
        if values:
            high = values[int(0.95 * (len(values) - 1))]
            lines.append(f"{name}: median {statistics.median(values):.3f}, 95th {high:.3f}")
    words = sum(each["words"] for each in alerts)
    lines.append(f"to read at {_WORDS_A_MINUTE} words a minute: {words / _WORDS_A_MINUTE:.0f} min")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
