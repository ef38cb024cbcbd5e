"""Whether whole amounts are of major units, minor units or millionths: by names, by zeros, by currency.

In some currencies prices are whole, whatever ISO 4217 says of their decimals: there a whole amount says
nothing, and is never taken for minor units by a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from streamer.contract.codes import CURRENCIES, decimals_of
from streamer.intake.code_lists import CURRENCY_OF
from streamer.intake.guess.choice import Settings
from streamer.intake.guess.pairs import code_in_name
from streamer.intake.guess.words import words_of
from streamer.intake.leaves import Leaves
from streamer.intake.paths import Steps

__all__ = ["WHOLE", "add_unit"]

_MINOR_WORDS: Final = frozenset(
    "minor cents cent pence penny pennies subunits kopecks paise".split()
)
_MICROS: Final = frozenset("micro micros".split())
# In these a day's shopping is a number of six digits or more.
_LARGE: Final = frozenset(
    "IDR VND KRW IRR LBP UZS LAK KHR MMK PYG GNF UGX TZS MNT IQD COP CLP JPY HUF NGN ARS RWF BIF "
    "MGA SLE SYP STN".split()
)
WHOLE: Final = frozenset(
    "IDR VND KRW IRR LBP UZS LAK KHR MMK MNT IQD COP CLP HUF SYP TWD CRC AMD TZS SOS YER "
    "MWK CDF MGA".split()
) | {code for code in CURRENCIES if decimals_of(code) == 0}
"""Currencies whose amounts are given whole."""


def add_unit(settings: Settings, steps: Steps, present: Sequence[Any], leaves: Leaves) -> None:
    """Add the unit of the amounts ``present`` at ``steps``, and what is not sure of it."""
    if _MICROS & set(words_of(steps[-1])):
        _micros(settings, leaves)
    elif _may_be_micros(present, leaves):
        _micros(settings, leaves)
        settings.unsure.insert(
            0,
            "all amounts are whole ten thousands: they are taken for millionths; if they are amounts "
            "of whole units, leave out unit and decimals",
        )
    else:
        _minor(settings, steps, present, leaves)


def _minor(settings: Settings, steps: Steps, values: Sequence[Any], leaves: Leaves) -> None:
    """Add the unit where amounts are, or may be, in minor units."""
    words = {word for step in steps for word in words_of(step)}
    siblings = {name: words_of(name[-1]) for name in leaves if name[:-1] == steps[:-1]}
    beside = {word for names in siblings.values() for word in names}
    units = {
        str(value).strip().lower()
        for name, names in siblings.items()
        if "unit" in names
        for value in leaves[name]
    }
    digits = [str(value).strip() for value in values]
    is_whole = bool(digits) and all(re.fullmatch(r"[+-]?\d+", text) for text in digits)
    is_padded = any(re.fullmatch(r"0\d{5,}", text) for text in digits)
    is_said = bool(units) and units <= _MINOR_WORDS
    if words & _MINOR_WORDS or is_padded or is_said or ("exponent" in beside and is_whole):
        settings.entries["unit"] = '"minor"'
        settings.entries.pop("decimal", None)
    elif is_whole and any(abs(int(text)) >= 100 for text in digits) and units != {"major"}:
        _whole(settings, steps, digits, leaves)


def _may_be_micros(values: Sequence[Any], leaves: Leaves) -> bool:
    """Whether amounts look like millionths with two decimals: large, and whole ten thousands.

    Where prices are as large as that, nobody can tell.
    """
    numbers = {value for value in values if type(value) is int}
    if len(numbers) < 3 or len(numbers) < len(set(map(str, values))):
        return False
    is_large = max(numbers) >= 1_000_000 and all(number % 10_000 == 0 for number in numbers)
    return (
        is_large
        and any(number % 1_000_000 for number in numbers)
        and bool(codes := _codes(leaves))
        and codes.isdisjoint(_LARGE)
    )


def _codes(leaves: Leaves) -> set[str]:
    return {
        CURRENCY_OF[value]
        for steps, values in leaves.items()
        if "currency" in words_of(steps[-1])
        for value in values
        if isinstance(value, str | int) and value in CURRENCY_OF
    }


def _micros(settings: Settings, leaves: Leaves) -> None:
    """Say that amounts count millionths, of each currency in the sample."""
    decimals = ", ".join(f"{code} = 6" for code in sorted(_codes(leaves)))
    settings.entries |= {"unit": '"minor"', "decimals": f"{{ {decimals} }}"}
    settings.entries.pop("decimal", None)
    settings.unsure.append(
        "amounts are millionths in the currencies of the sample; any other currency must be added"
    )


def _whole(settings: Settings, steps: Steps, digits: Sequence[str], leaves: Leaves) -> None:
    """Take whole amounts for minor units, unless they are round or small; either is a guess.

    Those in currencies whose amounts are whole tell nothing.
    """
    coded = list(_coded(steps, leaves))
    whole = sorted({code for _, code in coded if code in WHOLE and decimals_of(code)})
    telling = {number for number, code in coded if code not in WHOLE}
    if coded and not telling:
        if whole:
            settings.unsure.append(
                f"amounts in {' and '.join(whole)} are whole: they are taken for major units; if "
                '4250 means 42.50, say unit = "minor"'
            )
        return
    numbers = telling or {abs(int(text)) for text in digits}
    if len(numbers) >= 5 and (max(numbers) < 1_000 or all(n % 10 == 0 for n in numbers)):
        settings.unsure.append(
            "all amounts are whole numbers: they are taken for major units; if 4250 means 42.50, "
            'say unit = "minor"'
        )
        return
    settings.entries["unit"] = '"minor"'
    settings.entries.pop("decimal", None)
    settings.unsure.append(
        "all amounts are whole numbers: they are taken for minor units; if 4250 means 4250.00, "
        'say unit = "major"'
    )
    if whole:
        listed = ", ".join(f"{code} = 0" for code in whole)
        settings.entries["decimals"] = f"{{ {listed} }}"
        settings.unsure.append(f"amounts in {' and '.join(whole)} are taken for whole ones")


def _coded(steps: Steps, leaves: Leaves) -> Iterator[tuple[int, str | None]]:
    """Yield each whole amount with its currency, None where that is not known."""
    named = code_in_name(steps)
    columns = [values for name, values in leaves.items() if "currency" in words_of(name[-1])]
    for index, value in enumerate(leaves.get(steps, ())):
        text = str(value).strip()
        if re.fullmatch(r"[+-]?\d+", text):
            codes = (_code(column[index]) for column in columns)
            yield abs(int(text)), named or next(filter(None, codes), None)


def _code(value: Any) -> str | None:
    return CURRENCY_OF.get(value) if isinstance(value, str | int) else None
