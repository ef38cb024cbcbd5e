"""Reviewers at work in Chromium: with a real worker behind the console, and by the keyboard alone."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tests.integrations.browser.desk import PASSWORD, Desk

N_REVIEWED = 20


def alert_of(page: Page) -> str:
    """Return the id of the alert that a page shows, "" where it shows none."""
    found = re.fullmatch(r"/alerts/([^/]+)", urlsplit(page.url).path)
    return found[1] if found else ""


def judged(page: Page, key: str) -> list[str]:
    """Press the key of a verdict, and return the alerts it was given to: one, or those of a wave."""
    members = page.locator("input[name=members]").first
    alert_ids = members.input_value().split() if members.count() else [alert_of(page)]
    told = alert_ids[0] if not members.count() else f"{len(alert_ids)} payments of a wave"
    with page.expect_navigation():
        page.keyboard.press(key)
    expect(page.locator("header ~ .notice.good")).to_contain_text(told)
    return alert_ids


def test_twenty_alerts_are_judged_by_keys_and_the_worker_learns_from_each(own_desk: Desk) -> None:
    """And goes on where it was when another worker takes over, as do the events of the queue."""
    own_desk.ask("start_worker")
    page = own_desk.login("mona")
    own_desk.queued(page, N_REVIEWED)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    done: dict[str, str] = {}
    while len(done) < N_REVIEWED:
        key, verdict = ("f", "fraud") if len(done) % 3 else ("l", "legitimate")
        done |= dict.fromkeys(judged(page, key), verdict)
    sent = own_desk.ask("verdicts", len(done))
    assert {each["alert_id"]: each["verdict"] for each in sent} == done
    assert len(sent) == len(done)
    own_desk.ask("learned", len(done))
    # The same page hears of what the next worker finds.
    page.goto(own_desk.url)
    own_desk.ask("replace_worker")
    own_desk.ask("pay", 1_500)
    expect(page.locator("#arrivals")).to_contain_text("come", timeout=60_000)


def test_two_reviewers_never_get_one_alert(desk: Desk) -> None:
    desk.publish(*range(1, 13))
    mona, noor = desk.login("mona"), desk.login("noor")
    desk.queued(mona, 12)
    for page in (mona, noor):
        desk.follow(page, "/next")
    seen: list[str] = []
    for _ in range(6):
        for page in (mona, noor):
            # Led to one alert at one moment, the second is told who has it.
            while page.locator("#fraud").count() == 0:
                with page.expect_navigation():
                    page.get_by_role("link", name="Next alert that is free").click()
            assert alert_of(page) not in seen
            seen.append(alert_of(page))
        # Both keys are pressed before either answer has come.
        for page in (mona, noor):
            page.evaluate("document.getElementById('fraud').click()")
        for page, alert_id in zip((mona, noor), seen[-2:], strict=True):
            expect(page.locator("header ~ .notice.good")).to_contain_text(alert_id)
    assert len(set(seen)) == 12
    assert {each["alert_id"] for each in desk.verdicts(12)} == set(seen)


def test_undo_by_its_key_sends_the_other_verdict(desk: Desk) -> None:
    desk.publish(1)
    page = desk.login("mona")
    desk.queued(page, 1)
    desk.follow(page, "/next")
    judged(page, "f")
    with page.expect_navigation():
        page.keyboard.press("u")
    expect(page.locator("main")).to_contain_text("mona judged it legitimate")
    sent = sorted(desk.verdicts(2), key=lambda each: str(each["decided_at"]))
    assert [each["verdict"] for each in sent] == ["fraud", "legitimate"]


def test_the_queue_hears_of_new_alerts_after_the_console_was_started_again(own_desk: Desk) -> None:
    page = own_desk.login("mona")
    own_desk.ask("restart_console")
    own_desk.publish(1, 2)
    expect(page.locator("#arrivals")).to_contain_text("2 new alerts have come", timeout=60_000)
    with page.expect_navigation():
        page.locator("#arrivals a").press("Enter")
    expect(page.locator("a.row")).to_have_count(2)


def test_what_was_typed_is_there_after_a_session_that_ended(desk: Desk) -> None:
    desk.publish(1)
    page = desk.login("mona")
    desk.queued(page, 1)
    desk.follow(page, "/next")
    page.locator("#comment").press_sequentially("called the holder")
    page.context.clear_cookies(name="streamer_session")
    with page.expect_navigation():
        page.locator("#fraud").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Your session has ended")
    page.locator("#name").fill("mona")
    page.locator("#password").fill(PASSWORD)
    with page.expect_navigation():
        page.locator("#password").press("Enter")
    expect(page.locator("#comment")).to_have_value("called the holder")
    assert desk.verdicts(0) == []
    with page.expect_navigation():
        page.locator("#fraud").press("Enter")
    [sent] = desk.verdicts(1)
    assert sent["verdict"] == "fraud"


def test_html_of_a_merchant_is_text(desk: Desk) -> None:
    name = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
    desk.publish(1, merchant_id=name)
    page = desk.login("mona")
    desk.queued(page, 1)
    expect(page.locator("a.row .place")).to_contain_text(name)
    desk.follow(page, "/next")
    for path in ("", "/print", "/recomputed"):
        desk.follow(page, f"/alerts/{desk.published[0]}{path}")
        assert page.locator("img, script:not([src])").count() == 0
    desk.follow(page, f"/alerts/{desk.published[0]}")
    expect(page.locator("dl.facts").first).to_contain_text(name)


def test_the_keyboard_reaches_everything_in_order_and_shows_where_it_is(desk: Desk) -> None:
    desk.publish(1, 2)
    desk.publish(3, 4, wave_id="card-0f")
    page = desk.login("mona")
    desk.queued(page, 4)
    for path, last in (("/", ".row"), ("/next", "summary"), ("/waves/card-0f", ".member")):
        desk.follow(page, path)
        # The first stop leads past the header, and is seen while it has the focus.
        page.keyboard.press("Tab")
        skip = page.locator(":focus")
        expect(skip).to_have_text("Skip to the content")
        box = skip.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('main') !== null")
        places, reached = [], False
        desk.follow(page, path)
        n_stops = page.locator(
            "a[href], button, input:not([type=hidden]), select, textarea, summary"
        ).locator("visible=true")
        for _ in range(n_stops.count()):
            page.keyboard.press("Tab")
            at = page.evaluate(
                "() => {const e = document.activeElement, s = getComputedStyle(e);"
                "return {outline: s.outlineStyle, width: parseFloat(s.outlineWidth),"
                "place: Array.from(document.querySelectorAll('*')).indexOf(e)}}"
            )
            assert (at["outline"], at["width"] >= 2) == ("solid", True), at
            places.append(at["place"])
            reached = reached or page.locator(f"{last}:focus").count() > 0
        assert reached
        assert places == sorted(set(places))
    page.locator("body").press("?")
    expect(page.locator("h1")).to_have_text("Help")


def test_a_wave_is_judged_as_one_by_a_key_and_taken_back_by_another(desk: Desk) -> None:
    desk.publish(1, 2, 3, wave_id="card-0f")
    desk.publish(4)
    page = desk.login("mona")
    desk.queued(page, 4)
    expect(page.locator("a.row")).to_have_count(2)
    page.keyboard.press("j")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("3 alerts of one card")
    with page.expect_navigation():
        page.keyboard.press("f")
    expect(page.locator("header ~ .notice.good")).to_contain_text("3 payments of a wave: fraud")
    assert alert_of(page) == desk.published[3]
    with page.expect_navigation():
        page.keyboard.press("u")
    expect(page.locator("header ~ .notice.good")).to_contain_text(
        "3 payments of a wave: legitimate"
    )
    sent = sorted(desk.verdicts(6), key=lambda each: str(each["decided_at"]))
    assert [each["verdict"] for each in sent] == ["fraud"] * 3 + ["legitimate"] * 3
    assert {each["alert_id"] for each in sent[:3]} == set(desk.published[:3])
