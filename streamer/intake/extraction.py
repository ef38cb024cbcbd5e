"""All values that a declaration asks for, taken out of an object by one generated function.

A closure per path costs four times as much: a call each, and an exception for every field that is not
there.  The generated function goes down each object once, looks at a further path only when the ones
before it led nowhere, and holds nothing of a declaration but ``repr`` of its names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from streamer.intake.paths import Steps

__all__ = ["Extract", "Slot", "compile_extraction", "extraction_lines"]

Extract = Callable[[Any, Any], list[Any]]
"""Takes what ``each`` selected and the message as a whole; returns a value per slot, None for none."""

_INDENT: Final = "    "
# A step that no path has: what is known below it is the object itself, and no value of it.
_OBJECT: Final = -1


class Slot(NamedTuple):
    """One value: alternatives in order, each of one path or several whose texts are joined."""

    alternatives: Sequence[Sequence[Steps]] = ()
    separator: str = "-"
    constant: Any = None


def compile_extraction(slots: Sequence[Slot]) -> Extract:
    """Return the function for the slots.

    >>> compile_extraction([Slot([[("a", "b")], [("c",)]]), Slot(constant=1)])({"c": 5}, {})
    [5, 1]
    """
    lines, namespace = extraction_lines(slots)
    values = ", ".join(f"v{index}" for index in range(len(slots)))
    source = "\n".join(["def extract(item, root):", *lines, f"{_INDENT}return [{values}]"])
    exec(compile(source, "<extraction>", "exec"), namespace)  # noqa: S102 - the text is ours
    extract: Extract = namespace["extract"]
    return extract


def extraction_lines(slots: Sequence[Slot]) -> tuple[list[str], dict[str, Any]]:
    """Return the lines that put the slots' values into ``v0``, ``v1`` and so on, and what they name."""
    writer = _Writer()
    for index, slot in enumerate(slots):
        writer.slot(index, slot)
    constants = [slot.constant for slot in slots]
    return writer.lines, {"joined": _joined, "constants": constants, "nothing": {}}


class _Writer:
    """Writes the body of the function; ``known`` are the objects that every later line may use."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._known: dict[tuple[str | int, ...], str] = {(): "item", ("$",): "root"}
        self._n = 0

    def slot(self, index: int, slot: Slot) -> None:
        target = f"v{index}"
        if not slot.alternatives:
            self.lines.append(f"{_INDENT}{target} = constants[{index}]")
            return
        known = self._known
        for depth, parts in enumerate(slot.alternatives, start=1):
            indent = _INDENT * depth
            if depth > 1:
                # A later path keeps what it finds on its way to itself.
                known = dict(known)
                self.lines.append(f"{indent[:-4]}if {target} is None or {target} == '':")
            names = [self._node(steps, known, indent) for steps in parts]
            found = names[0]
            if len(names) > 1:
                found = f"joined({slot.separator!r}, {', '.join(names)})"
            self.lines.append(f"{indent}{target} = {found}")

    def _node(self, steps: Steps, known: dict[tuple[str | int, ...], str], indent: str) -> str:
        """Return the name that holds what lies at ``steps``, and write the lines that get there."""
        if steps in known:
            return known[steps]
        step = steps[-1]
        if isinstance(step, int):
            above = self._node(steps[:-1], known, indent)
            got = f"{above}[{step}] if type({above}) is list and len({above}) > {step} else None"
        else:
            got = f"{self._object(steps[:-1], known, indent)}.get({step!r})"
        return self._named(steps, got, known, indent)

    def _object(self, steps: Steps, known: dict[tuple[str | int, ...], str], indent: str) -> str:
        """Return the name of the object at ``steps``, of an empty one where there is none."""
        as_object = (*steps, _OBJECT)
        if as_object in known:
            return known[as_object]
        node = self._node(steps, known, indent)
        got = f"{node} if type({node}) is dict else nothing"
        return self._named(as_object, got, known, indent)

    def _named(
        self, steps: Steps, got: str, known: dict[tuple[str | int, ...], str], indent: str
    ) -> str:
        name = f"n{self._n}"
        self._n += 1
        self.lines.append(f"{indent}{name} = {got}")
        known[steps] = name
        return name


def _joined(separator: str, *parts: Any) -> str | None:
    if any(part is None or part == "" or isinstance(part, dict | list) for part in parts):
        return None
    return separator.join(str(part).strip() for part in parts)
