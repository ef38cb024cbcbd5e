"""A pass decodes a file once and cuts what was decoded, as if each part had been decoded by itself."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

import streamer.evaluation.passing
import streamer.pipeline.processing
from streamer.contract.batch import Batch
from streamer.datafiles import FileBatch
from streamer.durations import HOUR_S
from streamer.evaluation.label_plan import NO_LABELS, LabelPlan
from streamer.evaluation.passing import Pass, PassConfig, run_pass
from streamer.intake.decoding import decode_batch
from tests.builders import ARRIVAL_MS, payment, pipeline_config

BROKEN, GONE = b"bad", b"null"


def file_batches(size: int, odd: dict[int, bytes]) -> list[FileBatch]:
    """Return 600 payments ten minutes apart, every third a fraud, with ``odd`` rows in their places."""
    values = [msgspec.json.encode(payment(i, i * HOUR_S / 6)) for i in range(600)]
    values = [odd.get(i, value) for i, value in enumerate(values)]
    labels = ["x" if i % 3 == 0 and i not in odd else None for i in range(600)]
    return [
        FileBatch(
            values=values[first : first + size],
            keys=[None] * len(values[first : first + size]),
            labels=labels[first : first + size],
            transaction_ids=[""] * len(values[first : first + size]),
        )
        for first in range(0, 600, size)
    ]


def passed(size: int, odd: dict[int, bytes], delay_ms: int | None = 7 * 3_600_000) -> Pass:
    labels = NO_LABELS if delay_ms is None else LabelPlan(delay_ms=delay_ms)
    config = PassConfig(pipeline_config(warmup=100), 1_000, 1_000, 90, labels)
    batches = file_batches(size, odd)
    return run_pass(batches, 600, config, now_ms=ARRIVAL_MS, on_progress=lambda _: None)


def test_every_record_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 600 in batches of 250, though hours of labels and ends of versions cut them in many more."""
    n_decoded: list[int] = []

    def counted(batch: Batch, *arguments: Any) -> Any:
        n_decoded.append(len(batch))
        return decode_batch(batch, *arguments)

    for module in (streamer.evaluation.passing, streamer.pipeline.processing):
        monkeypatch.setattr(module, "decode_batch", counted)
    result = passed(250, {})
    assert n_decoded == [250, 250, 100]
    assert result.n_verdicts > 400
    assert result.version.sums.transactions_seen == 540


@pytest.mark.parametrize("delay_ms", [None, 7 * 3_600_000], ids=["no labels", "7 hours"])
def test_rows_that_are_no_payments_count_wherever_a_batch_is_cut(delay_ms: int | None) -> None:
    """Broken rows and deletions first, last, alone in a batch and at an end of a version: all balance.

    Ten rows have no card and no score; the others are what they are when read one after the other.
    With labels their features are, and what alerts is not: within an hour of being due, a verdict comes
    where a piece of a batch ends.
    """
    odd = {0: BROKEN, 1: GONE, 89: GONE, 90: BROKEN, 91: BROKEN, 300: GONE, 301: BROKEN}
    odd |= {597: BROKEN, 598: GONE, 599: BROKEN}
    results = [passed(size, odd, delay_ms) for size in (1, 250)]
    for result in results:
        assert np.flatnonzero(~result.rows.is_valid).tolist() == sorted(odd)
        assert result.version.sums.transactions_seen == 540
    one, many = (result.rows for result in results)
    np.testing.assert_array_equal(one.X, many.X)
    if delay_ms is None:
        np.testing.assert_array_equal(one.alerted, many.alerted)
