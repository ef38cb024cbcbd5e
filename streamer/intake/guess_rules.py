"""Which messages of a sample are no payments: declines and money back, by the words they use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from streamer.intake.guess_words import words_of
from streamer.intake.leaves import Leaves, path_text

__all__ = ["rule_lines"]

_STATUS_NAMES: Final = frozenset(
    "status state result outcome decision response approved success authorized authorised "
    "response code action auth".split()
)
_KIND_NAMES: Final = frozenset("type kind event operation action code indicator direction".split())
_DECLINES: Final = (
    "declined",
    "decline",
    "denied",
    "failed",
    "failure",
    "rejected",
    "refused",
    "error",
    "cancelled",
    "canceled",
    "voided",
    "not_approved",
)
_APPROVALS: Final = frozenset(
    "approved approve accepted authorized authorised success succeeded successful captured completed "
    "complete settled paid ok".split()
)
_FLAGS: Final = frozenset(("true", "false", "1", "0"))
_REFUND_WORDS: Final = ("refund", "reversal", "reversed", "chargeback", "returned", "void")


def rule_lines(leaves: Leaves) -> list[str]:
    """Return the rules as TOML lines, with comments on what is not sure."""
    lines: list[str] = []
    seen_kinds: set[str] = set()
    for steps, values in leaves.items():
        words = words_of(steps[-1])
        distinct = _distinct(values)
        if not distinct or len(distinct) > 12:
            continue
        for kind, found, note in _rules_of(words, distinct):
            if kind in seen_kinds:
                continue
            seen_kinds.add(kind)
            listed = ", ".join(f'"{_escaped(word)}"' for word in found)
            lines += ["", *([f"# Unsure: {note}."] if note else []), f"[[{kind}]]"]
            lines += [f'path = "{_escaped(path_text(steps))}"', f"one_of = [{listed}]"]
    return lines


def _rules_of(words: Sequence[str], values: Sequence[str]) -> Iterator[tuple[str, list[str], str]]:
    """Yield the rules that a column calls for: their values, and what is not sure."""
    lower = {value: value.strip().lower() for value in values}
    is_status = bool(_STATUS_NAMES & set(words))
    if not is_status and not _KIND_NAMES & set(words):
        return
    if not {"card", "funding", "method"} & set(words):
        refunds = [v for v, low in lower.items() if _is_refund(low, words)]
        if refunds:
            yield "refund", refunds, ""
    if not is_status:
        return
    seen = set(lower.values())
    declines = [v for v, low in lower.items() if low in _DECLINES or "declin" in low]
    if declines:
        yield "decline", declines, ""
    elif {"approved", "success", "authorized", "authorised"} & set(words) and seen <= _FLAGS:
        yield "decline", ["false", "0"], ""
    elif seen <= _APPROVALS:
        yield "decline", ["declined", "failed", "rejected"], "no decline is in the sample"


def _is_refund(low: str, words: Sequence[str]) -> bool:
    if low.replace("_", " ").replace("-", " ") in ("credit card", "creditcard"):
        return False
    return any(word in low for word in _REFUND_WORDS) or (low == "credit" and "type" in words)


def _distinct(values: Sequence[Any]) -> list[str]:
    found: dict[str, None] = {}
    for value in values:
        if isinstance(value, bool):
            found["true" if value else "false"] = None
        elif isinstance(value, str) and 0 < len(value) <= 40:
            found[value] = None
    return list(found)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
