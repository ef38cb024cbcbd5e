"""The words of a name in one spelling: short forms, other languages, numbered fields.

``TransactionID``, ``transaction_id``, ``txn-id`` and ``Transaktions-ID`` have the same
words.  What a word means for a field is not settled here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from streamer.intake.guess.vocabulary import LANGUAGES, PHRASES, SHORT_FORMS, UNSPACED

__all__ = ["unmarked", "words_of"]

# Letters of other scripts are a word by themselves; digits of theirs are no names.
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")
# Letters that Unicode does not take apart into another one and its mark.
_LETTERS: Final = str.maketrans(
    {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ı": "i", "đ": "d", "Đ": "D", "ß": "ss"}
    | {"ħ": "h", "Ħ": "H"}
    | {"æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ð": "d", "þ": "th"}
)
# Small words between the others, in the languages below.
_FILLERS: Final = frozenset(
    "of the and a y et und de da do di du des del della der la le el l d van para uye mata "
    "agus tal tat og och ja i u un ir si και и та dan".split()
)


def unmarked(text: str) -> str:
    """Return a text without the marks of its letters.

    >>> unmarked("İşlem"), unmarked("Beløb"), unmarked("Währung"), unmarked("й") == "и"
    ('Islem', 'Belob', 'Wahrung', True)
    """
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(c for c in parts if unicodedata.category(c) != "Mn")


def _table(text: str) -> dict[str, str]:
    lines = [line.split(":") for line in text.splitlines() if line]
    return {unmarked(word): meaning.strip() for meaning, words in lines for word in words.split()}


_SAME: Final = _table(SHORT_FORMS + LANGUAGES)
# Longer ones first: the sign of a card stands in that of a card's number.
_TERMS: Final = dict(sorted(_table(UNSPACED).items(), key=lambda term: -len(term[0])))
_TERM: Final = re.compile("|".join(_TERMS))


def _phrases() -> dict[str, str]:
    lines = [line.split(":") for line in PHRASES.splitlines() if line]
    found = {
        unicodedata.normalize("NFC", phrase.strip()): meaning.strip()
        for meaning, phrases in lines
        for phrase in phrases.split(",")
    }
    return dict(sorted(found.items(), key=lambda phrase: -len(phrase[0])))


_MEANING_OF: Final = _phrases()
_PHRASE: Final = re.compile(
    r"(?<![^\W_])(?:" + "|".join(map(re.escape, _MEANING_OF)) + r")(?![^\W_])", re.IGNORECASE
)

# Languages that write words together have the one that counts at the end.
_COMPOUNDS: Final = re.compile(
    r"(?P<head>\w{3,}?)s?(?P<tail>betrag|nummer|datum|uhrzeit|zeitpunkt|zeit|bedrag|belopp|belob|dato|"
    r"konto|referentie|referenz|referens|referanse|soort|tijd|tid|token|id|typ|art|name)"
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
# What programmers write together: "txtime", "custno", "transactionreference".
_TOGETHER: Final = re.compile(
    r"(?P<head>tx|txn|trx|trn|tran|trans|transaction|card|cust|customer|merch|merchant|acct|pay|payment)"
    r"(?P<tail>no|num|nr|time|tm|date|dt|datetime|ts|amt|amount|ref|type|code|cd|status|ccy|curr|"
    r"currency|key|hash|token|id)"
)
_WHOLE: Final = re.compile(
    "transaction|reference|number|amount|currency|timestamp|datetime|date|time|type|status|error|message|"
    "merchant|customer|account|payment|terminal|base|order|response|code|country|category|token|method|"
    "holder|name|value|total|billing|settlement|original|local|city|state|card|parent|started|"
    "description|id(?!.)"
)
# These end other words too ("valid"), and count only behind what can have one.
_SHORT_TAILS: Final = frozenset("token id typ art name tid".split())
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
    text = _PHRASE.sub(_meaning_of, unicodedata.normalize("NFC", text))
    words = [word for found in _WORD.findall(unmarked(text)) for word in _meaning(found.lower())]
    return tuple(word for word in words if word not in _FILLERS) or tuple(words) or (text,)


def _meaning_of(phrase: re.Match[str]) -> str:
    return f" {_MEANING_OF.get(phrase[0].lower(), '')} "


def _meaning(word: str) -> list[str]:
    if word in _SAME:
        return _SAME[word].split()
    if not word.isascii():
        return list(_terms_in(word))
    parts = _WHOLE.findall(word)
    if len(parts) > 1 and "".join(parts) == word:
        return [meaning for part in parts for meaning in _SAME.get(part, part).split()]
    compound = _TOGETHER.fullmatch(word) or _COMPOUNDS.fullmatch(word)
    if compound is None or (compound["tail"] in _SHORT_TAILS and compound["head"] not in _HEADS):
        return [word]
    return [_SAME.get(part, part) for part in (compound["head"], compound["tail"])]


def _terms_in(word: str) -> Iterator[str]:
    """Yield the meanings of the terms in a word of a language that puts no spaces between them."""
    end = 0
    for term in _TERM.finditer(word):
        if term.start() > end:
            yield word[end : term.start()]
        yield from _TERMS[term[0]].split()
        end = term.end()
    if end < len(word):
        yield word[end:]
