"""The log behind the checkpoint: gone from its beginning, shorter than it was, or another one."""

from __future__ import annotations

import time

from tests.faults.checker import Report
from tests.faults.site import KAFKA, Site, fault
from tests.rig.topics import recreate_topic, set_topic, truncate

__all__: list[str] = []


@fault("log truncated below the checkpoint", brokers=KAFKA)
def truncated_below(site: Site) -> Report:
    """What has been read may go: nothing is lost, before and after a restart."""
    kafka = site.kafka()
    stand = site.stand(bootstrap=kafka.bootstrap_servers).load()
    offsets = stand.service.offsets()
    for partition, offset in enumerate(offsets):
        truncate(kafka.admin(), stand.traffic.topic, partition, (offset or 0) // 2)
    slot = stand.slots[0]
    slot.running.kill()
    stand.wait_restart(slot, 2)
    stand.fault_is_over()
    return stand.finish()


@fault("retention past the checkpoint", brokers=KAFKA)
def retention_past(site: Site) -> Report:
    """While no worker runs, records are deleted that nobody has read: declared, each of them."""
    kafka = site.kafka()
    stand = site.stand(bootstrap=kafka.bootstrap_servers).load()
    slot = stand.slots[0]
    stand.remove_worker(slot)
    stand.traffic.send(4_000)
    for partition, offset in enumerate(stand.service.offsets()):
        truncate(kafka.admin(), stand.traffic.topic, partition, (offset or 0) + 500)
    stand.add_worker()
    stand.fault_is_over()
    return stand.finish()


@fault("partition emptied by retention", brokers=KAFKA)
def emptied(site: Site) -> Report:
    """Everything is deleted that nobody has read; a partition without records is no lag."""
    kafka = site.kafka()
    stand = site.stand(bootstrap=kafka.bootstrap_servers).load()
    slot = stand.slots[0]
    stand.traffic.stop()
    stand.settle()
    stand.remove_worker(slot)
    stand.traffic.send(2_000)
    for partition in range(stand.traffic.n_partitions):
        truncate(kafka.admin(), stand.traffic.topic, partition, -1)
    worker = stand.add_worker()
    stand.wait_ready(worker)
    time.sleep(32)
    stand.notes.append(f"idle for 32 s: /readyz {worker.running.get('/readyz')}")
    stand.traffic.start(500)
    stand.fault_is_over()
    return stand.finish()


@fault("topic deleted and made again, all of it read", brokers=KAFKA)
def recreated(site: Site) -> Report:
    """The same name, other records: nothing of the new log is taken for something already done."""
    kafka = site.kafka()
    stand = site.stand(bootstrap=kafka.bootstrap_servers).load()
    stand.traffic.stop()
    stand.settle()
    recreate_topic(kafka.admin(), stand.traffic.topic)
    stand.traffic.started_anew(range(stand.traffic.n_partitions))
    stand.traffic.start(500)
    stand.reset(range(stand.traffic.n_partitions))
    stand.fault_is_over()
    return stand.finish(run_on_s=5)


@fault("topic made again while no worker runs, not all of it read", brokers=KAFKA)
def recreated_meanwhile(site: Site) -> Report:
    """The unread end of the old log is gone; the new log is longer than the checkpoint."""
    kafka = site.kafka()
    stand = site.stand(bootstrap=kafka.bootstrap_servers).load()
    stand.traffic.stop()
    stand.settle()
    stand.remove_worker(stand.slots[0])
    recreate_topic(kafka.admin(), stand.traffic.topic)
    stand.traffic.started_anew(range(stand.traffic.n_partitions))
    stand.traffic.send(8_000)
    stand.add_worker()
    stand.traffic.start(500)
    stand.reset(range(stand.traffic.n_partitions))
    stand.fault_is_over()
    return stand.finish(run_on_s=5)


@fault("retention of the topic, worker running", brokers=KAFKA, is_long=True)
def short_retention(site: Site) -> Report:
    """Segments of a second: what is read may go, what is not read yet is declared."""
    kafka = site.kafka()
    stand = site.stand(bootstrap=kafka.bootstrap_servers).load()
    set_topic(kafka.admin(), stand.traffic.topic, segment_ms=1000, retention_ms=3000)
    time.sleep(15)
    stand.fault_is_over()
    return stand.finish()
