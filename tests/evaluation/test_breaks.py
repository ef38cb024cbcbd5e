"""New modes of fraud in a file's own traffic: who is hit, when, and where their payments lie."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import msgspec
import numpy as np
import pytest

from streamer.contract.messages import Transaction
from streamer.datafiles import FileBatch
from streamer.durations import DAY_MS, HOUR_S
from streamer.errors import ConfigurationError
from streamer.evaluation.break_patterns import PATTERNS, Habit
from streamer.evaluation.breaks import KINDS, Break, break_figures
from streamer.evaluation.injection import Injected, injected_payments, with_injected
from streamer.intake.decoding import Decoded, decode_batch
from tests.builders import ARRIVAL_MS, T0_MS, payment, pipeline_config
from tests.evaluation.test_protocols import rows_of

N_CARDS = 30
DAY = datetime.fromtimestamp(T0_MS / 1000, tz=UTC).date().toordinal() + 20
CONFIG = pipeline_config()


def decode(batch: FileBatch) -> Decoded:
    return decode_batch(batch.as_fetched(0, ARRIVAL_MS), CONFIG.believable, CONFIG.intake)


def traffic(size: int, n_days: int = 30, bad: int | None = None) -> list[FileBatch]:
    """30 cards pay once a day, ten minutes apart; card 0 met a fraud on the first day."""
    values = [
        msgspec.json.encode(
            payment(i, i // N_CARDS * 24 * HOUR_S + i % N_CARDS * 600)
            | {"card_id": f"card-{i % N_CARDS}", "merchant_id": f"m-{i % 7}", "amount": 20.0}
        )
        for i in range(N_CARDS * n_days)
    ]
    if bad is not None:
        values[bad] = b"bad"
    return [
        FileBatch(
            values=values[first : first + size],
            keys=[None] * len(values[first : first + size]),
            labels=["x" if i == 0 else None for i in range(first, first + size)][
                : len(values[first : first + size])
            ],
            transaction_ids=[""] * len(values[first : first + size]),
        )
        for first in range(0, len(values), size)
    ]


def of(kind: str, n_victims: int = 8) -> Break:
    return Break.parse(f"{kind}:{date.fromordinal(DAY)}:{n_victims}")


def flat(batches: list[FileBatch]) -> list[tuple[bytes, str | None]]:
    return [pair for b in batches for pair in zip(b.values, b.labels or [], strict=True)]


@pytest.mark.parametrize(
    "text", ["bursts:2018-06-20:20", "small-bursts:2018-06-31:20", "small-bursts:2018-06-20:0", ""]
)
def test_a_break_is_a_kind_a_day_and_victims(text: str) -> None:
    with pytest.raises(ValueError, match="small-bursts:2018-06-20:20"):
        Break.parse(text)


@pytest.mark.parametrize("kind", KINDS)
def test_victims_begin_evenly_over_eight_days_and_none_had_met_fraud(kind: str) -> None:
    each = of(kind)
    payments = injected_payments(traffic(100), decode, [each], seed=3)
    first_ms: dict[str, int] = {}
    for paid in payments:
        first_ms.setdefault(paid.transaction.card_id, paid.time_ms)
    days = sorted((time_ms - each.start_ms) // DAY_MS for time_ms in first_ms.values())
    assert days == list(range(8))
    assert "card-0" not in first_ms
    assert {paid.label for paid in payments} == {f"break:{kind}"}
    assert [p.time_ms for p in payments] == sorted(p.time_ms for p in payments)


@pytest.mark.parametrize("kind", KINDS)
def test_who_is_hit_depends_on_the_seed_and_not_on_the_batches(kind: str) -> None:
    runs = [
        injected_payments(traffic(size), decode, [of(kind)], seed)
        for size, seed in ((7, 1), (900, 1), (900, 2))
    ]
    assert runs[0] == runs[1]
    assert {p.transaction.card_id for p in runs[1]} != {p.transaction.card_id for p in runs[2]}


def test_two_breaks_have_no_victim_in_common() -> None:
    breaks = [of(kind, 9) for kind in KINDS]
    payments = injected_payments(traffic(100), decode, breaks, seed=0)
    by_kind = {
        each.kind: {p.transaction.card_id for p in payments if p.label == each.scenario}
        for each in breaks
    }
    assert [len(cards) for cards in by_kind.values()] == [9, 9, 9]
    assert len(set.union(*by_kind.values())) == 27


def test_more_victims_than_cards_say_how_many_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"at most 29, .* got 40"):
        injected_payments(traffic(100), decode, [of("small-bursts", 40)], seed=0)


def habit(hours: list[int]) -> Habit:
    fields = payment(1, 0.0) | {"merchant_id": "usual"}
    last = msgspec.json.decode(msgspec.json.encode(fields), type=Transaction)
    times_ms = np.array([day * DAY_MS + hour * 3_600_000 for day in range(9) for hour in hours])
    return Habit(last, times_ms, np.full(len(times_ms), 20.0), ("usual",) * len(times_ms))


def test_the_kinds_are_what_they_are_called() -> None:
    """A card that pays 20 at every hour but those around 3 at night."""
    usual, rng = habit([0, *range(6, 24)]), np.random.default_rng(0)
    bursts = PATTERNS["small-bursts"](usual, rng, DAY_MS, "new")
    assert 8 <= len(bursts) <= 20
    assert bursts[-1].time_ms - bursts[0].time_ms <= 8 * 60_000
    assert all(0.4 <= step.amount <= 2.5 and step.merchant_id == "new" for step in bursts)
    odd = PATTERNS["large-at-odd-hours"](usual, rng, DAY_MS, "new")
    assert {step.time_ms // 3_600_000 % 24 for step in odd} <= {2, 3, 4}
    assert all(80 <= step.amount <= 200 and step.merchant_id == "usual" for step in odd)
    *checks, high = PATTERNS["verified-then-high"](usual, rng, DAY_MS, "new")
    assert {step.amount for step in checks} == {0.0}
    assert 160 <= high.amount <= 300
    assert 10 * 60_000 <= high.time_ms - checks[-1].time_ms <= 120 * 60_000


@pytest.mark.parametrize("size", [1, 7, 900])
def test_a_payment_lies_before_the_first_later_one_wherever_batches_end(size: int) -> None:
    """After row 4 (2,400 s), two of them, and before row 0; row 5 is refused and stays where it is."""
    times_ms = [T0_MS - 1, T0_MS + 2_400_000, T0_MS + 2_400_500, T0_MS + 90 * DAY_MS]
    paid = msgspec.json.decode(msgspec.json.encode(payment(1, 0.0)), type=Transaction)
    added = [
        Injected(t, msgspec.structs.replace(paid, transaction_id=f"new-{i}"), "break:x")
        for i, t in enumerate(times_ms)
    ]
    before = flat(traffic(900, bad=5))
    merged = flat(list(with_injected(traffic(size, bad=5), decode, added)))
    new = [i for i, (_, label) in enumerate(merged) if label == "break:x"]
    # The refused row has no time: what comes with it stands before the next payment.
    assert new == [0, 7, 8]
    assert [pair for i, pair in enumerate(merged) if i not in new] == before


def test_victims_count_when_one_of_their_payments_alerted_in_time() -> None:
    """Cards 0 and 1 on day 0, 2 on day 3, 3 on day 9. Alerted: 1 at once, 2 on day 3, 0 on day 4."""
    kind = of("small-bursts", 4)
    start = kind.start_ms // DAY_MS
    rows = rows_of([0, 0, 0, 3, 4, 9], [0, 1, 4, 2, 0, 3], [True] * 6, first_ms=start * DAY_MS)
    rows.scenarios[2] = -1
    rows = replace(rows, scenario_names=("break:small-bursts",))
    alerted = np.array([False, True, True, True, True, True])
    figures = break_figures([kind], rows, np.arange(6), alerted)["small-bursts"]
    assert (figures.n_payments, figures.within) == (5, ((2, 2, 1), (8, 3, 3)))
