"""Messages between accounts, which are no card payments: they are refused by their names.

ISO 20022 names them by the root of the message, SWIFT's MT by their tags (``32A``), NACHA by its
entries; the same content is also written with words for names, as translators of MT do it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ["transfer_in"]

_ISO20022: Final = {
    "FIToFICstmrCdtTrf": "pacs.008, a credit transfer between banks",
    "CstmrCdtTrfInitn": "pain.001, a customer's order for credit transfers",
    "FIToFICstmrDrctDbt": "pacs.003, a direct debit between banks",
    "FICdtTrf": "pacs.009, a transfer of the banks' own",
    "FIToFIPmtStsRpt": "pacs.002, a report on the status of payments",
    "PmtRtr": "pacs.004, the return of a transfer",
    "CstmrDrctDbtInitn": "pain.008, a customer's order for direct debits",
    "CstmrPmtStsRpt": "pain.002, a report on the status of orders",
    "BkToCstmrAcctRpt": "camt.052, a report on an account",
    "BkToCstmrStmt": "camt.053, an account's statement",
    "BkToCstmrDbtCdtNtfctn": "camt.054, a notice of debits and credits",
}
_MT: Final = {
    "101": "MT101, an order for credit transfers",
    "102": "MT102, several credit transfers in one message",
    "103": "MT103, a credit transfer of a customer between banks",
    "200": "MT200, a credit transfer of a bank to its own account",
    "202": "MT202, a credit transfer of the banks' own",
    "205": "MT205, a credit transfer of the banks' own",
    "900": "MT900, a confirmation of a debit",
    "910": "MT910, a confirmation of a credit",
    "940": "MT940, an account's statement",
    "942": "MT942, a report on an account",
    "950": "MT950, an account's statement",
}
_NACHA: Final = "NACHA, a file of entries between accounts"
_WIRE: Final = "Fedwire, a credit transfer between banks"
_OTHERS: Final = {
    "standardentryclasscode": _NACHA,
    "rdfiidentification": _NACHA,
    "fedwiremessage": _WIRE,
}
_TYPE_NAMES: Final = frozenset(
    "mt type messagetype msgtype mttype swiftmessagetype messagename".split()
)
_TYPE: Final = re.compile(r"(?:swift[ .]?)?(?:fin[ .]?)?mt[ .]?(\d{3})\b.*", re.IGNORECASE)
# ``32A``, ``:32A:``, ``F32A``, ``tag_32A``, ``field32A``, ``32A_ValueDate``.
_TAG: Final = re.compile(r"(?:f|fld|field|tag|mt)?[_ ]?:?(\d\d[A-Z]?):?(?:[_ ].*)?", re.IGNORECASE)
_TAG_NAMES: Final = frozenset(("tag", "name", "field", "id", "code", "key"))
_VALUE: Final = re.compile(r"3[23][AB]")
_STATEMENT: Final = re.compile(r"6[02][FM]")
# What translators call the fields of an MT103; an event of a card has none of them, nearly.
_WORDS: Final = frozenset(
    "senderreference sendersreference bankoperationcode interbanksettledamount orderingcustomer "
    "beneficiarycustomer detailsofcharges orderinginstitution beneficiaryinstitution "
    "senderscorrespondent accountwithinstitution intermediaryinstitution instructedamount uetr "
    "remittanceinformation valuedatecurrencyinterbanksettledamount".split()
)
_ENOUGH_WORDS: Final = 3
_DEEPEST: Final = 6
_MOST: Final = 1_000


def transfer_in(message: Mapping[str, Any]) -> str | None:
    """Return what a message is among those between accounts, or None for any other.

    >>> transfer_in({"block4": {"20": "R1", "32A": "261128EUR5,", "50K": "A", "59": "B"}})
    'MT103, a credit transfer of a customer between banks'
    """
    kind = message.get("TxTp")
    if isinstance(kind, str) and kind.startswith(("pacs.", "pain.", "camt.")):
        known = (about for about in _ISO20022.values() if about.startswith(kind[:8]))
        return next(known, f"{kind[:8]}, a message between accounts")
    pairs = [pair for pair, _ in zip(_pairs(message, 0), range(_MOST), strict=False)]
    names = {name.rpartition(":")[2] for name, _ in pairs}
    for name, about in _ISO20022.items():
        if name in names:
            return about
    plain = {_plain(name) for name, _ in pairs}
    for name, about in _OTHERS.items():
        if name in plain:
            return about
    return _swift(pairs, plain)


def _swift(pairs: list[tuple[str, Any]], plain: set[str]) -> str | None:
    """Return which MT has these names: by its type, its tags, or the words for them."""
    for name, value in pairs:
        told = _TYPE.fullmatch(value.strip()) if isinstance(value, str) else None
        if told is None and isinstance(value, Mapping | list):
            told = _TYPE.fullmatch(name)
        elif _plain(name) not in _TYPE_NAMES:
            told = None
        if told is not None:
            return _MT.get(told[1], f"MT{told[1]}, a message of SWIFT between banks")
    tags = {match[1].upper() for match in map(_TAG.fullmatch, _tags(pairs)) if match}
    has_value = any(map(_VALUE.fullmatch, tags))
    if has_value and ("23B" in tags or any(tag[:2] == "59" for tag in tags)):
        return _MT["103"]
    if has_value and any(tag[:2] == "58" for tag in tags):
        return _MT["202"]
    if "61" in tags and any(map(_STATEMENT.fullmatch, tags)):
        return _MT["940"]
    return _MT["103"] if len(plain & _WORDS) >= _ENOUGH_WORDS else None


def _tags(pairs: list[tuple[str, Any]]) -> Iterator[str]:
    """Yield the names, and the values that name a field: ``{"tag": "32A", "value": ...}``."""
    for name, value in pairs:
        yield name
        if name.lower() in _TAG_NAMES and isinstance(value, str):
            yield value


def _pairs(value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield the names of a message and of what is in it, with their values."""
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if isinstance(name, str):
                yield name, inner
            yield from _pairs(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _pairs(inner, depth + 1)


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())
