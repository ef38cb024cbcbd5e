"""Servers, a worker and consoles for a browser: ``python -m tests.integrations.browser.stand``.

Run by an interpreter that has streamer.  Each line of its standard input is a JSON array, the name of a
method of `Stand` and its arguments, and is answered by a line; it ends when its input ends.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import msgspec
from redis import Redis

from streamer.embedded import ChildProcess, EmbeddedServers
from streamer.embedded.server import free_port
from tests.console.conftest import accounts_text, alert
from tests.integrations.browser.lived import PER_DAY, SHARE, Life
from tests.rig.waiting import DEADLINE_S, wait_until
from tests.stream.harness import ROOT, Record, Service, Worker, child_env, payments

N_LEARNED: Final = 4_000
_OF_ALERTS: Final = (
    *("ranked", "arrived", "rows", "alert", "claim"),
    *("verdict", "sending", "joint", "twice", "looked"),
)
_SETTINGS: Final = {
    # The embedded broker lets a group begin after half of it.
    "kafka_session_timeout_s": "6",
    "alert_budget": "0.02",
    "warmup_transactions": "500",
    "console_least_look_s": "0",
    "create_topics": "true",
    "log_level": "WARNING",
}


class Room:
    """One service: topics of its own, a console, and a worker where one is asked for."""

    def __init__(self, servers: EmbeddedServers, folder: Path, **changes: str) -> None:
        told = {
            "console_accounts_file": str(folder / "accounts"),
            "console_secret": "0" * 32,
            "console_port": str(free_port()),
        }
        self._service = Service(
            servers.bootstrap_servers, servers.redis_url, **told | _SETTINGS | changes
        )
        self._service.env["STREAMER_AUDIT_TOPIC"] = f"audit-{self._service.id}"
        self._service.create_topics()
        self._worker: Worker | None = None
        self._payments: list[Record] = []
        self._n_paid = 0
        self.console = self._console({})

    @property
    def url(self) -> str:
        """Where the console answers."""
        return f"http://127.0.0.1:{self._service.settings.console_port}"

    def start_console(self) -> None:
        """Return when it is ready."""
        self.console.start()
        wait_until(self._is_ready, lambda: f"a console\n{self.console.log_tail(60)}")

    def restart_console(self, changes: dict[str, str] | None = None) -> None:
        """End it as a supervisor does, and start it again where it was, with other settings."""
        self.console.send_signal(signal.SIGTERM)
        self.console.wait(DEADLINE_S)
        self.console.stop()
        self.console = self._console(changes or {})
        self.start_console()

    def publish(self, alerts: list[dict[str, Any]]) -> None:
        """Put alerts on their topic: each the example with ``number`` and other changes."""
        made = [alert(**changes) for changes in alerts]
        records: list[Record] = [(None, msgspec.json.encode(each)) for each in made]
        self._service.produce(records, self._service.settings.alerts_topic)

    def start_worker(self) -> None:
        """Start a worker, which learns from payments until it alerts."""
        self._worker = self._service.worker().wait_ready()
        self._payments = payments(2 * N_LEARNED)
        self.pay(N_LEARNED)

    def live(self, seed: int, judged_days: float, n_open: int, truth: str) -> dict[str, Any]:
        """Start a worker and let days pass until ``n_open`` alerts wait, see `lived`."""
        self._worker = self._service.worker().wait_ready()
        days = judged_days + n_open / SHARE / PER_DAY + 0.5
        return Life(self._service, self._worker, seed, days).live(judged_days, n_open, Path(truth))

    def pay(self, n: int) -> None:
        """Let cards pay ``n`` times, and wait until the worker has scored that."""
        assert self._worker is not None
        before = sum(self._worker.n_scored().values())
        self._service.produce(self._payments[self._n_paid : self._n_paid + n])
        self._n_paid += n
        self._worker.wait_scored(before + n)

    def replace_worker(self) -> None:
        """Kill the worker, and let another go on where it was."""
        assert self._worker is not None
        self._worker.kill()
        self._worker = self._service.successor()

    def learned(self, n: int) -> float:
        """Wait until the worker has learned ``n`` verdicts, each of a payment that it had scored."""
        assert self._worker is not None
        name = "streamer_verdicts_learned_total"
        self._worker.wait_metric(lambda found: found >= n, name)
        return self._worker.metric(name)

    def empty(self) -> None:
        """Take the alerts and all that was done with them out of Redis; that they came is left."""
        space = f"streamer:{{{self._service.settings.namespace}}}:review"
        with Redis.from_url(str(self._service.settings.redis_url.get_secret_value())) as redis:
            for name in _OF_ALERTS:
                for key in redis.scan_iter(match=f"{space}:{name}*"):
                    redis.delete(key)

    def forget(self, alert_id: str) -> None:
        """Let an alert make room, as the oldest do when the queue is full."""
        space = f"streamer:{{{self._service.settings.namespace}}}:review"
        with Redis.from_url(str(self._service.settings.redis_url.get_secret_value())) as redis:
            redis.delete(f"{space}:alert:{alert_id}")
            redis.hdel(f"{space}:rows", alert_id)
            redis.zrem(f"{space}:ranked", alert_id)
            redis.zrem(f"{space}:arrived", alert_id)

    def verdicts(self, n: int, of: list[str] | None = None) -> list[Any]:
        """Return what is on the feedback topic, of certain alerts, once that are ``n`` verdicts."""
        topic = self._service.settings.feedback_topic

        def found() -> list[Any] | None:
            told = [json.loads(message.value()) for message in self._service.read(topic)]
            wanted = [each for each in told if of is None or each["alert_id"] in of]
            return wanted if len(wanted) >= n else None

        return list(wait_until(found, f"{n} verdicts") if n else [])

    def close(self) -> None:
        """End the console and the workers."""
        self.console.stop()
        self._service.__exit__(None, None, None)

    def _console(self, changes: dict[str, str]) -> ChildProcess:
        return ChildProcess(
            [sys.executable, "-m", "streamer", "console"],
            name="the console",
            env=child_env(self._service.env | changes),
            cwd=ROOT,
        )

    def _is_ready(self) -> bool:
        assert self.console.is_running(), self.console.log_tail(60)
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=DEADLINE_S):  # noqa: S310
                return True
        except OSError:
            return False


class Stand:
    """What a line can ask for; rooms are named by their console's address."""

    def __init__(self, servers: EmbeddedServers, folder: Path, ends: ExitStack) -> None:
        self._servers, self._folder, self._ends = servers, folder, ends
        self._rooms: dict[str, Room] = {}

    def open(self, changes: dict[str, str] | None = None) -> str:
        """Start a console with topics of its own, and other settings, and return its address."""
        room = Room(self._servers, self._folder, **changes or {})
        self._ends.callback(room.close)
        room.start_console()
        self._rooms[room.url] = room
        return room.url

    def ask(self, url: str, method: str, *arguments: Any) -> Any:
        """Return what a method of a room returns."""
        return getattr(self._rooms[url], method)(*arguments)


def main() -> None:
    """Answer until standard input ends."""
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        (folder / "accounts").write_text(accounts_text())
        stand = Stand(ends.enter_context(EmbeddedServers()), folder, ends)
        for line in sys.stdin:
            name, *arguments = json.loads(line)
            began = time.monotonic()
            answer = getattr(stand, name)(*arguments)
            print(f"{arguments[1:2] or name}: {time.monotonic() - began:.1f} s", file=sys.stderr)
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
