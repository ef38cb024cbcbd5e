"""At which smaller amount would the same payment not have been alerted?

Every feature is a function of the payment and of what was known before it, so the question is
answered by asking the model again with other amounts and nothing else changed.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.codes import decimals_of
from streamer.events import Counterfactual
from streamer.features import Columns, History
from streamer.model import ModelVersion

__all__ = ["smaller_amount"]

_GRID: Final = 48
# Below a hundredth of the amount the answer no longer helps anybody.
_SMALLEST_SHARE: Final = 0.01


def smaller_amount(
    version: ModelVersion, columns: Columns, history: History, index: int, currency: str
) -> Counterfactual | None:
    """Return the largest smaller amount that would not alert, or None if none is found.

    Searched on a geometric grid down to a hundredth of the amount, then on a linear one between the
    last amount that alerts and the first that does not, in the currency's minor unit.
    """
    minor_units = 10 ** decimals_of(currency)
    amount = float(columns.amounts[index])
    lowest = max(amount * _SMALLEST_SHARE, 1 / minor_units)
    if amount <= lowest:
        return None
    coarse = np.geomspace(amount, lowest, _GRID)
    quiet = _is_quiet(version, columns, history, index, coarse)
    if not quiet.any():
        return None
    first = int(quiet.argmax())
    if first == 0:
        return None
    fine = np.floor(np.linspace(coarse[first - 1], coarse[first], _GRID) * minor_units)
    fine = fine[fine >= 1] / minor_units
    is_fine_quiet = _is_quiet(version, columns, history, index, fine)
    if not is_fine_quiet.any():
        return None
    found = float(fine[int(is_fine_quiet.argmax())])
    ending = "or less" if quiet[first:].all() else "or a little less"
    sentence = f"No alert at an amount of {found:,.{decimals_of(currency)}f} {currency} {ending}."
    return Counterfactual(found, currency, sentence)


def _is_quiet(
    version: ModelVersion,
    columns: Columns,
    history: History,
    index: int,
    amounts: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Return for each of ``amounts`` whether transaction ``index`` would not alert with it."""
    same = np.full(len(amounts), index)
    X, V = history.with_amounts(index, amounts), history.V[same]
    return ~version.score(X, columns.currencies[same], V, columns.times_ms[same]).alerted
