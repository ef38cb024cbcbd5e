"""The words of a name in one spelling: short forms, other languages, numbered fields.

``TransactionID``, ``transaction_id``, ``txn-id`` and ``Transaktions-ID`` have the same
words.  What a word means for a field is not settled here.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

__all__ = ["words_of"]

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# Small words between the others, in the languages below.
_FILLERS: Final = frozenset(
    "of the and a y et und de da do di du des del della der la le el l d".split()
)

# A line gives what its words mean.
_SHORT: Final = """
    transaction: txn tx trx trans tran trn transact transactn
    amount: amt amnt
    currency: ccy cur curr
    account: acct acc
    card: cc crd
    number: no num nr nbr nb
    reference: ref rfrnc
    customer: cust
    merchant: merch mrch mrchnt mcht
    country: ctry cntry
    longitude: lng lon long
    latitude: lat
    timestamp: ts
    datetime: dt
    date: dte
    time: tm tme
    category: cat ctgy catg
    code: cd
    response: resp rsp
    retrieval: rtrvl
    total: ttl tot
    transmission: trnsmssn
    acceptor: accptr
    value: val
    status: sts stts
    indicator: ind
    type: typ
    id: ident idnt
    creation: cre
    card number: cardnumber cardno cardnum cardnbr
    card id: cardid
    card token: cardtoken
    card key: cardkey
    merchant id: merchantid
    merchant name: merchantname
    transaction id: transactionid txnid txid transid tranid trxid fitid
    customer id: customerid custid
    account id: accountid acctid
    account number: accountnumber acctno accountno
    currency code: currencycode currencycd
    currency: curdef
    country code: countrycode
    transaction amount: transactionamount txnamount txnamt trnamt tranamt
    transaction date: transactiondate txndate trandate dtposted
    transaction time: transactiontime txntime
    transaction type: transactiontype txntype trantype trntype
    created at: createdat
    event time: eventtime
    id: uuid guid uid identifier identification openid
    transaction: trade
    payment: pay pmt
    token: tkn tok
    code: iso
    response code: respcode rc
    debit credit: drcr crdr
    debit: dr
    credit: cr
    eur: euro euros
    usd: dollar dollars
    gbp: pounds sterling
    acceptor id: acceptorid
    date: dates
    key: sk
    sale: sales venda venta vente vendita verkauf verkaufs
    transaction number: nsu belnr
    amount: dmbtr wrbtr
    currency: waers
    posting date: budat
    time: uzeit
"""
_LANGUAGES: Final = """
    amount: castka suma summa osszeg beloeb gesamtbetrag ttc
    currency: mena penznem valuutta
    card: kortti kartya
    merchant: obchodnik butik butikk comerciant kauppias isyeri
    number: cislo numar szam
    reference: referens viite
    receipt number: ticket beleg bon
    time: cas czas klokkeslett tidspunkt
    amount: betrag umsatz montant importe monto importo valor kwota bedrag belopp belob belop
    amount: tutar
    transaction amount: transaktionsbetrag umsatzbetrag
    card: karte karten carte tarjeta carta cartao kaart karta karty kort kart
    card number: kartennummer kartennr kartenr kartenno kaartnummer kortnummer
    card id: kartenid
    account: konto auftragskonto compte cuenta conto conta rekening rachunek
    account number: kontonummer kontonr
    customer: kunde kundin cliente klant
    customer number: kundennummer kundennr
    payment reference: kundenreferenz
    merchant: handler haendler handlername haendlername commercant marchand comercio
    merchant: establecimiento esercente negozio estabelecimento lojista winkel sprzedawca
    merchant: enseigne
    merchant id: handlerid haendlerid
    date: datum fecha tarih dato
    booking date: buchungsdatum buchungstag boekdatum
    value date: valutadatum wertstellung wertstellungstag
    transaction date: belegdatum transaktionsdatum umsatzdatum
    purchase date: kaufdatum einkaufsdatum
    time: uhrzeit zeit heure hora ora tijd godzina saat
    transaction time: transaktionszeit
    timestamp: zeitpunkt zeitstempel horodatage
    currency: wahrung waehrung devise monnaie moneda divisa moeda waluta
    transaction number: transaktionsnummer transaktionsnr transactienummer umsatznummer
    transaction id: transaktionsid
    transaction reference: buchungsnummer belegnummer belegnr
    transaction: transaktion transaktions operation operacion operazione operacao transaccion
    transaction: transazione transacao transactie transakcji transakcja transakce tranzakcia tranzactie
    reference: referenz referencia riferimento referentie
    number: numero numer nummer
    code: codigo codice
    country: land pays pais paese kraj
    debit: soll belastung cargo dare lastschrift debito
    credit: haben gutschrift abono avere credito
    declined: abgelehnt
    approved: genehmigt
    status: statut estado stato situacao
    id: identifiant
    payee: beguenstigter begunstigter
"""


def _table() -> dict[str, str]:
    lines = [line.split(":") for line in (_SHORT + _LANGUAGES).splitlines() if line]
    return {word: meaning.strip() for meaning, words in lines for word in words.split()}


_SAME: Final = _table()

# Languages that write words together have the one that counts at the end.
_COMPOUNDS: Final = re.compile(
    r"(?P<head>\w{3,}?)s?(?P<tail>betrag|nummer|datum|uhrzeit|zeitpunkt|zeit|bedrag|belopp|dato|konto|"
    r"token|id|typ|art|name)"
)

# The data elements of ISO 8583, where they have their number for a name.
_ELEMENT: Final = re.compile(r"(?:(?:de|df|bit|field|fld|data_?element)_?|f0)0*(\d{1,3})", re.I)
_ELEMENTS: Final = {
    2: "pan",
    3: "processing code",
    4: "amount minor",
    7: "transmission datetime",
    11: "stan",
    12: "local transaction datetime",
    13: "local date",
    18: "mcc",
    19: "acquiring institution country code",
    22: "pos entry mode",
    26: "mcc",
    31: "acquirer reference number",
    37: "retrieval reference number",
    39: "response code",
    41: "terminal id",
    42: "card acceptor id code",
    49: "currency code",
}
# These end other words too ("valid"), and count only behind what can have one.
_SHORT_TAILS: Final = frozenset("token id typ art name".split())
_HEADS: Final = _SAME.keys() | frozenset(
    "card merchant user customer account payment transaction order client shop store terminal".split()
)


@lru_cache(maxsize=4_096)
def words_of(name: str | int) -> tuple[str, ...]:
    """Return the words of one name, in the tables' spelling.

    >>> words_of("TransactionID"), words_of("Händler-Nr."), words_of("merchLong")
    (('transaction', 'id'), ('merchant', 'number'), ('merchant', 'longitude'))
    >>> words_of("Numéro de carte"), words_of("DE002")
    (('number', 'card'), ('pan',))
    """
    text = str(name)
    element = _ELEMENT.fullmatch(text)
    if element and int(element[1]) in _ELEMENTS:
        return tuple(_ELEMENTS[int(element[1])].split())
    if not text.isascii():
        text = "".join(
            c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)
        )
    words = [word for found in _WORD.findall(text) for word in _meaning(found.lower())]
    # A name in another script is one word.
    return tuple(word for word in words if word not in _FILLERS) or tuple(words) or (text,)


def _meaning(word: str) -> list[str]:
    if word in _SAME:
        return _SAME[word].split()
    compound = _COMPOUNDS.fullmatch(word)
    if compound is None or (compound["tail"] in _SHORT_TAILS and compound["head"] not in _HEADS):
        return [word]
    return [_SAME.get(part, part) for part in (compound["head"], compound["tail"])]
