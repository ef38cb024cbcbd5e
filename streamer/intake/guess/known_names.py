"""Which field a name means, among the names that payment systems give.

The tables of `field_names` are looked up with the words of the whole path, and of its last names
down to one alone, in any order: ``numéro de carte`` is a card number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamer.contract.codes import CURRENCIES
from streamer.intake.guess.field_names import NAMES
from streamer.intake.guess.words import words_of

__all__ = ["FIELDS", "is_issuers_country", "name_score"]

FIELDS: Final = tuple(NAMES)

# What a name that ends in one of these tells is when something was.
_MOMENTS: Final = frozenset("at time date timestamp datetime ts".split())

_SCORES: Final[dict[str, dict[tuple[str, ...], int]]] = {
    field: {tuple(name.split()): score for score, names in lines for name in names.split("|")}
    for field, lines in NAMES.items()
}
_ANY_ORDER: Final[dict[str, dict[frozenset[str], int]]] = {
    field: {frozenset(words): score - 3 for words, score in scores.items() if len(words) > 1}
    for field, scores in _SCORES.items()
}

_CODES: Final = frozenset(code.lower() for code in CURRENCIES)
_ZONES: Final = frozenset("utc gmt s sec secs ms millis milliseconds us micros ns nanos".split())
_ENDS: Final = frozenset(
    "id token hash alias number reference fingerprint key value pan code href".split()
)
# A word of the name or above it, and one of those that its last name must have.
_PARTS: Final[dict[str, tuple[tuple[float, frozenset[str], frozenset[str]], ...]]] = {
    "card_id": (
        (72.0, frozenset(("card", "pan", "instrument", "paymentmethod")), _ENDS - {"code"}),
        (66.0, frozenset(("token", "alias", "fingerprint")), frozenset()),
        (58.0, frozenset("payer sender buyer consumer subscriber msisdn".split()), frozenset()),
    ),
    "transaction_id": (
        (72.0, frozenset(("transaction", "payment")), frozenset("id number reference key".split())),
    ),
    "amount": (
        (70.0, frozenset(("amount",)), frozenset(("amount",))),
        (60.0, frozenset(("total", "price")), frozenset(("total", "price"))),
    ),
    "currency": ((72.0, frozenset(("currency",)), frozenset(("currency",))),),
    "timestamp": ((58.0, frozenset("payment transaction".split()), frozenset(("at", "time"))),),
    "merchant_id": (
        (
            66.0,
            frozenset("merchant shop store acceptor".split()),
            frozenset(("id", "number", "code")),
        ),
    ),
}

# What Avro's JSON and the like put around a value.
_TYPES: Final = frozenset("string double long int float bytes boolean s n".split())
# Parents that say nothing of what lies in them.
_WRAPPERS: Final = frozenset(
    "data attributes object entity payload body details info value".split()
)

# With one of these a name is about something else.
_STRANGERS: Final[dict[str, frozenset[str]]] = {
    "amount": frozenset(
        "fee fees tax balance discount refunded tip original captured limit count exponent scale "
        "shipping vat commission surcharge available remaining cashback interchange unused "
        "unit type converted ledger micros micro millis e".split()
    ),
    "timestamp": frozenset(
        "expiry expiration exp expires birth updated settlement refund due zone loaded valid "
        "since member update".split()
    ),
    "card_id": frozenset(
        "type brand last4 last digits expiry bin scheme network name country email masked first "
        "gateway status category balance suffix prefix iin order "
        "checkout request".split()
    ),
    "transaction_id": frozenset(
        "merchant card customer user account terminal device session parent original store "
        "correlation client issuer acquirer shop location payee payer provider network entity".split()
    ),
    "merchant_id": frozenset(
        "category country city zip state url latitude longitude mcc reference order".split()
    ),
    "currency": frozenset("exponent rate minor".split()),
    "country": frozenset("name phone".split()),
}


_ISSUERS: Final = frozenset(
    "issuer issuing issuance issue issued bin iin card pan cardholder holder residence nationality "
    "citizenship home".split()
)
# In a card's acceptor or beside its terminal it is where the card is used.
_ACCEPTORS: Final = frozenset(
    "acceptor merchant terminal acquirer acquiring acceptance store shop location".split()
)

# What lies in an object of these is another matter than the payment's own, whatever its name.
_STRANGE_PARENTS: Final[dict[str, frozenset[str]]] = {
    "transaction_id": frozenset("reference references metadata".split()),
    "amount": frozenset("settlement payout network original source local converted".split()),
}
# Who else numbers a payment.
_OTHERS: Final = frozenset("acquirer provider network issuer original parent".split())


def is_issuers_country(steps: Sequence[str | int]) -> bool:
    """Whether a name is that of the country in which a card was issued, or of whoever holds it.

    The contract's country is where the payment is made.

    >>> is_issuers_country(("countryOfIssuance",)), is_issuers_country(("card", "country"))
    (True, True)
    >>> is_issuers_country(("card_acceptor", "country")), is_issuers_country(("merchantCountry",))
    (False, False)
    """
    words = [word for step in steps if isinstance(step, str) for word in words_of(step)]
    last = set(words_of(steps[-1]))
    if "country" not in words or not last & {"country", "code", "alpha", "numeric", "iso", "id"}:
        return False
    return bool(_ISSUERS.intersection(words)) and not _ACCEPTORS.intersection(words)


def name_score(field: str, steps: Sequence[str | int]) -> float:
    """Return 0 to 100: how much the path's names speak for ``field``.

    The last name counts most; with its parents it may say more (``card.token``, ``amount.value``).
    """
    while len(steps) > 1 and str(steps[-1]).lower() in _TYPES:
        steps = steps[:-1]
    if field == "country" and is_issuers_country(steps):
        return 0.0
    names = [_without_unit(field, words_of(step)) for step in steps if isinstance(step, str)]
    names = [name for name in names[:-1] if not set(name) <= _WRAPPERS] + names[-1:]
    if field == "timestamp" and names and len(names[-1]) > 1:
        # A date in Italian, Polish, Portuguese and some others.
        names[-1] = tuple("date" if word == "data" else word for word in names[-1])
    if not names:
        return 0.0
    best = 0.0
    for n_parents in range(min(3, len(names))):
        words = [word for name in names[len(names) - 1 - n_parents :] for word in name]
        best = max(best, _looked_up(field, words) - (0.5 * n_parents))
    last = names[-1]
    if not best:
        # "myCompanyCardNumber": the end of a name says what it is.
        best = max((_looked_up(field, last[i:]) - 12.0 for i in range(1, len(last))), default=0.0)
    if field == "timestamp" and {last[-1], last[0]} & _MOMENTS:
        best = max(best, 62.0)
    above = {word for name in names[:-1] for word in name}
    if best <= 0:
        best = _by_parts(field, set(last), above)
    strangers = _STRANGERS.get(field, frozenset())
    is_its_own = {"transaction", "id"} <= set(last) and not _OTHERS & set(last)
    is_its_own = field == "transaction_id" and is_its_own
    if strangers & set(last) and _looked_up(field, last) < 84 and not is_its_own:
        best -= 60
    elif strangers & above and _looked_up(field, last) < 95:
        best -= 35
    elif _STRANGE_PARENTS.get(field, frozenset()) & above:
        best -= 20
    best += _bonus(field, above)
    return max(best - 0.5 * (len(names) - 1), 0.0)


def _looked_up(field: str, words: Sequence[str]) -> float:
    found = _SCORES[field].get(tuple(words))
    return found if found is not None else _ANY_ORDER[field].get(frozenset(words), 0)


def _by_parts(field: str, last: set[str], above: set[str]) -> float:
    """Return what single words say where no whole name is known."""
    if field == "card_id" and last & {"payment", "transaction", "order", "checkout", "request"}:
        return 0.0
    for score, about, ends in _PARTS.get(field, ()):
        if about & (last | above) and (not ends or ends & last):
            return score
    return 0.0


def _without_unit(field: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words without a currency behind an amount, or a zone behind a time."""
    units = {"amount": _CODES, "timestamp": _ZONES}.get(field, frozenset())
    return tuple(word for word in words if word not in units) or words


def _bonus(field: str, above: set[str]) -> float:
    """Return what the parents add: an ``id`` below ``card`` is a card's."""
    kin = {
        "card_id": {"card"},
        "merchant_id": {"merchant"},
        "country": {"merchant"},
        "amount": {"purchase", "transaction"},
    }
    return 6.0 if kin.get(field, set()) & above else 0.0
