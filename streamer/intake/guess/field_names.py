"""What the fields of a payment are called, in the words that `words` makes of a name.

Every line has a score, from 0 to 100; the higher, the surer.
"""

from __future__ import annotations

from typing import Final

__all__ = ["NAMES"]

NAMES: Final[dict[str, tuple[tuple[int, str], ...]]] = {
    "transaction_id": (
        (100, "transaction id|transaction number|transaction reference number"),
        (98, "transaction reference|reference number transaction"),
        (90, "payment id|charge id|psp reference|authorization id"),
        (
            85,
            "authorisation id|auth id|transaction key|transaction code|transaction|payment number",
        ),
        (84, "acquirer reference number|arn|transaction token|payment reference|receipt number"),
        (71, "receipt|receipt id|voucher number"),
        (74, "id"),
        # It comes again after some days, and beside an id it is the terminal's.
        (72, "retrieval reference number|retrieval reference|rrn"),
        (70, "reference|reference number|reference id|external id|unique id|end to end id"),
        (60, "order id|order code|token|order number|order reference|invoice id"),
        (60, "order token|checkout token|checkout id"),
        (55, "event id|message id|record id|request id|trace id|stan|trace number"),
        (45, "merchant reference|system trace audit number|systems trace audit number"),
        (50, "authorization number|tid"),
        (46, "sequence number|session id|session|trip id|ride id|rental id|visit id"),
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
            "payment token|token|token name|proxy|recurring token|customer payment profile "
            "id|authorization code",
        ),
        (90, "payment method|payment method id|payment method token|payment source id|alias"),
        (89, "payment method value|payment profile id|payment profile token"),
        (89, "instrument id|payment instrument id|instrument identifier id|instrument token"),
        (
            85,
            "account key|account id|account number|account|card account|card|unique number identifier",
        ),
        (75, "customer id|customer|client id|cardholder id|card holder id|payer id|user id"),
        (64, "user|client|account reference|shopper reference|customer reference|iban|payer"),
        (60, "user token|account token|cardholder|customer profile id|shopper id|shopper"),
        (60, "rider id|passenger id|driver id|guest id|patient id|policyholder id"),
        (60, "vaulted shopper id|user payment option id|payment option id|card on file id"),
        (
            55,
            "debtor account|from account|source account|name orig|buyer id|member id|account from",
        ),
        (55, "customer number|source id|subscription id|entity id|entity identifier|hash"),
    ),
    "amount": (
        (100, "amount|transaction amount|amount value|payment amount|amount minor|amount cents"),
        (97, "amount in cents|amount minor units|amount in minor units|minor units|amount pence"),
        (95, "purchase amount|total amount|gross amount|authorized amount|authorised amount"),
        (94, "final amount|amount final"),
        (92, "billing amount|amount amount|amount total|order amount|requested amount|auth amount"),
        (88, "cardholder amount|source amount|fare amount|grand total|transaction value"),
        (80, "value|total|price|sum|gross|cents|amount major|money amount"),
        (70, "cost|charge|paid|amount paid|payment"),
        (66, "premium|fare|rent|toll|donation|spend|spent"),
        (84, "amount micros|price micros|amount micro"),
        (60, "network amount|settlement amount|net amount|settle amount|local amount|orig amount"),
        (60, "original amount"),
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
        (55, "station|site|site id|branch|outlet|store number|pos name|point of sale"),
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
        (60, "country id|ip country|shopper country|billing country|address country"),
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
