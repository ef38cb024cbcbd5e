"""What asks while one works: boxes of a lead, the budget's slider, and alerts that are kept no more."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.integrations.browser.desk import Desk


def test_a_lead_ticks_by_keys_judges_at_once_and_takes_it_back(desk: Desk) -> None:
    desk.publish(1, 2, 3)
    page = desk.login("lea")
    desk.queued(page, 3)
    for key in "jxjjx":
        page.keyboard.press(key)
    expect(page.locator("#n-ticked")).to_have_text("2 alerts ticked")
    # From a box the keys go on where it is.
    page.locator("input[type=checkbox]").nth(1).focus()
    page.keyboard.press("k")
    expect(page.locator("a.row").first).to_be_focused()
    with page.expect_navigation():
        page.keyboard.press("o")
    expect(page.locator("h1")).to_have_text("2 alerts that you ticked")
    with page.expect_navigation():
        page.keyboard.press("f")
    notice = page.locator("header ~ .notice.good")
    expect(notice).to_contain_text("2 ticked payments: fraud")
    with page.expect_navigation():
        page.keyboard.press("u")
    expect(notice).to_contain_text("2 ticked payments: legitimate")
    sent = sorted(desk.verdicts(4), key=lambda each: str(each["decided_at"]))
    assert [each["verdict"] for each in sent] == ["fraud"] * 2 + ["legitimate"] * 2
    assert {each["alert_id"] for each in sent} == {desk.published[0], desk.published[2]}


def test_the_budget_follows_its_slider_and_what_was_typed_stays(desk: Desk) -> None:
    """Of 80 steps from 0.05% to 5%, step 20 is 0.158% and 40 is 0.5%."""
    page = desk.login("mona")
    desk.follow(page, "/budget?step=20")
    expect(page.locator("#answer")).to_contain_text("0.158%")
    page.locator("#reason").fill("fewer reviewers")
    slider = page.locator("#step")
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#answer")).to_contain_text("0.5%")
    expect(page.locator("#proposed")).to_contain_text("Propose 0.5%")
    expect(page.locator("#proposed input")).to_have_value("40")
    expect(slider).to_have_attribute("aria-valuetext", "0.5%")
    expect(slider).to_be_focused()
    expect(page.locator("#reason")).to_have_value("fewer reviewers")
    assert page.locator("#answer").get_attribute("role") == "status"


def test_a_key_judges_also_while_a_slider_has_the_focus(desk: Desk) -> None:
    desk.publish(1)
    page = desk.login("mona")
    desk.queued(page, 1)
    desk.follow(page, "/next")
    page.locator("input[type=range]").first.focus()
    with page.expect_navigation():
        page.keyboard.press("f")
    [sent] = desk.verdicts(1)
    assert sent["verdict"] == "fraud"


def test_what_is_kept_no_more_is_found_in_the_topic_and_judged(desk: Desk) -> None:
    desk.publish(1)
    page = desk.login("mona")
    desk.queued(page, 1)
    desk.ask("forget", desk.published[0])
    desk.follow(page, "/")
    page.locator("#wanted").fill(desk.published[0])
    for name in ("Look up", "Look it up in the alerts topic"):
        with page.expect_navigation():
            page.get_by_role("button", name=name).click()
    expect(page.locator(".judge .notice").first).to_contain_text("From the alerts topic")
    with page.expect_navigation():
        page.keyboard.press("c")
    with page.expect_navigation():
        page.keyboard.press("l")
    [sent] = desk.verdicts(1)
    assert sent["verdict"] == "legitimate"
