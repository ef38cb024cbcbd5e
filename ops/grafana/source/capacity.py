"""The dashboard of those who pay for it: what a million payments cost, and how much room there is."""

from __future__ import annotations

from typing import Final

from ops.grafana.source.of_workers import SLOW, STATE, WORKERS
from ops.grafana.source.panel import Dashboard, Panel, Query, Row, Variable

__all__ = ["CAPACITY"]

# Millions of payments an hour, of as many a second.
_MILLIONS: Final = "(0.0036 * sum(rate(streamer_transactions_scored_total{<worker>}[WINDOW])) > 0)"
_CORES: Final = "sum(rate(process_cpu_seconds_total{<worker>}[WINDOW]))"
_GIB: Final = "sum(avg_over_time(process_resident_memory_bytes{<worker>}[WINDOW])) / 2^30"
_COMMANDS: Final = "sum(rate(streamer_redis_commands_total{<worker>}[WINDOW]))"
_BYTES: Final = "sum(rate(streamer_checkpoint_bytes_sum{<worker>}[WINDOW]))"
# Each is money an hour.
_COSTS: Final = {
    "CPU": f"{_CORES} * $cpu_price",
    "memory": f"{_GIB} * $memory_price",
    "Redis commands": f"0.0036 * {_COMMANDS} * $command_price",
    "checkpoint bytes": f"3600 * {_BYTES} / 2^30 * $traffic_price",
}
_RANGE: Final = "$__range"
_RATE: Final = "$__rate_interval"
_NOT_ALL: Final = " Not in it: the broker, Redis' own memory, what is logged and stored elsewhere."


def _over(window: str, expression: str) -> str:
    return expression.replace("WINDOW", window)


def _per_million(title: str, unit: str, expression: str, shows: str, normal: str) -> Panel:
    return Panel(
        title=title,
        kind="stat",
        unit=unit,
        width=6,
        queries=(Query(_over(_RANGE, f"{expression} / {_MILLIONS}"), title),),
        shows=f"{shows}, over the dashboard's time, for a million payments scored.",
        normal=f"{normal} Little traffic makes it dear: what an idle worker costs is in it.",
        action="a step since a release: compare a flame graph (`kill -USR2 PID`) with the one before.",
        runbook=SLOW,
    )


_MONEY: Final = Row(
    "A million payments",
    (
        _per_million(
            "CPU seconds",
            "s",
            f"3600 * {_CORES}",
            "CPU time of the workers",
            "30 to 100 s under load.",
        ),
        _per_million(
            "Checkpoint bytes",
            "bytes",
            f"3600 * {_BYTES}",
            "What checkpoints wrote to Redis",
            "some 100 bytes a payment and 50 kB a checkpoint.",
        ),
        _per_million(
            "Redis commands",
            "short",
            f"3600 * {_COMMANDS}",
            "Commands that the workers sent",
            "some ten a checkpoint, two a look-up.",
        ),
        _per_million(
            "Money",
            "currencyEUR",
            f"({' + '.join(_COSTS.values())})",
            "What the prices above the dashboard make of CPU, memory, commands and bytes",
            "yours to say; the prices are examples." + _NOT_ALL,
        ),
        Panel(
            title="Money for a million payments",
            kind="timeseries",
            unit="currencyEUR",
            width=12,
            queries=tuple(
                Query(_over(_RATE, f"{cost} / {_MILLIONS}"), name) for name, cost in _COSTS.items()
            ),
            shows="The same over time, by what it is for." + _NOT_ALL,
            normal="falls as traffic rises.",
            action="memory above CPU: fewer, busier workers. Commands: a longer "
            "STREAMER_CHECKPOINT_INTERVAL_S.",
            runbook=SLOW,
            is_stacked=True,
        ),
        Panel(
            title="CPU seconds for a million payments, by worker",
            kind="timeseries",
            unit="s",
            width=12,
            queries=(
                Query(
                    "1e6 * sum by (instance) (rate(process_cpu_seconds_total{<worker>}[$__rate_interval])) "
                    "/ (sum by (instance) "
                    "(rate(streamer_transactions_scored_total{<worker>}[$__rate_interval])) > 0)",
                    "{{instance}}",
                ),
            ),
            shows="What the same work costs on each worker.",
            normal="alike.",
            action="one that is dearer has less traffic, or a slower machine.",
            runbook=SLOW,
        ),
    ),
)

CAPACITY: Final = Dashboard(
    name="capacity",
    title="streamer: capacity and cost",
    description="What a million payments cost in CPU, bytes, Redis operations and money, and how much "
    "room there is. Prices are typed in above; those that stand there are examples.",
    since="now-24h",
    rows=(_MONEY, WORKERS, STATE),
    variables=(
        Variable(
            "cpu_price", "Price of a core-hour", "0.04", "Money for one CPU core for an hour."
        ),
        Variable(
            "memory_price", "of a GiB-hour", "0.005", "Money for 1 GiB of memory for an hour."
        ),
        Variable(
            "command_price", "of a million commands", "0.20", "Money for a million Redis commands."
        ),
        Variable(
            "traffic_price",
            "of a GiB to Redis",
            "0.01",
            "Money for 1 GiB of checkpoints on the network.",
        ),
    ),
)
