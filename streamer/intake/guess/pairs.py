"""Which currency belongs to which amount: by what their names share.

A payment may be told in several currencies: the merchant's, the cardholder's, that of the settlement.
An amount and a currency are a pair where both names, or the objects that they lie in, speak of the
same side of it; an amount whose own name has a currency (``amount_usd``) needs no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from streamer.contract.codes import CURRENCIES
from streamer.intake.code_lists import CURRENCY_OF
from streamer.intake.guess.choice import Choice
from streamer.intake.guess.words import words_of
from streamer.intake.leaves import Leaves, path_text
from streamer.intake.paths import Steps

__all__ = ["code_in_name", "with_own_currency"]

_LINES: Final = """
    billing: billing bill billed cardholder
    settlement: settlement settle settled reconciliation
    local: local
    merchant: merchant acquirer shop
    original: original orig
    source: source from sender debit
    target: target destination dest to receiver credit
    converted: converted conversion base home functional reporting reference
    foreign: foreign
    network: network scheme
    account: account issuer
    presentment: presentment presented display
    payout: payout ledger balance
"""
_SIDE_OF: Final = {
    word: line.split(":")[0].strip()
    for line in _LINES.splitlines()
    if line
    for word in line.split(":")[1].split()
}
# Codes that are words, too: "amount_all" is no amount in Albanian lek.
_WORDS: Final = frozenset(("ALL", "TOP", "CUP", "PEN", "MOP"))


class _Pair(NamedTuple):
    """An amount, and the path or the code of its currency."""

    amount: Steps
    currency: Steps | str

    @property
    def text(self) -> str:
        currency = self.currency
        shown = currency if isinstance(currency, str) else path_text(currency)
        return f"{path_text(self.amount)} in {shown}"


def code_in_name(steps: Steps) -> str | None:
    """Return the currency that a path names, or None.

    >>> code_in_name(("amounts", "usd", "value")), code_in_name(("amount_all",))
    ('USD', None)
    """
    for step in reversed(steps):
        for word in reversed(words_of(step)):
            code = word.upper()
            if code in CURRENCIES and code not in _WORDS:
                return code
    return None


def with_own_currency(
    chosen: Mapping[str, Choice], found: Mapping[str, Sequence[Steps]], leaves: Leaves
) -> dict[str, Choice]:
    """Return the choices with the currency that is the amount's, and what is doubted of the two.

    ``found`` has every path that may be an amount or a currency, the best first.
    """
    result = dict(chosen)
    if "amount" not in chosen:
        return result
    pairs = [
        pair
        for steps in dict.fromkeys((*chosen["amount"].paths, *found["amount"]))
        if (pair := _pair_of(steps, found["currency"])) is not None
    ]
    amount = chosen["amount"].paths[0]
    mine = next((pair for pair in pairs if pair.amount == amount), None)
    if mine is None:
        return _without_partner(result, pairs, found["currency"])
    _settle(result, mine, leaves)
    others = [pair for pair in pairs if _is_other(pair, mine, leaves)]
    if others:
        note = f"{mine.text} is taken for the payment's amount; {others[0].text} is another"
        result["amount"] = result["amount"]._replace(doubt=note)
    return result


def _pair_of(amount: Steps, currencies: Sequence[Steps]) -> _Pair | None:
    code = code_in_name(amount)
    if code is not None:
        return _Pair(amount, code)
    side = _side(amount)
    same = [steps for steps in currencies if _side(steps) == side]
    if not same:
        return None
    # The best by name of those that lie nearest.
    return _Pair(amount, max(same, key=lambda steps: _n_shared(steps, amount)))


def _settle(result: dict[str, Choice], pair: _Pair, leaves: Leaves) -> None:
    """Take a pair's currency, where another one was chosen."""
    currency = result.get("currency")
    if isinstance(pair.currency, str):
        if currency is None or _codes(pair, leaves) == _codes_at(currency.paths[0], leaves):
            return
        del result["currency"]
    elif currency is None or _side(currency.paths[0]) != _side(pair.amount):
        score = currency.score if currency is not None else 70.0
        result["currency"] = Choice([pair.currency], score)


def _without_partner(
    result: dict[str, Choice], pairs: Sequence[_Pair], currencies: Sequence[Steps]
) -> dict[str, Choice]:
    """Return the choices for an amount of which no currency is named alike."""
    amount, currency = result["amount"], result.get("currency")
    plain = [steps for steps in currencies if not _side(steps)]
    if currency is None or not currencies:
        return result
    if plain:
        # That of the payment is that of each of its amounts, where nobody says another.
        if _side(currency.paths[0]):
            result["currency"] = Choice([plain[0]], currency.score)
        return result
    if pairs:
        note = (
            f"no currency is named like {path_text(amount.paths[0])}: {pairs[0].text} is taken "
            "for the payment's amount"
        )
        result["amount"] = Choice([pairs[0].amount], amount.score, note)
        if isinstance(pairs[0].currency, str):
            del result["currency"]
        else:
            result["currency"] = Choice([pairs[0].currency], currency.score)
        return result
    note = (
        f"the currency may be another one's than the amount's, which is that of "
        f"{path_text(amount.paths[0])}"
    )
    result["currency"] = currency._replace(doubt=note)
    return result


def _is_other(pair: _Pair, mine: _Pair, leaves: Leaves) -> bool:
    """Whether a pair tells the payment in another currency, in some message of the sample."""
    if pair.amount == mine.amount or pair.currency == mine.currency:
        return False
    values = leaves[pair.amount]
    theirs, ours = _codes(pair, leaves), _codes(mine, leaves)
    return any(
        value not in (None, "", 0) and one is not None and other is not None and one != other
        for value, one, other in zip(values, theirs, ours, strict=True)
    )


def _codes(pair: _Pair, leaves: Leaves) -> list[str | None]:
    if isinstance(pair.currency, str):
        return [pair.currency] * len(leaves[pair.amount])
    return _codes_at(pair.currency, leaves)


def _codes_at(steps: Steps, leaves: Leaves) -> list[str | None]:
    return [_code(value) for value in leaves[steps]]


def _code(value: Any) -> str | None:
    if isinstance(value, str):
        return CURRENCY_OF.get(value) or CURRENCY_OF.get(value.strip().upper())
    return CURRENCY_OF.get(value) if type(value) is int else None


def _side(steps: Steps) -> frozenset[str]:
    words = {word for step in steps if isinstance(step, str) for word in words_of(step)}
    return frozenset(_SIDE_OF[word] for word in words if word in _SIDE_OF)


def _n_shared(one: Steps, other: Steps) -> int:
    n = 0
    while n < min(len(one), len(other)) and one[n] == other[n]:
        n += 1
    return n
