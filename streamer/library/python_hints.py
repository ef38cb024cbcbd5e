"""What to do about payments that were refused, in Python: a dead letter's hint is for a command."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from streamer.intake.card_candidate import card_candidate
from streamer.intake.decoding import DeadLetter
from streamer.library.results import Refused

__all__ = ["RefusedWarning", "refused_of", "warn_where_all_are_refused"]

_PRESET: Final = re.compile(r"use the preset (?P<name>[\w-]+) \(--intake [\w-]+\).*")
_SUGGEST: Final = re.compile(r"say where it is: `streamer intake suggest`.*")
_LOOKED_AT: Final = 200
# Below the caller's line lie `warn`, this module's function and `Detector.process`.
_CALLER: Final = 3


class RefusedWarning(UserWarning):
    """Not one of the payments that were given can be scored, all for the same reason."""


def refused_of(letter: DeadLetter, row: int) -> Refused:
    """Return a dead letter as what a program reads: its row, and a hint that names Python's remedy."""
    hint = _in_python(letter.hint, letter.path)
    return Refused(row, letter.reason, letter.path, letter.detail, hint)


def warn_where_all_are_refused(refused: Sequence[Refused], n: int, first: Sequence[bytes]) -> None:
    """Warn where all of ``n`` payments, more than one, were refused for one reason at one place.

    ``first`` are the first of them as messages: the warning says which columns they have.
    """
    if n < 2 or len(refused) < n or len({(each.reason, each.path) for each in refused}) > 1:
        return
    rows = [row for message in first[:_LOOKED_AT] if (row := _object(message)) is not None]
    names = list(dict.fromkeys(str(name) for row in rows for name in row))
    one, remedy = refused[0], refused[0].hint
    if one.reason == "missing_field" and one.path == "$.card_id":
        named = card_candidate(rows)
        if named is not None:
            remedy = (
                f'df.rename(columns={{"{named}": "card_id"}}) where {named} says whose it is, or '
                'Detector(intake="FILE.toml")'
            )
    warnings.warn(
        f"all {n:,} payments were refused, {one.reason} at {one.path}: {one.detail}; they have "
        f"{', '.join(names) or 'no columns'}" + (f"; {remedy}" if remedy else ""),
        RefusedWarning,
        stacklevel=_CALLER,
    )


def _in_python(hint: str, path: str) -> str:
    """Return a hint with what a program does in place of the command's option.

    >>> _in_python("use the preset banksim (--intake banksim), or so", "$.card_id")
    'use Detector(intake="banksim")'
    """
    field = path.removeprefix("$.")
    hint = _PRESET.sub(r'use Detector(intake="\g<name>")', hint)
    return _SUGGEST.sub(
        f'rename its column, df.rename(columns={{"COLUMN": "{field}"}}), or say where it is in a '
        'declaration, Detector(intake="FILE.toml")',
        hint,
    )


def _object(message: bytes) -> Mapping[str, Any] | None:
    try:
        found = msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, Mapping) else None
