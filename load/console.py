"""What a team of reviewers waits for: ``python -m load.console``; broker, Redis, console and browsers.

Each reviewer opens the next alert, thinks for a random time, and judges; now and then the queue.  They
begin at random moments, so that they are not in step.  Broker and Redis are the embedded ones, each a
process of its own as the console is; who asks is this process.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
import click
import msgspec
import psutil
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from load.answer_times import percentile
from load.machine import describe_machine, without_openblas
from streamer.console.people.accounts import account_line
from streamer.embedded import ChildProcess, EmbeddedServers
from streamer.embedded.server import HOST, free_port
from streamer.pages.example_alert import example_alert
from streamer.settings import Settings, child_environment, load_settings
from streamer.starting.wiring import open_review_store
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics

__all__ = ["main"]

_PASSWORD: Final = "correct horse battery"  # noqa: S105 - of nobody
_PARTITIONS: Final = 4
_READY_S: Final = 300.0
# A person looks at the queue once for so many alerts.
_QUEUE_EVERY: Final = 10
_SEED: Final = 1
_PAGES: Final = ("queue", "alert", "verdict")


@dataclass(slots=True)
class _Team:
    """What was measured, in milliseconds by page: a verdict's until Kafka has acknowledged it."""

    url: str
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    n_verdicts: int = 0
    faults: list[str] = field(default_factory=list)


@click.command()
@click.option("--reviewers", "n_reviewers", type=click.IntRange(1), default=50, show_default=True)
@click.option("--alerts", "n_alerts", type=click.IntRange(1), default=10_000, show_default=True)
@click.option("--seconds", type=click.FloatRange(1), default=120.0, show_default=True)
@click.option(
    "--think",
    "think_s",
    type=click.FloatRange(0.1),
    default=6.0,
    show_default=True,
    help="Mean seconds from a page to its verdict.",
)
@click.option("--json", "as_json", is_flag=True)
def main(n_reviewers: int, n_alerts: int, seconds: float, think_s: float, as_json: bool) -> None:
    """Let a team work; how far it is goes to standard error."""
    with _console(n_reviewers, n_alerts) as (settings, url, pid):
        team = _Team(url)
        memory = asyncio.run(_work(team, n_reviewers, seconds, think_s, pid))
        n_sent = _n_sent(settings)
    told = {name: _spread(team.took[name]) for name in _PAGES}
    found = {
        "about": describe_machine(),
        "reviewers": n_reviewers,
        "open_alerts": n_alerts,
        "pages_ms": told,
        "verdicts": team.n_verdicts,
        "verdicts_in_kafka": n_sent,
        "memory_mb": memory,
        "faults": team.faults[:5],
        "n_faults": len(team.faults),
    }
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for name, value in found["about"].items():  # type: ignore[attr-defined]
        click.echo(f"{name}: {value}")
    click.echo(f"{n_reviewers} reviewers, {n_alerts:,} open alerts, {seconds:g} s\n")
    click.echo("| ms | n | p50 | p95 | p99 |\n|---|---:|---:|---:|---:|")
    for name, row in told.items():
        click.echo(f"| {name} | " + " | ".join(f"{row[key]:,.0f}" for key in row) + " |")
    click.echo(f"\n{team.n_verdicts:,} verdicts, {n_sent:,} on their topic; memory, MB: {memory}")
    click.echo(f"{len(team.faults)} answers were none {team.faults[:3]}")


@contextmanager
def _console(n_reviewers: int, n_alerts: int) -> Iterator[tuple[Settings, str, int]]:
    with ExitStack() as ends:
        servers = ends.enter_context(EmbeddedServers())
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        line = account_line("name", ("reviewer",), _PASSWORD).partition(":")[2]
        accounts, port = folder / "accounts", free_port()
        accounts.write_text("".join(f"r{n}:{line}\n" for n in range(n_reviewers)))
        environment = {
            "STREAMER_KAFKA_BOOTSTRAP_SERVERS": servers.bootstrap_servers,
            "STREAMER_REDIS_URL": servers.redis_url,
            "STREAMER_CONSOLE_ACCOUNTS_FILE": str(accounts),
            "STREAMER_CONSOLE_HOST": HOST,
            "STREAMER_CONSOLE_PORT": str(port),
            "STREAMER_LOG_LEVEL": "WARNING",
        }
        settings = load_settings(environment)
        _publish(settings, n_alerts)
        child = ChildProcess(
            [sys.executable, "-m", "streamer", "console"],
            name="console",
            env=without_openblas(child_environment(environment)),
        )
        ends.callback(child.stop)
        url = f"http://{HOST}:{port}"
        child.start().wait_ready(lambda: asyncio.run(_arrived(settings)) >= n_alerts, url, _READY_S)
        yield settings, url, child.pid


def _publish(settings: Settings, n_alerts: int) -> None:
    config = librdkafka_config(settings)
    names = (
        settings.alerts_topic,
        settings.feedback_topic,
        settings.audit_topic,
        settings.proposals_topic,
    )
    create_topics(AdminClient(config), dict.fromkeys(names, _PARTITIONS), 1)
    producer, example, draw = Producer(config), example_alert(), random.Random(_SEED)
    for n in range(n_alerts):
        payment = msgspec.structs.replace(
            example.transaction,
            transaction_id=f"t-{n}",
            card_id=f"card-{n}",
            merchant_id=f"m-{draw.randrange(500)}",
            amount=round(draw.lognormvariate(5, 1), 2),
        )
        each = msgspec.structs.replace(
            example,
            alert_id=f"{settings.transactions_topic}-{n % _PARTITIONS}-{n}",
            transaction=payment,
            severity=draw.choice(("medium", "medium", "high", "critical")),
            score=1 - draw.random() / 200,
            wave_id=None,
            wave_alerts=None,
            scored_at=example.scored_at + timedelta(seconds=n),
        )
        producer.produce(
            settings.alerts_topic, msgspec.json.encode(each), partition=n % _PARTITIONS
        )
        producer.poll(0)
    producer.flush(60)


async def _arrived(settings: Settings) -> int:
    store = open_review_store(settings)
    try:
        return (await store.alerts.counts()).arrived
    finally:
        await store.close()


async def _work(
    team: _Team, n_reviewers: int, seconds: float, think_s: float, pid: int
) -> list[int]:
    """Let all work, and return the memory of the console at the beginning and after each quarter."""
    browsers = [_Reviewer(team, f"r{n}", think_s) for n in range(n_reviewers)]
    memory = [_memory_mb(pid)]
    try:
        for n, each in enumerate(browsers):
            click.echo(f"\r{n + 1} of {n_reviewers} have logged in", err=True, nl=False)
            await each.login()
        click.echo("", err=True)
        until_s = time.monotonic() + seconds
        working = [asyncio.ensure_future(each.work(until_s)) for each in browsers]
        for quarter in range(4):
            await asyncio.sleep(seconds / 4)
            memory.append(_memory_mb(pid))
            click.echo(f"{quarter + 1} of 4 quarters, {team.n_verdicts:,} verdicts", err=True)
        await asyncio.gather(*working)
    finally:
        for each in browsers:
            await each.browser.close()
    return memory


class _Reviewer:
    """A browser of one person."""

    def __init__(self, team: _Team, name: str, think_s: float) -> None:
        self._team, self._name, self._think_s = team, name, think_s
        self._draw = random.Random(name)
        # As a browser asks: cookies marked secure go to this machine without TLS too.
        self.browser = aiohttp.ClientSession(headers={"Sec-Fetch-Site": "same-origin"})
        self._cookies: dict[str, str] = {}

    async def login(self) -> None:
        page = await self._ask("GET", "/login")
        await self._ask(
            "POST", "/login", csrf=_token(page), name=self._name, password=_PASSWORD, after="/"
        )

    async def work(self, until_s: float) -> None:
        await asyncio.sleep(self._draw.random() * self._think_s)
        path, n = "/next", 0
        while time.monotonic() < until_s:
            if n % _QUEUE_EVERY == 0:
                await self._timed("queue", "GET", "/")
            n += 1
            page = await self._timed("alert", "GET", path)
            key = re.search(r'name="key" value="((?!undo-)[^"]+)"', page)
            form = re.search(r'action="(/alerts/[^"/]+/verdict)', page)
            await asyncio.sleep(self._draw.expovariate(1 / self._think_s))
            if key is None or form is None:
                self._team.faults.append(f"{path}: no form")
                path = "/next"
                continue
            verdict = self._draw.choice(("fraud", "legitimate"))
            fields = {"csrf": _token(page), "key": key[1], "verdict": verdict}
            path = await self._timed("verdict", "POST", form[1], **fields)

    async def _timed(self, name: str, method: str, path: str, **fields: str) -> str:
        began_s = time.monotonic()
        told = await self._ask(method, path, **fields)
        self._team.took[name].append(1000 * (time.monotonic() - began_s))
        return told

    async def _ask(self, method: str, path: str, **fields: str) -> str:
        """Return a page, or after a form the address that it leads to."""
        cookies = {"Cookie": "; ".join(f"{k}={v}" for k, v in self._cookies.items())}
        data = fields or None
        url = path if path.startswith("http") else self._team.url + path
        async with self.browser.request(
            method, url, data=data, headers=cookies, allow_redirects=False
        ) as answer:
            for name, morsel in answer.cookies.items():
                self._cookies[name] = morsel.value
            if answer.status == 303:
                self._team.n_verdicts += path.endswith("/verdict")
                where = answer.headers["Location"]
                return where if method == "POST" else await self._ask("GET", where)
            if answer.status != 200:
                self._team.faults.append(f"{method} {path}: {answer.status}")
            text = await answer.text()
            return text if method == "GET" else "/next"


def _token(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    return found[1] if found else ""


def _n_sent(settings: Settings) -> int:
    """Return how many verdicts are on their topic."""
    consumer = Consumer(librdkafka_config(settings) | {"group.id": "load"})
    ends = [
        consumer.get_watermark_offsets(TopicPartition(settings.feedback_topic, p))[1]
        for p in range(_PARTITIONS)
    ]
    consumer.close()
    return sum(ends)


def _memory_mb(pid: int) -> int:
    return int(psutil.Process(pid).memory_info().rss / 1e6)


def _spread(values: list[float]) -> dict[str, Any]:
    ordered = sorted(values)
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {"n": len(ordered)} | {
        name: percentile(ordered, share) if ordered else float("nan")
        for name, share in shares.items()
    }


if __name__ == "__main__":
    main()
