"""The pipeline over a file: no Kafka, no Redis, the same functions and the same results."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from streamer.contract.messages import Alert
from streamer.datafiles import FileBatch, OnDecoded
from streamer.model import Scorer
from streamer.offline.offline_partition import OfflinePartition
from streamer.reports.summary import Summary, Tally, alerts_per_hour, percentiles_ms

__all__ = ["replay"]


def replay(
    batches: Iterable[FileBatch],
    partition: OfflinePartition,
    *,
    now_ms: Callable[[], int],
    monotonic: Callable[[], float],
    on_alert: Callable[[Alert], None],
    on_progress: Callable[[int], None],
    on_scored: Callable[[Alert, Scorer], None] = lambda _, __: None,
    on_decoded: OnDecoded = lambda *_: None,
) -> Summary:
    """Run ``batches`` through the pipeline as ``partition`` (IN/OUT) and return the summary.

    ``on_progress`` gets the number of records since it was last called, ``on_scored`` each alert with
    the version that scored it, ``on_decoded`` what `FileReport.add` takes.
    """
    tally, latencies_ms, offset = Tally(), list[float](), 0
    started = monotonic()
    for file_batch in batches:
        tally.add_sent(file_batch.transaction_ids, file_batch.labels)
        batch_started, arrived_ms = monotonic(), now_ms()
        batch = file_batch.as_fetched(offset, arrived_ms)
        for part in partition.run(batch, now_ms=arrived_ms):
            on_decoded(file_batch, offset, part.prepared.decoded)
            latency_ms = (monotonic() - batch_started) * 1000
            for alert in part.outcome.alerts:
                tally.add_alert(
                    alert.alert_id, alert.transaction.transaction_id, alert.sample_weight
                )
                latencies_ms.append(latency_ms)
                on_alert(alert)
                on_scored(alert, part.version)
        offset += len(batch)
        on_progress(len(batch))
    if partition.state.delta.transactions_seen:
        partition.renew()
    sums, model = partition.sums, partition.config.model
    return Summary(
        ledger=partition.state.ledger,
        tally=tally,
        model_versions=partition.n_versions,
        transactions_seen=sums.transactions_seen,
        alert_budget=model.alert_budget,
        alerts_per_hour=alerts_per_hour(sums, model),
        elapsed_s=max(monotonic() - started, 1e-9),
        latencies_ms=percentiles_ms(latencies_ms),
    )
