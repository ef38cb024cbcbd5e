"""Parts of a round of the headline: the decode ceiling and the worker over the same topic.

Broker, generator, Redis, ceiling and worker are processes of their own; this one scrapes the worker as
Prometheus does, and sends verdicts on payments that have been scored.

Invariant: a worker's run counts only when the checkpoints account for every payment of the topic, some
of them alerted, and when verdicts have found their payments.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from pathlib import Path
from typing import Final

import msgspec
from confluent_kafka.admin import AdminClient

from load.contestants import THE_WORKER, WORKER, consumed, scrape, total
from load.figures import Window, busy_rate
from load.generator import Due, read_verdicts
from load.machine import without_openblas
from load.runs import check, follow, ledger_of, skipped
from streamer.contract.ledger import Ledger
from streamer.embedded import ChildProcess
from streamer.embedded.server import free_port
from streamer.embedded.valkey import EmbeddedRedis
from streamer.errors import InvariantError, UnavailableError
from streamer.settings import Settings, child_environment, load_settings
from streamer.stream.kafka.feeder import Feeder
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics, topic_names

__all__ = ["N_PARTITIONS", "Judging", "Scene", "WorkerRun", "fallen_due", "own_of"]

N_PARTITIONS: Final = 4
# An answer of /metrics takes some milliseconds of the worker, which are part of the measurement.
_SCRAPED_EVERY_S: Final = 0.5
_LEARNED: Final = "streamer_verdicts_learned_total"
# Verdicts come so many payments later, so that most find theirs scored, in whatever partition it lies.
_JUDGED_AFTER: Final = 20_000
_PATIENCE_S: Final = 120.0
_GENERATED_WITHIN_S: Final = 1_800.0
_GRACE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class WorkerRun:
    """What one run came to; ``n_verdicts`` were sent, ``n_learned`` found their payment."""

    window: Window
    ledger: Ledger
    n_verdicts: int
    n_learned: int


class Judging:
    """The worker's progress, read by a scrape, and the verdicts that fall due with it."""

    def __init__(self, due: Sequence[Due], settings: Settings) -> None:
        self._due = due
        self._feeder = Feeder(librdkafka_config(settings), settings.feedback_topic)
        self.n_sent = 0
        self.n_learned = 0

    def progress(self, settings: Settings, _: Path) -> int:
        """Return how many payments the worker has done, and send the verdicts on the older ones."""
        said = scrape(settings)
        n_done = consumed(said)
        self.n_learned = max(self.n_learned, total(said, _LEARNED))
        self._send(n_done - _JUDGED_AFTER)
        return n_done

    def finish(self, settings: Settings) -> None:
        """Send what is left, and return when something has been learned from what was sent."""
        self._send(self._due[-1].number + 1)
        self._feeder.finish()
        deadline = time.monotonic() + _PATIENCE_S
        while not self.n_learned:
            if time.monotonic() > deadline:
                raise UnavailableError(f"{self.n_sent} verdicts must teach something, got nothing")
            time.sleep(_SCRAPED_EVERY_S)
            self.n_learned = total(scrape(settings), _LEARNED)

    def _send(self, before: int) -> None:
        """Send the verdicts on the payments before a number."""
        fallen = fallen_due(self._due, self.n_sent, before)
        self._feeder.send(_record(each) for each in fallen)
        self.n_sent += len(fallen)


def fallen_due(due: Sequence[Due], first: int, before: int) -> list[Due]:
    """Return what has fallen due since the first ``first`` did: all on payments before a number."""
    return list(takewhile(lambda each: each.number < before, islice(due, first, None)))


def _record(due: Due) -> tuple[bytes | None, bytes]:
    card = due.verdict.card_id
    return None if card is None else card.encode(), msgspec.json.encode(due.verdict)


class Scene:
    """A broker whose transactions topic holds ``n_payments``, for rounds to read again and again.

    ``common`` are the settings of everybody who uses it.
    """

    def __init__(self, bootstrap_servers: str, n_payments: int) -> None:
        self.n_payments = n_payments
        self.common = {
            "STREAMER_KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "STREAMER_KAFKA_SESSION_TIMEOUT_S": "6",
            "STREAMER_TOPIC_PARTITIONS": str(N_PARTITIONS),
        }
        self._due: list[Due] = []

    def fill(self, cards: int, seed: int = 1) -> None:
        """Have the generator fill the topic, and keep its verdicts."""
        settings = load_settings(self.common)
        admin = AdminClient(librdkafka_config(settings))
        create_topics(admin, {settings.transactions_topic: N_PARTITIONS}, 1)
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "verdicts"
            asked = {"payments": self.n_payments, "cards": cards, "seed": seed, "out": out}
            arguments = [
                each for name, value in asked.items() for each in (f"--{name}", str(value))
            ]
            self._run("load.generator", arguments, _GENERATED_WITHIN_S)
            self._due = list(read_verdicts(out))

    def ceiling(self, what: str = "decode") -> Window:
        """Return how fast the topic is read by a process that does nothing else, or "consume"."""
        n_skipped = skipped(self.n_payments, load_settings(self.common).warmup_transactions)
        arguments = [what, str(self.n_payments), str(n_skipped)]
        said = self._run("load.ceiling", arguments, _PATIENCE_S)
        return msgspec.json.decode(said.splitlines()[-1], type=Window)

    def worker(self, number: int) -> WorkerRun:
        """Run a worker with a Redis and output topics of its own over the whole topic."""
        with EmbeddedRedis() as redis:
            overrides = self.common | own_of("headline", number) | {"STREAMER_REDIS_URL": redis.url}
            settings = load_settings(overrides)
            admin = AdminClient(librdkafka_config(settings))
            create_topics(admin, dict.fromkeys(topic_names(settings), N_PARTITIONS), 1)
            judging = Judging(self._due, settings)
            contestant = replace(THE_WORKER, progress=judging.progress)
            environment = without_openblas(child_environment(overrides))
            child = ChildProcess(contestant.command(Path()), name=WORKER, env=environment)
            with child:
                samples = follow(
                    contestant,
                    child,
                    settings,
                    Path(),
                    self.n_payments,
                    _unreported,
                    _SCRAPED_EVERY_S,
                )
                judging.finish(settings)
                child.stop(grace_s=_GRACE_S)
            ledger = asyncio.run(ledger_of(settings))
            check(contestant, ledger, self.n_payments, child)
        n_skipped = skipped(self.n_payments, settings.warmup_transactions)
        window = busy_rate(samples, n_skipped, self.n_payments)
        return WorkerRun(window, ledger, judging.n_sent, judging.n_learned)

    def _run(self, module: str, arguments: list[str], within_s: float) -> str:
        """Run a module of `load` to its end and return what it printed last."""
        environment = without_openblas(child_environment(self.common))
        command = [sys.executable, "-m", module, *arguments]
        with ChildProcess(command, name=module, env=environment) as child:
            if child.wait(within_s):
                raise InvariantError(f"{module} must end with 0, got:\n{child.log_tail()}")
            return child.log_tail()


def own_of(namespace: str, number: int) -> dict[str, str]:
    """Return what tells the workers of a round from those before it: they share one broker."""
    topics = {
        "ALERTS": "fraud-alerts",
        "OVERFLOW": "fraud-alerts-overflow",
        "DEAD_LETTERS": "transactions-dlq",
        "FEEDBACK": "fraud-feedback",
        "FEEDBACK_DEAD_LETTERS": "fraud-feedback-dlq",
    }
    return {f"STREAMER_{name}_TOPIC": f"{topic}-{number}" for name, topic in topics.items()} | {
        "STREAMER_CONSUMER_GROUP": f"{namespace}-{number}",
        "STREAMER_NAMESPACE": f"{namespace}-{number}",
        "STREAMER_WEB_HOST": "127.0.0.1",
        "STREAMER_WEB_PORT": str(free_port()),
        "STREAMER_ADMIN_PORT": "0",
    }


def _unreported(_what: str, _done: int, _total: int) -> None:
    pass
