"""Which field a name means, among the names that payment systems give.

A name is cut into its words, whatever its style: ``TransactionID``, ``transaction_id`` and ``txn-id``
are the same to the tables here.  Words are looked up from the whole path to its last name alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

__all__ = ["FIELDS", "name_score", "words_of"]

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

# Short forms, and words that are written together, in the spelling of the tables below.
_SAME: Final = {
    "txn": "transaction",
    "tx": "transaction",
    "trx": "transaction",
    "trans": "transaction",
    "tran": "transaction",
    "transact": "transaction",
    "amt": "amount",
    "ccy": "currency",
    "cur": "currency",
    "curr": "currency",
    "acct": "account",
    "acc": "account",
    "cc": "card",
    "no": "number",
    "num": "number",
    "nr": "number",
    "nbr": "number",
    "ref": "reference",
    "merch": "merchant",
    "mrch": "merchant",
    "cust": "customer",
    "ctry": "country",
    "cntry": "country",
    "lng": "longitude",
    "lon": "longitude",
    "long": "longitude",
    "lat": "latitude",
    "ts": "timestamp",
    "dt": "datetime",
    "datetime": "datetime",
    "cat": "category",
    "cardnumber": "card number",
    "cardno": "card number",
    "cardid": "card id",
    "cardtoken": "card token",
    "merchantid": "merchant id",
    "merchantname": "merchant name",
    "transactionid": "transaction id",
    "txnid": "transaction id",
    "txid": "transaction id",
    "customerid": "customer id",
    "accountid": "account id",
    "accountnumber": "account number",
    "currencycode": "currency code",
    "countrycode": "country code",
    "transactionamount": "transaction amount",
    "transactiondate": "transaction date",
    "transactiontime": "transaction time",
    "createdat": "created at",
    "eventtime": "event time",
    "uuid": "id",
    "guid": "id",
    "identifier": "id",
    "iso": "code",
}

# The best name of each line has the line's score; the higher, the surer.
_TABLES: Final[dict[str, tuple[tuple[int, str], ...]]] = {
    "transaction_id": (
        (100, "transaction id|transaction number|transaction reference|transaction uid"),
        (90, "payment id|charge id|psp reference|retrieval reference number|rrn|authorization id"),
        (85, "authorisation id|auth id|transaction key|transaction code|transaction"),
        (70, "id|reference|reference number|reference id|external id|unique id|end to end id"),
        (55, "event id|message id|order id|record id|request id|trace id|stan|trace number"),
        (
            45,
            "order reference|order number|invoice id|merchant reference|system trace audit number",
        ),
    ),
    "card_id": (
        (100, "card id|card number|card token|pan|primary account number|card hash|pan hash"),
        (98, "card reference|card key|card fingerprint|hashed pan|masked pan|pan token|token pan"),
        (95, "fingerprint|token|card alias|card identifier|card pan|card account number|card uid"),
        (90, "payment method|payment method id|payment method token|alias"),
        (89, "instrument id|payment instrument id"),
        (85, "account id|account number|account|card account|card|unique number identifier"),
        (75, "customer id|customer|client id|cardholder id|card holder id|payer id|user id"),
        (65, "karte|kartennummer|kartenid|tarjeta|carte|numero carte|karta"),
        (
            64,
            "user|client|account reference|shopper reference|customer reference|iban|payer",
        ),
        (
            55,
            "debtor account|from account|source account|name orig|buyer id|member id|customer number",
        ),
    ),
    "amount": (
        (100, "amount|transaction amount|amount value|payment amount|amount minor|amount cents"),
        (97, "amount in cents|amount minor units|amount in minor units|minor units|amount pence"),
        (95, "purchase amount|total amount|gross amount|authorized amount|authorised amount"),
        (92, "billing amount|amount amount|amount total|order amount|requested amount|auth amount"),
        (80, "value|total|price|sum|gross|cents|transaction value|grand total|amount major"),
        (70, "montant|betrag|importe|valor|importo|kwota|bedrag|cost|charge|paid|amount paid"),
        (60, "amount usd|amount eur|amount gbp|settlement amount|net amount"),
    ),
    "currency": (
        (100, "currency|currency code|transaction currency|transaction currency code"),
        (98, "currency code code|currency numeric code|currency alpha code"),
        (95, "amount currency|amount currency code|code currency|currency alpha|currency numeric"),
        (80, "billing currency|settlement currency|devise|waehrung|moneda|currency name"),
        (70, "currency id|currency symbol|unit"),
    ),
    "timestamp": (
        (100, "timestamp|transaction timestamp|transaction time|transaction datetime|event time"),
        (
            98,
            "transaction date time|transaction date|datetime|date time|event timestamp|event date",
        ),
        (
            95,
            "created at|created|creation time|create time|time created|authorized at|authorised at",
        ),
        (93, "occurred at|unix time|epoch|transmission date time|created date|creation date"),
        (90, "local transaction date time|local transaction time|authorization time|auth time"),
        (88, "processed at|processing time|purchase date|purchase time|payment date|payment time"),
        (80, "time|date|ts ms|epoch ms|epoch millis|timestamp ms|timestamp millis|utc time|when"),
        (
            70,
            "posted at|booking date|posting date|transacted at|completed at|datum|fecha|updated at",
        ),
    ),
    "merchant_id": (
        (100, "merchant id|merchant number|merchant code|mid|merchant identifier|merchant key"),
        (95, "card acceptor id|card acceptor id code|acceptor id|merchant account id|merchant uid"),
        (85, "merchant account code|merchant account|merchant|terminal id|tid|terminal number"),
        (
            80,
            "shop id|store id|seller id|payee id|vendor id|location id|outlet id|terminal|acceptor",
        ),
        (65, "merchant name|payee|shop|store|seller|vendor|name dest|beneficiary id|pos id"),
        (50, "merchant descriptor|statement descriptor|payee name|location"),
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
        (70, "card country|issuer country|billing country|address country|issuing country|land"),
        (60, "country id|pais|pays|ip country|shopper country"),
    ),
    "latitude": (
        (100, "latitude|merchant latitude|geo latitude|location latitude|gps latitude"),
        (60, "terminal latitude|customer latitude|y"),
    ),
    "longitude": (
        (100, "longitude|merchant longitude|geo longitude|location longitude|gps longitude"),
        (60, "terminal longitude|customer longitude|x"),
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

_SCORES: Final[dict[str, dict[str, int]]] = {
    field: {name: score for score, names in lines for name in names.split("|")}
    for field, lines in _TABLES.items()
}

# With one of these a name is about something else.
_STRANGERS: Final[dict[str, frozenset[str]]] = {
    "amount": frozenset(
        "fee fees tax balance discount refunded tip original captured limit count exponent scale "
        "shipping vat commission surcharge available remaining cashback interchange".split()
    ),
    "timestamp": frozenset(
        "expiry expiration exp birth updated settlement refund due zone".split()
    ),
    "card_id": frozenset("type brand last4 expiry bin scheme network name country email".split()),
    "transaction_id": frozenset(
        "merchant card customer user account terminal device session parent original store "
        "correlation client issuer acquirer shop location payee payer".split()
    ),
    "merchant_id": frozenset("category country city zip state url latitude longitude".split()),
    "currency": frozenset("exponent rate minor".split()),
    "country": frozenset("name phone".split()),
}


def words_of(name: str | int) -> list[str]:
    """Return the words of one name, in the tables' spelling.

    >>> words_of("TransactionID"), words_of("txn_id"), words_of("merchLong")
    (['transaction', 'id'], ['transaction', 'id'], ['merchant', 'longitude'])
    """
    words: list[str] = []
    for word in _WORD.findall(str(name)):
        low = word.lower()
        words.extend(_SAME.get(low, low).split())
    # A name in another script is one word.
    return words or [str(name)]


def name_score(field: str, steps: Sequence[str | int]) -> float:
    """Return 0 to 100: how much the path's names speak for ``field``.

    The last name counts most; with its parents it may say more (``card.token``, ``amount.value``).
    """
    names = [words_of(step) for step in steps if isinstance(step, str)]
    if not names:
        return 0.0
    scores = _SCORES[field]
    best = 0.0
    for n_parents in range(min(3, len(names))):
        words = [word for name in names[len(names) - 1 - n_parents :] for word in name]
        found = scores.get(" ".join(words), 0)
        best = max(best, found - (0.5 * n_parents))
    last = names[-1]
    if not best:
        # "myCompanyCardNumber": the end of a name says what it is.
        best = max(
            (scores.get(" ".join(last[i:]), 0) - 12.0 for i in range(1, len(last))), default=0.0
        )
    if field == "timestamp" and last[-1] in _MOMENTS:
        best = max(best, 62.0)
    above = {word for name in names[:-1] for word in name}
    strangers = _STRANGERS.get(field, frozenset())
    if strangers & set(last):
        best -= 60
    elif strangers & above and scores.get(" ".join(last), 0) < 95:
        best -= 35
    best += _bonus(field, above)
    return max(best - 0.5 * (len(names) - 1), 0.0)


def _bonus(field: str, above: set[str]) -> float:
    """Return what the parents add: an ``id`` below ``card`` is a card's."""
    kin = {"card_id": {"card"}, "merchant_id": {"merchant"}, "country": {"merchant"}}
    return 6.0 if kin.get(field, set()) & above else 0.0
