"""Rules on a message before its fields are read: what is no payment, declined, or money back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from streamer.intake.declaration import Declaration, Rule
from streamer.intake.extraction import Slot
from streamer.intake.nothing import is_there
from streamer.intake.paths import parse_path, shown
from streamer.intake.readings import Reading, Refund, Skipped
from streamer.intake.slots import slot_of

__all__ = ["Condition", "Judge", "Rules", "compile_rules", "condition_of"]

Judge = Callable[[list[Any], str], Reading | None]
"""Takes the values of a message and its path; returns what ends its reading, or None."""

_Holds = Callable[[Any], bool]

# Other types may not be hashable, and none of them is written in a rule.
_PLAIN: Final = frozenset({str, int, float, bool})


class Rules(NamedTuple):
    """The slots of the rules' values, and the judge of them."""

    slots: list[Slot]
    judge: Judge | None


def compile_rules(declaration: Declaration, first: int, *, is_rows: bool) -> Rules:
    """Return the rules of a declaration, whose values come at ``first`` and after it.

    ``refund`` comes first, then ``only`` (a message that matches none of them is no payment), ``skip``
    and ``decline``; of each, one rule that matches decides.
    """
    kinds = declaration.refund, declaration.only, declaration.skip, declaration.decline
    rules = [rule for kind in kinds for rule in kind]
    slots = [slot_of(rule.path, is_rows=is_rows) for rule in rules]
    if not rules:
        return Rules(slots, None)
    entries = [
        (index, condition_of(rule).holds, shown(parse_path(rule.path[0])))
        for index, rule in enumerate(rules, start=first)
    ]
    n_refund, n_only, n_skip = (len(kind) for kind in kinds[:3])
    refunds, only = entries[:n_refund], entries[n_refund : n_refund + n_only]
    others = entries[n_refund + n_only :]
    declines = {index for index, _, __ in others[n_skip:]}

    def judge(values: list[Any], at: str) -> Reading | None:
        for index, holds, path in refunds:
            if holds(values[index]):
                return Refund(at + path)
        for index, holds, _ in only:
            if holds(values[index]):
                break
        else:
            if only:
                return Skipped("not_a_payment", at + only[0][2])
        for index, holds, path in others:
            if holds(values[index]):
                return Skipped("declined" if index in declines else "not_a_payment", at + path)
        return None

    return Rules(slots, judge)


class Condition(NamedTuple):
    """A rule as a predicate on the value at its path; the words, where it asks for nothing else."""

    holds: _Holds
    words: frozenset[Any] | None = None


def condition_of(rule: Rule) -> Condition:
    """Return a rule's condition."""
    one_of, none_of = _spellings(rule.one_of), _spellings(rule.none_of)
    starts_with, present = rule.starts_with, rule.present
    if one_of and not (none_of or starts_with or present is not None):
        return Condition(
            lambda value: value in one_of if type(value) is str else _is_in(value, one_of), one_of
        )

    def holds(value: Any) -> bool:
        if present is not None and is_there(value) != present:
            return False
        if one_of and not (type(value) in _PLAIN and value in one_of):
            return False
        if starts_with and not str(value).startswith(starts_with):
            return False
        return not none_of or (type(value) in _PLAIN and value not in none_of)

    return Condition(holds)


def _is_in(value: Any, values: frozenset[Any]) -> bool:
    return type(value) in _PLAIN and value in values


def _spellings(values: Sequence[Any]) -> frozenset[Any]:
    """Return the values with the other ways to write them: capitals, and digits as a number."""
    found: set[Any] = set()
    for value in values:
        text = str(value)
        found |= {value, text, text.lower(), text.upper(), text.capitalize(), text.title()}
        if text.isdecimal() and len(text) <= 15:
            found.add(int(text))
    return frozenset(found)
