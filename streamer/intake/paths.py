"""Paths into what a producer sent.

A path is the names on the way, with dots between them: ``payment.card.token``.  ``items[0].sku`` goes
into a list, quotes keep a name with dots whole (``data."card.id"``), and ``$.`` starts at the message
itself where ``each`` has gone into a list of it.  ``date + time`` joins two texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from streamer.errors import ConfigurationError

__all__ = ["Steps", "parse_path", "parse_paths", "shown", "walked"]

Steps = tuple[str | int, ...]
_TOKEN: Final = re.compile(r'"(?P<quoted>[^"]+)"|(?P<plain>[^."\[\]]+)|\[(?P<index>\d+)\]')
_PLAIN_NAME: Final = re.compile(r'[^."\[\]]+')


def parse_path(text: str) -> Steps:
    """Return the steps of a path; a `ConfigurationError` tells what is wrong with one.

    >>> parse_path('data.items[0]."card.id"')
    ('data', 'items', 0, 'card.id')
    """
    steps: list[str | int] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            break
        index = match["index"]
        steps.append(int(index) if index else match["quoted"] or match["plain"])
        position = match.end()
        if text.startswith(".", position) and position + 1 < len(text):
            position += 1
        elif not text.startswith("[", position):
            break
    if position != len(text) or not steps:
        raise ConfigurationError(f"path must be names with dots between them, got {text!r}")
    return tuple(steps)


def parse_paths(text: str) -> list[Steps]:
    """Return the paths in ``date + time``, one for a single path.

    >>> parse_paths("day + clock")
    [('day',), ('clock',)]
    """
    parts = [text] if '"' in text else text.split(" + ")
    return [parse_path(part) for part in parts]


def shown(steps: Iterable[str | int]) -> str:
    """Return the steps as a JSON path below ``$``.

    >>> shown(("items", 0, "card.id"))
    '.items[0]."card.id"'
    """
    parts = []
    for step in steps:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        else:
            parts.append(f".{step}" if _PLAIN_NAME.fullmatch(step) else f'."{step}"')
    return "".join(parts)


def walked(value: Any, root: Any, steps: Steps) -> Any:
    """Return what lies at the steps, or None; ``$`` as the first step starts at ``root``."""
    if steps[0] == "$":
        value, steps = root, steps[1:]
    for step in steps:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value
