"""From an alert back to its score: the whole decomposition, checked bit for bit.

An alert carries every known feature on the model's scale, and the numbers of its model version that
they met.  Scored again by these, or by the version, they must give the same distance, log-odds and
rank, to the last bit; the parts are then of that score.

Invariant: base + Σ contributions + remainder is the value that the alert is ranked by.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import msgspec
import numpy as np

from streamer.arrays import Floats
from streamer.contract.codes import CURRENCY_INDEX
from streamer.contract.messages import Alert, Reason
from streamer.errors import ConfigurationError
from streamer.explaining.findings import (
    Findings,
    findings_by_parameters,
    findings_of_features,
    ranking_of,
    threshold_of,
)
from streamer.explaining.in_words import Words, html_of, lines_of
from streamer.explaining.parameters import N_FEATURES
from streamer.explaining.read_parameters import Parameters, unpacked_parameters
from streamer.explaining.reasons import BESIDE, told
from streamer.features import AMOUNT, CONTEXT_NAMES, FEATURE_NAMES
from streamer.model import Scorer

__all__ = ["Explanation", "as_alerted", "explain", "explain_by_parameters"]


_NAMES: Final = (*FEATURE_NAMES, *CONTEXT_NAMES)
Value = float | str | None


class Explanation(msgspec.Struct, frozen=True):
    """Why an alert is ranked where it is.

    ``ranked_value`` is distance² or log-odds, ``threshold_value`` what it had to exceed; a loss, where
    log-odds rank by the loss that they let expect.  ``base`` is what an average payment has (0 for a
    distance), ``remainder`` what no feature owns: the odds' function of a distance of 0, and rounding.
    ``recomputed`` are the values that come out for the alert's features, by the numbers that
    ``computed_from`` names: the alert's ``parameters``, or the model version.  ``is_reproduced`` says
    whether they are the alert's to the last bit; None where there is neither: then ``parts`` are the
    alert's reasons only.

    ``print`` shows it as sentences, a notebook as a table.
    """

    alert: Alert
    ranked_value: float
    threshold_value: float
    base: float
    parts: list[Reason]
    remainder: float
    recomputed: dict[str, Value]
    is_reproduced: bool | None
    computed_from: Literal["parameters", "version"] | None

    @property
    def differences(self) -> dict[str, tuple[Value, Value]]:
        """Return what was not reproduced: the alert's value and the recomputed one, by name."""
        return _differences(self.alert, self.recomputed)

    def __str__(self) -> str:
        """Return it as lines of words."""
        return "\n".join(lines_of(self._words))

    def _repr_html_(self) -> str:
        return html_of(self._words)

    @property
    def _words(self) -> Words:
        ranked = self.ranked_value, self.threshold_value, self.base
        parts = [part for part in self.parts if part.feature not in BESIDE]
        return Words(self.alert, parts, *ranked, self.is_reproduced)


def explain(alert: Alert, version: Scorer) -> Explanation:
    """Return the decomposition of ``alert``'s score by ``version``, which must be the one it names.

    Raises `ConfigurationError` where that is another version, or where the alert has not got the
    features of this release.
    """
    if version.id != alert.model_version:
        raise ConfigurationError(
            f"model version of {alert.alert_id} must be {alert.model_version or '(empty)'}, "
            f"got {version.id or '(empty)'}"
        )
    currency, when = alert.transaction.currency, alert.event_time
    time_ms = round(when.timestamp() * 1000)
    by_distance = alert.ranked_by == "distance"
    place = version, *_rows(alert), CURRENCY_INDEX[currency], time_ms
    findings = findings_of_features(*place, by_distance=by_distance)
    recomputed = _ranking(findings, has_odds=version.odds is not None)
    return _explanation(alert, told(findings, currency), recomputed, "version")


def explain_by_parameters(alert: Alert) -> Explanation:
    """Return the decomposition of ``alert``'s score by the ``parameters`` that it must carry.

    All numbers of the alert that follow from them are recomputed.  Raises `ConfigurationError` where
    the parameters are not as they were packed, are of another release, or are those of other features.
    """
    currency = alert.transaction.currency
    place = CURRENCY_INDEX[currency]
    found = unpacked_parameters(alert.parameters or "", place, alert.alert_id)
    X, V = _rows(alert)
    _check_known(alert, found, X, V, place)
    findings = findings_by_parameters(found, X, V, place)
    has_odds = len(found.odds.coefficients) > 0
    recomputed: dict[str, Value] = _ranking(findings, has_odds=has_odds)
    recomputed |= {
        "ranked_by": ranking_of(findings),
        "distance": findings.distance_sq**0.5,
        "threshold": threshold_of(findings),
        "base_log_odds": findings.base,
    }
    parts = told(findings, currency)
    by_name = {part.feature: part.contribution for part in parts}
    # That it was drawn follows from no number of the model, and what is at stake from those above.
    reasons = [reason.feature for reason in alert.reasons if reason.feature not in BESIDE]
    recomputed |= {f"contribution of {name}": by_name.get(name) for name in reasons}
    return _explanation(alert, parts, recomputed, "parameters")


def as_alerted(alert: Alert) -> Explanation:
    """Return what ``alert`` itself says: its reasons, and the other parts as one remainder."""
    return _explanation(alert, alert.reasons, {}, None)


def _rows(alert: Alert) -> tuple[Floats, Floats]:
    """Return X (1, n_features) and V (1, n_context), NaN where the alert knows nothing."""
    unknown = sorted(alert.features.keys() - set(_NAMES))
    if unknown or not alert.features:
        raise ConfigurationError(
            f"features of {alert.alert_id} must be this release's, got "
            f"{', '.join(unknown) if unknown else 'none'}; explain it with the release that made it"
        )
    rows = [
        np.array([[alert.features.get(name, np.nan) for name in names]])
        for names in (FEATURE_NAMES, CONTEXT_NAMES)
    ]
    return rows[0], rows[1]


def _check_known(alert: Alert, found: Parameters, X: Floats, V: Floats, currency: int) -> None:
    """Raise `ConfigurationError` where other features are known than there are numbers of."""
    # An amount in a currency without a usual one is known, but nothing to compare.
    is_known = ~np.isnan(np.concatenate([X[0], V[0]]))
    is_known[AMOUNT] &= not math.isnan(found.ruler.currency_means[currency])
    n = len(is_known) if len(found.odds.coefficients) else N_FEATURES
    codes = found.codes[:N_FEATURES]
    if n > N_FEATURES:
        codes = codes + found.codes[2 * N_FEATURES : N_FEATURES + n]
    others = [
        name
        for name, known, code in zip(_NAMES[:n], is_known[:n].tolist(), codes, strict=True)
        if known != (code > 0)
    ]
    if others:
        raise ConfigurationError(
            f"features of {alert.alert_id} must be those that its parameters are of, got "
            f"{', '.join(others)} added or left out: altered on the way; read the alert from its topic "
            "again"
        )


def _ranking(findings: Findings, *, has_odds: bool) -> dict[str, Value]:
    ranking: dict[str, Value] = {
        "distance_sq": findings.distance_sq,
        "log_odds": findings.log_odds if has_odds else None,
        "score": findings.score,
    }
    if not math.isnan(findings.log_loss):
        ranking["expected_loss"] = math.exp(findings.log_loss)
    return ranking


def _differences(alert: Alert, recomputed: dict[str, Value]) -> dict[str, tuple[Value, Value]]:
    stated = {f"contribution of {reason.feature}": reason.contribution for reason in alert.reasons}
    both = {
        name: (stated[name] if name in stated else getattr(alert, name), value)
        for name, value in recomputed.items()
    }
    return {name: (theirs, ours) for name, (theirs, ours) in both.items() if theirs != ours}


def _explanation(
    alert: Alert,
    parts: list[Reason],
    recomputed: dict[str, Value],
    computed_from: Literal["parameters", "version"] | None,
) -> Explanation:
    by_odds = alert.ranked_by != "distance"
    ranked_value = alert.log_odds if by_odds and alert.log_odds is not None else alert.distance_sq
    contributions = [part.contribution for part in parts]
    return Explanation(
        alert=alert,
        ranked_value=ranked_value,
        threshold_value=alert.threshold if by_odds else alert.threshold**2,
        base=alert.base_log_odds,
        parts=parts,
        remainder=math.fsum([ranked_value, -alert.base_log_odds, *(-c for c in contributions)]),
        recomputed=recomputed,
        is_reproduced=not _differences(alert, recomputed) if recomputed else None,
        computed_from=computed_from,
    )
