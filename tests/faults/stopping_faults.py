"""SIGTERM at every stage of a worker's life: it ends within the grace period, and nothing is lost."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Final

from tests.faults.checker import Report
from tests.faults.crashing import crashing
from tests.faults.site import KAFKA, Site, fault
from tests.faults.stand import Slot, Stand

__all__: list[str] = []

# What Kubernetes gives a container before it kills it.
GRACE_S: Final = 30.0


def _ends(stand: Stand, slot: Slot, started: float) -> None:
    """Note how long the end took; one that has to be forced is a finding of its own."""
    child = slot.running.child
    if stand.until(lambda: not child.is_running(), "the end after SIGTERM", GRACE_S):
        stand.notes.append(f"exit {child.returncode} after {time.monotonic() - started:.1f} s")
        return
    stand.n_forced += 1
    slot.running.kill()


def _terminate(stand: Stand, slot: Slot) -> None:
    slot.is_wanted = False
    started = time.monotonic()
    slot.running.child.send_signal(signal.SIGTERM)
    _ends(stand, slot, started)


@fault("SIGTERM while starting")
def starting(site: Site) -> Report:
    """At five moments of the first two seconds."""
    stand = site.stand().load()
    for delay_s in (0.1, 0.4, 0.8, 1.2, 1.8):
        slot = stand.add_worker()
        time.sleep(delay_s)
        _terminate(stand, slot)
    stand.fault_is_over()
    return stand.finish()


@fault("SIGTERM while waiting for Kafka", brokers=KAFKA)
def waiting_for_kafka(site: Site) -> Report:
    kafka = site.kafka()
    stand = site.stand(bootstrap=kafka.bootstrap_servers).load()
    stand.remove_worker(stand.slots[0])
    kafka.stop()
    slot = stand.add_worker()
    time.sleep(5)
    _terminate(stand, slot)
    kafka.start()
    stand.add_worker()
    stand.fault_is_over()
    return stand.finish()


@fault("SIGTERM while waiting for Redis", redis="killed, data kept")
def waiting_for_redis(site: Site) -> Report:
    redis = site.redis("aof-always")
    stand = site.stand(redis.url).load()
    stand.remove_worker(stand.slots[0])
    redis.kill()
    slot = stand.add_worker()
    time.sleep(5)
    _terminate(stand, slot)
    redis.start()
    stand.add_worker()
    stand.fault_is_over()
    return stand.finish()


@fault("SIGTERM while claiming")
def claiming(site: Site) -> Report:
    stand = site.stand().load()
    stand.remove_worker(stand.slots[0])
    started = time.monotonic()
    slot = stand.add_worker(crashing("claim", 2, "SIGTERM"))
    slot.is_wanted = False
    stand.until(lambda: not slot.running.child.is_running(), "the end", 2 * GRACE_S)
    _ends(stand, slot, started)
    stand.add_worker()
    stand.fault_is_over()
    return stand.finish()


@fault("SIGTERM while scoring")
def scoring(site: Site) -> Report:
    stand = site.stand().load(rate=3_000)
    _terminate(stand, stand.slots[0])
    stand.add_worker()
    stand.fault_is_over()
    return stand.finish()


@fault("SIGTERM while Redis hangs", redis="SIGSTOP until after the end")
def redis_hangs(site: Site) -> Report:
    redis = site.redis()
    stand = site.stand(redis.url).load()
    redis.pause()
    time.sleep(3)
    _terminate(stand, stand.slots[0])
    redis.resume()
    stand.add_worker()
    stand.fault_is_over()
    return stand.finish()


def _while_away(name: str, away: Callable[[Site], tuple[Stand, Callable[[], object]]]) -> None:
    @fault(f"SIGTERM while {name}", brokers=KAFKA)
    def run(site: Site) -> Report:
        stand, back = away(site)
        time.sleep(5)
        _terminate(stand, stand.slots[0])
        back()
        stand.add_worker()
        stand.fault_is_over()
        return stand.finish()

    del run


def _kafka_gone(site: Site) -> tuple[Stand, Callable[[], object]]:
    kafka = site.kafka()
    stand = site.stand(bootstrap=kafka.bootstrap_servers).load()
    kafka.kill()
    return stand, kafka.start_broker


def _kafka_frozen(site: Site) -> tuple[Stand, Callable[[], object]]:
    kafka = site.kafka()
    stand = site.stand(bootstrap=kafka.bootstrap_servers).load()
    kafka.pause()
    return stand, kafka.resume


_while_away("Kafka is away", _kafka_gone)
_while_away("Kafka is frozen", _kafka_frozen)
