"""All numbers that are said of a payment, found by one compiled call for as many as are asked about.

A payment alone costs what the calls cost, not what the arithmetic does: so it is scored once more
here, which gives the same bits, and its parts and its counterfactual are found beside its scores.

Invariant: every number is the payment's own; none depends on the others that are asked about.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from streamer.arrays import Flags, Floats, Integers
from streamer.compiled import compiled
from streamer.contract.codes import CURRENCIES, decimals_of
from streamer.explaining.counterfactual import largest_quiet, new_trial
from streamer.explaining.parameters import Packed, new_packed, pack, packed_texts
from streamer.explaining.parts import tell_parts
from streamer.explaining.read_parameters import Parameters
from streamer.explaining.told_scores import tell_loss, tell_scores
from streamer.features import (
    CARDS,
    CONTEXT_NAMES,
    FEATURE_NAMES,
    JUDGED,
    MERCHANTS,
    PAYMENT,
    VERDICT_FEATURES,
    Columns,
    History,
    Records,
    record,
)
from streamer.model import (
    RESERVE,
    WHOLE,
    Lines,
    LogOdds,
    Ranking,
    Ruler,
    Scorer,
    Split,
    distances_at,
    hour_of,
    losses_at,
    odds_at,
    score_rows,
)

__all__ = [
    "Findings",
    "findings_by_parameters",
    "findings_of",
    "findings_of_features",
    "ranking_of",
    "threshold_of",
]


_N_FEATURES: Final = len(FEATURE_NAMES)
_N_VERDICTS: Final = len(VERDICT_FEATURES)
_N_COLUMNS: Final = _N_FEATURES + len(CONTEXT_NAMES)
# Features and context by themselves, what verdicts say of an entity together.
_N_PARTS: Final = _N_COLUMNS - _N_VERDICTS + len(JUDGED)
# As an array of the module it is a constant of the compiled loop.
_MINOR_UNITS: Final = np.array([10 ** decimals_of(currency) for currency in CURRENCIES])


class Findings(NamedTuple):
    """What is said of one payment, before it is put into words.

    ``threshold`` is in the units of what ranks, as ``base`` is, which an average payment has.
    ``by_odds`` is 1 where the log-odds rank, else 0, as in the reserve; without odds ``log_odds`` are
    NaN.  ``by_loss`` is 1 where these rank by the loss that they let expect, whose ln is ``log_loss``,
    NaN where there is none; ``base`` and parts are the odds' then.  ``asked`` is the share of recent
    traffic that was to alert in the payment's lane, and ``threshold`` what that many exceed.
    ``quiet_units`` is the counterfactual amount in minor units, 0 for none.

    ``parts`` are the columns whose parts of the ranking are known, the largest first, and
    ``contributions`` what they add; ``positive`` is the sum of those above 0.  A column counts through
    features and context.  What verdicts say of an entity stands under the fraud share that adds most.
    ``known`` and ``usual`` are by column, on the model's scale.

    ``parameters`` are what it was computed from, as they go into the alert.
    """

    n_parts: float
    nearest: float
    score: float
    distance_sq: float
    log_odds: float
    threshold: float
    asked: float
    by_odds: float
    by_loss: float
    log_loss: float
    base: float
    currency_mean: float
    quiet_units: float
    is_quiet_below: float
    positive: float
    parts: list[float]
    contributions: list[float]
    known: list[float]
    usual: list[float]
    parameters: str


_ROW: Final = record(
    *Findings._fields[:-5],
    ("parts", _N_PARTS),
    ("contributions", _N_PARTS),
    ("known", _N_COLUMNS),
    ("usual", _N_COLUMNS),
)
_N_FLOATS: Final = _ROW.itemsize // 8
# Where in a row the lists begin; the numbers stand before them.
_N_NUMBERS: Final = len(Findings._fields) - 5
_AT_CONTRIBUTIONS: Final = _N_NUMBERS + _N_PARTS
_AT_KNOWN: Final = _AT_CONTRIBUTIONS + _N_PARTS
_AT_USUAL: Final = _AT_KNOWN + _N_COLUMNS


class _Asked(NamedTuple):
    """The payments of a batch, (n,) each, and what scores them.

    ``habits`` and ``merchants`` are what their amounts are compared with; they and ``payments`` are
    (0,) where no other amount is asked about.  Of the m payments that are asked about, (m,) each,
    ``shares`` are over all lanes, which have ``split``; ``by_distance`` are those that the distance
    ranks, whatever ranks the others.
    """

    X: Floats
    V: Floats
    currencies: Integers
    times_ms: Integers
    payments: Records
    habits: Records
    merchants: Records
    shares: Floats
    split: Split
    by_distance: Flags
    thresholds: Floats
    ruler: Ruler
    odds: LogOdds
    lines: Lines


_Scoring = tuple[Floats, Split, Flags, Floats, Ruler, LogOdds, Lines]
"""The last fields of `_Asked`, from ``shares`` on."""


def findings_of(
    version: Scorer,
    columns: Columns,
    history: History,
    rows: Sequence[int],
    shares: Floats,
    lanes: Integers,
) -> list[Findings]:
    """Return the findings of some ``rows`` of a batch.

    ``shares`` (n,) say for each payment which share of recent traffic was to alert, ``lanes`` (n,) in
    which of them it did.
    """
    known = history.X, history.V, columns.currencies, columns.times_ms
    compared = columns.payments, history.spending, history.merchants
    chosen = np.array(rows)
    scoring = _scoring(version, shares[chosen], lanes[chosen] == RESERVE)
    return _told(_Asked._make((*known, *compared, *scoring)), chosen)


def findings_of_features(
    version: Scorer,
    X: Floats,
    V: Floats,
    currency: int,
    time_ms: int,
    *,
    by_distance: bool = False,
) -> Findings:
    """Return the findings of a payment of which nothing else is known, without a counterfactual.

    ``X`` IN (1, n_features) and ``V`` IN (1, n_context).  Its threshold is the version's own.
    ``by_distance``: the distance ranks it, whatever ranks the others.
    """
    shares = version.lines.hours["asked"][hour_of(time_ms)][None]
    scoring = _scoring(version, shares, np.array([by_distance]))
    return _of_features(X, V, currency, time_ms, scoring)


def findings_by_parameters(parameters: Parameters, X: Floats, V: Floats, currency: int) -> Findings:
    """Return what `findings_of` found of the payment, from the numbers that went with its alert.

    The threshold is that which the payment had; there is no counterfactual.
    """
    lines, shares = parameters.lines, np.array([parameters.asked])
    if lines.by_odds and len(lines.told):
        thresholds = losses_at(lines.losses_below, shares, lines.least_log_loss)
    elif lines.by_odds:
        thresholds = odds_at(lines.odds_below, shares)
    else:
        thresholds = distances_at(lines.distances_below, shares)
    # They say what ranks this payment, and the share that was asked for in its lane.
    lane = shares, WHOLE, np.array([False])
    scoring = *lane, thresholds, parameters.ruler, parameters.odds, lines
    # Of a time only the hour counts, for a threshold that is not asked about.
    found = _of_features(X, V, currency, 0, scoring)
    return found._replace(nearest=parameters.nearest)


def ranking_of(findings: Findings) -> Ranking:
    """Return what ranks a payment, as its alert names it."""
    if findings.by_loss > 0:
        return "expected_loss"
    return "log_odds" if findings.by_odds > 0 else "distance"


def threshold_of(findings: Findings) -> float:
    """Return a payment's threshold in the units that its alert has: a distance, not its square."""
    if findings.by_loss > 0:
        return math.exp(findings.threshold)
    return findings.threshold if findings.by_odds > 0 else findings.threshold**0.5


def _of_features(X: Floats, V: Floats, currency: int, time_ms: int, scoring: _Scoring) -> Findings:
    asked = _Asked(
        X,
        V,
        np.array([currency]),
        np.array([time_ms]),
        np.empty(0, PAYMENT),
        np.empty(0, CARDS.row),
        np.empty(0, MERCHANTS.row),
        *scoring,
    )
    return _told(asked, np.zeros(1, np.int64))[0]


def _scoring(version: Scorer, shares: Floats, by_distance: Flags) -> _Scoring:
    """Return what is the version's of `_Asked`: the thresholds are those of each payment's lane."""
    split = version.split
    own_shares = shares * np.where(by_distance, split.reserve, split.main)
    thresholds = version.thresholds_at(own_shares, by_distance)
    scored_by = version.ruler, version.odds_or_none, version.lines
    return shares, split, by_distance, thresholds, *scored_by


def _told(asked: _Asked, rows: Integers) -> list[Findings]:
    # Read from lists, a float costs a fifth of what it does from an array.
    told, packed = tell(asked, rows)
    return [
        Findings._make(
            (
                *row[:_N_NUMBERS],
                row[_N_NUMBERS : _N_NUMBERS + int(row[0])],
                row[_AT_CONTRIBUTIONS : _AT_CONTRIBUTIONS + int(row[0])],
                row[_AT_KNOWN:_AT_USUAL],
                row[_AT_USUAL:],
                text,
            )
        )
        for row, text in zip(told.tolist(), packed_texts(packed), strict=True)
    ]


@compiled
def tell(asked: _Asked, rows: Integers) -> tuple[Floats, Packed]:
    """Return the findings of the ``rows`` (m,) asked about as rows of `_ROW`, shape (m, its floats).

    And what their numbers were computed from.
    """
    told, packed = np.zeros((len(rows), _N_FLOATS)), new_packed(len(rows))
    findings = told.reshape(-1).view(_ROW)
    ruler, odds, lines = asked.ruler, asked.odds, asked.lines
    trial = new_trial(asked.X.shape[1], asked.V.shape[1])
    scored, split = trial.scored, asked.split
    for m in range(len(rows)):
        i, found = rows[m], findings[m]
        by_distance = asked.by_distance[m]
        by_odds = lines.by_odds and not by_distance
        main, reserve = asked.shares[m] * split.main, asked.shares[m] * split.reserve
        trial.X[:], trial.V[:] = asked.X[i], asked.V[i]
        trial.currencies[:], trial.times_ms[:] = asked.currencies[i], asked.times_ms[i]
        row = trial.currencies, trial.V, trial.times_ms, ruler, odds, lines
        score_rows(scored, trial.X[:1], *row)
        usual = ruler.currency_means[asked.currencies[i]]
        found.currency_mean = 0.0 if math.isnan(usual) else usual
        found.known[:_N_FEATURES], found.known[_N_FEATURES:] = asked.X[i], asked.V[i]
        tell_scores(found, scored, ruler, odds, by_odds)
        tell_loss(found, scored, lines)
        found.threshold, found.asked = asked.thresholds[m], reserve if by_distance else main
        tell_parts(found, scored, odds, by_odds)
        pack(packed, m, found, usual, asked.currencies[i], scored, ruler, odds, lines)
        found.quiet_units, found.is_quiet_below = 0, False
        if len(asked.payments) > 0:
            # At last, for it tries other amounts in the same place.
            found.quiet_units, found.is_quiet_below = largest_quiet(
                trial,
                asked.payments[i].amount,
                _MINOR_UNITS[asked.currencies[i]],
                asked.habits[i],
                asked.merchants[i],
                ruler,
                odds,
                lines,
                main,
                reserve,
            )
    return told, packed
