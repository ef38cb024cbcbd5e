"""Which rules of a suggestion cannot be believed: those under which a sample holds no payment at all.

A producer's own codes look like those of ISO 8583: of one gateway 100 is an approval.  Where a code
would decline every message, or one beside which the producer says APPROVED, no rule is made
of it, and the declaration says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamer.intake.declaration import Rule
from streamer.intake.guess.outcomes import is_approval
from streamer.intake.guess.words import words_of
from streamer.intake.leaves import Leaves
from streamer.intake.message_rules import condition_of
from streamer.intake.paths import Steps

__all__ = ["ISO_DECLINES", "doubt_about", "is_approved"]

_STATUSES: Final = frozenset("status state result outcome decision approved".split())
# Declines of ISO 8583 that stand for nothing else: a sample may be of these alone.
ISO_DECLINES: Final = frozenset("04 05 14 41 43 51 54 55 57 59 61 62 63 65 75 78 91 96".split())


def doubt_about(steps: Steps, entries: Mapping[str, Sequence[str]], leaves: Leaves) -> str:
    """Return why a rule of codes that declines payments is not to be made, or nothing.

    >>> doubt_about(("code",), {"starts_with": ["1"]}, {("code",): ["100", "100"]})[:31]
    'by code every payment of the sa'
    """
    values = leaves[steps]
    if not all(str(value).isdigit() for value in values if value not in (None, "")):
        return ""
    rule = Rule(
        path=("code",),
        one_of=tuple(entries.get("one_of", ())),
        none_of=tuple(entries.get("none_of", ())),
        starts_with=tuple(entries.get("starts_with", ())),
    )
    holds = condition_of(rule).holds
    hits = [index for index, value in enumerate(values) if value is not None and holds(value)]
    approved = sum(1 for index in hits if is_approved(leaves, index, beside=steps))
    name = " ".join(words_of(steps[-1]))
    if hits and approved * 2 > len(hits):
        return f"by {name} payments would be declines that another field calls approved: no rule"
    is_iso = all(str(values[index]) in ISO_DECLINES for index in hits)
    if len(hits) == len(values) and not is_iso:
        return (
            f"by {name} every payment of the sample would be a decline; which codes mean one is not "
            "known, a [[decline]] rule with none_of = the approved ones would say it"
        )
    return ""


def is_approved(leaves: Leaves, index: int, beside: Steps = ()) -> bool:
    """Whether a message of the sample says of its payment that it was approved."""
    return any(
        steps != beside and _STATUSES & set(words_of(steps[-1])) and _is_yes(values[index])
        for steps, values in leaves.items()
    )


def _is_yes(value: Any) -> bool:
    return isinstance(value, str) and is_approval(value)
