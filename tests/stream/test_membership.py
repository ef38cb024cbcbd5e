"""A worker that the group no longer counts as a member publishes nothing that its successor has."""

from __future__ import annotations

import asyncio
import time
from itertools import count
from types import SimpleNamespace

import pytest
from aiokafka.errors import RebalanceInProgressError, UnknownMemberIdError
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, SyncGroupRequest

from streamer.contract.messages import Score, Source
from streamer.settings import Settings
from streamer.stream.kafka.fetching import ConsumerThread
from streamer.stream.kafka.membership import EXPIRY_SHARE, HEARD_SHARE, Membership
from streamer.stream.publishing.publisher import Publisher
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.broker import Listener
from tests.rig.ports import stable_port
from tests.rig.proxy import Proxy
from tests.rig.waiting import DEADLINE_S
from tests.stream.alerts import alert_of
from tests.stream.conftest import MakeService
from tests.stream.harness import Service, payments, wait_until

SESSION_S = 6.0
QUEUED = "streamer_publish_queue_messages"
# Where a request to Kafka says what it asks for, and what it says there when it brings records.
API_KEY = slice(4, 6)
PRODUCE = b"\x00\x00"


def test_an_alert_is_given_up_before_its_worker_s_session_can_be_over() -> None:
    """Scored 0.45 sessions after the last heartbeat and given up 0.5 later is 0.95 of a session."""
    assert pytest.approx(0.95) == HEARD_SHARE + EXPIRY_SHARE
    assert HEARD_SHARE > 1 / 3, "a heartbeat is due three times a session"


def test_a_worker_waits_while_the_group_is_silent_and_goes_on_when_it_answers() -> None:
    """A session of 10 s: 4.5 s of silence are borne, 4.6 s are not."""

    async def scenario() -> None:
        membership = Membership(10.0)
        silent_s = 4.5
        membership.silent_s = lambda: silent_s
        await asyncio.wait_for(membership.wait(), DEADLINE_S)
        silent_s = 4.6
        waiting = asyncio.ensure_future(membership.wait())
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
        silent_s = 0.0
        await asyncio.wait_for(waiting, DEADLINE_S)

    asyncio.run(scenario())


class _Coordinator:
    """Passes for aiokafka's, as far as what it asks goes: every answer takes 0.3 s."""

    error_code = 0

    async def _send_req(self, _: object) -> object:
        await asyncio.sleep(0.3)
        return SimpleNamespace(error_code=self.error_code)


def test_a_worker_is_a_member_from_when_it_asked_for_what_the_group_has_answered() -> None:
    """It may have stood still between the answer that brings its partitions and reading it."""

    async def scenario() -> None:
        coordinator = _Coordinator()
        thread = ConsumerThread.__new__(ConsumerThread)
        thread._heard_at = time.monotonic() - 60.0
        thread._follow_group(coordinator)
        sync = SyncGroupRequest("group", 1, "member", None, [])
        beat = HeartbeatRequest("group", 1, "member")
        join = JoinGroupRequest("group", 6000, 6000, "member", None, "consumer", [])
        for request, code, is_heard in (
            (join, 0, False),
            (sync, RebalanceInProgressError.errno, False),
            (sync, UnknownMemberIdError.errno, False),
            (sync, 0, True),
            (beat, UnknownMemberIdError.errno, False),
            (beat, 0, True),
            (beat, RebalanceInProgressError.errno, True),
        ):
            thread._heard_at = time.monotonic() - 60.0
            coordinator.error_code = code
            await coordinator._send_req(request)
            assert (thread.silent_s() < 60.0) == is_heard, (request, code)
            assert thread.silent_s() >= 0.3, "an answer says nothing of the time after the question"

    asyncio.run(scenario())


def test_a_worker_that_stood_still_for_longer_than_its_session_publishes_nothing_twice(
    make_service: MakeService,
) -> None:
    """What was waiting when it was stopped is scored by another; it goes on as a new member."""
    service = make_service(alert_budget="0.1")
    worker = service.worker(checkpoint_interval_s="3600").wait_ready()
    service.produce(payments(3_000))
    wait_until(lambda: len(service.alerts()) > 20, worker.log)
    service.produce(payments(3_000, seed=2))
    worker.pause()
    other = service.worker().wait_ready()
    other.wait_metric(lambda n: n == 2, "streamer_assigned_partitions")
    service.wait_consumed()
    worker.resume()
    service.produce(payments(600, seed=3))
    # It may have a partition again, of which it takes a checkpoint when it goes.
    wait_until(lambda: not worker.child.is_running() or worker.get("/readyz")[0] == 200, worker.log)
    worker.terminate()
    service.wait_consumed()
    service.assert_exact()


@pytest.mark.usefixtures("apache_kafka_installed")
def test_a_worker_cut_off_from_kafka_in_the_middle_of_its_alerts_publishes_none_twice(
    redis_url: str,
) -> None:
    """Its session ends, another scores the same payments; then the network is back."""
    inside = stable_port()
    with Proxy(inside) as proxy:
        outside = Listener("PROXIED", "PLAINTEXT", inside, advertised_port=proxy.port)
        with (
            ApacheKafka(listeners=[outside]) as kafka,
            Service(
                kafka.bootstrap_servers,
                redis_url,
                alert_budget="0.1",
                kafka_session_timeout_s=f"{SESSION_S:g}",
                checkpoint_interval_s="3600",
                checkpoint_max_transactions="1000000",
                cards_capacity="5000000",
                merchants_capacity="5000000",
            ) as service,
        ):
            first = service.create_topics().worker(kafka_bootstrap_servers=kafka.servers("PROXIED"))
            first.wait_ready()
            service.produce(payments(4_000))
            service.wait_consumed(2_000)
            first.wait_scored(4_000)
            first.wait_metric(lambda n: n == 0, QUEUED)
            # One more request with alerts comes through, and what follows it stays in the queue.
            requests = count(1)
            proxy.hang_connections_that(
                lambda request: request[API_KEY] == PRODUCE and next(requests) > 1
            )
            service.produce(payments(30_000, seed=2))
            wait_until(lambda: proxy.n_mute and first.metric(QUEUED) > 0, first.log)
            proxy.hang()
            second = service.worker(checkpoint_interval_s="0.3").wait_ready()
            assigned = "streamer_assigned_partitions"
            second.wait_metric(lambda n: n == 2, assigned)
            service.wait_consumed()
            proxy.pass_on()
            # It has been heard of again, if only to be told that it is no member any more.
            wait_until(
                lambda: not first.child.is_running() or first.get("/readyz")[0] == 200, first.log
            )
            service.produce(payments(500, seed=3))
            # It may have a partition again, of which it takes a checkpoint when it goes.
            first.terminate()
            service.wait_consumed()
            service.assert_exact()


def test_an_alert_is_given_up_while_a_score_waits_on_for_kafka() -> None:
    """Nobody listens: the alert of partition 1 expires, and only the score is left in the queue."""
    settings = Settings(
        kafka_bootstrap_servers=f"127.0.0.1:{stable_port()}", kafka_session_timeout_s=SESSION_S
    )

    async def scenario() -> None:
        publisher = Publisher(settings)
        publisher.publish_alert(alert_of(Source("transactions", 1, 7)), 0, 0)
        publisher.publish_score(
            Score("t-7", "card-1", 0.5, 1.0, False, "scored", "v", Source("transactions", 1, 7))
        )
        await publisher.resolve_alerts()
        assert publisher.expired == {1}
        assert publisher.n_queued == 1

    asyncio.run(scenario())
