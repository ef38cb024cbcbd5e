"""The catalogue of metrics: every family with its type, unit, labels, buckets and meaning.

A section is a class whose attributes are the families; `streamer.telemetry.metrics.Metrics` inherits
a worker's, `streamer.serving.serve_metrics.ServeMetrics` those of `streamer serve`,
`streamer.console.service.console_metrics.ConsoleMetrics` those of `streamer console`.
``ops/METRICS.md`` is made from here, and tests hold running processes against it.  Names follow
Prometheus: base units, ``_total`` for counters, ``_ratio`` for shares from 0 to 1.
"""

from typing import Final

from streamer.telemetry.catalogue.access_metrics import AccessMetrics
from streamer.telemetry.catalogue.alert_metrics import AlertMetrics
from streamer.telemetry.catalogue.audit_metrics import AuditMetrics
from streamer.telemetry.catalogue.batch_metrics import STAGES, BatchMetrics
from streamer.telemetry.catalogue.challenger_metrics import ChallengerMetrics
from streamer.telemetry.catalogue.ledger_metrics import LedgerMetrics
from streamer.telemetry.catalogue.model_metrics import ModelMetrics
from streamer.telemetry.catalogue.request_metrics import RequestMetrics
from streamer.telemetry.catalogue.service_metrics import ProcessMetrics, ServiceMetrics
from streamer.telemetry.catalogue.storage_metrics import StorageMetrics
from streamer.telemetry.catalogue.verdict_metrics import VerdictMetrics

__all__ = ["LABELS", "SECTIONS", "WORKER_SECTIONS"]

WORKER_SECTIONS: Final = (
    LedgerMetrics,
    AlertMetrics,
    BatchMetrics,
    VerdictMetrics,
    ModelMetrics,
    ChallengerMetrics,
    StorageMetrics,
    ServiceMetrics,
    ProcessMetrics,
)
SECTIONS: Final = (*WORKER_SECTIONS, RequestMetrics, AccessMetrics, AuditMetrics)
"""In the order of the page; a section's docstring is what its heading says."""

LABELS: Final = {
    "partition": "A partition of the transactions topic that the worker has; counters stay for five "
    "minutes after it has gone.",
    "topic": "One of the two input topics.",
    "reason": "Why a record or a field could not be used: of dead letters, see "
    "[docs/dead-letters.md](../docs/dead-letters.md); of a refused request also what "
    "[ops/runbooks/serving.md](runbooks/serving.md#what-each-refusal-means) lists.",
    "cause": "Of a loss: `retention`, `recreated`, `truncated`, `store`, `operator`. Of a checkpoint "
    "that was not written: `redis`, `kafka`, `fenced`.",
    "field": "A field of a payment.",
    "severity": "`medium`, `high`, `critical`.",
    "verdict": "`fraud`, `legitimate`.",
    "outcome": "Of a verdict: `standing`, `ignored`. Of a call to Redis: `done`, `unanswered`, "
    "`refused`, `not tried`. Of a span: `sent`, `refused`, `dropped`.",
    "unit": "`share` of traffic, or `per_hour` of event time.",
    "stage": "Of a batch, in its order: " + ", ".join(f"`{stage}`" for stage in STAGES) + ".",
    "generation": "Of Python's garbage collector: `0`, `1`, `2`.",
    "detector": "What ranks payments: `distance`, `odds`.",
    "center": "The number of a center, from 0 to STREAMER_N_CLUSTERS - 1.",
    "figure": "Of a model version: `finite`, `fuse`, `budget`, `errors`, `scores`, `latency`, "
    "`precision`.",
    "feature": "A feature of the model, see `/model`.",
    "kind": "A table of entities: `cards`, `merchants`, `card_verdicts`, `merchant_verdicts`.",
    "state": "Of the circuit breaker: `closed`, `open`, `half-open`.",
    "command": "A command of Redis.",
    "name": "`kafka`, `redis`.",
    "version": "The release.",
    "setting": "Whose secret it is, in lower case: see [docs/secrets.md](../docs/secrets.md).",
    "policy": "The id of the policy in force; one at a time per worker.",
    "lane": "Of the alert budget: `main`, `reserve`, `sample`.",
    "challenger": "The name of a challenger; at most three.",
    "alerted_by": "`both`, `only main`, `only challenger`, and of frauds `neither`.",
    "line": "`main`, `challenger`.",
    "bound": "An `estimate`, and the `low` and `high` end of its interval.",
    "wave": "What the alerts are of: `card` or `merchant`.",
    "door": "Of a request: `native` (/v1/score), `open_inference`, `mlflow`, `grpc`.",
    "code": "Status of HTTP, and for gRPC what its own stands for; 499: the client went away.",
    "branch": "What an answer came from: `head`, `canary`, or a version that the request `named`.",
    "mode": "`normal`, or `redis-unavailable`: from the model alone.",
    "decision": "`alert`, `pass`, `warming`.",
    "model_version": "The id of a model version; one at a time per process.",
    "action": "What an entry of the audit topic tells of: see [docs/audit.md](../docs/audit.md).",
    "access": "`change`, or `view` of card data.",
    "writer": "The chain of a process on the audit topic; one per process.",
    "answer": "`allowed`, `denied`.",
    "decided_by": "`opa`; `built in`; `built in, opa away`: by the built-in rules, or denied by them, "
    "while Open Policy Agent did not answer.",
    "payments": "`alerted`, and the `other` payments.",
}
"""What the values of a label are; all of them are bounded."""
