"""What a verdict taught, in words: pure, from the lesson that the worker wrote."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from streamer.console.moment_words import moment_text
from streamer.features import CONTEXT_FEATURES, FEATURES, percent
from streamer.store import Review, StoredLesson
from streamer.store.judged_alerts import JudgedAlert
from streamer.verdicts.lesson_record import BASE_INPUT, DISTANCE_INPUT, MovedCoefficient

__all__ = ["Told", "coefficient_text", "input_text", "overruled_text", "told_lesson"]

# A checkpoint is due every few seconds; a worker that is away takes it up when it is back.
_SOON_MS: Final = 600_000
_FEATURES: Final = {feature.name: feature for feature in (*FEATURES, *CONTEXT_FEATURES)}


@dataclass(frozen=True, slots=True)
class Told:
    """What there is to tell: ``learning`` while no lesson was found, ``nothing`` if none came."""

    state: Literal["learning", "nothing", "learned"]
    sentences: tuple[str, ...] = ()
    lesson: StoredLesson | None = None

    @property
    def is_first(self) -> bool:
        """Whether it was learned, and nobody had judged the payment before."""
        return self.lesson is not None and self.lesson.lesson.before in ("nothing", "presumed")


def told_lesson(
    review: Review, lesson: StoredLesson | None, now_ms: int, overruled: str = ""
) -> Told:
    """Return what ``review`` taught as far as is known at ``now_ms``.

    ``overruled`` names the verdict that it came upon (`overruled_text`), "" where that is not known.
    """
    if lesson is None:
        is_early = now_ms - review.decided_ms < _SOON_MS
        return Told("learning" if is_early else "nothing")
    found, sentences = lesson.lesson, []
    if not found.weight:
        sentences.append(
            f"The payment had been learned as {found.before} before, so the odds did not move."
        )
    elif found.probability_before is None or found.probability_after is None:
        sentences.append(
            "There are no odds yet, so no probability moved: the first follow from more verdicts of "
            "both kinds."
        )
    else:
        before, after = found.probability_before, found.probability_after
        sentences.append(
            f"By this verdict alone the probability of fraud of this payment went from "
            f"{percent(100 * before)} to {percent(100 * after)}."
        )
    if found.weight and found.before in ("fraud", "legitimate"):
        named = overruled or "an earlier verdict"
        sentences.append(f"It overruled {named}, which had said {found.before}.")
    if found.weight and found.before == "presumed":
        sentences.append("Nobody had judged it, so it had been presumed legitimate till then.")
    if found.weight > 1:
        sentences.append(
            f"It counts for {found.weight:,.1f} payments, those that it was kept to stand for."
        )
    return Told("learned", tuple(sentences), lesson)


def overruled_text(
    review: Review, judged: Iterable[JudgedAlert], lessons: Iterable[StoredLesson]
) -> str:
    """Return whose verdict ``review`` came upon, and of when, "" where nothing of it is known.

    ``judged`` are what consoles sent on the alert, newest first; ``lessons`` those on its payment in
    their order: of a verdict that came another way they say by what it was given, and nobody's name.
    """
    at_ms = review.decided_ms
    before = [each for each in judged if each.decided_ms < at_ms]
    if before:
        return f"{before[0].who}'s verdict of {moment_text(before[0].decided_ms)}"
    for each in reversed(list(lessons)):
        decided_ms = round(each.lesson.decided_at.timestamp() * 1000)
        if decided_ms < at_ms:
            by = (
                "a reviewer, not of this console"
                if each.lesson.origin == "reviewer"
                else "the bank"
            )
            return f"an earlier verdict by {by} ({moment_text(decided_ms)})"
    return ""


def input_text(name: str) -> str:
    """Return what an input of the odds is, for people.

    >>> input_text("travel_speed")
    "travel speed, km/h since the card's last presence"
    >>> input_text("distance"), input_text("base")
    ('unlikeness to similar payments', 'any payment')
    """
    if name == BASE_INPUT:
        return "any payment"
    if name == DISTANCE_INPUT:
        return "unlikeness to similar payments"
    feature = _FEATURES.get(name)
    words = name.replace("_", " ")
    return words if feature is None else f"{words}, {feature.unit}"


def coefficient_text(moved: MovedCoefficient) -> str:
    """Return where a coefficient counts.

    >>> coefficient_text(MovedCoefficient("card_gap", 0.0, 0.1, -1.0))
    'beyond 1 deviations below the mean'
    >>> coefficient_text(MovedCoefficient("card_gap", 0.0, 0.1, 0.0)).split()[0]
    'above'
    """
    if moved.beyond is None:
        return "always" if moved.input == BASE_INPUT else "a step of the amount"
    side = "below" if str(moved.beyond).startswith("-") else "above"
    if not moved.beyond:
        return f"{side} the mean"
    return f"beyond {abs(moved.beyond):g} deviations {side} the mean"
