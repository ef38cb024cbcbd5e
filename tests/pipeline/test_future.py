"""An event from the future counts when it arrived: for card, merchant and the budget's hours."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from streamer.contract.batch import Batch, StoredRecord
from streamer.durations import HOUR_S
from streamer.features import FEATURE_NAMES, Columns, History, Tables
from streamer.intake.decoding import decode_batch
from streamer.pipeline import process
from tests.builders import T0_MS, payment, pipeline_config, state_of
from tests.pipeline.helpers import trained

CONFIG = pipeline_config()


def arriving(events: list[tuple[float, float]], read_after_s: float = 1e6, first: int = 0) -> Batch:
    """Return payments of one card and merchant: each at its event's time, arriving at the other."""
    records = [
        StoredRecord(
            first + i,
            T0_MS + round(arrived_s * 1000),
            b"card-1",
            json.dumps(payment(first + i, after_s=event_s, merchant_id="m")).encode(),
        )
        for i, (event_s, arrived_s) in enumerate(events)
    ]
    return Batch("transactions", 0, records, T0_MS + round(read_after_s * 1000))


# The second is 20 hours ahead; the others come as they happen.
EVENTS = [(0.0, 0.0), (20.0 * HOUR_S, 60.0), (120.0, 120.0)]


def observed(batch: Batch) -> tuple[Tables, History, np.ndarray[Any, Any]]:
    decoded = decode_batch(batch, CONFIG.believable)
    columns = Columns.of(decoded.transactions, decoded.times_ms)
    tables = Tables.empty(10, 10)
    history = History.observe(columns, tables)
    return tables, history, history.X


def test_one_20_hours_ahead_does_not_freeze_its_card_and_its_merchant() -> None:
    """The third payment comes 60 s after the second arrived, and is not late."""
    tables, history, X = observed(arriving(EVENTS))
    gaps = X[:, FEATURE_NAMES.index("card_gap")]
    assert gaps[1:].tolist() == [math.log1p(60), math.log1p(60)]
    assert history.n_late == 0
    for table in (tables.cards, tables.merchants):
        assert table.times_ms[:1].tolist() == [T0_MS + 120_000]


def test_its_own_hour_of_the_day_is_its_own() -> None:
    """12:00 and 20 hours are 8:00."""
    decoded = decode_batch(arriving(EVENTS), CONFIG.believable)
    assert Columns.of(decoded.transactions, decoded.times_ms).payments["local_hour"][1] == 8.0


def test_the_hours_of_the_budget_do_not_run_ahead() -> None:
    """Event time is covered up to the last arrival, 120 s after the first."""
    state = state_of(CONFIG)
    process(arriving(EVENTS), state, trained(), CONFIG, now_ms=T0_MS)
    assert state.delta.event_span.tolist() == [-T0_MS / 1000, T0_MS / 1000 + 120]


def test_it_counts_the_same_however_late_it_is_read_and_wherever_batches_end() -> None:
    """A day later its time is past; what counts is when it lay in Kafka."""
    whole = decode_batch(arriving(EVENTS), CONFIG.believable).times_ms.tolist()
    assert whole == [T0_MS, T0_MS + 60_000, T0_MS + 120_000]
    assert decode_batch(arriving(EVENTS, 130.0), CONFIG.believable).times_ms.tolist() == whole
    single = [
        decode_batch(arriving([event], first=i), CONFIG.believable).times_ms[0]
        for i, event in enumerate(EVENTS)
    ]
    assert single == whole


def test_a_time_in_kafka_that_nobody_can_believe_is_not_the_arrival() -> None:
    """A producer set it to 1970, another to a day after it was read: the fetch is what is known."""
    in_1970 = -T0_MS / 1000 + 1.0
    events = [(20.0 * HOUR_S, in_1970), (20.0 * HOUR_S, 1e5)]
    assert (
        decode_batch(arriving(events, 500.0), CONFIG.believable).times_ms.tolist()
        == [T0_MS + 500_000] * 2
    )
