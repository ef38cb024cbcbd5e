"""What came of payments that were given: scores, alerts and what was refused, in the order given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.contract.messages import Alert, FeatureRow, Score

__all__ = ["Refused", "Results"]

_UNKNOWN: Final = float("nan")
_STATUSES: Final = ("scored", "warming", "refused", "skipped")
_SHOWN: Final = ("row", "time", "card_id", "amount", "currency", "severity", "score", "why")
# What fits on a screen; the others are in `alert_columns`.
_SHOWN_ALERTS: Final = 10
_SHOWN_REASONS: Final = 2


class Refused(NamedTuple):
    """A payment that cannot be scored: its row, and the reason, path and sentence of a dead letter."""

    row: int
    reason: str
    path: str
    detail: str
    hint: str


@dataclass(frozen=True, slots=True, repr=False)
class Results:
    """Of ``n`` payments; rows count from 0.

    ``scores`` are those of what could be scored, by row.  ``alerts`` are those within the budget,
    ``overflow`` those that the fuse held back.  ``passed_over`` counts refunds, declines and the like
    by reason, ``n_repeated`` payments that had been there before; neither was scored or learned.
    ``features`` is empty unless asked for.

    A notebook shows how many there are of what, and the highest alerts.
    """

    n: int = 0
    scores: dict[int, Score] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    overflow: list[Alert] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    passed_over: Mapping[str, int] = field(default_factory=dict)
    n_repeated: int = 0
    features: dict[int, FeatureRow] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return how many of what there are, on one line."""
        counts = Counter(self.columns()["status"].tolist())
        of_status = ", ".join(f"{counts[name]:,} {name}" for name in _STATUSES if counts[name])
        held_back = f", {len(self.overflow):,} held back" if self.overflow else ""
        told = f"{self.n:,} payments: {of_status or 'none'}; {len(self.alerts):,} alerts{held_back}"
        return f"<Results of {told}>"

    def _repr_html_(self) -> str:
        columns = self.alert_columns()
        order = np.argsort(-columns["score"], kind="stable")[:_SHOWN_ALERTS]
        shown = {name: columns[name][order].tolist() for name in _SHOWN}
        told = [self.alerts[place].reasons[:_SHOWN_REASONS] for place in order.tolist()]
        shown["why"] = [" ".join(reason.sentence for reason in each) for each in told]
        head = "".join(f"<th>{name}</th>" for name in _SHOWN)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(_cell(value))}</td>" for value in row) + "</tr>"
            for row in zip(*shown.values(), strict=True)
        )
        more = f"<p>The {len(order)} highest of them.</p>" if len(order) < len(self.alerts) else ""
        table = f"<table><tr>{head}</tr>{rows}</table>{more}" if len(order) else ""
        return f"<p>{escape(repr(self)[1:-1])}</p>{table}"

    def alert_columns(self) -> dict[str, NDArray[Any]]:
        """Return a column each of what is known of every alert, (n_alerts,): for a data frame.

        ``row`` is that of the payment among those given, ``why`` its reasons in words, the weightiest
        first.  ``probability`` is NaN where there is none.
        """
        first = next((score.source.offset - row for row, score in self.scores.items()), 0)
        told = [each.transaction for each in self.alerts]
        times = [each.event_time.astimezone(UTC).replace(tzinfo=None) for each in self.alerts]
        chances = [_UNKNOWN if a.probability is None else a.probability for a in self.alerts]
        why = [" ".join(reason.sentence for reason in each.reasons) for each in self.alerts]
        return {
            "row": np.array([each.source.offset - first for each in self.alerts], dtype=np.int64),
            "transaction_id": np.array([each.transaction_id for each in told], dtype=object),
            "card_id": np.array([each.card_id for each in told], dtype=object),
            "time": np.array(times, dtype="datetime64[ms]"),
            "amount": np.array([each.amount for each in told], dtype=float),
            "currency": np.array([each.currency for each in told], dtype=object),
            "severity": np.array([each.severity for each in self.alerts], dtype=object),
            "score": np.array([each.score for each in self.alerts], dtype=float),
            "probability": np.array(chances, dtype=float),
            "why": np.array(why, dtype=object),
        }

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return a column each of what is known of every payment, (n,): for a data frame.

        ``status`` is "scored", "warming" (the model has no centers yet), "refused", or "skipped" where
        it came again or was passed over.  ``score``, ``distance`` and ``probability`` are NaN where
        there is none.  ``alerted`` is true of what alerted, within the budget or not.
        """
        status = np.full(self.n, "skipped", dtype="U8")
        numbers = {name: np.full(self.n, _UNKNOWN) for name in ("score", "distance", "probability")}
        alerted = np.zeros(self.n, dtype=np.bool_)
        for refused in self.refused:
            status[refused.row] = "refused"
        for row, score in self.scores.items():
            status[row], alerted[row] = score.status, score.alerted
            for name, column in numbers.items():
                value = getattr(score, name)
                column[row] = _UNKNOWN if value is None else value
        return {"status": status, **numbers, "alerted": alerted}


def _cell(value: object) -> str:
    """Return a value as a table shows it; text of somebody else's on one line."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return "".join(each if each.isprintable() else "·" for each in str(value))
