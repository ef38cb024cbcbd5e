"""What is printed of verdicts: what they taught, and how long they take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from rich.table import Table
from rich.text import Text

from streamer.contract.card_numbers import without_card_numbers
from streamer.display.dlq_display import printable
from streamer.display.output import table_console
from streamer.store import StoredLesson, rfc3339

__all__ = ["delay_sentences", "lesson_rows", "print_lessons"]


def lesson_rows(stored: Sequence[StoredLesson]) -> list[dict[str, Any]]:
    """Return lessons as JSON objects, in their order."""
    return [
        {
            "learned_at": rfc3339(each.stored_ms),
            "partition": f"{each.topic}/{each.partition}",
            **msgspec.to_builtins(each.lesson),
        }
        for each in stored
    ]


def print_lessons(stored: Sequence[StoredLesson]) -> None:
    """Print lessons as a table: a payment's probability of fraud before and after, and what moved."""
    table = Table(
        "learned", "transaction", "verdict", "counts for", "probability", "moved", box=None
    )
    for each in stored:
        lesson = each.lesson
        table.add_row(
            rfc3339(each.stored_ms),
            # What producers call a payment is theirs: it may hold anything.
            Text(printable(without_card_numbers(lesson.transaction_id))),
            f"{lesson.verdict} ({lesson.origin}), {_known(each)}",
            f"{lesson.weight:,.1f}",
            _probabilities(each),
            "\n".join(f"{moved.input} {moved.log_odds:+.3f}" for moved in lesson.moved),
        )
    table_console().print(table)


def delay_sentences(delays: Mapping[str, Any]) -> Iterator[str]:
    """Return what ``model show`` says of when frauds are found, as far as it is known."""
    for name, what in (("alerted", "that alerted"), ("other", "that did not alert")):
        if (told := delays[name]) is not None:
            shares = told["share_found_by_days"].items()
            by = ", ".join(f"{share:.0%} by {days} days" for days, share in shares)
            yield (
                f"{what} are found after {told['median_days']:.1f} days in the median ({by}), of those "
                f"found within {told['longest_days']:.0f} days"
            )


def _known(stored: StoredLesson) -> str:
    """Return what a verdict came upon."""
    lesson = stored.lesson
    if lesson.before == "nothing":
        return "of an alert" if lesson.alerted else "of no alert"
    known = "legitimate, by silence" if lesson.before == "presumed" else lesson.before
    return f"learned before: {known}"


def _probabilities(stored: StoredLesson) -> str:
    before, after = stored.lesson.probability_before, stored.lesson.probability_after
    if before is None or after is None:
        return "no odds yet"
    return f"{before:.2%} to {after:.2%}"
