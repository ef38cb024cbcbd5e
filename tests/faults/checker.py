"""Counts, from outside, what became of every payment that was sent.

It believes the broker's acknowledgements and the topics, not the service: what it holds against the
service's ledger, model and states comes from the records themselves.  A loss that the service has
declared in the lineage is taken as declared, and must be exactly what is missing.

Figures are 0 where all is well, but for what was sent, consumed and scored, and a declared loss.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from streamer.contract.messages import Alert
from streamer.store import Store
from streamer.store.stored import PartitionRecord
from tests.faults.reading import read_topic
from tests.faults.state_check import States
from tests.faults.traffic import Sent, Traffic
from tests.faults.verdict_check import verdict_faults
from tests.stream.harness import Service

__all__ = ["Figures", "Report", "check", "declared"]

_LINEAGE: Final = 1_000_000
_FIRST_FEW: Final = 5


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of a run.  ``lost`` are payments of which nobody has said that they are lost."""

    sent: int
    consumed: int
    scored: int
    lost: int
    declared_lost: int
    learned_twice: int
    alerted: int
    alerted_twice: int
    states_differing: int
    others: int

    @property
    def is_clean(self) -> bool:
        wrong = (self.lost, self.learned_twice, self.alerted_twice, self.states_differing)
        return not any(wrong) and not self.others

    def __str__(self) -> str:
        return (
            f"sent {self.sent:,}  consumed {self.consumed:,}  scored {self.scored:,}  "
            f"lost {self.lost:,}  declared lost {self.declared_lost:,}  "
            f"learned twice {self.learned_twice:,}  alerted {self.alerted:,}  "
            f"alerted twice {self.alerted_twice:,}  "
            f"states differing {self.states_differing:,}  other {self.others:,}"
        )


@dataclass(slots=True)
class Report:
    """The figures, and in words the first few of everything that is not as it should be."""

    figures: Figures
    findings: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)
    """Which states are not those of an undisturbed run and need not be, and how many need not."""

    def __str__(self) -> str:
        lines = [*self.findings, *self.excused]
        return "\n".join([str(self.figures), *(f"  {line}" for line in lines)])


def check(
    service: Service,
    traffic: Traffic,
    *,
    with_alert_counts: bool = True,
    noted: Collection[str] = (),
) -> Report:
    """Return what became of all that ``traffic`` has sent; the service has come to rest.

    ``with_alert_counts`` holds the ledger's alerts against the topics, which is of no use where the
    ledger itself was lost.  ``noted`` are payments that met a habit the service did not know
    (`tests.faults.noting`).
    """
    return _Check(service, traffic).report(with_alert_counts, noted)


class _Check:
    def __init__(self, service: Service, traffic: Traffic) -> None:
        self.service, self.traffic = service, traffic
        settings = service.settings
        self.topic = settings.transactions_topic
        self.findings: list[str] = []
        self.n_others = 0
        stored, self.head, lineage = service.ask(_stored)
        self.records: dict[int, PartitionRecord] = {
            p: record for (topic, p), record in stored.items() if topic == self.topic
        }
        self.losses = [entry for entry in reversed(lineage) if entry.get("reason") == "loss"]
        epochs = {p: record.log.epoch for p, record in self.records.items()}
        self.is_declared = declared(traffic.sent, self.losses, self.topic, traffic.logs, epochs)
        sent = sorted(traffic.sent, key=lambda r: (r.log, r.partition, r.offset))
        self.kept = [r for r in sent if r not in self.is_declared]
        self.expected = list(_first_times(self.kept))
        # What is declared lost may have alerted before, and its repeat is then the first one.
        self.has_aborted = any(r.kind == "aborted" for r in sent)
        self.may_alert = {*_first_times(sent), *self.expected}
        self.by_place = {(r.partition, r.offset, r.payment_id): r for r in sent}

    def report(self, with_alert_counts: bool, noted: Collection[str]) -> Report:
        lost, twice = self._counts()
        alerted, alerted_twice = self._alerts(with_alert_counts)
        self._dead_letters()
        self.n_others += verdict_faults(self.service, self.traffic.verdicts, self._say)
        states = States.of(self.service, self.expected, noted)
        self.findings += states.findings
        ledgers = [record.ledger for record in self.records.values()]
        figures = Figures(
            sent=len(self.traffic.sent),
            consumed=sum(ledger.consumed for ledger in ledgers),
            scored=sum(ledger.scored for ledger in ledgers),
            lost=lost,
            declared_lost=sum(r.kind == "payment" for r in self.is_declared),
            learned_twice=twice,
            alerted=alerted,
            alerted_twice=alerted_twice,
            states_differing=states.n_differing,
            others=self.n_others,
        )
        excused = list(states.excused)
        if noted:
            excused.insert(
                0,
                f"{len(noted):,} payments met habits that were not known while Redis was away: of "
                f"{states.n_excused:,} spendings and merchants the sums of surprises may be off by "
                f"what these left, of {len(states.excused):,} they are",
            )
        return Report(figures, self.findings, excused)

    def _counts(self) -> tuple[int, int]:
        """Return payments lost and learned twice, by partition and by the model's own count."""
        wanted = Counter(r.partition for r in self.expected)
        lost = twice = 0
        for partition in range(self.traffic.n_partitions):
            record = self.records.get(partition)
            ledger = None if record is None else record.ledger
            scored = 0 if ledger is None else ledger.scored
            lost += max(wanted[partition] - scored, 0)
            twice += max(scored - wanted[partition], 0)
            if scored != wanted[partition]:
                self._say(
                    f"partition {partition}: {wanted[partition]:,} payments to be scored, "
                    f"{scored:,} in the ledger ({ledger})"
                )
            self._ledger(partition, record)
        seen, expected = self.head.sums.transactions_seen, len(self.expected)
        if seen != expected:
            self._say(f"model: transactions_seen must be {expected:,}, got {seen:,}")
        if lost or seen < expected:
            self._name_the_lost()
        return max(lost, expected - seen), max(twice, seen - expected)

    def _ledger(self, partition: int, record: PartitionRecord | None) -> None:
        """Hold every other entry of a ledger against the records of the log."""
        if record is None:
            return
        ledger = record.ledger
        if ledger.imbalance:
            self._wrong(f"partition {partition}: imbalance {ledger.imbalance}", 1)
        here = Counter(r.kind for r in self.kept if r.partition == partition)
        n_expected = sum(r.partition == partition for r in self.expected)
        n_repeated = here["payment"] + here["repeat"] - n_expected
        pairs = [
            ("dead_lettered", ledger.dead_lettered, here["bad"]),
            ("repeated", ledger.repeated, n_repeated),
        ]
        if not any(r.partition == partition for r in self.is_declared):
            pairs.append(("lost", ledger.lost, 0))
            # Where nothing was aborted, no offset is empty: what is skipped was passed over.
            if not self.traffic.logs.get(partition) and not self.has_aborted:
                pairs.append(("skipped", ledger.skipped, here["passed over"]))
        for name, got, wanted in pairs:
            if got != wanted:
                self._wrong(
                    f"partition {partition}: {name} must be {wanted}, got {got}", abs(got - wanted)
                )

    def _name_the_lost(self) -> None:
        """Say which payments have no score, where scores are published."""
        if not self.service.settings.scores_enabled:
            return
        decode = msgspec.json.Decoder(_ScoreOnly).decode
        scored = {
            decode(value).transaction_id
            for value in read_topic(self.service, self.service.settings.scores_topic)
        }
        missing = [r for r in self.expected if r.payment_id not in scored]
        self._first_few("without a score", missing)

    def _alerts(self, with_counts: bool) -> tuple[int, int]:
        """Return how many alerts there are and how many came again; say which should not be."""
        settings = self.service.settings
        topics = [settings.alerts_topic]
        if overflow := getattr(settings, "overflow_topic", None):
            topics.append(overflow)
        decode = msgspec.json.Decoder(Alert).decode
        alerts = [decode(value) for topic in topics for value in read_topic(self.service, topic)]
        ids = Counter(alert.alert_id for alert in alerts)
        again = [alert_id for alert_id, n in ids.items() if n > 1]
        payments = Counter(alert.transaction.transaction_id for alert in alerts)
        # By the place, for an id has an epoch.  Not by the payment: where its first sending is lost,
        # the second may alert too, and one that may not is told below.
        places = Counter(
            (a.source.partition, a.source.offset, a.transaction.transaction_id) for a in alerts
        )
        n_twice = len(alerts) - min(len(ids), len(places))
        for alert_id in again[:_FIRST_FEW]:
            source = next(a.source for a in alerts if a.alert_id == alert_id)
            self._say(f"alert {alert_id} of {source} came {ids[alert_id]} times")
        for alert in alerts:
            self._alert(alert)
        n_counted = sum(r.ledger.alerted + r.ledger.overflowed for r in self.records.values())
        if with_counts and n_counted != len(payments):
            self._wrong(
                f"alerts: {len(payments)} on the topics, {n_counted} in the ledger",
                abs(n_counted - len(payments)),
            )
        return len(alerts), n_twice

    def _alert(self, alert: Alert) -> None:
        """Hold an alert against the record that it names."""
        source = alert.source
        place = (source.partition, source.offset, alert.transaction.transaction_id)
        record = self.by_place.get(place)
        if record is None or record.kind == "aborted":
            self._wrong(f"an alert on a payment that never happened: {source}", 1)
        elif record not in self.may_alert:
            self._wrong(f"an alert on a payment that was sent before: {source}", 1)

    def _dead_letters(self) -> None:
        """Every message that cannot be scored is on the topic of dead letters, no other one is."""
        wanted = {(r.log, r.partition, r.offset) for r in self.kept if r.kind == "bad"}
        found = {
            (int(headers["streamer-source-partition"]), int(headers["streamer-source-offset"]))
            for _, headers in self.service.dead_letters()
        }
        places = {(p, offset) for _, p, offset in wanted}
        for partition, offset in sorted(places - found)[:_FIRST_FEW]:
            self._say(f"no dead letter for partition {partition}, offset {offset}")
        self.n_others += len(places - found)
        every = {(r.partition, r.offset) for r in self.traffic.sent if r.kind == "bad"}
        for partition, offset in sorted(found - every)[:_FIRST_FEW]:
            self._say(f"a dead letter that should not be: partition {partition}, offset {offset}")
        self.n_others += len(found - every)

    def _first_few(self, what: str, records: Sequence[Sent]) -> None:
        places = ", ".join(f"{r.partition}/{r.offset}" for r in records[:_FIRST_FEW])
        self._say(f"{len(records)} {what}: {places}")

    def _wrong(self, what: str, n: int) -> None:
        self.n_others += n
        if self.n_others <= 100:
            self._say(what)

    def _say(self, what: str) -> None:
        self.findings.append(what)


def _first_times(records: Iterable[Sent]) -> Iterator[Sent]:
    """Yield the records that are payments and not sent before; what is lost was never there."""
    seen: set[str | None] = set()
    for record in records:
        if record.kind in ("payment", "repeat") and record.payment_id not in seen:
            seen.add(record.payment_id)
            yield record


class _ScoreOnly(msgspec.Struct):
    transaction_id: str


def declared(
    sent: Iterable[Sent],
    losses: Iterable[dict[str, str]],
    topic: str,
    logs: Mapping[int, int],
    epochs: Mapping[int, int],
) -> set[Sent]:
    """Return the records that lie in a range of offsets that the lineage declares lost.

    Each log but the first of a partition began with a reset and an epoch; ``epochs`` are those now.
    """
    by_place = {(r.log, r.partition, r.offset): r for r in sent}
    found: set[Sent] = set()
    for loss in losses:
        log_topic, _, partition = loss["partition"].rpartition("/")
        if log_topic != topic:
            continue
        n_before = epochs.get(int(partition), 0) - int(loss["epoch"])
        log = logs.get(int(partition), 0) - n_before
        for offset in range(int(loss["first_offset"]), int(loss["next_offset"])):
            record = by_place.get((log, int(partition), offset))
            if record is not None:
                found.add(record)
    return found


async def _stored(store: Store) -> tuple[Any, Any, list[dict[str, str]]]:
    return await store.partitions(), await store.head(), await store.lineage(_LINEAGE)
