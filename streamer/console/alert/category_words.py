"""What merchant category codes (ISO 18245) are of, as far as most payments go."""

from __future__ import annotations

from typing import Final

__all__ = ["category_text"]

_NAMES: Final = {
    "4111": "commuter transport",
    "4112": "railways",
    "4121": "taxis",
    "4131": "bus lines",
    "4511": "airlines",
    "4722": "travel agencies",
    "4784": "tolls",
    "4789": "other transport",
    "4812": "telephones",
    "4814": "telephone services",
    "4816": "network services",
    "4829": "money transfer",
    "4899": "cable and pay television",
    "4900": "electricity, gas, water",
    "5200": "home supplies",
    "5311": "department stores",
    "5331": "variety stores",
    "5411": "groceries",
    "5462": "bakeries",
    "5499": "food shops",
    "5541": "service stations",
    "5542": "fuel pumps",
    "5651": "clothing",
    "5661": "shoes",
    "5691": "clothing",
    "5712": "furniture",
    "5732": "electronics",
    "5734": "software",
    "5812": "restaurants",
    "5813": "bars",
    "5814": "fast food",
    "5815": "digital books, films, music",
    "5816": "digital games",
    "5817": "digital applications",
    "5912": "drug stores",
    "5942": "books",
    "5944": "jewellery",
    "5945": "toys and games",
    "5968": "subscriptions",
    "5969": "direct marketing",
    "5999": "other retail",
    "6010": "cash at a counter",
    "6011": "cash machines",
    "6051": "quasi cash, digital currency",
    "6211": "securities",
    "6300": "insurance",
    "7011": "hotels",
    "7230": "hairdressers",
    "7512": "car rental",
    "7832": "cinemas",
    "7995": "betting",
    "8011": "doctors",
    "8062": "hospitals",
}


def category_text(code: str) -> str:
    """Return a code with what it is of, where that is known here.

    >>> category_text("4511"), category_text("0000")
    ('airlines (4511)', '0000')
    """
    name = _NAMES.get(code)
    return f"{name} ({code})" if name else code
