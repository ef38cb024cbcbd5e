"""Which preset a sample has the layout of, and the lines that a file's own columns put over it.

A published data set names no currency, no time and sometimes no card, so its preset has constants for
them.  Somebody's file with such a column is another one: what is there counts, never the constant.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from streamer.contract.messages import Transaction
from streamer.intake.guess.field_paths import choose_fields
from streamer.intake.hints import recognised
from streamer.intake.iso8583 import elements_of, has_preset_names, iso8583_text
from streamer.intake.leaves import Objects, leaves_of, path_text
from streamer.intake.presets import preset_content, preset_text

__all__ = ["preset_texts"]

_NOTE: Final = "# The layout is known: `streamer intake show {0}` prints its lines."
_OWN: Final = "# The lines of the preset {0}; what the sample has columns for is taken from them."
# A field of such a score is there, whatever a preset says.
_SURE: Final = 75.0
_WHOLE: Final = {
    "banksim": frozenset(
        "step customer age gender zipcodeOri merchant zipMerchant category amount".split()
    ),
    "handbook": frozenset("TRANSACTION_ID TX_DATETIME CUSTOMER_ID TERMINAL_ID TX_AMOUNT".split()),
    "sparkov": frozenset("trans_num cc_num amt unix_time".split()),
    "tabformer": frozenset(("User", "Card", "Year", "Month", "Day", "Time", "Amount", "Use Chip")),
}
"""All columns that a data set's preset reads; with some of them alone a file is another's."""


def preset_texts(objects: Objects) -> list[str]:
    """Return the lines of each layout that the sample may have, the most frequent first."""
    presets = [name for name, _ in Counter(map(recognised, objects)).most_common() if name]
    texts = [text for name in presets if (text := _text(name, objects))]
    elements = elements_of(objects) if "iso8583" in presets else None
    if elements is not None and not has_preset_names(elements):
        texts.insert(0, iso8583_text(elements))
    return texts


def _text(name: str, objects: Objects) -> str:
    if not all(_WHOLE.get(name, frozenset()) <= item.keys() for item in objects):
        return ""
    content = preset_content(name)
    made_up = {field for field, entry in content.items() if _is_made_up(entry)}
    time: dict[str, Any] = content.get("timestamp", {})
    has_origin = "origin" in time
    own = {field: field for field, entry in content.items() if _is_passed_by(field, entry, objects)}
    if not (made_up or has_origin or own):
        return f'{_NOTE.format(name)}\npreset = "{name}"\n'
    choices = choose_fields(leaves_of(objects))
    sure = {field: path_text(c.paths[0]) for field, c in choices.items() if c.score >= _SURE}
    if has_origin and sure.get("timestamp", time["path"]) != time["path"]:
        return ""
    own |= {field: sure[field] for field in sorted(made_up & sure.keys())}
    if not own:
        return f'{_NOTE.format(name)}\npreset = "{name}"\n'
    lines = [_OWN.format(name)]
    for line in preset_text(name).splitlines():
        field = line.split(" = ")[0]
        lines.append(f"{field} = '{own[field]}'" if field in own else line)
    return "\n".join(lines) + "\n"


def _is_passed_by(field: str, entry: Any, objects: Objects) -> bool:
    """Whether a sample has a field under the contract's own name, and the preset reads another."""
    paths = [entry] if isinstance(entry, str) else entry
    is_read = field in Transaction.__struct_fields__ and isinstance(paths, list)
    return is_read and field not in paths and all(field in item for item in objects)


def _is_made_up(entry: Any) -> bool:
    return isinstance(entry, dict) and ("constant" in entry or "position" in entry)
