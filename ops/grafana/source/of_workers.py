"""What workers use, and what they keep in memory and in Redis."""

from __future__ import annotations

from typing import Final

from ops.grafana.source.is_keeping_up import CPU
from ops.grafana.source.panel import Panel, Query, Row

__all__ = ["SLOW", "STATE", "WORKERS"]

SLOW: Final = "alerts.md#streamerlatencyhigh"
_MEMORY: Final = "recovery.md#worker-killed-frozen-out-of-memory"
_REDIS: Final = "recovery.md#redis-away-hung-or-slow"


def _trend(
    title: str, unit: str, queries: tuple[Query, ...], texts: tuple[str, str, str], runbook: str
) -> Panel:
    shows, normal, action = texts
    return Panel(
        title=title,
        kind="timeseries",
        unit=unit,
        width=8,
        queries=queries,
        shows=shows,
        normal=normal,
        action=action,
        runbook=runbook,
    )


WORKERS: Final = Row(
    "Workers",
    (
        _trend(
            "Payments scored",
            "cps",
            (
                Query(
                    "sum by (instance) "
                    "(rate(streamer_transactions_scored_total{<worker>}[$__rate_interval]))",
                    "{{instance}}",
                ),
            ),
            (
                "Payments each worker scores, a second.",
                "alike, as partitions are.",
                "a hot partition: a card or a producer's key that has most of the traffic.",
            ),
            SLOW,
        ),
        CPU,
        _trend(
            "Memory",
            "bytes",
            (
                Query("process_resident_memory_bytes{<worker>}", "{{instance}}"),
                Query(
                    "sum by (instance) (streamer_entities_bytes{<worker>})",
                    "tables of {{instance}}",
                ),
            ),
            (
                "Resident memory of each worker, and what its tables of cards and merchants have of it.",
                "grows with the cards it knows, up to STREAMER_CARDS_CAPACITY.",
                "growth without more cards is a leak; an end with exit code 137 is the limit.",
            ),
            _MEMORY,
        ),
        _trend(
            "Payments in a batch",
            "none",
            (
                Query(
                    "sum by (instance) (rate(streamer_batch_records_sum{<worker>}[$__rate_interval])) "
                    "/ (sum by (instance) "
                    "(rate(streamer_batch_records_count{<worker>}[$__rate_interval])) > 0)",
                    "{{instance}}",
                ),
            ),
            (
                "Mean size of a batch: the more, the cheaper each payment.",
                "few while there is room, thousands under a backlog.",
                "nothing: it follows the load.",
            ),
            SLOW,
        ),
        _trend(
            "Garbage collection",
            "percentunit",
            (
                Query(
                    "sum by (instance) (rate(streamer_gc_pause_seconds_sum{<worker>}[$__rate_interval]))",
                    "{{instance}}",
                ),
            ),
            (
                "Share of time that Python's garbage collector takes.",
                "below 1%.",
                "more: a flame graph says who makes so many objects.",
            ),
            SLOW,
        ),
        _trend(
            "Open files",
            "percentunit",
            (Query("process_open_fds{<worker>} / process_max_fds{<worker>}", "{{instance}}"),),
            (
                "File descriptors in use, of those allowed.",
                "below 10%.",
                "a rise without end is a leak of connections: restart one worker, keep its log.",
            ),
            _MEMORY,
        ),
    ),
)

STATE: Final = Row(
    "State and Redis",
    (
        _trend(
            "Cards and merchants in memory",
            "short",
            (Query("sum by (kind) (streamer_entities_tracked{<worker>})", "{{kind}}"),),
            (
                "What the workers remember, by table.",
                "levels out at the active cards, or at the capacity.",
                "at the capacity: see what is evicted.",
            ),
            _MEMORY,
        ),
        _trend(
            "Bytes for each",
            "bytes",
            (
                Query(
                    "sum by (kind) (streamer_entities_bytes{<worker>}) "
                    "/ (sum by (kind) (streamer_entities_tracked{<worker>}) > 0)",
                    "{{kind}}",
                ),
            ),
            (
                "Memory of a card or merchant, its name included.",
                "some hundred bytes; more while tables are young and mostly empty.",
                "long names: see what producers send as card_id.",
            ),
            _MEMORY,
        ),
        _trend(
            "Evicted",
            "cps",
            (
                Query(
                    "sum by (kind) (rate(streamer_entities_evicted_total{<worker>}[$__rate_interval]))",
                    "{{kind}}",
                ),
                Query(
                    "sum(rate(streamer_entities_evicted_unsaved_total{<worker>}[$__rate_interval]))",
                    "with something lost",
                ),
            ),
            (
                "Cards and merchants that made room for others; they are looked up again when they pay.",
                "0 until the capacity is reached; with something lost: 0.",
                "raise STREAMER_CARDS_CAPACITY, or add workers. Lost: Redis was away for too long.",
            ),
            _MEMORY,
        ),
        _trend(
            "Redis commands, by name",
            "cps",
            (
                Query(
                    "topk(8, sum by (command) "
                    "(rate(streamer_redis_commands_total{<worker>}[$__rate_interval])))",
                    "{{command}}",
                ),
            ),
            (
                "Commands sent to Redis, by name; the eight most frequent.",
                "proportional to checkpoints and look-ups.",
                "many HMGET: cards that are not in memory; raise STREAMER_CARDS_CAPACITY.",
            ),
            _REDIS,
        ),
        _trend(
            "Size of a checkpoint, 95%",
            "bytes",
            (
                Query(
                    "histogram_quantile(0.95, sum by (instance, le) "
                    "(rate(streamer_checkpoint_bytes_bucket{<worker>}[$__rate_interval])))",
                    "{{instance}}",
                ),
            ),
            (
                "Changed cards, labels and the model's delta, in one write.",
                "below 10 MB: Redis serves nobody else meanwhile.",
                "more: a shorter STREAMER_CHECKPOINT_INTERVAL_S.",
            ),
            _REDIS,
        ),
        _trend(
            "Written to Redis",
            "binBps",
            (
                Query(
                    "sum(rate(streamer_checkpoint_bytes_sum{<worker>}[$__rate_interval]))", "bytes"
                ),
            ),
            (
                "Bytes of checkpoints a second, over all workers.",
                "proportional to traffic.",
                "near the network's or the disk's rate: fewer checkpoints.",
            ),
            _REDIS,
        ),
    ),
)
