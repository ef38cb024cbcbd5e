"""Payments that show what a change does: why they alerted, and how near the others came.

Of each kind the rarest payments are taken, by the rank that the run had for them that alerted, or of
frauds that both missed those which came nearest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from streamer.arrays import Flags, Floats
from streamer.backtesting.witness import Said, Witness
from streamer.datafiles.label_words import FRAUD
from streamer.evaluation.rows import NO_LABEL, Rows

__all__ = ["KINDS", "Example", "examples_of"]

KINDS: Final = {
    "gained": "Alerts that the change adds",
    "lost": "Alerts that the change takes away",
    "gained_frauds": "Frauds that alert with the change alone",
    "lost_frauds": "Frauds that alert without the change alone",
    "missed_frauds": "Frauds that neither alerts",
}
"""By name: what a person calls them."""


@dataclass(frozen=True, slots=True)
class Example:
    """A payment of the file, by its number from 0, and where it was in either run.

    ``base_rank`` and ``changed_rank`` are the shares of recent payments that it was above; ``is_paced``
    says of either run whether that was above the line and it did not alert.  ``sentences`` are the
    reasons of the run that alerted, none where neither did.
    """

    row: int
    at: datetime
    label: str | None
    amount: float
    currency: str | None
    transaction_id: str | None
    base_rank: float | None
    changed_rank: float | None
    is_paced: tuple[bool, bool]
    severity: str | None
    sentences: tuple[str, ...]

    def why(self) -> str:
        """Return in words how far up it was in either run.

        >>> at = datetime.fromtimestamp(0, UTC)
        >>> Example(7, at, None, 1.0, None, None, 0.98, None, (False, False), None, ()).why()
        'above 98.00% of recent payments before; not ranked after'
        """
        ranks = zip((self.base_rank, self.changed_rank), self.is_paced, strict=True)
        before, after = (_above(rank, is_paced=is_paced) for rank, is_paced in ranks)
        return f"{before} before; {after} after"


def examples_of(
    rows: tuple[Rows, Rows],
    witnesses: Sequence[Witness],
    budgets: tuple[float, float],
    first_row: int,
    n: int,
) -> dict[str, list[Example]]:
    """Return at most ``n`` examples of each of `KINDS`, of the rows from ``first_row`` on.

    ``rows``, ``witnesses`` and ``budgets`` are those of the base and of the changed run.
    """
    base, _ = rows
    measured = (np.arange(len(base)) >= first_row) & base.is_valid
    before, after = (run.alerted & (run.sample_weights == 0.0) & measured for run in rows)
    ranks = [witness.ranks[: len(base)].astype(float) for witness in witnesses]
    frauds, gained, lost = base.frauds & measured, after & ~before, before & ~after
    # Of what alerts, which run says why.
    wanted: dict[str, tuple[Flags, Floats, int | None]] = {
        "gained": (gained, ranks[1], 1),
        "lost": (lost, ranks[0], 0),
        "gained_frauds": (gained & frauds, ranks[1], 1),
        "lost_frauds": (lost & frauds, ranks[0], 0),
        "missed_frauds": (frauds & ~before & ~after, np.fmax(*ranks), None),
    }
    runs = [
        _Run(ranks_of, (ranks_of > 1.0 - budget) & ~alerted, witness.said)
        for ranks_of, budget, alerted, witness in zip(
            ranks, budgets, (before, after), witnesses, strict=True
        )
    ]
    return {
        kind: [_example(base, row, runs, which) for row in _rarest(flags, by, n)]
        for kind, (flags, by, which) in wanted.items()
    }


@dataclass(frozen=True, slots=True)
class _Run:
    ranks: Floats
    paced: Flags
    said: Mapping[int, Said]


def _rarest(flags: Flags, ranks: Floats, n: int) -> list[int]:
    rows = np.flatnonzero(flags)
    # NaN, which has no rank, behind all others.
    order = np.argsort(-np.nan_to_num(ranks[rows], nan=-1.0), kind="stable")
    found: list[int] = rows[order[:n]].tolist()
    return found


def _example(rows: Rows, row: int, runs: Sequence[_Run], which: int | None) -> Example:
    said = None if which is None else runs[which].said.get(row)
    transaction = None if said is None else said.transaction
    return Example(
        row=row,
        at=datetime.fromtimestamp(rows.times_ms.item(row) / 1000, tz=UTC),
        label=_label(rows, row),
        amount=rows.amounts.item(row),
        currency=None if transaction is None else transaction.currency,
        transaction_id=None if transaction is None else transaction.transaction_id,
        base_rank=_known(runs[0].ranks.item(row)),
        changed_rank=_known(runs[1].ranks.item(row)),
        is_paced=(runs[0].paced.item(row), runs[1].paced.item(row)),
        severity=None if said is None else said.severity,
        sentences=() if said is None else said.sentences,
    )


def _label(rows: Rows, row: int) -> str | None:
    scenario = rows.scenarios.item(row)
    if scenario == NO_LABEL:
        return None
    if scenario < 0:
        return "legitimate"
    name = rows.scenario_names[scenario]
    return name if name == FRAUD else f"{FRAUD}: {name}"


def _known(rank: float) -> float | None:
    return rank if rank == rank else None


def _above(rank: float | None, *, is_paced: bool) -> str:
    if rank is None:
        return "not ranked"
    said = f"above {rank:.2%} of recent payments"
    return f"{said} (alerts before it had spent the budget)" if is_paced else said
