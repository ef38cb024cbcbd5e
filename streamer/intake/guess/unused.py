"""What a suggestion makes no use of: said, so that nobody takes it for looked at and settled."""

from __future__ import annotations

import re
from typing import Final

from streamer.contract.messages import Transaction
from streamer.intake.guess.outcomes import is_back
from streamer.intake.guess.values import told
from streamer.intake.leaves import Leaves, path_text

__all__ = ["unused_lines"]

_MOST_TOLD: Final = 20
_FEW_VALUES: Final = 12
_QUOTED: Final = re.compile(r'"([^"]+)"')


def unused_lines(leaves: Leaves, text: str) -> list[str]:
    """Return comments on the fields of ``leaves`` that are not in the declaration ``text``.

    One with few values of which some are words for money back may tell refunds from payments.
    """
    used = {part for quoted in _QUOTED.findall(text) for part in quoted.split(" + ")}
    # By these names a field is read without a word.
    used.update(Transaction.__struct_fields__)
    paths = {path_text(steps): told(values) for steps, values in leaves.items()}
    unused = {path: values for path, values in paths.items() if values and path not in used}
    lines = []
    for path, values in unused.items():
        texts = {value for value in values if isinstance(value, str)}
        backs = sorted(filter(is_back, texts)) if len(texts) <= _FEW_VALUES else []
        if backs and len(texts) > 1:
            n = sum(value in backs for value in values)
            lines.append(
                f"# Unsure: {path} is {', '.join(backs)} in {n} of {len(values)}: if that is money "
                "back, a [[refund]] rule must say so, or it is scored as a payment."
            )
    if unused:
        names = list(unused)[:_MOST_TOLD]
        more = f" and {len(unused) - len(names)} more" if len(unused) > len(names) else ""
        lines.append(f"# Not used: {', '.join(names)}{more}.")
    return ["", *lines] if lines else []
