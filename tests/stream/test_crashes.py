"""Workers that die, hang or leave: nothing is lost, counted, learned or alerted twice."""

from __future__ import annotations

from collections.abc import Callable

from streamer.pipeline.waves import unpacked_waves
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.waiting import DEADLINE_S
from tests.stream.harness import Service, payments, wait_until

MakeService = Callable[..., Service]


def test_kill_9_at_any_moment_loses_and_doubles_nothing(make_service: MakeService) -> None:
    """Ledger, model and alerts are exact after several crashes at different moments."""
    service = make_service()
    stream = payments(12_000)
    slices = [stream[i : i + 3_000] for i in range(0, len(stream), 3_000)]
    worker = service.worker().wait_ready()
    service.produce(slices[0])
    for n, part in enumerate(slices[1:]):
        before = service.totals().consumed
        service.produce(part)
        # At once, which is while it scores, or as soon as some of it is in a checkpoint.
        if n % 2:
            wait_until(lambda t=before: service.totals().consumed > t, worker.log)
        worker.kill()
        worker = service.successor()
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
    worker.wait_scored(500)
    assert worker.terminate() == 0, worker.log()
    assert service.offsets() == [250, 250]
    assert service.committed() == [250, 250]
    service.assert_exact()


def test_nothing_is_committed_before_its_checkpoint(make_service: MakeService) -> None:
    """A worker that dies before its first checkpoint leaves Kafka's offsets as they were."""
    service = make_service(checkpoint_interval_s="3600", warmup_transactions="100000")
    worker = service.worker().wait_ready()
    service.produce(payments(500))
    worker.wait_scored(500)
    worker.kill()
    assert service.committed() == [None, None]
    assert service.offsets() == [None, None]


def test_alerts_published_before_a_crash_and_after_the_checkpoint_do_not_come_twice(
    make_service: MakeService,
) -> None:
    """The next worker scores those payments again and suppresses their alerts, each counted."""
    service = make_service(warmup_transactions="1000")
    service.worker().wait_ready()
    service.produce(payments(12_000))
    service.wait_consumed()
    assert service.workers[-1].terminate() == 0
    before = len(service.alerts())
    # Fewer than a tenth of what the model has seen, so that no checkpoint falls due.
    careless = service.successor(checkpoint_interval_s="3600")
    service.produce(payments(1_000, seed=2))
    careless.wait_scored(1_000)
    levels = ("medium", "high", "critical")
    n_new = sum(careless.metric("streamer_alerts_total", severity=level) for level in levels)
    assert n_new > 0
    # What the fuse held back is out too, on its own topic, and is suppressed there.
    overflowed = "streamer_alerts_overflowed_total"
    n_held_back = sum(careless.metric(overflowed, severity=level) for level in levels)
    wait_until(
        lambda: len(service.alerts()) - before == n_new,
        lambda: f"{n_new} alerts, got {len(service.alerts()) - before}\n{careless.log()}",
    )
    careless.kill()
    assert service.totals().consumed == 12_000
    successor = service.successor()
    service.wait_consumed()
    service.assert_exact()
    assert successor.metric("streamer_alerts_suppressed_total") == n_new + n_held_back


def test_waves_go_on_where_a_dead_worker_left_them(make_service: MakeService) -> None:
    """What was stored of them is still there when the successor has stored its own."""
    service = make_service(warmup_transactions="500")
    worker, stream = service.worker().wait_ready(), payments(8_000)
    service.produce(stream[:6_000])
    service.wait_consumed()
    worker.kill()
    before = _waves(service)
    assert all(before)
    service.successor()
    service.produce(stream[6_000:])
    service.wait_consumed()
    # Of a card that alerts on another day the earlier wave has made room.
    after = _waves(service)
    assert after != before
    assert all(old & new for old, new in zip(before, after, strict=True))


def _waves(service: Service) -> list[set[tuple[int, int, int]]]:
    """Return of each partition whose waves are stored, of which hours and since when."""
    topic = service.settings.transactions_topic
    stored = service.ask(lambda store: store.partitions())
    tables = [unpacked_waves(stored[topic, p].waves) for p in range(service.n_partitions)]
    return [{(row[0], row[1], row[2]) for row in t[t[:, 0] >= 0].tolist()} for t in tables]


def test_a_dead_worker_s_partitions_go_to_the_other_and_nothing_is_lost_or_doubled(
    make_service: MakeService,
) -> None:
    """Two workers share the partitions; kill -9 of one hands its own over."""
    service = make_service(n_partitions=4)
    doomed, survivor = service.worker(), service.worker()
    assigned = "streamer_assigned_partitions"
    wait_until(
        lambda: [w.metric(assigned) for w in service.workers] == [2, 2],
        lambda: doomed.log() + survivor.log(),
    )
    service.produce(payments(4_000))
    service.wait_consumed()
    service.produce(payments(4_000, seed=2))
    doomed.kill()
    survivor.wait_metric(lambda n: n == 4, assigned)
    service.produce(payments(1_000, seed=3))
    service.wait_consumed()
    assert service.assert_exact().scored == 9_000
    survivor.wait_ready()


def test_a_paused_worker_whose_partitions_were_claimed_can_write_nothing(
    apache_kafka: ApacheKafka, redis_url: str
) -> None:
    """Its checkpoint is refused, it exits non-zero, and its successor's ledger is exact.

    Its session does not end before that, however long the claims take: it would claim anew.
    """
    patient = {"kafka_session_timeout_s": "1800", "warmup_transactions": "100000"}
    with Service(apache_kafka.bootstrap_servers, redis_url, **patient) as service:
        # A checkpoint falls due by the number of payments: there is one to refuse when more came.
        zombie = service.create_topics().worker(checkpoint_interval_s="3600").wait_ready()
        service.produce(payments(900))
        zombie.wait_scored(900)
        zombie.pause()
        # What a worker does that Kafka gives the partitions to.
        topic = service.settings.transactions_topic
        before = service.offsets()
        for partition in range(2):
            service.ask(lambda store, p=partition: store.claim(topic, p, "another", 0))
        zombie.resume()
        service.produce(payments(1_200, seed=2))
        assert zombie.child.wait(DEADLINE_S) == 1
        assert zombie.wrote("must be the one claimed")
        assert service.offsets() == before
        service.successor()
        service.wait_consumed()
        assert service.assert_exact().scored == 2_100


def test_payments_sent_again_are_counted_and_nothing_else_even_after_a_crash(
    make_service: MakeService,
) -> None:
    """A producer sends 2,000 payments a second time, half of them to a worker that knows of the
    first only from the checkpoints of one that was killed."""
    service = make_service()
    worker = service.worker().wait_ready()
    stream = payments(3_000)
    service.produce(stream[:2_000])
    service.produce(stream[:1_000])
    service.wait_consumed()
    worker.kill()
    successor = service.successor()
    service.produce(stream[1_000:])
    service.wait_consumed()
    total = service.assert_exact()
    assert (total.scored, total.repeated, total.dead_lettered) == (3_000, 2_000, 0)
    repeated = "streamer_transactions_repeated_total"
    assert [successor.metric(repeated, partition=str(p)) for p in range(2)] == [500, 500]
    alerts = service.alerts() + service.overflow()
    ids = [alert.transaction.transaction_id for alert in alerts]
    assert len(ids) == len(set(ids))
