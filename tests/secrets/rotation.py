"""Every secret is changed while payments, verdicts and requests go on: what a bank does twice a year.

By file: Redis' passwords of workers and of `streamer serve`, its API keys, the key of pseudonyms.  By a
rolling restart: Kafka's password and the workers' certificate.  In between a wrong password, an empty
file and one of another Redis.  What must hold at the end is `Rotation.findings`.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from confluent_kafka import Consumer, Producer

from streamer.contract.messages import Alert
from streamer.contract.pseudonyms import pseudonym
from streamer.features.kinds import CARD_VERDICTS
from streamer.indexing.prints import fingerprints
from tests.rig.collector import Collector
from tests.rig.ports import stable_port
from tests.rig.swapped import SwappedFolder, renamed_over
from tests.rig.waiting import DEADLINE_S, wait_until
from tests.secrets.secret_stand import SecretStand
from tests.serving.stored_service import by_murmur2
from tests.serving.test_native_door import Door
from tests.stream.harness import Record, Worker, payments

__all__ = ["Length", "Rotation"]

WORKER, SERVE = "streamer-worker", "streamer-serve"
_ONE_IN: Final = 25
_KEYS: Final = "pseudonyms"
_TAKEN_UP: Final = "streamer_secrets_taken_up_total"
_FAULTED: Final = 'streamer_secret_faulted{setting="redis_url"}'


@dataclass(frozen=True, slots=True)
class Length:
    """Payments a second, requests a second, and seconds of traffic between two steps at least."""

    payments_per_s: float = 50.0
    requests_per_s: float = 10.0
    pause_s: float = 0.2


@dataclass
class _Told:
    """What was answered to one key of the service, by status."""

    statuses: Counter[int] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)


class Rotation:
    """One service with two workers, and ``streamer serve``, under traffic."""

    def __init__(
        self,
        stand: SecretStand,
        folder: Path,
        length: Length = Length(),
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.stand, self.length, self.say = stand, length, say
        self.service = stand.service(
            checkpoint_interval_s="0.3", n_clusters="4", warmup_transactions="300"
        )
        folder.mkdir(exist_ok=True)
        self.service.log_folder = folder / "logs"
        self.service.log_folder.mkdir()
        self.answers = _Told()
        self.heard: list[str] = []
        """Every text that was asked for at a process' endpoints."""
        self.collector = Collector()
        self.service.env |= {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.collector.endpoint,
            "OTEL_TRACES_SAMPLER": "always_on",
        }
        self.old_card_key, self.new_card_key = stand.secret("cards-1"), stand.secret("cards-2")
        secrets = stand.secrets_of(WORKER) | {"admin_token": stand.secret("admin-1")}
        self.of_worker = SwappedFolder(folder / "worker", secrets)
        # Vault Agent's way for the other one: a file of its own, renamed over.
        self.of_serve = folder / "serve"
        self.of_serve.mkdir()
        self.api_key = stand.secret("api-1")
        (self.of_serve / "redis_url").write_text(stand.redis_url(SERVE))
        (self.of_serve / "serve_api_keys").write_text(self.api_key)
        self.card_keys = SwappedFolder(folder / "cards", {_KEYS: self._keys("1")})
        self.workers: list[Worker] = []
        self.door = Door(stable_port())
        self.cards: list[list[str]] = [[] for _ in range(self.service.n_partitions)]
        self.judged: Counter[str] = Counter()
        self.judged_under: Counter[str] = Counter()
        self.refused_after_s = float("inf")
        self._ended = threading.Event()
        self._producing_ended = threading.Event()
        self._faults: list[BaseException] = []

    def run(self) -> None:
        """Do all of it."""
        with self.collector:
            self._start()
            with self._traffic():
                for step in (
                    self._redis_passwords,
                    self._wrong_password,
                    self._files_of_no_use,
                    self._api_keys,
                    self._card_keys,
                    self._kafka_and_certificates,
                ):
                    began = time.monotonic()
                    step()
                    self._pause()
                    name = step.__name__.strip("_").replace("_", " ")
                    self.say(f"{name}: {time.monotonic() - began:.1f} s")
            self._hear()
            for worker in self.workers:
                assert worker.terminate() == 0, worker.log()
            self.serve.child.stop(grace_s=10.0)

    # ------------------------------------------------------------------ the processes

    def _start(self) -> None:
        self.workers = [self._worker() for _ in range(2)]
        for worker in self.workers:
            worker.wait_ready()
        # What teaches the first version never alerts.
        first = payments(1_000, seed=3)
        for p, part in enumerate(self._by_partition(first)):
            self.service.produce(part, partition=p)
        self.service.wait_consumed()
        self.serve = self._serve()
        wait_until(self._serves, self.serve.log)
        self.say(f"two workers and a service, {sum(self.service.n_sent):,} payments learned")

    def _common(self) -> dict[str, str]:
        return {
            "alert_card_keys_file": str(self.card_keys.path / _KEYS),
            "log_format": "json",
        }

    def _worker(self) -> Worker:
        told = self.stand.settings_of(WORKER) | self._common()
        return self.service.worker(**told, secrets_dir=str(self.of_worker.path))

    def _serve(self) -> Worker:
        told = {"redis_url": "", "serve_port": str(self.door.port), "serve_grpc_port": "0"}
        argv = ("-m", "streamer", "serve")
        more = {"secrets_dir": str(self.of_serve), "serve_deadline_s": "10"}
        return self.service.worker(argv, **told, **more, **self._common())

    def _serves(self) -> bool:
        assert self.serve.child.is_running(), self.serve.log()
        try:
            return self.door.ask("/readyz")[0] == 200
        except OSError:
            return False

    # ------------------------------------------------------------------ the traffic

    @contextmanager
    def _traffic(self) -> Iterator[None]:
        works = (self._publish, self._judge, self._ask)
        threads = [threading.Thread(target=self._noted, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        try:
            yield
            self._check()
            self._producing_ended.set()
            threads[0].join()
            self.service.wait_consumed()
            alerts = len(self.service.alerts())
            wait_until(
                lambda: bool(self._faults) or sum(self.judged.values()) >= alerts,
                lambda: f"{alerts} judged, got {sum(self.judged.values())}",
            )
        finally:
            self._producing_ended.set()
            self._ended.set()
            for thread in threads:
                thread.join()
        self._check()
        expected = dict(self.judged)
        wait_until(lambda: self.learned() == expected, lambda: f"verdicts, {self._differing()}")

    def _check(self) -> None:
        if self._faults:
            raise self._faults[0]

    def _noted(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self._faults.append(error)

    def _publish(self) -> None:
        """Publish payments as who may do nothing else, each to the partition of its card."""
        producer = Producer(self.stand.client("payments", **{"enable.idempotence": True}))
        topic = self.service.settings.transactions_topic
        for i, (key, value) in enumerate(self._costly(payments(1_000_000 // 10, seed=5))):
            if self._producing_ended.wait(1.0 / self.length.payments_per_s):
                break
            place = by_murmur2(key or b"", self.service.n_partitions)
            self.cards[place].append(json.loads(value or b"")["card_id"])
            producer.produce(topic, value, key, place)
            self.service.n_sent[place] += 1
            if i % 10 == 0:
                producer.poll(0)
        assert producer.flush(DEADLINE_S) == 0

    def _costly(self, records: Sequence[Record]) -> Iterator[Record]:
        for i, (key, value) in enumerate(records):
            told = json.loads(value or b"")
            yield key, json.dumps(told | ({"amount": 9e4} if i % _ONE_IN == 0 else {})).encode()

    def _by_partition(self, records: Sequence[Record]) -> list[list[Record]]:
        n = self.service.n_partitions
        parts: list[list[Record]] = [[] for _ in range(n)]
        for key, value in records:
            place = by_murmur2(key or b"", n)
            parts[place].append((key, value))
            self.cards[place].append(json.loads(value or b"")["card_id"])
        return parts

    def _judge(self) -> None:
        """Call every alert a fraud, by each of the names that its card has, in turn."""
        group = {"group.id": f"case-{self.service.id}", "auto.offset.reset": "earliest"}
        consumer = Consumer(self.stand.client("case-system", **group))
        producer = Producer(self.stand.client("chargebacks"))
        consumer.subscribe([self.service.settings.alerts_topic])
        decided = datetime.now(UTC).isoformat()
        decode = msgspec.json.Decoder(Alert).decode
        while not self._ended.is_set():
            message = consumer.poll(0.1)
            if message is None or message.error():
                continue
            alert = decode(message.value())
            card = self.cards[alert.source.partition][alert.source.offset]
            names = [alert.transaction.card_id, *alert.other_card_ids]
            name = names[sum(self.judged.values()) % len(names)]
            verdict = {
                "transaction_id": alert.transaction.transaction_id,
                "alert_id": alert.alert_id,
                "card_id": name,
                "verdict": "fraud",
                "origin": "reviewer",
                "decided_at": decided,
            }
            producer.produce(self.service.settings.feedback_topic, json.dumps(verdict).encode())
            producer.poll(0)
            self.judged[card] += 1
            self.judged_under[self._whose(card, name)] += 1
        assert producer.flush(DEADLINE_S) == 0
        consumer.close()

    def _whose(self, card: str, name: str) -> str:
        for told, key in (("old", self.old_card_key), ("new", self.new_card_key)):
            if pseudonym(card, key.encode()) == name:
                return told
        return "neither"

    def _ask(self) -> None:
        """Ask for a score again and again with a key that is good."""
        [(_, body)] = payments(1, seed=9)
        assert body is not None
        while not self._ended.wait(1.0 / self.length.requests_per_s):
            status, told, _ = self.door.ask(
                "/v1/score", body, Authorization=f"Bearer {self.api_key}"
            )
            self.answers.statuses[status] += 1
            self.answers.modes[told.get("mode", "") if status == 200 else ""] += 1

    def _pause(self) -> None:
        time.sleep(self.length.pause_s)
        self._check()

    # ------------------------------------------------------------------ the steps

    def _redis_passwords(self) -> None:
        """New beside old at Redis, then the files, then the old ones are taken away."""
        new = {user: self.stand.secret(f"redis-{user}-2") for user in (WORKER, SERVE)}
        with self.stand.redis.client() as client:
            for user, password in new.items():
                client.execute_command("ACL", "SETUSER", user, f">{password}")
            self.of_worker.swap(redis_url=self.stand.redis_url(WORKER, new[WORKER]))
            renamed_over(self.of_serve / "redis_url", self.stand.redis_url(SERVE, new[SERVE]))
            self._wait_taken_up("redis_url", 1)
            for user in new:
                old = self.stand.redis_password(user)
                client.execute_command("ACL", "SETUSER", user, f"<{old}")
            # Who is connected still has to come in by the new one.
            for user in new:
                client.execute_command("CLIENT", "KILL", "USER", user)

    def _wrong_password(self) -> None:
        """One that Redis refuses: the good one stays, and who has to come in again does so by it."""
        right = self.of_worker.files["redis_url"]
        wrong = self.stand.redis_url(WORKER, self.stand.secret("wrong"))
        self.of_worker.swap(redis_url=wrong)
        for worker in self.workers:
            _wait(worker, _FAULTED, bool)
        with self.stand.redis.client() as client:
            client.execute_command("CLIENT", "KILL", "USER", WORKER)
        self._pause()
        for worker in self.workers:
            _wait(worker, 'streamer_dependency_up{name="redis"}', lambda v: v == 1)
            assert _value(worker, _FAULTED) == 1.0
            assert _value(worker, f'{_TAKEN_UP}{{setting="redis_url"}}') == 1.0
        self.of_worker.swap(redis_url=right)
        for worker in self.workers:
            _wait(worker, _FAULTED, lambda v: v == 0)

    def _files_of_no_use(self) -> None:
        """Empty, of another Redis, and gone: the last good one counts, and the metrics say so."""
        right = self.of_worker.files["redis_url"]
        for text in ("", "redis://elsewhere.example:6379/0", right[: len(right) // 2]):
            self.of_worker.swap(redis_url=text)
            for worker in self.workers:
                _wait(worker, _FAULTED, bool)
        self.of_worker.swap(redis_url=right)
        for worker in self.workers:
            _wait(worker, _FAULTED, lambda v: v == 0)
        path = self.of_serve / "serve_api_keys"
        text = path.read_text()
        path.unlink()
        self._wait_served('streamer_secret_faulted{setting="serve_api_keys"} 1')
        renamed_over(path, text)
        self._wait_served('streamer_secret_faulted{setting="serve_api_keys"} 0')

    def _api_keys(self) -> None:
        """The new one beside the old one, then clients change, then the old one goes."""
        path = self.of_serve / "serve_api_keys"
        old, new = self.api_key, self.stand.secret("api-2")
        renamed_over(path, f"{old},{new}")
        self._wait_served('streamer_secrets_taken_up_total{setting="serve_api_keys"} 1')
        self.api_key = new
        self._pause()
        renamed_over(path, new)
        began = time.monotonic()
        wait_until(lambda: self._status_of(old) == 401, self.serve.log)
        self.refused_after_s = time.monotonic() - began

    def _card_keys(self) -> None:
        """The new one last until all know it, then first; what either made counts."""
        line = f'{_TAKEN_UP}{{setting="alert_card_keys_file"}}'
        before = [_value(worker, line) for worker in self.workers]
        for n, order in enumerate(("12", "21"), start=1):
            self.card_keys.swap(**{_KEYS: self._keys(order)})
            for worker, was in zip(self.workers, before, strict=True):
                _wait(worker, line, lambda v, n=n, was=was: v >= was + n)
            self._pause()

    def _kafka_and_certificates(self) -> None:
        """Another mechanism has the new password, so that the old one stays good meanwhile."""
        password = self.stand.secret("kafka-streamer-worker-2")
        self.stand.set_kafka_password(WORKER, "SCRAM-SHA-512", password)
        self.stand.changed[WORKER] = "SCRAM-SHA-512", password
        changed = {"kafka_sasl_mechanism": "SCRAM-SHA-512", "kafka_sasl_password": password}
        self.of_worker.swap(
            **changed,
            **self.stand.another_certificate(),
            admin_token=self.stand.secret("admin-2"),
        )
        self._hear()
        for i, worker in enumerate(self.workers):
            assert worker.terminate() == 0, worker.log()
            self.workers[i] = self._worker().wait_ready()
        self.stand.drop_kafka_password(WORKER, "SCRAM-SHA-256")

    # ------------------------------------------------------------------ what came of it

    def findings(self) -> list[str]:
        """Return what is wrong, nothing where all holds."""
        wrong = []
        if self.answers.statuses.keys() != {200}:
            wrong.append(f"requests with a good key were answered {dict(self.answers.statuses)}")
        if self.refused_after_s > 10.0:
            wrong.append(
                f"a key that was taken away was refused after {self.refused_after_s:.1f} s"
            )
        if not self.judged_under["old"] or not self.judged_under["new"]:
            wrong.append(f"verdicts must have come under both keys, got {self.judged_under}")
        if self.judged_under["neither"]:
            wrong.append(f"{self.judged_under['neither']} alerts had a name of neither key")
        if self.learned() != dict(self.judged):
            wrong.append(f"verdicts must count for their cards, {self._differing()}")
        letters = self.service.settings.feedback_dead_letters_topic
        if self.service.dead_letters(letters):
            wrong.append("verdicts were refused")
        wrong += [f"a secret was told: {name}" for name in self.told()]
        try:
            self.service.assert_exact()
        except AssertionError as error:
            wrong.append(f"the ledger: {error}")
        return wrong

    def told(self) -> list[str]:
        """Return which secrets, old or new, are in what was printed, answered or traced."""
        folder = self.service.log_folder
        assert folder is not None
        texts = [path.read_text(errors="replace") for path in sorted(folder.iterdir())]
        texts += [*self.heard, *map(str, self.collector.spans)]
        assert self.collector.spans
        return sorted(secret for secret in self.stand.canaries if any(secret in t for t in texts))

    def learned(self) -> dict[str, float]:
        """Return how many verdicts are counted for each card that has any, in its own partition."""
        topic = self.service.settings.transactions_topic
        cards = [sorted(set(of_one)) for of_one in self.cards]
        wanted = {
            p: {CARD_VERDICTS.name: list(map(str, fingerprints(of_one).tolist()))}
            for p, of_one in enumerate(cards)
        }
        found = self.service.ask(lambda store: store.lookups.read_states(topic, wanted))
        counts: dict[str, float] = {}
        for p, states in found.items():
            for card, state in zip(cards[p], states.states[CARD_VERDICTS.name], strict=True):
                if state is not None:
                    row = np.frombuffer(state, CARD_VERDICTS.row)[0]
                    counts[card] = round(float(row["verdicts"].item()), 6)
        return {card: n for card, n in counts.items() if n}

    def _differing(self) -> str:
        learned = self.learned()
        cards = [c for c in {*learned, *self.judged} if learned.get(c, 0) != self.judged[c]]
        some = [(learned.get(card, 0), self.judged[card]) for card in cards[:5]]
        return f"{len(cards)} of {len(self.judged)} cards differ: {some}"

    def _hear(self) -> None:
        for worker in self.workers:
            self.heard += [worker.get(path)[1] for path in ("/metrics", "/readyz", "/model")]
            self.heard.append(self._model_of(worker))
        told = self.door.ask("/metrics")[1]
        self.heard.append(told.decode() if isinstance(told, bytes) else str(told))
        refused = self.door.ask("/v1/score", b"{}", Authorization="Bearer wrong")
        self.heard.append(str(refused))

    def _model_of(self, worker: Worker) -> str:
        """Return /model as it is told to who has the token that is in the file now."""
        token = self.of_worker.files["admin_token"]
        asked = urllib.request.Request(
            f"http://127.0.0.1:{worker.admin_port}/model",
            headers={"Authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(asked, timeout=DEADLINE_S) as answer:  # noqa: S310 - of this machine
            told: str = answer.read().decode()
        return told

    def _status_of(self, key: str) -> int:
        return self.door.ask("/v1/score", b"{}", Authorization=f"Bearer {key}")[0]

    def _keys(self, order: str) -> str:
        keys = {"1": self.old_card_key, "2": self.new_card_key}
        return "".join(f"key-{n}:{keys[n]}\n" for n in order)

    def _wait_taken_up(self, setting: str, n: int, workers: Sequence[Worker] | None = None) -> None:
        for worker in self.workers:
            _wait(worker, f'{_TAKEN_UP}{{setting="{setting}"}}', lambda v: v >= n)
        if workers is None:
            self._wait_served(f'streamer_secrets_taken_up_total{{setting="{setting}"}} {n}')

    def _wait_served(self, line: str) -> None:
        def said() -> bool:
            told: Any = self.door.ask("/metrics")[1]
            return line in told.decode()

        wait_until(said, lambda: f"{line}\n{self.serve.log()}")


def _value(worker: Worker, series: str) -> float:
    """Return the value of a series of /metrics; 0 where there is none.

    By its text: what parses all of them takes more than the worker does to write them.
    """
    _, _, rest = worker.get("/metrics")[1].partition(f"\n{series} ")
    return float(rest.split("\n", 1)[0] or 0)


def _wait(worker: Worker, series: str, is_wanted: Callable[[float], bool]) -> None:
    wait_until(lambda: is_wanted(_value(worker, series)), lambda: f"{series}\n{worker.log()}")
