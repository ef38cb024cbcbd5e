"""A walk through every page of the console: what is looked at by axe-core, and what is photographed."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

from tests.integrations.browser.desk import Desk

__all__ = ["PAGES", "THEMES", "WIDTHS", "walk"]

THEMES = "light", "dark"
WIDTHS = 1280, 390
PAGES = (
    "login", "login refused", "queue empty", "queue", "queue filtered", "alert", "alert after another",
    "alert closed", "recomputed", "recomputed otherwise", "print", "held", "held by a lead",
    "message", "help", "wave", "wave of another", "wave judged", "team", "budget", "below", "model",
    "proposals", "operations", "queue of a lead", "ticked", "not in the topic", "looked up", "snoozed",
    "queue blind", "alert blind", "session ended",
)  # fmt: skip

See = Callable[[str, Page], None]


def walk(desk: Desk, see: See) -> None:
    """Call ``see`` with the name and the page of each of `PAGES`, in that order."""
    _before_any_alert(desk, see)
    wave = {"wave_id": "card-0f", "wave_sentence": "The second alert of this card within a day"}
    desk.publish(
        *range(1, 10), merchant_id="shop with a long name, of Reykjavík and elsewhere, Ltd."
    )
    desk.publish(*range(10, 40), severity="high", country="DE", amount=1_234_567.89)
    desk.publish(*range(40, 61), severity="medium", wave_alerts=3, **wave)
    page, other, lead = desk.login("mona"), desk.login("noor"), desk.login("lea")
    desk.queued(page, 60)
    see("queue", page)
    desk.follow(page, "/?severity=high&least=x")
    see("queue filtered", page)
    desk.follow(page, "/next")
    see("alert", page)
    first = page.url
    page.keyboard.press("f")
    page.wait_for_selector("#undo")
    see("alert after another", page)
    page.goto(first)
    see("alert closed", page)
    desk.publish(61, score=None)
    desk.queued(page, 60)
    for name, address in (
        ("recomputed", f"{desk.url}/alerts/{desk.published[-1]}"),
        ("recomputed otherwise", first),
    ):
        page.goto(f"{address}/recomputed")
        see(name, page)
    page.goto(f"{first}/print")
    see("print", page)
    desk.follow(page, "/next")
    for name, who in (("held", other), ("held by a lead", lead)):
        who.goto(page.url)
        see(name, who)
    desk.follow(other, "/alerts/nowhere")
    see("message", other)
    desk.follow(other, "/help")
    see("help", other)
    desk.follow(other, "/waves/card-0f")
    see("wave", other)
    page.goto(other.url)
    see("wave of another", page)
    other.keyboard.press("f")
    other.wait_for_selector("#undo")
    see("wave judged", other)
    wave = other.url
    _beside_the_queue(desk, lead, see)
    _blind(desk, page, see)
    other.goto(wave)
    desk.follow(other, "/next")
    other.locator("#comment").fill("called the holder")
    other.context.clear_cookies(name="streamer_session")
    other.locator("#fraud").press("Enter")
    other.wait_for_selector("#password")
    see("session ended", other)


def _beside_the_queue(desk: Desk, lead: Page, see: See) -> None:
    desk.follow(lead, "/team")
    see("team", lead)
    desk.follow(lead, "/budget?step=20")
    see("budget", lead)
    desk.follow(lead, "/below")
    see("below", lead)
    desk.follow(lead, "/model")
    see("model", lead)
    desk.follow(lead, "/budget?step=20")
    lead.locator("#reason").fill("fewer reviewers in August")
    lead.locator("text=Propose >> nth=-1").click()
    lead.wait_for_selector("text=alert_budget=")
    see("proposals", lead)
    desk.follow(lead, "/operations")
    see("operations", lead)
    _at_once(desk, lead, see)
    desk.follow(lead, "/next")
    lead.locator("summary", has_text="Snooze").click()
    lead.locator("button", has_text="Snooze").click()
    lead.wait_for_selector("text=is snoozed until")
    desk.follow(lead, "/snoozed")
    see("snoozed", lead)


def _at_once(desk: Desk, lead: Page, see: See) -> None:
    desk.follow(lead, "/")
    for box in lead.locator("input[type=checkbox]").all()[-3:]:
        box.check()
    see("queue of a lead", lead)
    lead.locator("#open-ticked").click()
    lead.wait_for_selector("#fraud")
    see("ticked", lead)
    lead.locator("text=Let go of them").click()
    lead.wait_for_selector("#wanted")
    for name, wanted in (("not in the topic", "nowhere"), ("looked up", desk.published[30])):
        desk.ask("forget", desk.published[30])
        desk.follow(lead, "/")
        lead.locator("#wanted").fill(wanted)
        lead.locator("text=Look up").click()
        lead.locator("text=Look it up in the alerts topic").click()
        lead.wait_for_selector("text=/has everything|From the alerts topic/")
        see(name, lead)


def _blind(desk: Desk, page: Page, see: See) -> None:
    page.goto(desk.url)
    n_open = int(page.inner_text(".counts strong >> nth=0").replace(",", ""))
    desk.ask("restart_console", {"STREAMER_CONSOLE_BLIND": "true"})
    desk.publish(62)
    # A console that is ended before its group has let it in keeps the next one waiting for minutes.
    desk.queued(page, n_open + 1)
    see("queue blind", page)
    desk.follow(page, "/next")
    see("alert blind", page)
    desk.ask("restart_console")


def _before_any_alert(desk: Desk, see: See) -> None:
    page = desk.page()
    page.goto(desk.url)
    see("login", page)
    page.locator("#name").fill("mona")
    page.locator("#password").fill("wrong")
    page.locator("#password").press("Enter")
    page.wait_for_selector("[role=alert]")
    see("login refused", page)
    page = desk.login("noor")
    see("queue empty", page)
