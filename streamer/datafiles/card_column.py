"""Which column may name the card in a file that has none called so."""

from __future__ import annotations

from typing import Final

import msgspec

from streamer.datafiles.file_sample import Sample
from streamer.datafiles.source import Source
from streamer.intake.card_candidate import card_candidate

__all__ = ["card_column_in"]

_ROWS: Final = 200
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def card_column_in(source: Source) -> str | None:
    """Return what `streamer intake suggest` would take for the card, by the first rows; or None."""
    rows = []
    for item in Sample(source).items(_ROWS):
        try:
            rows.append(msgspec.json.decode(item) if isinstance(item, bytes) else item)
        except _UNREADABLE:
            continue
    return card_candidate(rows)
