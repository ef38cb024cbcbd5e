"""What becomes of a verdict that somebody sends, takes back, or overrules."""

from __future__ import annotations

from typing import Literal

from starlette.responses import RedirectResponse, Response

from streamer.access.decision import Facts
from streamer.console.console import now_ms
from streamer.console.moment_words import moment_text
from streamer.console.pages.absent_pages import gone_page, kept_for_lead
from streamer.console.pages.alert_pages import alert_id_of, held_page, shown_alert
from streamer.console.pages.posted_forms import MOST_COMMENT
from streamer.console.pages.queue_pages import next_address
from streamer.console.pages.sight import sight_of, why_not_overruled
from streamer.console.pages.visits import Visit, message_page
from streamer.contract.card_numbers import has_card_number
from streamer.store import Begun, Review

__all__ = ["judge", "judged_about", "overrule", "undo"]

_LONGEST_KEY = 96
_LONGEST_MS = 15


async def judged_about(visit: Visit) -> tuple[str, Facts]:
    """Return what a verdict is asked as: where two opinions differ it is a ruling."""
    twice, who = await visit.console.twice.of(alert_id_of(visit)), visit.account
    task = "" if twice is None else twice.task_of(who.name, is_lead=who.is_lead)
    return "rule" if task == "ruling" else "judge", Facts()


async def judge(visit: Visit) -> Response:
    """Send a verdict, and go on to the next alert once Kafka has it."""
    alert_id, form = alert_id_of(visit), visit.form
    comment, key, verdict = (form.get(name, "") for name in ("comment", "key", "verdict"))
    fault = _fault(verdict, key, comment)
    if fault:
        return await shown_alert(visit, alert_id, comment=comment, notice=fault, status=400)
    alert = await visit.console.alert(alert_id)
    if alert is None:
        return await gone_page(visit, alert_id, comment)
    doubt = await _doubt(visit, alert_id, key)
    if doubt:
        return await shown_alert(visit, alert_id, comment=comment, notice=doubt, status=409)
    wanted = Review(
        alert_id,
        key,
        "fraud" if verdict == "fraud" else "legitimate",
        visit.account.name,
        now_ms(),
        comment,
    )
    sight, decider = await sight_of(visit, alert_id), visit.console.decider
    logged = await kept_for_lead(visit, alert_id, sight)
    if logged is not None:
        told = f"{logged.who} judged it: {logged.verdict}, {moment_text(logged.decided_ms)}."
        what = "A lead can judge it again. Nothing was sent."
        return message_page(403, "This alert was judged", told, what, comment=comment)
    ways = {"": decider.decide, "second": decider.second, "ruling": decider.rule}
    way = ways[sight.said_in(key, visit.account.name) or sight.task]
    begun = await way(alert, wanted, visit.acting)
    if begun.outcome == "sent":
        return RedirectResponse(await next_address(visit, done=alert_id), 303)
    return await _not_sent(visit, begun, alert_id, comment, is_veiled=bool(sight.task))


async def undo(visit: Visit) -> Response:
    """Overrule the visitor's own verdict of the last minute by its opposite."""
    alert_id, key = alert_id_of(visit), visit.form.get("key", "")
    if not 1 <= len(key) <= _LONGEST_KEY:
        return message_page(400, "Nothing was sent", "The form must have its key.")
    alert = await visit.console.alert(alert_id)
    if alert is None:
        return await gone_page(visit, alert_id)
    wanted = Review(alert_id, key, "legitimate", visit.account.name, now_ms())
    sight = await sight_of(visit, alert_id)
    begun = await visit.console.decider.correct(alert, wanted, visit.acting)
    if begun.outcome == "sent":
        query = visit.filters.query
        return RedirectResponse(f"/alerts/{alert_id}{'?' + query if query else ''}", 303)
    return await _not_sent(visit, begun, alert_id, "", is_veiled=bool(sight.task))


async def overrule(visit: Visit) -> Response:
    """Send the other verdict than the one that the form was shown with, whoever gave that and when."""
    alert_id, form, who = alert_id_of(visit), visit.form, visit.account
    comment, key, verdict = (form.get(name, "") for name in ("comment", "key", "verdict"))
    stands = form.get("stands", "")
    fault = _fault(verdict, key, comment)
    if not fault and not (stands.isascii() and stands.isdigit() and len(stands) <= _LONGEST_MS):
        fault = "The form must say which verdict it overrules. Nothing was sent: press again."
    if fault:
        return await shown_alert(visit, alert_id, comment=comment, notice=fault, status=400)
    alert = await visit.console.alert(alert_id)
    if alert is None:
        return await gone_page(visit, alert_id, comment)
    doubt = await _doubt(visit, alert_id, key)
    if doubt:
        return await shown_alert(visit, alert_id, comment=comment, notice=doubt, status=409)
    sight = await sight_of(visit, alert_id)
    because = why_not_overruled(sight, is_lead=who.is_lead)
    review = sight.review
    # One that was written down and never acknowledged is sent again as it was.
    is_again = review is not None and (review.key, review.who) == (key, who.name)
    if because and not is_again:
        return message_page(409, "This verdict is not overruled", because, comment=comment)
    said: Literal["fraud", "legitimate"] = "fraud" if verdict == "fraud" else "legitimate"
    wanted = Review(alert_id, key, said, who.name, now_ms(), comment)
    begun = await visit.console.decider.overrule(alert, wanted, int(stands), visit.acting)
    if begun.outcome == "sent":
        query = visit.filters.query
        return RedirectResponse(f"/alerts/{alert_id}{'?' + query if query else ''}", 303)
    return await _not_sent(visit, begun, alert_id, comment, is_veiled=False)


def _fault(verdict: str, key: str, comment: str) -> str:
    if verdict not in ("fraud", "legitimate"):
        return "A verdict must be fraud or legitimate. Nothing was sent: press one of the two."
    if not 1 <= len(key) <= _LONGEST_KEY:
        return "The form must have its key. Nothing was sent: press again."
    if len(comment) > MOST_COMMENT:
        return (
            f"A comment must have at most {MOST_COMMENT:,} characters, got {len(comment):,}. "
            "Nothing was sent."
        )
    if has_card_number(comment):
        return (
            "The comment has digits that may be a card number, and comments are kept for long: "
            "nothing was sent or written down. They are stars below: press again, or say it otherwise."
        )
    return ""


async def _doubt(visit: Visit, alert_id: str, key: str) -> str:
    """Return why a form may not be of what its sender has seen, "" where it is."""
    console, who = visit.console, visit.account.name
    shown_ms = console.signer.shown_ms(key, alert_id, who)
    if shown_ms is None:
        sight = await sight_of(visit, alert_id)
        review = sight.review
        # What was written down under a key of another process goes on under it.
        is_known = review is not None and (review.key, review.who) == (key, who)
        if is_known or sight.said_in(key, who):
            return ""
        return "That form was not of this alert as it is shown to you. Nothing was sent."
    # Another host's clock may be ahead.
    if 0 <= now_ms() - shown_ms < console.least_look_ms:
        return (
            "This alert had only just come when the verdict did: nothing was sent, as that may have "
            "been the second tap of two. Press again if it was not."
        )
    return ""


async def _not_sent(
    visit: Visit, begun: Begun, alert_id: str, comment: str, *, is_veiled: bool
) -> Response:
    review, sight = begun.review, await sight_of(visit, alert_id)
    # Another's verdict may have come since the form did.
    is_veiled = is_veiled or bool(sight.task) or alert_id in sight.veiled or sight.review is None
    if begun.outcome == "held":
        return await held_page(visit, alert_id, begun.holder, comment)
    if is_veiled and begun.outcome in ("closed", "late"):
        told = "Nothing was sent. Open it from the queue if it is there in a minute."
        return message_page(409, "This alert cannot be judged now", told, comment=comment)
    if begun.outcome == "gone" or review is None:
        return await gone_page(visit, alert_id, comment)
    if begun.outcome == "sending":
        told = "It is on its way. Open the alert again in half a minute to see if it came."
        return message_page(503, "Your verdict is being sent", told, comment=comment)
    stands = f"{review.who} judged {alert_id}: {review.verdict}, {moment_text(review.decided_ms)}."
    if begun.outcome == "late":
        told = "Undo is there for a minute. Open the alert: the other verdict overrules it there."
        return message_page(409, "Too late to undo", stands, told)
    told = "Nothing was sent now. If the verdict is wrong, open the alert: it is overruled there."
    return message_page(409, "This alert is closed", stands, told, comment=comment)
