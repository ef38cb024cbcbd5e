"""ISO 8583 as JSON: data elements by their numbers, in whatever way a producer writes those.

``2``, ``002``, ``DE2``, ``de_002``, ``F002``, ``bit2``, ``field002``: in the message or an object of
it.  The preset has the usual ways; for others its lines are written with the sample's names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from streamer.intake.code_lists import CURRENCY_OF
from streamer.intake.leaves import Objects, path_text
from streamer.intake.presets import preset_text

__all__ = ["Elements", "elements_of", "has_preset_names", "is_iso8583", "iso8583_text"]

_NAME: Final = re.compile(
    r"(?:de|df|f|p|s|bit|field|element|data_?element|iso)?[_\- .]?0{0,2}(\d{1,3})", re.IGNORECASE
)
_TYPE_NAMES: Final = frozenset(("mti", "messagetype", "messagetypeindicator", "msgtype", "t"))
_TYPE: Final = re.compile(r"[0129]\d{3}")
# Card, amount and currency; nothing else has fields of these numbers.
_NEEDED: Final = frozenset((2, 4, 49))
_LIST: Final = re.compile(r"^(?P<name>\w+) = \[(?P<paths>.*)\]$")
_CANONICAL: Final = re.compile(r"\d{1,3}( \+ \d{1,3})*")


class Elements(NamedTuple):
    """The path of each data element by its number; the message type is 0."""

    paths: dict[int, tuple[str, ...]]


def is_iso8583(message: Mapping[str, Any]) -> bool:
    """Whether a message has the elements of a card, an amount and a currency, by number.

    >>> is_iso8583({"mti": "0100", "fields": {"DE002": "4", "DE004": "1", "DE049": "978"}})
    True
    """
    return elements_of([message]) is not None


def elements_of(objects: Objects) -> Elements | None:
    """Return where a sample's data elements are, or None when it is another layout's."""
    paths: dict[int, tuple[str, ...]] = {}
    for item in objects:
        for below, part in _parts(item):
            found = {number: (*below, name) for name, number in _numbers(part)}
            if found.keys() >= _NEEDED and _is_money(part, found):
                paths = found | paths
                break
    if not paths:
        return None
    for item in objects:
        for below, part in _parts(item):
            for name, value in part.items():
                is_type = _plain(name) in _TYPE_NAMES and _TYPE.fullmatch(str(value))
                if is_type and isinstance(name, str):
                    paths.setdefault(0, (*below, name))
    return Elements(paths)


def has_preset_names(elements: Elements) -> bool:
    """Whether the preset looks for every element that it reads where the sample has it."""
    text = preset_text("iso8583")
    known = set(re.findall(r'"([^"]*)"', text))
    read = {int(path) for path in known if path.isdecimal()}
    return all(path_text(p) in known for number, p in elements.paths.items() if number in read)


def iso8583_text(elements: Elements) -> str:
    """Return the preset's lines with the names of a sample for the elements."""
    lines = ["# ISO 8583 as JSON: the lines of the preset iso8583, with the names of the sample."]
    for line in preset_text("iso8583").splitlines()[1:]:
        match = _LIST.fullmatch(line)
        if match is None or match["name"] not in _WITH_PATHS:
            lines.append(line)
            continue
        canonical = [p for p in re.findall(r'"([^"]*)"', match["paths"]) if _CANONICAL.fullmatch(p)]
        paths = [
            _path(path.split(" + "), elements)
            for path in canonical
            if path[0] != "0" or path == "0"
        ]
        quoted = ", ".join(f"'{path}'" for path in dict.fromkeys(paths))
        lines.append(f"{match['name']} = [{quoted}]")
    return "\n".join(lines) + "\n"


_WITH_PATHS: Final = frozenset(
    "transaction_id card_id currency merchant_id mcc country path".split()
)


def _path(numbers: Iterable[str], elements: Elements) -> str:
    return " + ".join(
        path_text(elements.paths.get(int(number), _like(int(number), elements)))
        for number in numbers
    )


def _like(number: int, elements: Elements) -> tuple[str, ...]:
    """Return where an element would be that the sample has not: written like its card's."""
    *below, name = elements.paths[2]
    digits = re.search(r"\d+$", name)
    width = len(digits[0]) if digits else 1
    return (*below, name[: len(name) - width] + str(number).zfill(width))


def _parts(item: Mapping[str, Any]) -> list[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Return the message and the objects in it, with the paths to them."""
    inner = [((n,), v) for n, v in item.items() if isinstance(n, str) and isinstance(v, Mapping)]
    return [((), item), *inner]


def _numbers(part: Mapping[str, Any]) -> list[tuple[str, int]]:
    found = [(name, _NAME.fullmatch(name)) for name in part if isinstance(name, str)]
    return [(name, int(match[1])) for name, match in found if match is not None]


def _is_money(part: Mapping[str, Any], found: Mapping[int, tuple[str, ...]]) -> bool:
    """Whether the fourth element is a count and the 49th a currency: columns may have numbers too."""
    amount, code = part[found[4][-1]], part[found[49][-1]]
    return str(amount).isdecimal() and type(code) in (str, int) and code in CURRENCY_OF


def _plain(name: Any) -> str:
    return str(name).lower().replace("_", "").replace("-", "").replace(" ", "")
