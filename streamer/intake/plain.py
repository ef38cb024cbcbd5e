"""A message that is the contract's already, decoded once and straight into a `Transaction`.

A row that a change capture has flattened may be the contract's but for a name that tells of an update
or a deletion, and so may a webhook whose event's name does.  The decoder itself looks for those names,
which costs 7% of decoding, and 0.3 µs more where an event has a name; a search in the bytes would
cost 40%.

A batch is decoded at once (`plain_transactions`), and at once asked whether an id is a word for nothing
(`nameless`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

from streamer.contract.messages import Transaction
from streamer.intake.envelopes import EVENT_NAMES, MARKS, Counting, told_by_itself
from streamer.intake.fields import NO_IDS, is_destroyed, is_minus_zero

__all__ = ["is_named", "nameless", "plain_transaction", "plain_transactions"]

_FIELDS: Final = Transaction.__struct_fields__


def _is_same(one: Any, other: Any) -> Any:
    if not isinstance(other, Transaction):
        return NotImplemented
    return all(getattr(one, name) == getattr(other, name) for name in _FIELDS)


def _hash(one: Any) -> int:
    return hash(tuple(getattr(one, name) for name in _FIELDS))


class _IsNone(type):
    def __instancecheck__(cls, value: object) -> bool:
        return value is None


class _Untelling(metaclass=_IsNone):
    """An event's name that a payment may have: None once it is read, and left out like any default."""


_INSERTS: Final = Counting()
_LONGEST_NAME: Final = 64


@lru_cache(maxsize=1_024)
def _is_telling(name: str) -> bool:
    return told_by_itself({"type": name}, "$", _INSERTS) is not None


def _read_name(_: type[Any], name: Any) -> None:
    """Let the decoder go on, or not: a name that tells of no payment is for the intake to judge."""
    if type(name) is str and len(name) <= _LONGEST_NAME and _is_telling(name):
        raise ValueError


# By the contract's pattern, which takes 0.4 of 1 µs to decode a payment; a code in a list takes none.
_Category = Literal[tuple(f"{number:04d}" for number in range(10_000))]  # type: ignore[valid-type]
# A transaction like any other: what is no null below one of the names is a fault of decoding.
_Unmarked: Final = msgspec.defstruct(
    "Transaction",
    [("mcc", _Category | None, None)]
    + [
        (f"mark_{index}", None, msgspec.field(name=name, default=None))
        for index, name in enumerate(sorted(MARKS))
    ]
    + [
        (f"name_{index}", _Untelling | None, msgspec.field(name=name, default=None))
        for index, name in enumerate(sorted(EVENT_NAMES))
    ],
    bases=(Transaction,),
    namespace={"__eq__": _is_same, "__hash__": _hash},
    frozen=True,
    gc=False,
    omit_defaults=True,
)
_decode: Final[Callable[[bytes], Any]] = msgspec.json.Decoder(_Unmarked, dec_hook=_read_name).decode
_NOT_PLAIN: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def plain_transaction(value: bytes | None) -> Transaction | None:
    """Return the transaction in a message that follows the contract, or None for any other."""
    return plain_transactions([value or b""])[0]


def plain_transactions(values: Sequence[bytes]) -> list[Transaction | None]:
    """Return the transaction in each message that follows the contract, None for any other.

    >>> plain_transactions([b"", b"[]"])
    [None, None]
    """
    # msgspec skips unknown fields without looking at their encoding.
    decoding = map(_decode if _are_utf_8(values) else _decode_utf_8, values)
    found: list[Transaction | None] = []
    while len(found) < len(values):
        try:
            # One call up to the next message that is none: what came before it stays in the list.
            found.extend(decoding)
        except _NOT_PLAIN:
            found.append(None)
    to_be_mended = [
        place
        for place, t in enumerate(found)
        if t is not None and ((t.latitude == 0.0 and t.longitude == 0.0) or is_minus_zero(t.amount))
    ]
    for place in to_be_mended:
        found[place] = None
    return found


def _are_utf_8(values: Sequence[bytes]) -> bool:
    """Whether every message is UTF-8: a line feed is a part of no other character, so all at once."""
    together = b"\n".join(values)
    try:
        return together.isascii() or bool(together.decode())
    except UnicodeDecodeError:
        return False


def _decode_utf_8(value: bytes) -> Transaction:
    value.decode()
    transaction: Transaction = _decode(value)
    return transaction


def nameless(transactions: Sequence[Transaction]) -> list[int]:
    """Return which transactions have an id, a card, a merchant or a channel that is none.

    A word for nothing stands there, or what a spreadsheet has left of a number, which has a plus in it:
    one search in all names costs 0.01 µs each, and one in every name three times as much.  What it
    is instead, `Intake.read` says.

    >>> nameless([])
    []
    """
    cards = [transaction.card_id for transaction in transactions]
    ids = [transaction.transaction_id for transaction in transactions]
    merchants = [transaction.merchant_id for transaction in transactions]
    channels = [transaction.channel for transaction in transactions]
    is_certain = all(NO_IDS.isdisjoint(names) for names in (cards, ids, merchants, channels))
    named = (*cards, *ids, *filter(None, merchants), *filter(None, channels))
    if is_certain and "+" not in "".join(named):
        return []
    return [
        place
        for place, names in enumerate(zip(cards, ids, merchants, channels, strict=True))
        if any(map(_is_none, names))
    ]


def is_named(transaction: Transaction) -> bool:
    """Whether a transaction certainly has names, a plus in none of them; of others `nameless` tells."""
    card, name, merchant = transaction.card_id, transaction.transaction_id, transaction.merchant_id
    return not (
        card in NO_IDS
        or name in NO_IDS
        or "+" in card
        or "+" in name
        or transaction.channel in NO_IDS
        or (merchant is not None and (merchant in NO_IDS or "+" in merchant))
    )


def _is_none(name: str | None) -> bool:
    """Whether a text that the contract allows is no name; None is a field that is not there."""
    return name is not None and (name in NO_IDS or ("+" in name and is_destroyed(name)))
