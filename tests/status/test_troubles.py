"""What counts as wrong, on statuses made by hand, and that each runbook is there."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from streamer.status.facts import (
    Change,
    EndpointStatus,
    ModelStatus,
    PartitionStatus,
    Status,
    WorkerStatus,
)
from streamer.status.troubles import Trouble, troubles_of

_ROOT = Path(__file__).resolve().parents[2]

_PARTITION = PartitionStatus(
    partition=0,
    owner="w1",
    offset=100,
    beginning=0,
    end=100,
    checkpoint_age_s=600.0,
    imbalance=0,
    scored=95,
    alerted=2,
    dead_lettered=0,
    lost=5,
)
_MODEL = ModelStatus(
    version="a" * 64,
    age_s=2.0,
    is_warming=False,
    transactions_seen=100_000,
    warmup=5_000,
    ranked_by="distance",
    budget_requested=0.005,
    budget_achieved=0.0051,
    per_hour_requested=None,
    per_hour_achieved=None,
    drift_reference="settled",
    moved=(),
)
_WELL = Status(
    at="2026-03-01T12:00:00.000Z",
    namespace="default",
    topic="transactions",
    n_partitions=1,
    workers=(WorkerStatus("w1", 1.0, is_alive=True),),
    partitions=(_PARTITION,),
    model=_MODEL,
)
_LOSS = Change("2026-03-01T11:00:00.000Z", 3_600.0, "loss", "w1", "cause retention")

_DEAD = (WorkerStatus("w1", 120.0, is_alive=False),)
_OTHER = (WorkerStatus("w2", 1.0, is_alive=True),)


def _with(**changes: object) -> Status:
    return replace(_WELL, partitions=(replace(_PARTITION, **changes),))


def test_a_service_that_has_read_everything_is_well_however_old_its_checkpoint() -> None:
    """Without traffic nothing is checkpointed, and what was lost long ago is not news."""
    assert troubles_of(_WELL) == []
    assert troubles_of(replace(_WELL, changes=(replace(_LOSS, age_s=90_000.0),))) == []
    assert troubles_of(_with(end=140, checkpoint_age_s=5.0)) == []


@pytest.mark.parametrize(
    ("status", "what", "heading"),
    [
        (replace(_WELL, redis_error="gone"), "Redis does not answer: gone", "redis-away"),
        (replace(_WELL, kafka_error="gone"), "Kafka does not answer: gone", "kafka-away"),
        (replace(_WELL, workers=_DEAD), "no worker is alive", "worker-killed"),
        (
            replace(_WELL, n_partitions=4),
            "partitions 1, 2, 3 of transactions have never been claimed",
            "partitions-added",
        ),
        (
            replace(_WELL, n_partitions=2),
            "partition 1 of transactions has never been claimed",
            "partitions-added",
        ),
        (_with(imbalance=3), "partition 0 has a ledger that is out by 3", "first"),
        (
            _with(end=60),
            "partition 0 was read up to 100, its log ends at 60",
            "log-shorter",
        ),
        (
            _with(beginning=130, end=130, offset=100, checkpoint_age_s=1.0),
            "partition 0 was read up to 100, its log begins at 130",
            "retention",
        ),
        (
            _with(end=1_140),
            "partition 0 has 1,040 records waiting and no checkpoint for 600 s",
            "first",
        ),
        (
            replace(_with(end=140), workers=_OTHER),
            "partition 0 has 40 records waiting and no worker that is alive; w1 had it",
            "worker-killed",
        ),
        (
            replace(_WELL, changes=(_LOSS,)),
            "records were lost at 2026-03-01T11:00:00.000Z: cause retention",
            "retention-overtook",
        ),
        (
            replace(_WELL, changes=(replace(_LOSS, details="cause store, epoch 0"),)),
            "records were lost at 2026-03-01T11:00:00.000Z: cause store, epoch 0",
            "redis-came-back-empty",
        ),
        (
            replace(_WELL, changes=(replace(_LOSS, details="cause operator"),)),
            "records were lost at 2026-03-01T11:00:00.000Z: cause operator",
            "first",
        ),
        (
            replace(_WELL, kept_otherwise=("topic fraud-alerts keeps what is of cards 30 days",)),
            "topic fraud-alerts keeps what is of cards 30 days",
            "topics",
        ),
        (
            replace(_WELL, model=replace(_MODEL, moved=("amount: usual 27 GBP, now 54 GBP",))),
            "drift: amount: usual 27 GBP, now 54 GBP",
            "first",
        ),
        (
            replace(_WELL, model=replace(_MODEL, budget_achieved=0.008)),
            "alerts are 1.6 times what was agreed",
            "the-fuse",
        ),
        (
            replace(_WELL, model=replace(_MODEL, per_hour_requested=10.0, per_hour_achieved=18.0)),
            "alerts are 1.8 times what was agreed",
            "the-fuse",
        ),
        (
            replace(_WELL, endpoints=(EndpointStatus("http://w", False, error="refused"),)),
            "http://w does not answer: refused",
            "worker-killed",
        ),
        (
            replace(_WELL, endpoints=(EndpointStatus("http://w", False, because=("starting",)),)),
            "http://w is not ready: starting",
            "first",
        ),
    ],
)
def test_each_thing_that_is_wrong_is_said_once_with_its_page(
    status: Status, what: str, heading: str
) -> None:
    """One trouble each, in words, and the heading exists."""
    [trouble] = troubles_of(status)
    assert trouble.what == what
    assert trouble.runbook.split("#")[1].startswith(heading)
    assert _has_heading(trouble)


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("partition 0 must alert at most twice as often as agreed; …", "the-fuse-blew"),
        ("partition 0 of transactions must answer fetches, got …", "a-partition-stands-still"),
        ("topic transactions must exist, got none: it was deleted; …", "a-partition-stands-still"),
        (
            "partition 1 of transactions is faulted: topic transactions must be the one that "
            "partition 1 was read from, …: it was deleted and created again; …",
            "topic-deleted-and-made-again",
        ),
        (
            "partition 3 of fraud-feedback is faulted: … it was deleted and created again; …",
            "feedback-topic-deleted-and-made-again",
        ),
        ("Redis is older than what Kafka was told: …", "redis-came-back-older"),
        ("something that nobody has thought of", "first-always"),
    ],
)
def test_a_line_of_a_worker_leads_to_its_heading(line: str, heading: str) -> None:
    """As the table of the runbook does, so that nobody must look it up."""
    for endpoint in (
        EndpointStatus("http://w", True, warnings=(line,)),
        EndpointStatus("http://w", False, because=(line,)),
    ):
        [trouble] = troubles_of(replace(_WELL, endpoints=(endpoint,)))
        assert trouble.what.endswith(line)
        assert trouble.runbook.endswith(f"#{heading}")
        assert _has_heading(trouble)


def test_one_cause_is_one_line_however_many_workers_and_partitions_it_has() -> None:
    """Redis away is told by every worker, a rebalance by every partition."""
    away = "scoring goes on from memory and checkpoints wait, for {} s: Redis at r:6379/0 …"
    claim = "partition {} of transactions waits to be claimed"
    status = replace(
        _WELL,
        endpoints=(
            EndpointStatus("http://a", True, warnings=(away.format(40),)),
            EndpointStatus("http://b", True, warnings=(away.format(41),)),
            EndpointStatus("http://c", False, because=(claim.format(0), claim.format(2))),
        ),
    )
    claims, redis = troubles_of(status)
    assert redis.what == f"http://a, http://b warn: {away.format(41)}"
    assert redis.runbook.endswith("#redis-away-hung-or-slow")
    assert claims.what == (
        "http://c is not ready: partitions 0, 2 of transactions wait to be claimed"
    )
    assert claims.runbook.endswith("#worker-killed-frozen-out-of-memory")


def test_a_young_model_is_not_held_to_its_budget() -> None:
    """The threshold has not had the traffic to settle."""
    young = replace(_MODEL, budget_achieved=0.05, transactions_seen=20_000)
    assert troubles_of(replace(_WELL, model=young)) == []
    warming = replace(_MODEL, budget_achieved=0.05, is_warming=True)
    assert troubles_of(replace(_WELL, model=warming)) == []


def _has_heading(trouble: Trouble) -> bool:
    page, anchor = trouble.runbook.split("#")
    headings = re.findall(r"^#+ (.+)$", (_ROOT / page).read_text(), re.MULTILINE)
    return anchor in {
        re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in headings
    }
