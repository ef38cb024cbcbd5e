"""Which messages of a sample are no payments: declines and money back, by the words they use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from streamer.intake.guess_names import words_of
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
    "complete settled paid ok true 00 000".split()
)
_REFUND_WORDS: Final = ("refund", "reversal", "reversed", "chargeback", "credit", "return", "void")


def rule_lines(leaves: Leaves) -> list[str]:
    """Return the rules as TOML lines, with comments on what is not sure."""
    lines: list[str] = []
    seen_kinds: set[str] = set()
    for steps, values in leaves.items():
        words = words_of(steps[-1])
        distinct = _distinct(values)
        if not distinct or len(distinct) > 12:
            continue
        kind, found, note = _kind_of(words, distinct)
        if kind is None or kind in seen_kinds:
            continue
        seen_kinds.add(kind)
        lines += [""]
        lines += [f"# Unsure: {note}"] if note else []
        listed = ", ".join(f'"{_escaped(word)}"' for word in found)
        lines += [f"[[{kind}]]", f'path = "{_escaped(path_text(steps))}"', f"one_of = [{listed}]"]
    return lines


def _kind_of(words: Sequence[str], values: Sequence[str]) -> tuple[str | None, list[str], str]:
    """Return the rule that a column calls for, its values, and what is not sure."""
    lower = {value: value.strip().lower() for value in values}
    is_kind = bool(_KIND_NAMES & set(words)) or bool(_STATUS_NAMES & set(words))
    refunds = [v for v, low in lower.items() if any(word in low for word in _REFUND_WORDS)]
    refunds = [v for v in refunds if lower[v] not in ("credit card", "credit_card", "creditcard")]
    refunds = [v for v in refunds if not ("credit" in lower[v] and "type" not in words)]
    if is_kind and refunds and "card" not in words and "funding" not in words:
        return "refund", refunds, ""
    if not _STATUS_NAMES & set(words):
        return None, [], ""
    declines = [v for v, low in lower.items() if low in _DECLINES or "declin" in low]
    if declines:
        return "decline", declines, ""
    if set(words) & {"approved", "success", "authorized", "authorised"} and set(lower.values()) <= {
        "true",
        "false",
        "1",
        "0",
    }:
        return "decline", ["false", "0"] if "1" in lower.values() else ["false"], ""
    if set(lower.values()) <= _APPROVALS and not set(lower.values()) & {"00", "000", "true"}:
        return "decline", ["declined", "failed", "rejected"], "no decline is in the sample"
    return None, [], ""


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
