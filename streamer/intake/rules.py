"""Rules on a message before its fields are read: what is no payment, declined, or money back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from streamer.intake.declaration import Declaration, Rule
from streamer.intake.extraction import compile_extraction
from streamer.intake.paths import parse_path, shown
from streamer.intake.readings import Reading, Refund, Skipped
from streamer.intake.slots import slot_of

__all__ = ["Judge", "compile_rules"]

Judge = Callable[[Any, Any, str], Reading | None]
"""Takes an item, its message and the path of the item; returns what ends its reading, or None."""

_Holds = Callable[[Any], bool]

# Other types may not be hashable, and none of them is written in a rule.
_PLAIN: Final = frozenset({str, int, float, bool})


def compile_rules(declaration: Declaration, *, is_rows: bool) -> Judge | None:
    """Return the judge of a declaration's rules, or None when it has none.

    ``refund`` comes first, then ``only`` (a message that matches none of them is no payment), ``skip``
    and ``decline``; of each, one rule that matches decides.
    """
    kinds = declaration.refund, declaration.only, declaration.skip, declaration.decline
    rules = [rule for kind in kinds for rule in kind]
    if not rules:
        return None
    extract = compile_extraction([slot_of(rule.path, is_rows=is_rows) for rule in rules])
    conditions = [(_condition(rule), shown(parse_path(rule.path[0]))) for rule in rules]
    n_refund, n_only, n_skip = (len(kind) for kind in kinds[:3])
    first_other = n_refund + n_only

    def judge(item: Any, root: Any, at: str) -> Reading | None:
        values = extract(item, root)
        is_payment = n_only == 0
        for index, (holds, path) in enumerate(conditions):
            if holds(values[index]):
                if index < n_refund:
                    return Refund(at + path)
                if index >= first_other:
                    is_skip = index < first_other + n_skip
                    return Skipped("not_a_payment" if is_skip else "declined", at + path)
                is_payment = True
            if index == first_other - 1 and not is_payment:
                break
        return None if is_payment else Skipped("not_a_payment", at + conditions[n_refund][1])

    return judge


def _condition(rule: Rule) -> _Holds:
    """Return a rule as a predicate on the value at its path."""
    one_of, none_of = _spellings(rule.one_of), _spellings(rule.none_of)
    starts_with, present = rule.starts_with, rule.present
    if one_of and not (none_of or starts_with or present is not None):
        return lambda value: type(value) in _PLAIN and value in one_of

    def holds(value: Any) -> bool:
        if present is not None and (value is not None and value != "") != present:
            return False
        if one_of and not (type(value) in _PLAIN and value in one_of):
            return False
        if starts_with and not str(value).startswith(starts_with):
            return False
        return not none_of or (type(value) in _PLAIN and value not in none_of)

    return holds


def _spellings(values: Sequence[Any]) -> frozenset[Any]:
    """Return the values with the other ways to write them: capitals, and digits as a number."""
    found: set[Any] = set()
    for value in values:
        text = str(value)
        found |= {value, text, text.lower(), text.upper(), text.capitalize(), text.title()}
        if text.isdecimal() and len(text) <= 15:
            found.add(int(text))
    return frozenset(found)
