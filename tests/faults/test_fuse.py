"""A model that would alert on everything is promoted: reviewers get twice their budget at most.

What the fuse holds back lies whole on the overflow topic, and nothing is lost.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import msgspec
import numpy as np
import pytest

from streamer.contract.messages import Alert, Severity
from streamer.model.codec import decode_version, encode_version, state_id
from streamer.starting.wiring import model_config
from tests.cli.test_commands import run
from tests.faults.checker import check
from tests.faults.reading import read_topic
from tests.faults.stand import Stand
from tests.faults.traffic import Mix
from tests.rig.apache_kafka import ApacheKafka
from tests.stream.harness import wait_until

BUDGET = 0.02
WINDOW = 5_000
# 2.0 x 0.02 x 5,000.
MOST = 200
N_BEFORE, N_AFTER = 5_000, 12_000
# Else workers go back from it within seconds: what alerts takes longer, too.
_NEVER_BACK = (
    "[watch]\nmax_overflow_ratio = 1e9\nmax_budget_ratio = 1e9\nmax_score_shift = 1e9\n"
    "max_latency_ratio = 1e9\n"
)


@pytest.fixture
def stand(apache_kafka: ApacheKafka, redis_url: str) -> Iterator[Stand]:
    """A worker with a model of ordinary payments, at rest."""
    with Stand(
        apache_kafka.bootstrap_servers,
        redis_url,
        n_partitions=1,
        mix=Mix(),
        alert_budget=str(BUDGET),
    ) as stand:
        stand.wait_ready(stand.add_worker())
        stand.traffic.send(N_BEFORE)
        assert stand.settle()
        yield stand


def _command(stand: Stand, *arguments: str) -> None:
    settings = {n.removeprefix("STREAMER_").lower(): v for n, v in stand.service.env.items()}
    result = run("model", *arguments, **settings)
    assert result.exit_code == 0, result.stderr


def _promote_a_model_that_alerts_on_everything(stand: Stand, folder: Path) -> None:
    """The head, with a past of one payment of which nothing is known: whatever comes is above it.

    Its freshness is a billion, since a threshold follows what comes and this one must not.
    """
    exported, altered = folder / "head.safetensors", folder / "altered.safetensors"
    _command(stand, "export", "head", str(exported))
    config = model_config(stand.service.settings)
    sums, header = decode_version(exported.read_bytes(), config)
    unknown = np.full((1, sums.recent_rows.shape[1]), np.nan, np.float32)
    unknown[0, -3:] = 0.0, 1.0, 1e9
    altered.write_bytes(
        encode_version(replace(sums, recent_rows=unknown), header, config.feature_names)
    )
    _command(stand, "import", str(altered))
    altered_id = state_id(decode_version(altered.read_bytes(), config)[0])
    policy = folder / "gate.toml"
    policy.write_text(_NEVER_BACK)
    _command(stand, "promote", altered_id, "--force", "a drill", "--policy", str(policy))


def _alerts(stand: Stand, topic: str) -> list[Alert]:
    decode = msgspec.json.Decoder(Alert).decode
    return [decode(value) for value in read_topic(stand.service, topic)]


def _places(stand: Stand, alerts: list[Alert]) -> dict[int, list[int]]:
    """Return each alert's place among the payments of its partition, by partition."""
    offsets: dict[int, list[int]] = defaultdict(list)
    for record in sorted(stand.traffic.sent, key=lambda r: r.offset):
        if record.kind == "payment":
            offsets[record.partition].append(record.offset)
    places: dict[int, list[int]] = defaultdict(list)
    for alert in alerts:
        source = alert.source
        places[source.partition].append(bisect_left(offsets[source.partition], source.offset))
    return {partition: sorted(found) for partition, found in places.items()}


def test_a_promoted_model_that_alerts_on_everything_blows_the_fuse(
    stand: Stand, tmp_path: Path
) -> None:
    """Over any 5,000 payments of a partition at most 200 alerts; every other one overflows."""
    service = stand.service
    before = service.ask(lambda store: store.head()).id
    _promote_a_model_that_alerts_on_everything(stand, tmp_path)
    # A running worker takes the new head with its next checkpoint.
    stand.traffic.send(200)
    worker = stand.slots[0].running
    wait_until(
        lambda: worker.json("/model").get("version", before) != before, "the model is taken up"
    )
    stand.traffic.send(N_AFTER)
    assert stand.settle()
    report = check(service, stand.traffic)
    assert report.figures.is_clean, report
    alerts = _alerts(stand, service.settings.alerts_topic)
    overflow = _alerts(stand, service.settings.overflow_topic)
    assert len(overflow) > N_AFTER / 4, "the fuse must have been provoked"
    ledger = service.totals()
    assert (len(alerts), len(overflow)) == (ledger.alerted, ledger.overflowed)
    for places in _places(stand, alerts).values():
        for i, first in enumerate(places):
            within = bisect_left(places, first + WINDOW) - i
            assert within <= MOST, f"{within} alerts in the 5,000 payments from {first} on"
    # Reviewers are not left without: the limit is used, window after window.
    assert len(alerts) >= MOST * (N_AFTER // WINDOW)
    counted = [
        worker.metric("streamer_alerts_overflowed_total", severity=severity)
        for severity in get_args(Severity)
    ]
    assert sum(counted) == len(overflow)
