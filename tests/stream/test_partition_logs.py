"""Asking Kafka about topics from several threads while it goes away: every question has an end."""

from __future__ import annotations

import time
from threading import Thread

import pytest

from streamer.errors import UnavailableError
from streamer.settings import load_settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.partition_log import PartitionLogs
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.broker import Listener
from tests.rig.ports import stable_port
from tests.rig.proxy import Proxy
from tests.rig.waiting import DEADLINE_S, wait_until

_N_THREADS = 8


def _wait_each(counts: list[int], what: str) -> None:
    """Wait until every thread has met with one more of these."""
    before = list(counts)
    wait_until(
        lambda: all(now > then for now, then in zip(counts, before, strict=True)),
        lambda: f"{what} for every thread, got {before} and then {counts}",
    )


@pytest.mark.usefixtures("apache_kafka_installed")
def test_no_thread_waits_for_ever_for_a_client_that_another_has_given_up() -> None:
    """Answers that the client held when it was given up never came, and checkpoints waited for them."""
    inside = stable_port()
    with Proxy(inside) as proxy:
        outside = Listener("PROXIED", "PLAINTEXT", inside, advertised_port=proxy.port)
        with ApacheKafka(listeners=[outside]) as kafka:
            servers = kafka.servers("PROXIED")
            settings = load_settings({"STREAMER_KAFKA_BOOTSTRAP_SERVERS": servers})
            assert librdkafka_config(settings)["bootstrap.servers"] == servers
            logs = PartitionLogs(settings)
            is_over = False
            n_answers, n_given_up = [0] * _N_THREADS, [0] * _N_THREADS

            def ask(i: int) -> None:
                while not is_over:
                    try:
                        # There is none; that is an answer too.
                        assert logs.topic("nowhere", 0.0) == ("", 0)
                        n_answers[i] += 1
                    except UnavailableError:
                        n_given_up[i] += 1
                    time.sleep(0.01)

            asking = [Thread(target=ask, args=(i,), daemon=True) for i in range(_N_THREADS)]
            for thread in asking:
                thread.start()
            for _ in range(2):
                _wait_each(n_answers, "an answer")
                proxy.hang()
                _wait_each(n_given_up, "the end of a question without an answer")
                proxy.pass_on()
            _wait_each(n_answers, "an answer again")
            is_over = True
            deadline = time.monotonic() + DEADLINE_S
            for thread in asking:
                thread.join(max(deadline - time.monotonic(), 0.0))
            n_stuck = sum(thread.is_alive() for thread in asking)
            assert n_stuck == 0, f"{n_stuck} of {_N_THREADS} threads still wait"
            wait_until(lambda: logs.topic("nowhere", 0.0) == ("", 0), "Kafka answers again")
            logs.close()
