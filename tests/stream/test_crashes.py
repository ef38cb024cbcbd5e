"""Workers that die, hang or leave: nothing is lost, counted, learned or alerted twice."""

from __future__ import annotations

from collections.abc import Callable

from tests.stream.harness import Service, payments, wait_until

MakeService = Callable[..., Service]


def test_kill_9_at_any_moment_loses_and_doubles_nothing(make_service: MakeService) -> None:
    """Ledger, model and alerts are exact after several crashes at different moments."""
    service = make_service()
    stream = payments(24_000)
    slices = [stream[i : i + 4_000] for i in range(0, len(stream), 4_000)]
    worker = service.worker().wait_ready()
    service.produce(slices[0])
    for n, part in enumerate(slices[1:]):
        service.produce(part)
        # At once, or in the middle of the slice: after some of it has been scored.
        if n % 2:
            total = service.totals().consumed
            wait_until(lambda t=total: service.totals().consumed > t, "a checkpoint")
        worker.kill()
        worker = service.worker()
    service.wait_consumed()
    total = service.assert_exact()
    assert total.scored == len(stream)
    assert total.alerted > 50


def test_sigterm_checkpoints_commits_and_leaves_nothing_to_reprocess(
    make_service: MakeService,
) -> None:
    """After SIGTERM the offsets in Redis and in Kafka are the topic's end, and the code is 0."""
    service = make_service(checkpoint_interval_s="3600")
    worker = service.worker().wait_ready()
    service.produce(payments(500))
    scored = "streamer_transactions_scored_total"
    wait_until(
        lambda: sum(worker.metric(scored, partition=str(p)) for p in range(2)) == 500, worker.log
    )
    assert worker.terminate() == 0, worker.log()
    assert service.offsets() == [250, 250]
    assert service.committed() == [250, 250]
    service.assert_exact()


def test_nothing_is_committed_before_its_checkpoint(make_service: MakeService) -> None:
    """A worker that dies before its first checkpoint leaves Kafka's offsets as they were."""
    service = make_service(checkpoint_interval_s="3600", warmup_transactions="100000")
    worker = service.worker().wait_ready()
    service.produce(payments(500))
    scored = "streamer_transactions_scored_total"
    wait_until(
        lambda: sum(worker.metric(scored, partition=str(p)) for p in range(2)) == 500, worker.log
    )
    worker.kill()
    assert service.committed() == [None, None]
    assert service.offsets() == [None, None]
