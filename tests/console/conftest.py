"""A console on real servers, with three people and a way to publish alerts."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from starlette.testclient import TestClient

from streamer.console.console import Console
from streamer.console.console_app import console_app
from streamer.console.people.accounts import account_line
from streamer.contract.messages import Alert
from streamer.embedded import EmbeddedKafka
from streamer.pages.example_alert import example_alert
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics
from tests.rig.waiting import DEADLINE_S

PASSWORD = "correct horse battery"
# Each page with card data has a line: tests that count are of what people did.
VIEWS = {"view queue", "view alert", "view wave", "view snoozed", "view below", "ask", "anchor"}
_EXAMPLE = cache(example_alert)


@cache
def accounts_text() -> str:
    people = ("mona", "reviewer"), ("noor", "reviewer"), ("lea", "lead"), ("lars", "lead")
    return "\n".join(account_line(name, (role,), PASSWORD) for name, role in people)  # type: ignore[arg-type]


def alert(number: int, **changes: Any) -> Alert:
    """Return the example with another id, ``number`` minutes later; changes of the payment too.

    It is in a wave of its own unless ``wave_id`` is told.
    """
    example = _EXAMPLE()
    changes = {"wave_id": f"card-{number}"} | changes
    ours = {"transaction_id": f"t-{number}"} | {
        name: changes.pop(name) for name in list(changes) if hasattr(example.transaction, name)
    }
    return msgspec.structs.replace(
        example,
        alert_id=f"transactions-0-{number}",
        transaction=msgspec.structs.replace(example.transaction, **ours),
        scored_at=example.scored_at + timedelta(minutes=number),
        **changes,
    )


def told_flat(entry: dict[str, Any]) -> dict[str, Any]:
    """Return what an entry of the audit topic says, without what makes it one of a chain."""
    card, subject = entry.get("card", {}), entry.get("subject", {})
    told = {"action": entry["action"], "who": entry["actor"]["name"]}
    told |= {name: entry["actor"][name] for name in ("role", "address") if name in entry["actor"]}
    told |= {"decision_id": entry["decision_id"]} if "decision_id" in entry else {}
    told |= {"alert_id": subject["id"]} if subject.get("kind") == "alert" else {}
    told |= {"card_id" if name == "id" else name: text for name, text in card.items()}
    return told | entry.get("details", {})


class Reviewer:
    """A browser of one person."""

    def __init__(self, client: TestClient, name: str) -> None:
        self.name = name
        # As browsers say that follow a link, or send a form, of the page's own host.
        headers = {"Sec-Fetch-Site": "same-origin"}
        self.browser = TestClient(client.app, base_url="https://testserver", headers=headers)
        # Of the loop in which the console lives.
        self.browser.portal = client.portal

    def get(self, path: str, **options: Any) -> Any:
        return self.browser.get(path, **options)

    def login(self, password: str = PASSWORD, **more: str) -> Any:
        return self.post("/login", self.get("/login"), name=self.name, password=password, **more)

    def post(self, path: str, page: Any, follow: bool = True, **fields: str | list[str]) -> Any:
        """Send a form of a page, with its token."""
        token = re.search(r'name="csrf" value="([^"]+)"', page.text)
        data = ({"csrf": token[1]} if token else {}) | fields
        return self.browser.post(path, data=data, follow_redirects=follow)

    def judge(self, alert_id: str, verdict: str, **fields: str) -> Any:
        """Open an alert and send a verdict on it."""
        page = self.get(f"/alerts/{alert_id}")
        key = key_of(page)
        return self.post(
            f"/alerts/{alert_id}/verdict", page, **{"verdict": verdict, "key": key} | fields
        )


def key_of(page: Any) -> str:
    found = re.search(r'name="key" value="((?!undo-)[^"]+)"', page.text)
    return found[1] if found else ""


class Stand:
    """One namespace and its topics, with as many consoles as a test starts."""

    def __init__(self, kafka: EmbeddedKafka, redis_url: str, folder: Path) -> None:
        unique = uuid.uuid4().hex[:10]
        accounts = folder / "accounts"
        accounts.write_text(accounts_text())
        self.settings = Settings(
            kafka_bootstrap_servers=kafka.bootstrap_servers,
            redis_url=redis_url,  # type: ignore[arg-type]
            namespace=f"console-{unique}",
            consumer_group=f"console-{unique}",
            # The embedded broker lets a group begin after half of it.
            kafka_session_timeout_s=6,
            alerts_topic=f"alerts-{unique}",
            feedback_topic=f"feedback-{unique}",
            audit_topic=f"audit-{unique}",
            proposals_topic=f"proposals-{unique}",
            console_accounts_file=accounts,
            # No test is as slow as people are.
            console_least_look_s=0.0,
        )
        self._config = librdkafka_config(self.settings)
        kinds = "alerts", "feedback", "audit", "proposals"
        names = [getattr(self.settings, f"{kind}_topic") for kind in kinds]
        create_topics(AdminClient(self._config), dict.fromkeys(names, 2), 1)
        self._producer = Producer(self._config)

    def environment(self) -> dict[str, str]:
        """Return the same as variables, for a console that is a process."""
        own = self.settings
        told = {
            "redis_url": own.redis_url.get_secret_value(),
            "kafka_session_timeout_s": "6",
            "console_least_look_s": "0",
        }
        names = "kafka_bootstrap_servers namespace consumer_group alerts_topic feedback_topic"
        for name in [*names.split(), "audit_topic", "proposals_topic", "console_accounts_file"]:
            told[name] = str(getattr(own, name))
        return {f"STREAMER_{name.upper()}": text for name, text in told.items()}

    @contextmanager
    def console(self, **changes: Any) -> Iterator[tuple[Console, TestClient]]:
        """Run a console on these topics, with other settings."""
        console = Console(self.settings.model_copy(update=changes))
        with TestClient(console_app(console), base_url="https://testserver") as client:
            yield console, client

    def publish(self, alerts: Sequence[Alert]) -> None:
        for n, each in enumerate(alerts):
            self._producer.produce(
                self.settings.alerts_topic, msgspec.json.encode(each), partition=n % 2
            )
        assert self._producer.flush(DEADLINE_S) == 0

    def read(
        self, topic: str, n: int, count: Callable[[Sequence[dict[str, Any]]], int] = len
    ) -> list[dict[str, Any]]:
        """Return the first ``n`` messages of a topic, and whatever else is there by then."""
        consumer = Consumer(
            self._config | {"group.id": uuid.uuid4().hex, "enable.auto.commit": False}
        )
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(2)])
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + DEADLINE_S
        while count(found) < n and time.monotonic() < deadline:
            found += self._values(consumer, 0.5)
        found += self._values(consumer, 0.5)
        consumer.close()
        assert count(found) >= n, f"{topic} must have {n} messages, got {found}"
        return found

    def _values(self, consumer: Consumer, within_s: float) -> list[dict[str, Any]]:
        return [orjson.loads(m.value()) for m in consumer.consume(500, within_s) if not m.error()]

    def verdicts(self, n: int) -> list[dict[str, Any]]:
        return self.read(self.settings.feedback_topic, n)

    def audit(self, n: int) -> list[dict[str, Any]]:
        """Return the first ``n`` entries that are no views of a page, and whatever else is there."""

        def enough(found: Sequence[dict[str, Any]]) -> int:
            return sum(each["action"] not in VIEWS for each in found)

        found = map(told_flat, self.read(self.settings.audit_topic, n, enough))
        return [each for each in found if each["action"] not in VIEWS]

    def views(self) -> list[dict[str, Any]]:
        """Return what was written of pages that somebody saw."""
        found = map(told_flat, self.read(self.settings.audit_topic, 1))
        return [each for each in found if each["action"] in VIEWS]


def arrived(console: Console, client: TestClient, n: int) -> None:
    """Wait until ``n`` alerts have come."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if client.portal is not None and client.portal.call(console.alerts.counts).arrived >= n:
            return
        time.sleep(0.02)
    raise AssertionError(f"{n} alerts did not come: {console.reading_error}")


@pytest.fixture
def stand(kafka: EmbeddedKafka, redis_url: str, tmp_path: Path) -> Stand:
    return Stand(kafka, redis_url, tmp_path)
