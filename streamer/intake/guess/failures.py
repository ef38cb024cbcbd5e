"""The fields that say why a payment was not made: with a value there, it was not.

``decline_reason``, ``error.code``, ``motivo_rechazo``: in most messages they are null, or hold a
word or
a code for no error at all.
"""

from __future__ import annotations

import re
from typing import Any, Final

from streamer.intake.guess.doubts import is_approved
from streamer.intake.guess.outcomes import is_approval, spelled
from streamer.intake.guess.words import words_of
from streamer.intake.leaves import Leaves
from streamer.intake.nothing import NOTHING
from streamer.intake.paths import Steps

__all__ = ["failure_rule"]

_DECLINED: Final = (
    *("declin", "denial", "denied", "reject", "refus", "rechaz", "denega", "recus", "ablehn"),
    *("odrzuc", "odmow", "afwijz", "weiger", "rifiut"),
)
_FAILED: Final = ("fail", "error", "fehler", "erreur", "echec", "fout", "falha", "blad", "hata")
_REASONS: Final = frozenset(
    "reason reasons code message msg text description detail details key grund motivo motif causa "
    "raison "
    "codigo".split()
)
# What happens to a payment in these is not the payment's own outcome.
_OTHERS: Final = frozenset(
    "fraud risk dispute avs cvv cvc shipping email kyc refund settlement device review verification "
    "secure threeds payout webhook retry count attempts allowed last previous".split()
)
_NONE: Final = frozenset(map(spelled, NOTHING)) | frozenset(
    "no_error noerror ok n false no na n_a n/a - success no_reason keine kein aucun aucune ninguno "
    "ninguna nenhum nessuno geen brak not_applicable".split()
)
_ZEROS: Final = re.compile(r"0+")
_LONGEST: Final = 40


def failure_rule(steps: Steps, leaves: Leaves) -> tuple[dict[str, list[str]], str] | None:
    """Return a rule's entries and what is doubted of it, for a field that tells of failures.

    >>> failure_rule(("decline_reason",), {("decline_reason",): [None, "expired card"]})
    ({'none_of': ['']}, '')
    """
    words = set(words_of(steps[-1]))
    near = words | (set(words_of(steps[-2])) if len(steps) > 1 else set())
    is_declined = any(word.startswith(_DECLINED) for word in near)
    is_failed = any(word.startswith(_FAILED) for word in near)
    above = {word for step in steps[:-1] for word in words_of(step)}
    if not (is_declined or is_failed) or (words | above) & _OTHERS:
        return None
    values = leaves[steps]
    telling = [index for index, value in enumerate(values) if _tells(value)]
    if not telling or (not words & _REASONS and not _are_texts([values[i] for i in telling])):
        return None
    name = " ".join(words_of(steps[-1]))
    if sum(is_approved(leaves, index, beside=steps) for index in telling) * 2 > len(telling):
        return None
    if len(telling) == len(values):
        note = f"every payment of the sample has a value in {name}; a [[decline]] rule may be due"
        return {}, note
    nones = {str(value) for value in values if value not in (None, "") and not _tells(value)}
    if any(len(value) > _LONGEST for value in nones):
        return None
    note = "" if is_declined else f"a payment with a value in {name} is taken for declined"
    return {"none_of": ["", *sorted(nones)]}, note


def _tells(value: Any) -> bool:
    """Whether a value names a failure: no flag, and no word or code for none."""
    if value is None or isinstance(value, bool) or not isinstance(value, str | int):
        return False
    text = spelled(str(value))
    return bool(text) and text not in _NONE and not _ZEROS.fullmatch(text) and not is_approval(text)


def _are_texts(values: list[Any]) -> bool:
    flags = ("1", "y", "yes", "true", "t")
    return all(
        isinstance(value, str) and spelled(value) not in flags for value in values
    ) and not all(str(value).strip().replace(".", "").isdigit() for value in values)
