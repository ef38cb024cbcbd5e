"""Labels as they arrive in practice: each one some time after its transaction, as the plan says.

The clock is the stream's own: the latest event time seen so far.  A verdict is out once the clock has
reached event time + delay, so never early; and since batches are cut whenever the clock has moved on
by `MAX_LAG_MS`, it is applied less than that after it was due.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from streamer.contract.messages import Feedback
from streamer.contract.record_columns import Spans
from streamer.durations import HOUR_MS
from streamer.evaluation.label_plan import LabelPlan
from streamer.evaluation.rows import NEVER, NO_LABEL
from streamer.intake.payment_columns import CARD, ID, MERCHANT
from streamer.offline.offline_partition import OfflinePartition

__all__ = ["MAX_LAG_MS", "Applier", "LabelFeed", "cuts"]

MAX_LAG_MS: Final = HOUR_MS
"""An hour: small against any delay of a label, and still 400 payments of the evaluation data."""

Applier = Callable[[OfflinePartition, Sequence[Feedback]], object]
"""What learns from verdicts, in their order, before the payments that the partition gets next."""


class LabelFeed:
    """Holds verdicts back until they are due by ``plan``."""

    def __init__(self, plan: LabelPlan) -> None:
        self._plan = plan
        self._waiting: list[tuple[int, int, Feedback]] = []
        self._n_added = 0

    def __len__(self) -> int:
        """How many verdicts are waiting."""
        return len(self._waiting)

    def add(
        self,
        names: Spans,
        times_ms: Sequence[int],
        scenarios: Sequence[int],
        alerted: Sequence[bool],
    ) -> list[int]:
        """Note payments that have been scored; return when each will be judged, -1 for never.

        ``scenarios`` says as in `Rows` what each will turn out to have been: on one without a label
        there is never a verdict.  ``alerted``: reviewers got it.
        """
        if not self._plan.teaches:
            return [NEVER] * len(times_ms)
        named = (names.column(which).strings() for which in (ID, CARD, MERCHANT))
        known = zip(*named, times_ms, scenarios, alerted, strict=True)
        return [self._judged_ms(*of_one) for of_one in known]

    def _judged_ms(
        self, name: str, card: str, merchant: str, time_ms: int, scenario: int, alerted: bool
    ) -> int:
        if scenario == NO_LABEL:
            return NEVER
        is_fraud = scenario >= 0
        judgement = self._plan.judgement(name, is_fraud=is_fraud, alerted=alerted)
        if judgement is None:
            return NEVER
        delay_ms, origin = judgement
        due_ms = time_ms + delay_ms
        verdict = Feedback(
            transaction_id=name,
            card_id=card,
            verdict="fraud" if is_fraud else "legitimate",
            origin=origin,
            decided_at=datetime.fromtimestamp(due_ms / 1000, tz=UTC),
            merchant_id=merchant or None,
        )
        # The counter keeps verdicts of one instant in order, and verdicts uncompared.
        heapq.heappush(self._waiting, (due_ms, self._n_added, verdict))
        self._n_added += 1
        return due_ms

    def due(self, clock_ms: int) -> list[Feedback]:
        """Return, once, the verdicts that are known at ``clock_ms``, the earliest first."""
        verdicts = []
        while self._waiting and self._waiting[0][0] <= clock_ms:
            verdicts.append(heapq.heappop(self._waiting)[2])
        return verdicts


def cuts(times_ms: Sequence[int], clock_ms: int, max_lag_ms: int) -> Iterator[tuple[int, int, int]]:
    """Yield (first, end, clock) of pieces in which the clock moves by less than ``max_lag_ms``.

    ``clock_ms`` is the clock before the first event; that of a piece is the clock at its first.

    >>> list(cuts([0, 50, 110, 90, 300], 0, 100))
    [(0, 2, 0), (2, 4, 110), (4, 5, 300)]
    """
    first = 0
    started = latest = clock_ms
    for i, time_ms in enumerate(times_ms):
        latest = max(latest, time_ms)
        if i == 0:
            started = latest
        elif latest - started >= max_lag_ms:
            yield first, i, started
            first, started = i, latest
    if times_ms:
        yield first, len(times_ms), started
