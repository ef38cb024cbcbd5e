"""The pipeline over a file: no Kafka, no Redis, the same functions and the same results."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from streamer.batch import Batch, StoredRecord
from streamer.datafiles import FileBatch, OnDecoded
from streamer.events import Alert
from streamer.model import ModelVersion, Sums, advance, delta_limit
from streamer.model.codec import state_id
from streamer.pipeline import PartitionState, PipelineConfig, prepare, score
from streamer.summary import Summary, Tally, alerts_per_hour, percentiles_ms

__all__ = ["replay"]

_TOPIC: Final = "file"


def replay(
    batches: Iterable[FileBatch],
    config: PipelineConfig,
    *,
    cards_capacity: int,
    merchants_capacity: int,
    checkpoint_max_transactions: int,
    now_ms: Callable[[], int],
    monotonic: Callable[[], float],
    on_alert: Callable[[Alert], None],
    on_progress: Callable[[int], None],
    on_version: Callable[[Sums], None] = lambda _: None,
    on_scored: Callable[[Alert, ModelVersion], None] = lambda _, __: None,
    on_decoded: OnDecoded = lambda *_: None,
) -> Summary:
    """Run ``batches`` through the pipeline as one partition and return the summary.

    A new model version is made after exactly as many transactions as are due; there is no interval,
    so that the result depends on the file alone and not on how it is read.  ``on_progress`` gets the
    number of records since it was last called, ``on_version`` each new version's sums, ``on_scored``
    each alert with the version that scored it, ``on_decoded`` what `FileReport.add` takes.
    """
    tally = Tally()
    sums = Sums.zero(config.model)
    version = ModelVersion.of(state_id(sums), sums, config.model)
    state = PartitionState.empty(config, cards_capacity, merchants_capacity)
    n_versions, offset, latencies_ms = 0, 0, []
    started = monotonic()
    for file_batch in batches:
        tally.add_sent(file_batch.transaction_ids, file_batch.labels)
        batch_started, arrived_ms = monotonic(), now_ms()
        records = [
            StoredRecord(offset + i, arrived_ms, key, value)
            for i, (key, value) in enumerate(zip(file_batch.keys, file_batch.values, strict=True))
        ]
        first_offset = offset
        offset += len(records)
        while records:
            limit = delta_limit(sums.transactions_seen, checkpoint_max_transactions)
            n_next = limit - state.delta.transactions_seen
            part, records = records[:n_next], records[n_next:]
            prepared = prepare(Batch(_TOPIC, 0, part, arrived_ms), config, state)
            on_decoded(file_batch, first_offset, prepared.decoded)
            outcome = score(prepared, state, version, config, now_ms=arrived_ms)
            latency_ms = (monotonic() - batch_started) * 1000
            for alert in outcome.alerts:
                tally.add_alert(alert.alert_id, alert.transaction.transaction_id)
                latencies_ms.append(latency_ms)
                on_alert(alert)
                on_scored(alert, version)
            if state.delta.transactions_seen >= limit:
                sums = advance(sums, state.delta, config.model)
                state.delta = Sums.zero(config.model)
                version = ModelVersion.of(state_id(sums), sums, config.model)
                n_versions += 1
                on_version(sums)
        on_progress(len(file_batch.values))
    if state.delta.transactions_seen:
        sums = advance(sums, state.delta, config.model)
        n_versions += 1
        on_version(sums)
    return Summary(
        ledger=state.ledger,
        tally=tally,
        model_versions=n_versions,
        transactions_seen=sums.transactions_seen,
        alert_budget=config.model.alert_budget,
        alerts_per_hour=alerts_per_hour(sums, config.model),
        elapsed_s=max(monotonic() - started, 1e-9),
        latencies_ms=percentiles_ms(latencies_ms),
    )
