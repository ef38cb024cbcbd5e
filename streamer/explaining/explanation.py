"""From an alert and its model version back to the score: the whole decomposition, checked bit for bit.

An alert carries every known feature on the model's scale.  Scored again by the version that scored it,
they must give the same distance, log-odds and rank, to the last bit; the parts are then of that score.

Invariant: base + Σ contributions + remainder is the value that the alert is ranked by.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np

from streamer.arrays import Floats
from streamer.contract.codes import CURRENCY_INDEX
from streamer.contract.messages import Alert, Reason
from streamer.errors import ConfigurationError
from streamer.explaining.findings import Findings, findings_of_features
from streamer.explaining.reasons import told
from streamer.features import CONTEXT_NAMES, FEATURE_NAMES
from streamer.model import Scorer

__all__ = ["Explanation", "as_alerted", "explain"]


_KNOWN_NAMES: Final = frozenset((*FEATURE_NAMES, *CONTEXT_NAMES))


class Explanation(msgspec.Struct, frozen=True):
    """Why an alert is ranked where it is.

    ``ranked_value`` is distance² or log-odds, ``threshold_value`` what it had to exceed.  ``base`` is
    what an average payment has (0 for a distance), ``remainder`` what no feature owns: the odds'
    function of a distance of 0, and rounding.  ``recomputed`` are the ranking values that the model
    version gives to the alert's features, and ``is_reproduced`` says whether they are the alert's to
    the last bit; None where the version is not at hand: then ``parts`` are the alert's reasons only.
    """

    alert: Alert
    ranked_value: float
    threshold_value: float
    base: float
    parts: list[Reason]
    remainder: float
    recomputed: dict[str, float | None]
    is_reproduced: bool | None

    @property
    def differences(self) -> dict[str, tuple[float | None, float | None]]:
        """Return what was not reproduced: the alert's value and the recomputed one, by name."""
        return {
            name: (getattr(self.alert, name), value)
            for name, value in self.recomputed.items()
            if getattr(self.alert, name) != value
        }


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
    findings = findings_of_features(version, *_rows(alert), CURRENCY_INDEX[currency], time_ms)
    return _explanation(alert, told(findings, currency), _recomputed(version, findings))


def as_alerted(alert: Alert) -> Explanation:
    """Return what ``alert`` itself says: its reasons, and the other parts as one remainder."""
    return _explanation(alert, alert.reasons, {})


def _rows(alert: Alert) -> tuple[Floats, Floats]:
    """Return X (1, n_features) and V (1, n_context), NaN where the alert knows nothing."""
    unknown = sorted(alert.features.keys() - _KNOWN_NAMES)
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


def _recomputed(version: Scorer, findings: Findings) -> dict[str, float | None]:
    return {
        "distance_sq": findings.distance_sq,
        "log_odds": None if version.odds is None else findings.log_odds,
        "score": findings.score,
    }


def _explanation(
    alert: Alert, parts: list[Reason], recomputed: dict[str, float | None]
) -> Explanation:
    by_odds = alert.ranked_by == "log_odds"
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
        is_reproduced=all(getattr(alert, n) == v for n, v in recomputed.items())
        if recomputed
        else None,
    )
