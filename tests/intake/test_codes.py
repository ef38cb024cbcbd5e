"""All codes of the lists, in all their spellings."""

from __future__ import annotations

import pytest

from streamer.contract.codes import COUNTRIES, CURRENCIES
from streamer.intake import code_lists
from streamer.intake.code_lists import COUNTRY_OF, CURRENCY_OF, RETIRED
from streamer.intake.fields import country, currency
from streamer.intake.readings import Fault

ENTRIES = [entry.split(":") for entry in code_lists._COUNTRIES.split()]
MONEY = [entry.split(":") for entry in code_lists._CURRENCIES.split()]


def test_every_country_of_the_contract_has_its_three_codes() -> None:
    """Kosovo alone has none of ISO 3166-1."""
    assert {alpha2 for alpha2, _, _ in ENTRIES} == set(COUNTRIES) - {"XK"}
    assert len({alpha3 for _, alpha3, _ in ENTRIES}) == len({n for *_, n in ENTRIES}) == 249


@pytest.mark.parametrize(("alpha2", "alpha3", "number"), ENTRIES)
def test_a_country_is_known_by_each_of_its_codes(alpha2: str, alpha3: str, number: str) -> None:
    """Letters of either case, digits as text and as a number."""
    for spelling in (alpha2, alpha3, number, alpha2.lower(), alpha3.lower(), int(number)):
        assert country(spelling) == alpha2
    assert country(f" {alpha3.title()} ") == alpha2
    assert country(float(number)) == alpha2


@pytest.mark.parametrize(("code", "number"), MONEY)
def test_a_currency_is_known_by_letters_and_by_number(code: str, number: str) -> None:
    """Letters of either case, digits as text and as a number."""
    for spelling in (code, number, code.lower(), int(number), f" {code} "):
        assert currency(spelling) == code


def test_every_spelling_leads_to_a_code_of_the_contract() -> None:
    """And every code of the contract is one of them."""
    assert set(COUNTRY_OF.values()) == set(COUNTRIES)
    assert set(CURRENCY_OF.values()) == set(CURRENCIES)


@pytest.mark.parametrize("code", sorted(RETIRED))
def test_a_retired_currency_is_refused_by_name_with_its_successor(code: str) -> None:
    """By letters or number; a number that was given to another since is that one's."""
    retired, successor, year = RETIRED[code]
    assert successor in CURRENCIES
    if code in CURRENCY_OF:
        assert code.isdigit()
        return
    with pytest.raises(Fault) as fault:
        currency(code)
    assert fault.value.reason == "retired_code"
    assert retired in fault.value.detail
    assert str(year) in fault.value.detail
    assert successor in fault.value.hint
    assert "ISO 4217, January 2026" in fault.value.detail
