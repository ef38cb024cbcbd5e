"""An insider with a twentieth of the verdicts hides no more of his pattern than is stated."""

from __future__ import annotations

from functools import cache

from tests.pipeline.insider import Caught, month

# docs/decisions/0011: of a pattern's frauds, and of all else, that alert no more after a month.
MAX_OF_PATTERN = 0.03
MAX_OF_OTHERS = 0.01
SEED = 1


@cache
def after_a_month(share: float) -> Caught:
    """Return it for the insider's best case, in which no bank overrules him."""
    return month(share, SEED, with_bank=False)


def test_a_month_of_lies_in_a_twentieth_of_the_verdicts_costs_no_more_than_is_stated() -> None:
    calm, lied = after_a_month(0.0), after_a_month(0.05)
    assert lied.n_lies > 60
    assert calm.of_pattern - lied.of_pattern <= MAX_OF_PATTERN
    assert calm.of_others - lied.of_others <= MAX_OF_OTHERS
    assert calm.precision - lied.precision <= MAX_OF_OTHERS


def test_who_gives_half_of_the_verdicts_hides_his_pattern() -> None:
    """So that the bound is one of the share, and the measurement sees what it is to see."""
    assert after_a_month(0.5).of_pattern < after_a_month(0.0).of_pattern - 0.2
