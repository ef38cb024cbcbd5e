"""Fields under the contract's own names: what is called ``card_id`` is the card, whatever is beside.

A name of the contract in any spelling counts (``cardId``, ``CARD-ID``) where the payment itself lies:
an envelope has a ``timestamp`` too, and a fee an ``amount``.
"""

from __future__ import annotations

from typing import Any, Final

from streamer.intake.guess.known_names import FIELDS
from streamer.intake.guess.values import may_be, told
from streamer.intake.guess.words import words_of
from streamer.intake.leaves import Leaves
from streamer.intake.paths import Steps

__all__ = ["literal_fields"]

_MOST: Final = 0.6
# Of these any text may be one, and an id may come twice.
_DISTINCT: Final = 0.5
# Around a payment these are those of an event, or of a notification.
_AROUND: Final = frozenset(("timestamp", "channel", "label"))
_FEW: Final = 3


def literal_fields(leaves: Leaves, base: Steps) -> dict[str, Steps]:
    """Return the paths that have a field's own name and values that it could have.

    ``base`` leads to the object that holds the payment.
    """
    found: dict[str, Steps] = {}
    for steps, values in sorted(leaves.items(), key=lambda leaf: (len(leaf[0]), _is_odd(leaf[0]))):
        field = _FIELD_OF.get(_plain(steps[-1]))
        if field is None or field in found or not _is_its_own(field, steps, base):
            continue
        present = told(values)
        if may_be(field, present) >= _MOST and _is_id_of_each(field, present):
            found[field] = steps
    return found


def _is_its_own(field: str, steps: Steps, base: Steps) -> bool:
    """Whether a path leads to the payment's own.

    It does beside the amount, in ``card``, ``merchant`` or ``details`` there, and around that with
    what no envelope has.
    """
    above = steps[:-1]
    if field == "amount":
        return not above
    if above == base or (field not in _AROUND and above == base[: len(above)]):
        return True
    kinds = {(field.partition("_")[0],), ("details",), ("data",), ("info",)}
    return above[:-1] == base and bool(above) and words_of(above[-1]) in kinds


def _is_id_of_each(field: str, values: list[Any]) -> bool:
    if field != "transaction_id" or len(values) < _FEW:
        return True
    return len(set(map(str, values))) >= _DISTINCT * len(values)


def _is_odd(steps: Steps) -> bool:
    """Whether a name is spelled otherwise than in the contract, which counts less."""
    return steps[-1] not in FIELDS


def _plain(step: str | int) -> str:
    return "".join(c for c in str(step).lower() if c not in "_- ")


_FIELD_OF: Final = {_plain(field): field for field in FIELDS}
