"""What happens in the demo, in a sentence each, when it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from streamer.contract.ledger import Ledger
from streamer.features import percent
from streamer.reports.over_time import Share, Slice

__all__ = ["Figures", "Stages", "share_text"]


@dataclass(frozen=True, slots=True)
class Figures:
    """How far the demo has come; ``day`` counts from the first payment, by the payments' time."""

    n_payments: int
    n_sent: int
    ledger: Ledger
    n_alerts: int
    n_reviews: int
    n_chargebacks: int
    latest: Share
    """The precision of the latest alerts, by labels."""
    day: float
    before: Slice | None = None
    """Up to when the odds took over; None as long as they have not."""

    @property
    def n_verdicts(self) -> int:
        """Of reviewers and chargebacks together."""
        return self.n_reviews + self.n_chargebacks


def share_text(share: Share) -> str:
    """Return a share as people say it.

    >>> share_text(Share(3, 8)), share_text(Share(0, 0))
    ('38% of 8', 'none')
    """
    return "none" if share.value is None else f"{percent(100 * share.value)} of {share.of:,}"


def _warming(now: Figures) -> str | None:
    if not now.ledger.scored:
        return None
    return "warming up: the first payments only teach the model what is usual; none of them alerts"


def _alerting(now: Figures) -> str | None:
    if now.ledger.scored <= now.ledger.warming and not now.n_alerts:
        return None
    return (
        "the warm-up is over: alerts now, on what is unlike other payments; nobody has said what fraud "
        "is"
    )


def _judged(now: Figures) -> str | None:
    if not now.n_reviews:
        return None
    return "the first verdicts: a reviewer judges each alert a day after it came"


def _charged_back(now: Figures) -> str | None:
    if not now.n_chargebacks:
        return None
    return "the first chargebacks, on frauds of a week ago that no alert had found"


def _taken_over(now: Figures) -> str | None:
    if now.before is None:
        return None
    return (
        "enough frauds are known: the odds that verdicts teach take over the ranking; so far "
        f"{share_text(now.before.precision)} alerts were frauds"
    )


_STAGES: Final[tuple[Callable[[Figures], str | None], ...]] = (
    _warming,
    _alerting,
    _judged,
    _charged_back,
    _taken_over,
)


class Stages:
    """Says each thing once."""

    def __init__(self) -> None:
        self._waiting = list(_STAGES)

    @property
    def is_alerting(self) -> bool:
        """Whether it has been said that there are alerts."""
        return _alerting not in self._waiting

    def new(self, now: Figures) -> Iterator[str]:
        """Yield what has happened since the last call."""
        for stage in list(self._waiting):
            said = stage(now)
            if said is not None:
                self._waiting.remove(stage)
                # The payments that are sent are ahead of those that are scored.
                day = now.before.last_day if now.before and stage is _taken_over else now.day
                yield f"day {day:.0f}: {said}"
