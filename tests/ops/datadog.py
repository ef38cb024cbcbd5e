"""Writes ops/datadog from the catalogue of metrics and the alert rules: ``make datadog``.

A monitor asks what its rule asks, with the rule's threshold, in Datadog's language: ``for: 5m`` is the
minimum over five minutes, ``and`` a product with something that is 0 or 1.
"""

from __future__ import annotations

import argparse
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from streamer.telemetry.family import PREFIX, Family
from streamer.telemetry.metrics import catalogue

__all__ = ["CONF", "MONITORS", "OBJECTIVES", "QUERIES", "mapping", "rules", "written"]

_OPS: Final = Path(__file__).resolve().parents[2] / "ops"
CONF: Final = _OPS / "datadog" / "conf.d" / "openmetrics.d" / "conf.yaml"
MONITORS: Final = _OPS / "datadog" / "monitors.json"
OBJECTIVES: Final = _OPS / "datadog" / "slos.json"

_CONF_HEAD: Final = """\
# Written by `make datadog` from streamer/telemetry/catalogue. For an agent beside one worker;
# another worker is another instance. Counters get `.count` at the end, histograms `.bucket`, `.count`
# and `.sum`.
init_config:

instances:
  - openmetrics_endpoint: http://127.0.0.1:8080/metrics
    namespace: streamer
    service: streamer
    # What was counted between a worker's start and its first scrape is not lost.
    use_process_start_time: true
    # 2,000 is what is taken otherwise, and a worker of 150 partitions has as many.
    max_returned_metrics: 10000
    metrics:
"""

_TRAFFIC: Final = "clamp_max(sum:streamer.transactions_consumed.count{S}%s.as_rate() * 1000, 1)"
_DEAD: Final = "sum:streamer.dead_letters.count{S} by {topic,reason}.as_rate()"
_SLOW: Final = "sum:streamer.alert_latency_seconds.bucket{S,upper_bound:0.2}.as_count()"
_ALERTED: Final = "sum:streamer.alert_latency_seconds.count{S}.as_count()"
_LOST: Final = "sum:streamer.dead_letters.count{S,!topic:fraud-feedback}.as_count()"
_READ: Final = "sum:streamer.transactions_consumed.count{S}.as_count()"

_ASKED: Final = "sum:streamer.serve_requests.count{S%s}.as_count()"
# Of clients that have not gone before.
_STAYED: Final = _ASKED % ",!code:499"
_FAILED: Final = _ASKED % ",code:5*"
_REFUSED: Final = _ASKED % ",code:4*,!code:499"
_ANSWERS: Final = "sum:streamer.serve_answers.count{S%s}.as_count()"
_TIMED: Final = "sum:streamer.serve_seconds.count{S}.as_count()"
_IN_TIME: Final = "sum:streamer.serve_seconds.bucket{S,upper_bound:0.2}.as_count()"

# By the name of the rule.  S is the scope.  A rule that is not here is one of those that burn an
# objective (_BURNS), or is told about in ops/datadog/README.md.
QUERIES: Final = {
    "StreamerNoWorker": "max(last_2m):sum:streamer.assigned_partitions{S} <= 0",
    "StreamerWorkerDown": '"streamer.openmetrics.health".over("S").by("endpoint").last(21)'
    ".count_by_status()",
    "StreamerRestartLoop": "sum(last_15m):clamp_max(diff(max:streamer.process.start_time_seconds{S} "
    "by {endpoint}), 1) >= 3",
    "StreamerNoTraffic": f"sum(last_15m):{_READ} <= 0",
    "StreamerKafkaAway": "max(last_2m):min:streamer.dependency_up{S,name:kafka} by {endpoint} <= 0",
    "StreamerBreakerOpen": "max(last_1m):min:streamer.redis_breaker_state{S,state:closed} "
    "by {endpoint} <= 0",
    "StreamerSecretFaulted": "min(last_5m):max:streamer.secret_faulted{S} by {endpoint,setting} >= 1",
    "StreamerPartitionStalled": "min(last_1m):max:streamer.partition_stalled_seconds{S} "
    "by {topic,partition} > 30",
    "StreamerPartitionFaulted": "min(last_1m):max:streamer.partition_faulted{S} "
    "by {topic,partition} >= 1",
    "StreamerCheckpointTooOld": "min(last_1m):max:streamer.checkpoint_age_seconds{S} by {partition} "
    f"* {_TRAFFIC % ' by {partition}'} > 60",
    # The 95th percentile is above 200 ms when more than 5% are.
    "StreamerLatencyHigh": f"sum(last_15m):({_ALERTED} - {_SLOW}) / {_ALERTED} > 0.05",
    "StreamerErrorShareHigh": f"sum(last_15m):{_LOST} / {_READ} > 0.01",
    "StreamerDeadLetterSurge": f"avg(last_5m):{_DEAD} - 5 * default_zero(hour_before({_DEAD})) > 0.2",
    "StreamerLedgerImbalance": "min(last_1m):abs(max:streamer.ledger_imbalance{S} by {partition}) > 0",
    "StreamerRecordsLost": "sum(last_1h):sum:streamer.records_lost.count{S} "
    "by {partition,cause}.as_count() > 0",
    "StreamerFuseBlown": "min(last_1m):max:streamer.alert_fuse_blown{S} by {partition} >= 1",
    # Above 1.5 or below 0.5 is further than 0.5 from 1.
    "StreamerAlertBudgetMissed": "min(last_30m):abs(max:streamer.alert_budget_achieved{S,unit:share} "
    "/ max:streamer.alert_budget_requested{S,unit:share} - 1) * clamp_max(clamp_min("
    "max:streamer.model_transactions_seen{S} - 100000, 0), 1) > 0.5",
    "StreamerFeatureDrift": "min(last_1h):max:streamer.feature_drift_psi{S} by {feature} > 0.2",
    "StreamerDriftReferenceUnsettled": "max(last_1h):min:streamer.drift_reference_settled{S} <= 0",
    "StreamerModelRolledBack": "sum(last_1h):sum:streamer.model_rollbacks.count{S} by {figure}"
    ".as_count() > 0",
    "StreamerModelStale": "min(last_5m):max:streamer.model_age_seconds{S} "
    f"* {_TRAFFIC % ''} > 900",
    "StreamerServeDown": "max(last_1m):sum:streamer.serve_ready{S} <= 0",
    "StreamerServeTenantDown": "max(last_1m):sum:streamer.serve_ready{S,tenant:*} by {tenant} <= 0",
    "StreamerServeNotReady": "max(last_5m):max:streamer.serve_ready{S} by {endpoint} <= 0",
    "StreamerServeLatencyHigh": f"sum(last_10m):({_TIMED} - {_IN_TIME}) / {_TIMED} > 0.05",
    "StreamerServeErrorShareHigh": f"sum(last_5m):{_FAILED} / {_STAYED} > 0.01",
    "StreamerServeRefusedShareHigh": f"sum(last_15m):{_REFUSED} / {_STAYED} > 0.05",
    "StreamerServeWithoutState": f"sum(last_5m):{_ANSWERS % ',!mode:normal'} / {_ANSWERS % ''} > 0.01",
    "StreamerServeModelStale": "min(last_2m):max:streamer.serve_model_unread_seconds{S} "
    "by {endpoint} > 60",
}
_SCOPE: Final = "service:streamer"
# Long and short window in hours, and how many times too fast.  Datadog takes 48 hours at most.
_BURNS: Final = {
    "Fast": ("1h", "5m", 14.4),
    "Slow": ("6h", "30m", 6),
    "Day": ("24h", "2h", 3),
}
_SLOS: Final = {
    "Latency": ("streamer: alerts within 200 ms", 95.0, _SLOW, _ALERTED),
    "Completeness": ("streamer: payments scored", 99.9, f"{_READ} - {_LOST}", _READ),
}
_PRIORITIES: Final = {"page": 1, "ticket": 3, "info": 5}


def mapping() -> dict[str, str]:
    """Return the agent's name of each family, without our prefix, by the one that it scrapes."""
    return {family.family_name: _name(family) for family in catalogue()}


def _name(family: Family[Any]) -> str:
    return re.sub("^process_", "process.", family.family_name.removeprefix(PREFIX))


@cache
def rules() -> dict[str, dict[str, Any]]:
    """Return the alert rules of Prometheus by name."""
    groups = yaml.safe_load((_OPS / "prometheus" / "streamer.rules.yml").read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def written() -> dict[Path, str]:
    """Return every file with its text."""
    conf = _CONF_HEAD + "".join(f"      - {ours}: {its}\n" for ours, its in mapping().items())
    return {CONF: conf, MONITORS: _json(_monitors()), OBJECTIVES: _json(_objectives())}


def _json(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"


def _objectives() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "type": "metric",
            "description": "See ops/SLO.md.",
            "query": {"numerator": _scoped(good), "denominator": _scoped(total)},
            "thresholds": [{"timeframe": "30d", "target": target}],
            "tags": [_SCOPE],
        }
        for name, target, good, total in _SLOS.values()
    ]


def _monitors() -> list[dict[str, Any]]:
    found = [_monitor(name, _scoped(query)) for name, query in QUERIES.items()]
    for objective in _SLOS:
        for speed, (long, short, times) in _BURNS.items():
            windows = f'.over("30d").long_window("{long}").short_window("{short}") > {times}'
            query = f'burn_rate("{objective.upper()}_SLO_ID"){windows}'
            found.append(_monitor(f"Streamer{objective}BudgetBurn{speed}", query))
    return found


def _scoped(query: str) -> str:
    return query.replace("{S", "{" + _SCOPE).replace('"S"', f'"{_SCOPE}"')


def _monitor(name: str, query: str) -> dict[str, Any]:
    rule = rules()[name]
    told = rule["annotations"]
    page = told["runbook_url"].removeprefix("{{ $externalLabels.runbooks }}")
    options: dict[str, Any] = {"thresholds": {"critical": _threshold(query)}, "include_tags": True}
    kind = "query alert"
    if query.startswith('"'):
        # 20 scrapes are five minutes.
        kind, options["thresholds"] = "service check", {"critical": 20, "warning": 1, "ok": 1}
    elif query.startswith("burn_rate"):
        kind = "slo alert"
    elif name == "StreamerNoWorker":
        options |= {"notify_no_data": True, "no_data_timeframe": 10}
    return {
        "name": f"{name}: {_templated(told['summary'])}",
        "type": kind,
        "query": query,
        "message": f"{_templated(told['description'])} Runbook: {page}",
        "tags": [_SCOPE, f"alert:{name}"],
        "priority": _PRIORITIES[rule["labels"]["severity"]],
        "options": options,
    }


def _threshold(query: str) -> float:
    """Return the number after the comparison, which Datadog wants a second time."""
    return float(query.rsplit(" ", 1)[1]) if " " in query else 0.0


def _templated(text: str) -> str:
    """Return a text of Prometheus with Datadog's names for what is filled in."""
    text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"{{\1.name}}", text)
    text = re.sub(r"\{\{ \$value[^}]*\}\}", "{{value}}", text)
    return text.replace("{{instance.name}}", "{{endpoint.name}}").replace("Prometheus", "the agent")


def main() -> None:
    """Write the files."""
    for path, text in written().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m tests.ops.datadog", description=__doc__).parse_args()
    main()
