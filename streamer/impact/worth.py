"""Amounts in one currency, by configured values alone: nothing is guessed, and nothing mixed.

Without values payments must all be in one currency.  With them a payment in a currency that is not
named is left out of all that is told in money, and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from streamer.arrays import Floats
from streamer.errors import ConfigurationError

__all__ = ["REFERENCE", "Worth", "currency_of", "worth_of"]

REFERENCE: Final = "of the reference currency"
"""What money is called where no currency, or more than one, has the value 1."""


class Worth(NamedTuple):
    """``amounts`` (n,) in ``currency``, NaN for those of a currency without a value, which
    ``left_out`` counts."""

    amounts: Floats
    currency: str
    left_out: dict[str, int]


def currency_of(values: Mapping[str, float]) -> str:
    """Return the name of the currency that values are in.

    >>> currency_of({"EUR": 1.0, "USD": 0.92}), currency_of({"USD": 0.92})
    ('EUR', 'of the reference currency')
    """
    ones = [code for code, value in values.items() if value == 1.0]
    return ones[0] if len(ones) == 1 else REFERENCE


def worth_of(amounts: Floats, currencies: Sequence[str], values: Mapping[str, float]) -> Worth:
    """Return what n amounts are worth; ``values`` are of a unit of each currency, or empty.

    >>> worth_of(np.array([10.0, 10.0, 5.0]), ["EUR", "USD", "JPY"], {"EUR": 1.0, "USD": 0.5})
    Worth(amounts=array([10.,  5., nan]), currency='EUR', left_out={'JPY': 1})
    """
    counts = Counter(currencies)
    if not values:
        if len(counts) > 1:
            raise ConfigurationError(
                "STREAMER_CURRENCY_VALUES must say what a unit of each currency is worth where "
                f"payments are in several, got none for {', '.join(sorted(counts))}; such as "
                "EUR=1,USD=0.92"
            )
        return Worth(amounts, next(iter(counts), REFERENCE), {})
    of_each = np.array([values.get(code, np.nan) for code in currencies], dtype=float)
    left_out = {code: n for code, n in sorted(counts.items()) if code not in values}
    return Worth(amounts * of_each, currency_of(values), left_out)
