"""The log behind the checkpoint: gone from its beginning, shorter than it was, or another one."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace

from tests.faults.checker import Report
from tests.faults.site import KAFKA, Site, fault
from tests.faults.stand import Stand
from tests.rig.topics import recreate_topic, set_topic, truncate
from tests.stream.harness import Record

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


@fault("feedback topic deleted and made again", brokers=KAFKA)
def feedback_recreated(site: Site) -> Report:
    """Verdicts of the new topic have the offsets of old ones, and count all the same, once."""
    kafka = site.kafka()
    # What the traffic's own verdicts come to would depend on the moment of the deletion.
    mix = replace(site.mix, verdicts=0.0)
    stand = site.stand(bootstrap=kafka.bootstrap_servers, mix=mix).load()
    topic, partitions = stand.service.settings.feedback_topic, range(stand.traffic.n_partitions)
    stand.service.produce(_verdicts(range(400)), topic)
    stand.until(lambda: len(_judged(stand)) == 400, "400 verdicts are stored")
    recreate_topic(kafka.admin(), topic)
    stand.service.produce(_verdicts(range(400, 1_000)), topic)
    stand.reset(partitions, topic=topic)
    stand.fault_is_over()
    stand.until(lambda: len(_judged(stand)) >= 1_000, "1,000 verdicts are stored")
    report = stand.finish(run_on_s=5)
    counts = Counter(_judged(stand))
    wrong = [n for n in range(1_000) if counts[f"judged-{n}"] != 1]
    if wrong:
        report.findings.append(f"verdicts not stored once: {len(wrong)}, the first {wrong[0]}")
        others = report.figures.others + len(wrong)
        report.figures = replace(report.figures, others=others)
    return report


def _verdicts(numbers: range) -> list[Record]:
    """Return verdicts on payments that are not of the traffic."""
    verdict = {"verdict": "fraud", "origin": "reviewer", "decided_at": "2026-01-06T12:00:00Z"}
    return [
        (
            b"k",
            json.dumps({"transaction_id": f"judged-{n}", "card_id": "judged"} | verdict).encode(),
        )
        for n in numbers
    ]


def _judged(stand: Stand) -> list[str]:
    """Return the payments of all verdicts that are stored."""
    topic = stand.service.settings.feedback_topic
    found = [
        stand.service.ask(lambda store, p=p: store.read_feedback(topic, p, 0, 10_000))
        for p in range(stand.traffic.n_partitions)
    ]
    return [
        json.loads(entry["feedback"])["transaction_id"]
        for verdicts in found
        for _, entry in verdicts.entries
    ]


@fault("retention of the topic, worker running", brokers=KAFKA, is_long=True)
def short_retention(site: Site) -> Report:
    """Segments of a second: what is read may go, what is not read yet is declared."""
    kafka = site.kafka()
    stand = site.stand(bootstrap=kafka.bootstrap_servers).load()
    set_topic(kafka.admin(), stand.traffic.topic, segment_ms=1000, retention_ms=3000)
    time.sleep(15)
    stand.fault_is_over()
    return stand.finish()
