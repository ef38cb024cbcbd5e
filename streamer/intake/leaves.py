"""A sample's objects as columns: for every path the values that lie at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamer.intake.naming import has_card_number
from streamer.intake.paths import Steps

__all__ = ["Leaves", "Objects", "leaves_of", "list_paths", "path_text"]

Leaves = dict[Steps, list[Any]]
"""For every path a value per object, None where it has none."""
Objects = Sequence[Mapping[str, Any]]

_DEEPEST: Final = 7
_MOST_PATHS: Final = 2_000
_CODES: Final = frozenset({"currencyCode", "currency_code"})
# Objects that stand for one value.
_VALUES: Final = (
    {"scale", "value"},
    {"scale", "value", "precision"},
    {"seconds", "nanos"},
    {"seconds"},
    {"units", "nanos"},
    *({"units", "nanos", name} for name in _CODES),
    *({"units", name} for name in _CODES),
)


def leaves_of(objects: Objects, *, into_lists: bool = False) -> Leaves:
    """Return the paths of all values that are no objects and no lists of them.

    ``into_lists`` goes into a list that holds one object, too.
    """
    found: Leaves = {}
    for index, item in enumerate(objects):
        _collect(item, (), index, len(objects), found, into_lists=into_lists)
    return found


def list_paths(objects: Objects) -> list[Steps]:
    """Return the paths that lead to a list of objects, the nearest first."""
    found: dict[Steps, None] = {}
    for item in objects:
        _lists(item, (), found)
    return sorted(found, key=len)


def path_text(steps: Steps) -> str:
    """Return the steps as a declaration writes them.

    >>> path_text(("data", "card.id", 0))
    'data."card.id"[0]'
    """
    parts: list[str] = []
    for step in steps:
        if isinstance(step, int):
            parts.append(f"[{step}]")
            continue
        is_plain = not any(sign in step for sign in '."[]') and " + " not in step
        parts.append(("." if parts else "") + (step if is_plain else f'"{step}"'))
    return "".join(parts)


def _collect(
    value: Any, steps: Steps, index: int, size: int, found: Leaves, *, into_lists: bool
) -> None:
    # Whatever its names are, the message itself is no value: there would be no path to it.
    if isinstance(value, Mapping) and not (steps and _is_value(value)):
        if len(steps) < _DEEPEST:
            for name, inner in value.items():
                if _is_name(name):
                    _collect(inner, (*steps, name), index, size, found, into_lists=into_lists)
        return
    if isinstance(value, Mapping) and _CODES & value.keys():
        # An amount with its currency is both.
        for name in sorted(_CODES & value.keys()):
            _collect(value[name], (*steps, name), index, size, found, into_lists=into_lists)
    if into_lists and isinstance(value, list) and len(value) == 1 and len(steps) < _DEEPEST:
        if isinstance(value[0], Mapping):
            _collect(value[0], (*steps, 0), index, size, found, into_lists=into_lists)
        return
    if isinstance(value, list) and any(isinstance(inner, Mapping | list) for inner in value):
        return
    if steps in found:
        found[steps][index] = value
    elif len(found) < _MOST_PATHS:
        found[steps] = [None] * size
        found[steps][index] = value


def _is_name(name: Any) -> bool:
    """Whether a path may lead through a name: not where it is a card's number and no name."""
    return isinstance(name, str) and bool(name) and '"' not in name and not has_card_number(name)


def _is_value(value: Mapping[str, Any]) -> bool:
    return set(value) in _VALUES or any(str(name).startswith("$") for name in value)


def _lists(value: Any, steps: Steps, found: dict[Steps, None]) -> None:
    if isinstance(value, Mapping) and len(steps) < 4:
        for name, inner in value.items():
            if _is_name(name):
                _lists(inner, (*steps, name), found)
    elif isinstance(value, list) and value and all(isinstance(x, Mapping) for x in value):
        found[steps] = None
