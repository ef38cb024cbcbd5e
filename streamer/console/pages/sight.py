"""What somebody may be told of an alert, and what they may do with it.

Two things are kept from them: in a blind queue what the model says, until the verdict can be taken back
no more; and from who may give a second opinion what the first was and whose.

Invariants:
* Every page about an alert asks here first, and tells nothing of the alert that is not in the answer.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.responses import Response

from streamer.console.console import now_ms
from streamer.console.pages.visits import Visit, message_page
from streamer.store import Review
from streamer.store.review_record import UNDO_MS
from streamer.store.twice_judged import Task, Twice

__all__ = ["Sight", "no_groups", "not_yet", "sight_of", "veiled_from", "why_not_overruled"]


@dataclass(frozen=True, slots=True)
class Sight:
    """What there is to see.

    ``review`` is the verdict that may be told, and of a second opinion or ruling what the visitor has
    begun to send; ``opinions`` are the two that a lead rules on, fraud first.  ``is_blind`` keeps what
    the model says; ``veiled`` are the alerts of which nobody else's verdict may be told.
    """

    review: Review | None = None
    twice: Twice | None = None
    task: Task = ""
    is_blind: bool = False
    opinions: tuple[Review, ...] = ()
    veiled: frozenset[str] = frozenset()

    @property
    def may_judge(self) -> bool:
        """Whether there is anything to judge for the visitor, if the alert is there and free."""
        return bool(self.task) or self.review is None or not self.review.is_sent

    @property
    def told_twice(self) -> Twice | None:
        """What two people said of it, once both have, and to who is not to rule on it."""
        is_told = self.twice is not None and self.twice.state != "waiting" and not self.task
        return self.twice if is_told else None

    def said_in(self, key: str, who: str) -> Task:
        """Return the task in which a form was sent before, "" where it is none."""
        tasks: tuple[Task, ...] = "second", "ruling"
        for task in tasks if self.twice is not None else ():
            said = self.twice.said_by(task) if self.twice is not None else None
            if said is not None and (said.key, said.who) == (key, who):
                return task
        return ""


async def sight_of(visit: Visit, alert_id: str) -> Sight:
    """Return what the visitor may see of an alert."""
    console, who = visit.console, visit.account.name
    review, twice, veiled = await asyncio.gather(
        console.reviews.review(alert_id), console.twice.of(alert_id), veiled_from(visit)
    )
    is_lead = visit.account.is_lead
    task: Task = "" if twice is None else twice.task_of(who, is_lead=is_lead)
    opinions: tuple[Review, ...] = ()
    if task == "ruling" and twice is not None and twice.second is not None and review is not None:
        opinions = tuple(sorted((review, twice.second), key=lambda each: each.verdict))
    is_blind = console.blind is not None and (task != "" or not _is_final(review, now_ms()))
    if task and twice is not None:
        said = twice.said_by(task)
        review = said if said is not None and said.who == who else None
    elif review is not None and _may_be_drawn(review, who, console.settings.console_second_share):
        review = None
    return Sight(review, twice, task, is_blind, opinions, veiled)


def why_not_overruled(sight: Sight, *, is_lead: bool) -> str:
    """Return why who sees so much of an alert may not overrule the verdict on it, "" where they may.

    A verdict that was not sent is not overruled but sent again, or replaced.
    """
    if sight.task or sight.is_blind or sight.review is None:
        return "Nothing was sent. Open it from the queue if it is there in a minute."
    state = "" if sight.twice is None else sight.twice.state
    if state == "split":
        return "Two people judged it, and differ: a lead is to rule. Nothing was sent."
    if state == "ruled" and not is_lead:
        return "A lead has ruled on it, and a lead can overrule that. Nothing was sent."
    return ""


async def veiled_from(visit: Visit) -> frozenset[str]:
    """Return the alerts that wait for the visitor's second opinion or ruling."""
    who, is_lead = visit.account.name, visit.account.is_lead
    pending = await visit.console.twice.pending()
    return frozenset(each.row.alert_id for each in pending if each.task_of(who, is_lead=is_lead))


def not_yet(comment: str = "") -> Response:
    """Say that the model's words on an alert wait for the verdict."""
    return message_page(
        409,
        "Not before the verdict",
        "In this queue nobody is told what the model says of an alert before it is judged, so that "
        "those drawn at random from below the threshold are judged like all others. All of it is shown "
        "a minute after the verdict, when that can be taken back no more.",
        comment=comment,
    )


def no_groups(comment: str = "") -> Response:
    """Say that in a blind queue each alert is judged by itself."""
    told = (
        "In this queue each alert is judged by itself: those drawn at random from below the threshold "
        "are in no wave, and would be told by that. Nothing was sent from here."
    )
    return message_page(409, "Only one at a time in this queue", told, comment=comment)


def _may_be_drawn(review: Review, who: str, share: float) -> bool:
    """Whether another's verdict is on its way, of which ``who`` may be asked a second opinion."""
    is_on_its_way = not review.is_sent and not review.overrules
    return share > 0 and is_on_its_way and review.who != who


def _is_final(review: Review | None, at_ms: int) -> bool:
    if review is None or not review.is_sent:
        return False
    return bool(review.overrules) or at_ms - review.decided_ms > UNDO_MS
