"""What `load.memory` found of each number of cards, what a card takes by it, and a table; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from load.resident import Memory

__all__ = ["Held", "Phase", "markdown", "per_card"]


@dataclass(frozen=True, slots=True)
class Phase:
    """What worker and Redis took when all payments of a phase were in the checkpoints; bytes.

    ``most_resident`` is the most that was seen of the worker during the phase.  Of batches and of the
    event loop's delays the bounds of their histograms are told.
    """

    seconds: float
    cpu_us_per_payment: float
    memory: Memory
    most_resident: int
    redis_used: int
    redis_resident: int
    redis_fragmentation: float
    batch_p50_s: float | None
    batch_p99_s: float | None
    batch_longest_s: float | None
    lag_longest_s: float | None


@dataclass(frozen=True, slots=True)
class Held:
    """Of one number of cards; ``n_left`` made room, cards and merchants."""

    n_cards: int
    n_held: int
    n_payments: int
    n_left: int
    table_bytes: int
    filling: Phase
    evicting: Phase


def per_card(found: Sequence[Held]) -> dict[str, dict[str, float]]:
    """Return what each card beyond those of the fewest takes, bytes, by number of cards.

    What the worker takes without them, and what it keeps of payments, falls out of the difference.
    """
    least, *others = found
    return {
        f"{each.n_cards:,}": {
            "worker": _each(
                each, least, each.filling.memory.resident, least.filling.memory.resident
            ),
            "worker, with eviction": _each(
                each, least, each.evicting.memory.resident, least.evicting.memory.resident
            ),
            "table": round(each.table_bytes / each.n_held, 1),
            "Redis": _each(each, least, each.filling.redis_used, least.filling.redis_used),
        }
        for each in others
    }


def _each(more: Held, fewer: Held, after: int, before: int) -> float:
    return round((after - before) / (more.n_held - fewer.n_held), 1)


def markdown(found: Sequence[Held]) -> str:
    """Return a table with a column for each number of cards."""
    each_card = per_card(found)
    rows: list[tuple[str, list[str]]] = [
        ("worker, all held: resident, MB", [_mb(h.filling.memory.resident) for h in found]),
        ("its share (PSS), MB", [_mb(h.filling.memory.share) for h in found]),
        ("while others come: most resident, MB", [_mb(h.evicting.most_resident) for h in found]),
        ("afterwards: resident, MB", [_mb(h.evicting.memory.resident) for h in found]),
        ("peak since its start, MB", [_mb(h.evicting.memory.peak) for h in found]),
        ("tables of cards, MB", [_mb(h.table_bytes) for h in found]),
        *(
            (
                f"bytes a card beyond {found[0].n_cards:,}: {name}",
                ["", *(f"{each[name]:,.0f}" for each in each_card.values())],
            )
            for name in (next(iter(each_card.values())) if each_card else {})
        ),
        ("Redis, all held: used, MB", [_mb(h.filling.redis_used) for h in found]),
        ("Redis: resident, MB", [_mb(h.filling.redis_resident) for h in found]),
        (
            "Redis: fragmentation of its allocator",
            [f"{h.filling.redis_fragmentation:.2f}" for h in found],
        ),
        ("made room while others came", [f"{h.n_left:,}" for h in found]),
        (
            "batch, all held: p50, p99, longest, ms",
            [_batches(h.filling) for h in found],
        ),
        (
            "batch, while others come: p50, p99, longest, ms",
            [_batches(h.evicting) for h in found],
        ),
        (
            "event loop late while others come, at most, ms",
            [_ms(h.evicting.lag_longest_s) for h in found],
        ),
        (
            "CPU, µs a payment: all held; others",
            [
                f"{h.filling.cpu_us_per_payment:.1f}; {h.evicting.cpu_us_per_payment:.1f}"
                for h in found
            ],
        ),
    ]
    head = "| cards | " + " | ".join(f"{h.n_cards:,}" for h in found) + " |"
    lines = [head, "|---|" + "---:|" * len(found)]
    return "\n".join([*lines, *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows)])


def _mb(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.0f}"


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e3:,.1f}"


def _batches(phase: Phase) -> str:
    return ", ".join(map(_ms, (phase.batch_p50_s, phase.batch_p99_s, phase.batch_longest_s)))
