"""Which field a name means, among the names that payment systems give.

The tables hold the words that `words` makes of a name.  They are looked up from the whole path to
its last name alone, in any order: ``numéro de carte`` is a card number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamer.codes import CURRENCIES
from streamer.intake.guess.words import words_of

__all__ = ["FIELDS", "name_score"]

# The best name of each line has the line's score; the higher, the surer.
_TABLES: Final[dict[str, tuple[tuple[int, str], ...]]] = {
    "transaction_id": (
        (100, "transaction id|transaction number|transaction reference number"),
        (98, "transaction reference|reference number transaction"),
        (90, "payment id|charge id|psp reference|authorization id"),
        (
            85,
            "authorisation id|auth id|transaction key|transaction code|transaction|payment number",
        ),
        (84, "acquirer reference number|arn|transaction token|payment reference|receipt number"),
        (74, "id"),
        # It comes again after some days, and beside an id it is the terminal's.
        (72, "retrieval reference number|retrieval reference|rrn"),
        (70, "reference|reference number|reference id|external id|unique id|end to end id"),
        (60, "order id|order code|token|order number|order reference|invoice id"),
        (55, "event id|message id|record id|request id|trace id|stan|trace number"),
        (45, "merchant reference|system trace audit number|systems trace audit number"),
        (43, "sys trac audt number|invoice number|number"),
    ),
    "card_id": (
        (100, "card id|card number|card token|pan|primary account number|card hash|pan hash"),
        (98, "card reference|card key|card fingerprint|hashed pan|masked pan|pan token|token pan"),
        (98, "card number masked|pan masked|card masked"),
        (98, "unique card|card reference id|device account number|card proxy|prn|cc"),
        (95, "fingerprint|card alias|card identifier|card pan|card account number"),
        (
            93,
            "payment token|token|proxy|recurring token|customer payment profile id|authorization code",
        ),
        (90, "payment method|payment method id|payment method token|payment source id|alias"),
        (89, "payment method value"),
        (89, "instrument id|payment instrument id|instrument identifier id|instrument token"),
        (
            85,
            "account key|account id|account number|account|card account|card|unique number identifier",
        ),
        (75, "customer id|customer|client id|cardholder id|card holder id|payer id|user id"),
        (64, "user|client|account reference|shopper reference|customer reference|iban|payer"),
        (60, "user token|account token|cardholder|customer profile id|shopper id|shopper"),
        (60, "vaulted shopper id|user payment option id|payment option id|card on file id"),
        (
            55,
            "debtor account|from account|source account|name orig|buyer id|member id|account from",
        ),
        (55, "customer number|source id|subscription id|entity id|entity identifier"),
    ),
    "amount": (
        (100, "amount|transaction amount|amount value|payment amount|amount minor|amount cents"),
        (97, "amount in cents|amount minor units|amount in minor units|minor units|amount pence"),
        (95, "purchase amount|total amount|gross amount|authorized amount|authorised amount"),
        (92, "billing amount|amount amount|amount total|order amount|requested amount|auth amount"),
        (88, "source amount|fare amount|grand total|transaction value"),
        (80, "value|total|price|sum|gross|cents|amount major|money amount"),
        (70, "cost|charge|paid|amount paid|payment"),
        (84, "amount micros|price micros|amount micro"),
        (60, "settlement amount|net amount|settle amount|local amount|orig amount|original amount"),
    ),
    "currency": (
        (100, "currency|currency code|transaction currency|transaction currency code"),
        (98, "currency code code|currency numeric code|currency alpha code|purchase currency"),
        (95, "amount currency|amount currency code|code currency|currency alpha|currency numeric"),
        (90, "payment currency|source currency code|merchant currency|order currency"),
        (80, "billing currency|settlement currency|currency name|valuta"),
        (70, "currency id|currency symbol|unit"),
    ),
    "timestamp": (
        (100, "timestamp|transaction timestamp|transaction time|transaction datetime"),
        (98, "transaction date time|transaction date|datetime|date time|transaction datetime time"),
        (97, "user transaction time|transaction local datetime|authorized datetime"),
        (95, "created at|created|creation time|create time|time created|authorized at"),
        (95, "authorised at|processed on|processed at|authorized on|started at|date started"),
        (93, "occurred at|unix time|epoch|transmission date time|created date|creation date"),
        (93, "transmission datetime|transmission datetime time|created time|created datetime"),
        (90, "local transaction date time|local transaction time|authorization time|auth time"),
        (90, "local transaction datetime|date created|start date|submit time|placed at"),
        (85, "at|on|happened at|executed at"),
        (88, "event time|event timestamp|event date|event datetime|created on"),
        (88, "processing time|purchase date|purchase time|payment date|payment time|paid at"),
        (80, "time|date|ms timestamp|epoch ms|epoch millis|timestamp millis|utc time|when|data"),
        (80, "data transaction|data time|response timestamp|creation datetime time|local date"),
        (70, "posted at|booking date|posting date|transacted at|completed at|posted date"),
        (78, "data sale|sale date|date sale|sale time|sale at|sale timestamp"),
        (65, "date booked|booked|booked at|booked date|ce time"),
        (65, "date completed|completed date|updated at|value date|post date"),
    ),
    "merchant_id": (
        (100, "merchant id|merchant number|merchant code|mid|merchant identifier|merchant key"),
        (95, "card acceptor id|card acceptor id code|acceptor id|merchant account id"),
        (90, "merchant id id|merchant entity id"),
        (85, "merchant account code|merchant account|merchant|terminal id|tid|terminal number"),
        (
            80,
            "shop id|store id|seller id|payee id|vendor id|location id|outlet id|terminal|acceptor",
        ),
        (84, "merchant reference|merchant reference id|store reference|shop reference"),
        (75, "collector id|operator id|station id|payee merchant id"),
        (65, "merchant name|payee|shop|store|seller|vendor|name dest|beneficiary id|pos id"),
        (60, "counter party id|counterparty id|creditor id|recipient id|receiver id"),
        (50, "merchant descriptor|statement descriptor|payee name|counter party name"),
        (48, "counterparty|counterparty name|counter party|creditor name|creditor|recipient"),
    ),
    "mcc": (
        (100, "mcc|merchant category code|mcc code|mcc number|category code"),
        (90, "merchant category|merchant type|merchant mcc|sic|sic code"),
        (60, "category|merchant category id"),
    ),
    "country": (
        (100, "merchant country|merchant country code|country code|country|transaction country"),
        (90, "acquirer country|acquirer country code|terminal country|acquiring country code"),
        (85, "acquiring institution country code|location country|country alpha|country numeric"),
        (70, "card country|issuer country|billing country|address country|issuing country"),
        (60, "country id|ip country|shopper country"),
    ),
    "latitude": (
        (100, "latitude|merchant latitude|geo latitude|location latitude|gps latitude"),
        (60, "terminal latitude|customer latitude"),
    ),
    "longitude": (
        (100, "longitude|merchant longitude|geo longitude|location longitude|gps longitude"),
        (60, "terminal longitude|customer longitude"),
    ),
    "channel": (
        (100, "channel|transaction channel|payment channel|channel type|channel code"),
        (85, "entry mode|pos entry mode|point of service|card entry mode|shopper interaction"),
        (75, "interaction|presentment|terminal type|input mode|use chip|entry type|source channel"),
        (50, "transaction type|payment type"),
    ),
    "label": (
        (100, "is fraud|fraud|fraud label|fraudulent|is fraudulent|fraud flag|label|isfraud"),
        (70, "class|target"),
    ),
}

FIELDS: Final = tuple(_TABLES)

# What a name that ends in one of these tells is when something was.
_MOMENTS: Final = frozenset("at time date timestamp datetime ts".split())

_SCORES: Final[dict[str, dict[tuple[str, ...], int]]] = {
    field: {tuple(name.split()): score for score, names in lines for name in names.split("|")}
    for field, lines in _TABLES.items()
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
        "gateway status category balance suffix prefix iin".split()
    ),
    "transaction_id": frozenset(
        "merchant card customer user account terminal device session parent original store "
        "correlation client issuer acquirer shop location payee payer provider network".split()
    ),
    "merchant_id": frozenset(
        "category country city zip state url latitude longitude mcc reference".split()
    ),
    "currency": frozenset("exponent rate minor".split()),
    "country": frozenset("name phone".split()),
}


# Who else numbers a payment.
_OTHERS: Final = frozenset("acquirer provider network issuer original parent".split())


def name_score(field: str, steps: Sequence[str | int]) -> float:
    """Return 0 to 100: how much the path's names speak for ``field``.

    The last name counts most; with its parents it may say more (``card.token``, ``amount.value``).
    """
    while len(steps) > 1 and str(steps[-1]).lower() in _TYPES:
        steps = steps[:-1]
    names = [_without_unit(field, words_of(step)) for step in steps if isinstance(step, str)]
    names = [name for name in names[:-1] if not set(name) <= _WRAPPERS] + names[-1:]
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
    best += _bonus(field, above)
    return max(best - 0.5 * (len(names) - 1), 0.0)


def _looked_up(field: str, words: Sequence[str]) -> float:
    found = _SCORES[field].get(tuple(words))
    return found if found is not None else _ANY_ORDER[field].get(frozenset(words), 0)


def _by_parts(field: str, last: set[str], above: set[str]) -> float:
    """Return what single words say where no whole name is known."""
    if field == "card_id" and last & {"payment", "transaction"}:
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
    kin = {"card_id": {"card"}, "merchant_id": {"merchant"}, "country": {"merchant"}}
    return 6.0 if kin.get(field, set()) & above else 0.0
