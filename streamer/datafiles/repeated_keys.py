"""Names the keys that come twice in one JSON object: the last one counts, and a person should know.

RFC 8259 leaves open what an object means that has a key twice, and programs differ: what one system has
checked is then not what another one books.  msgspec keeps the last, on a topic without a word, since to
look would cost every message a quarter of its decoding; in files it is looked for and said.

A key more than the object has, or a key below it, is found by counting colons; only such values are
decoded again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from streamer.intake.naming import shown

__all__ = ["RepeatedKeys"]

_SHOWN: Final = 5


class RepeatedKeys:
    """The keys that come twice in values of a file, and in which of them."""

    def __init__(self, file_name: str) -> None:
        self._file_name = file_name
        self._found: dict[str, list[int]] = {}

    def look(self, values: Sequence[bytes], messages: Sequence[Any], first: int) -> None:
        """Look at values, decoded as ``messages``; ``first`` is the number of the first of them."""
        n = _n_keys(b"\n".join(values))
        objects = [message for message in messages if type(message) is dict]
        if n == sum(map(len, objects)) or n == _n_keys(msgspec.json.encode(objects)):
            return
        for number, (value, message) in enumerate(zip(values, messages, strict=True), first):
            if message is not None and _n_keys(value) != _n_keys(msgspec.json.encode(message)):
                for key in _twice(value):
                    self._found.setdefault(key, []).append(number)

    @property
    def notes(self) -> list[str]:
        """Say which keys come twice, and where."""
        return [
            f"{self._file_name}: the key {shown([key])} comes twice in {_listed(numbers)}; the last "
            "one counts, and other programs may take the first: have the producer send it once"
            for key, numbers in self._found.items()
        ]


def _n_keys(text: bytes) -> int:
    return text.count(b'":') + text.count(b'" :')


def _twice(value: bytes) -> list[str]:
    """Return the keys that some object of a value has twice."""
    found: dict[str, None] = {}

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            names = [name for name, _ in pairs]
            found.update((name, None) for name in content if names.count(name) > 1)
        return content

    try:
        json.loads(value, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return []
    return list(found)


def _listed(numbers: Sequence[int]) -> str:
    shown_numbers = ", ".join(f"{number:,}" for number in numbers[:_SHOWN])
    more = ", ..." if len(numbers) > _SHOWN else ""
    plural = "" if len(numbers) == 1 else "s"
    return f"message{plural} {shown_numbers}{more}"
