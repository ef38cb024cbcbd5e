"""Workers that run take another policy up, and a restart goes by it, whatever the environment says."""

from __future__ import annotations

import hashlib
import json

from streamer.explaining.explanation import explain_by_parameters
from streamer.pipeline.fuse import WINDOW
from streamer.policies import Policy, changed_policy, policy_of
from tests.cli.test_commands import run
from tests.stream.conftest import MakeService
from tests.stream.harness import Service, Worker, payments, wait_until


def environment(service: Service) -> dict[str, str]:
    return {name.removeprefix("STREAMER_").lower(): value for name, value in service.env.items()}


def wait_taken_up(worker: Worker, policy: Policy) -> None:
    worker.wait_metric(lambda value: value == 1.0, "streamer_policy_info", policy=policy.id)


def test_a_smaller_budget_is_followed_without_a_restart_and_kept_by_the_next_worker(
    make_service: MakeService,
) -> None:
    """2,000 payments at 0.1 and 4,000 at 0.005: some 140 alerts of those that could, then some 20.

    Every alert is explained from itself, of both policies.
    """
    service = make_service(n_partitions=1, alert_budget="0.1", model_versions_kept="1000")
    first = policy_of(service.settings)
    smaller = changed_policy(first, {"alert_budget": "0.005"})
    sent = payments(6_500, seed=5)
    worker = service.worker().wait_ready()
    assert worker.json("/model")["policy"] == first.id
    service.produce(sent[:2_000])
    worker.wait_scored(2_000)

    service.put_in_force(smaller)
    # No payment comes: it is taken up all the same.
    wait_taken_up(worker, smaller)
    assert worker.metric("streamer_policy_info", policy=first.id) == 0.0
    assert worker.json("/model")["policy"] == smaller.id
    wait_until(
        lambda: (
            list(service.ask(lambda store: store.policies.by_worker()).values()) == [smaller.id]
        ),
        "the worker to say by which policy it goes",
    )
    service.produce(sent[2_000:6_000])
    worker.wait_scored(6_000)
    service.wait_consumed(6_000)

    alerts = service.alerts()
    before = [alert for alert in alerts if alert.source.offset < 2_000]
    after = [alert for alert in alerts if alert.source.offset >= 2_000]
    assert len(before) > 60
    assert 5 <= len(after) <= 2 * 0.005 * WINDOW
    assert min(alert.source.offset for alert in after) < 3_000
    for alert in alerts:
        assert explain_by_parameters(alert).is_reproduced
    assert worker.child.is_running()
    # By its version as well, of which the first after the change was made under the former policy.
    for alert in (before[-1], after[0]):
        told = run("explain", alert.alert_id, "--by-version", "--json", **environment(service))
        assert told.exit_code == 0, told.stderr

    # The environment still says 0.1, and a restart takes the record.
    assert worker.terminate() == 0
    again = service.worker().wait_ready()
    wait_taken_up(again, smaller)
    [line] = [
        json.loads(line)
        for line in again.child.log_tail(1_000).splitlines()
        if "the policy counts, not the environment" in line
    ]
    assert line["differing"] == [
        "STREAMER_ALERT_BUDGET: 0.1 in the environment, 0.005 in the policy"
    ]
    assert "streamer policy apply --from-environment" in line["to_change"]
    service.produce(sent[6_000:])
    service.wait_consumed(6_500)
    totals = service.ask(lambda store: store.totals())
    assert (totals.consumed, totals.scored, totals.imbalance) == (6_500, 6_500, 0)
    head = service.ask(lambda store: store.head())
    assert head.sums.transactions_seen == 6_500


def test_a_policy_that_cannot_be_read_is_told_and_the_old_one_stays(
    make_service: MakeService,
) -> None:
    """A record of a release that knows more; then one that can be kept again."""
    service = make_service(n_partitions=1)
    first = policy_of(service.settings)
    worker = service.worker().wait_ready()
    foreign = Policy("", {**first.values, "lottery_share": 0.1})
    foreign = Policy(hashlib.sha256(foreign.encoded).hexdigest()[:16], foreign.values)

    async def write(store):  # type: ignore[no-untyped-def]
        client = store.policies.client
        await client.pipelined(
            [
                ("SET", client.keys.policy(foreign.id), foreign.encoded),
                ("SET", client.keys.policy_head, foreign.id),
            ],
            atomic=True,
        )

    service.ask(write)
    wait_until(lambda: worker.wrote("policy cannot be taken up"), worker.log)
    assert worker.json("/model")["policy"] == first.id
    service.produce(payments(500))
    service.wait_consumed(500)

    async def repair(store):  # type: ignore[no-untyped-def]
        client = store.policies.client
        await client.pipelined([("SET", client.keys.policy_head, first.id)], atomic=False)

    service.ask(repair)
    larger = changed_policy(first, {"alert_budget": "0.05"})
    service.put_in_force(larger)
    wait_taken_up(worker, larger)
    # A worker that starts meets it before it reads anything, and says what is wrong.
    service.ask(write)
    stranger = service.worker()
    assert stranger.child.wait(60) == 2
    assert "got lottery_share; use the release that wrote it" in stranger.log()
