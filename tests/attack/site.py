"""What is attacked: the real processes, each started when the first attempt on it comes.

A console with local accounts and a provider; one behind a proxy, whose policy server can be told to
misbehave; `streamer serve`; a worker.  All that they answer and log is kept for `secrets`.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx2 as httpx
import msgspec

from streamer.console.people.accounts import Accounts, account_line
from streamer.console.people.web_sessions import Signer
from streamer.contract.messages import Alert
from streamer.embedded import EmbeddedKafka
from streamer.embedded.server import free_port
from streamer.settings.loading import child_environment
from tests.attack.played_opa import PlayedOpa
from tests.console.conftest import PASSWORD, Stand, accounts_text, alert
from tests.console.oidc_provider import CLIENT, SECRET, Provider
from tests.console.test_access import MORE
from tests.console.test_console_command import is_ready as console_is_ready
from tests.rig import opa
from tests.rig.opa import OpenPolicyAgent
from tests.rig.waiting import wait_until
from tests.serving.conftest import N_LEARNED, PAYMENTS, learned
from tests.serving.test_native_door import Door
from tests.serving.test_serve_command import is_ready as serve_is_ready
from tests.serving.test_serve_command import started as serve_started
from tests.stream.harness import Service, Worker

__all__ = [
    "ADMIN_TOKEN",
    "CONSOLE_SECRET",
    "HOSTILE_ID",
    "MARKUP",
    "PROXY",
    "SERVE_KEY",
    "Console",
    "Serve",
    "Site",
]

CONSOLE_SECRET: Final = "the-key-of-the-console-of-these-attempts"
SERVE_KEY: Final = "a-key-of-streamer-serve"
ADMIN_TOKEN: Final = "a-token-of-the-admin-address"
PROXY: Final = "127.0.0.2"
"""The address of this machine that the console believes to be a proxy."""
_N_ALERTS: Final = 40
MARKUP: Final = "<script>alert(1)</script>"
HOSTILE_ID: Final = 'h"<img src=x onerror=alert(1)>\r\nSet-Cookie: a=b\x1b[31m'


class Process:
    """A process whose output goes to a file."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process, self.port, self._log = process, port, log

    def log(self) -> str:
        """Return all that it wrote."""
        return self._log.read_text(errors="replace")

    def end(self) -> None:
        """End it, however busy it is."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Console(Process):
    """A console with forty alerts, whose people are those of the tests."""

    stand: Stand
    accounts: Path
    provider: Provider
    opa: PlayedOpa | None = None

    def signed(self, name: str, *, until_ms: int = 10**15) -> str:
        """Return the cookie of somebody who has logged in."""
        account = Accounts(self.accounts).get(name)
        assert account is not None
        signer = Signer(CONSOLE_SECRET.encode())
        return signer.signed(signer.began(account, until_ms))


class Serve(Process):
    """`streamer serve`; ``following`` are payments that come next."""

    grpc_port: int
    following: list[bytes]

    @property
    def door(self) -> Door:
        """A client of its HTTP port."""
        return Door(self.port)


class Site:
    """All of them; what was never asked for is never started."""

    def __init__(self, kafka: EmbeddedKafka, redis_url: str, folder: Path) -> None:
        self.kafka, self.redis_url, self.folder = kafka, redis_url, folder
        self.heard: list[str] = []
        """Every answer to an attempt, its headers included."""
        self._running = ExitStack()
        self._n_addresses = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Site:
        return self

    def closes(self, client: Any) -> None:
        """Close a client with the site: whoever made it may still be used by a later attempt."""
        self._running.callback(client.close)

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def new_address(self) -> str:
        """Return an address of this machine from which nobody has come yet."""
        self._n_addresses += 1
        return f"127.0.3.{self._n_addresses}"

    def hear(self, answer: httpx.Response) -> None:
        """Keep what was answered; cookies are meant for who asks."""
        if "event-stream" in answer.headers.get("content-type", ""):
            return
        answer.read()
        headers = {k: v for k, v in answer.headers.items() if k.lower() != "set-cookie"}
        self.heard.append(f"{headers}\n{answer.text}")

    @cached_property
    def console(self) -> Console:
        """With local accounts and a provider, behind a proxy at `PROXY`."""
        provider = self._running.enter_context(Provider())
        secret = self.folder / "client-secret"
        secret.write_text(SECRET)
        settings = {
            "STREAMER_CONSOLE_URL": "https://testserver",
            "STREAMER_OIDC_ISSUER": provider.issuer,
            "STREAMER_OIDC_CLIENT_ID": CLIENT,
            "STREAMER_OIDC_CLIENT_SECRET_FILE": str(secret),
            "STREAMER_OIDC_ROLES": "fraud-team=reviewer,fraud-leads=reviewer+lead",
        }
        made = self._console("console", settings)
        made.provider = provider
        return made

    @cached_property
    def guarded(self) -> Console:
        """With people whom a proxy lets in, and a policy server that does as it is told."""
        behind = None
        if opa.missing() is None:
            behind = self._running.enter_context(OpenPolicyAgent())
        played = self._running.enter_context(PlayedOpa("" if behind is None else behind.url))
        told = {
            "STREAMER_OPA_URL": played.url,
            "STREAMER_OPA_TIMEOUT_S": "2",
            # What a worker is asked for, somebody else answers too.
            "STREAMER_CONSOLE_WORKERS": played.url,
            "STREAMER_CONSOLE_PROXY_USER_HEADER": "X-Forwarded-User",
            "STREAMER_CONSOLE_PROXY_ROLES": "team=reviewer,leads=reviewer+lead",
        }
        made = self._console("guarded", told)
        made.opa = played
        return made

    @cached_property
    def serve(self) -> Serve:
        """With API keys, over HTTP and gRPC."""
        service = learned(self.redis_url, f"attacked-{time.time_ns()}")
        log, port, grpc_port = self.folder / "serve.log", free_port(), free_port()
        own = service.settings
        settings = {
            "STREAMER_REDIS_URL": self.redis_url,
            "STREAMER_NAMESPACE": own.namespace,
            "STREAMER_N_CLUSTERS": str(own.n_clusters),
            "STREAMER_WARMUP_TRANSACTIONS": str(own.warmup_transactions),
            "STREAMER_SERVE_PORT": str(port),
            "STREAMER_SERVE_GRPC_PORT": str(grpc_port),
            "STREAMER_SERVE_API_KEYS": f"another-key-of-serve,{SERVE_KEY}",
            "STREAMER_SERVE_DEADLINE_S": "10",
            "STREAMER_LOG_FORMAT": "json",
        }
        with log.open("wb") as told:
            made = Serve(serve_started(settings, told), port, log)
        self._running.callback(made.end)
        if not serve_is_ready(made.door, made.process):
            raise RuntimeError(f"the service must become ready, got:\n{made.log()}")
        made.grpc_port = grpc_port
        made.following = [value for _, value in PAYMENTS[N_LEARNED:]]
        return made

    @cached_property
    def service(self) -> Service:
        """The worker's topics, group and namespace."""
        made = Service(
            self.kafka.bootstrap_servers,
            self.redis_url,
            admin_token=ADMIN_TOKEN,
            log_format="json",
        )
        return self._running.enter_context(made).create_topics()

    @cached_property
    def worker(self) -> Worker:
        """With a token for its admin address."""
        return self.service.worker().wait_ready()

    def logs(self) -> dict[str, str]:
        """Return what each process that was started has logged."""
        made = self.__dict__
        found = {name: made[name].log() for name in ("console", "guarded", "serve") if name in made}
        if "worker" in made:
            found["worker"] = self.worker.child.log_tail(100_000)
        return found

    def _console(self, name: str, more: dict[str, str]) -> Console:
        folder = self.folder / name
        folder.mkdir()
        stand = Stand(self.kafka, self.redis_url, folder)
        accounts = stand.settings.console_accounts_file
        assert accounts is not None
        lines = [account_line(who, (role,), PASSWORD) for who, role in MORE]  # type: ignore[arg-type]
        lines += [account_line(who, ("reviewer",), PASSWORD) for who in ("nils", "nina", "norbert")]
        accounts.write_text("\n".join([accounts_text(), *lines]))
        port, log = free_port(), folder / "log"
        settings = stand.environment() | {
            "STREAMER_CONSOLE_PORT": str(port),
            "STREAMER_CONSOLE_SECRET": CONSOLE_SECRET,
            "STREAMER_CONSOLE_TRUSTED_PROXIES": PROXY,
            "STREAMER_LOG_FORMAT": "json",
        }
        with log.open("wb") as told:
            process = subprocess.Popen(
                [sys.executable, "-m", "streamer", "console"],
                env=child_environment(settings | more),
                stdout=told,
                stderr=told,
            )
        made = Console(process, port, log)
        made.stand, made.accounts = stand, accounts
        self._running.callback(made.end)
        if not console_is_ready(port, process):
            raise RuntimeError(f"the console must become ready, got:\n{made.log()}")
        stand.publish([*(alert(n) for n in range(1, _N_ALERTS)), hostile()])
        cookies = {"streamer_session": made.signed("lea")}
        # The last of each partition.
        ids = quote(HOSTILE_ID), f"transactions-0-{_N_ALERTS - 1}"
        last = [f"http://127.0.0.1:{port}/alerts/{each}/export.json" for each in ids]
        with httpx.Client(cookies=cookies, timeout=60) as client:
            for each in last:
                wait_until(partial(_is_there, client, each), made.log)
        return made


def _is_there(client: httpx.Client, url: str) -> bool:
    return client.get(url).status_code == 200


def hostile() -> Alert:
    """Return an alert whose texts are markup, line ends and escapes, as far as an alert may
    have them."""
    made = alert(
        _N_ALERTS,
        merchant_id=f'm"{MARKUP}',
        card_id=f"c'{MARKUP}",
        transaction_id=f"t{MARKUP}",
    )
    return msgspec.structs.replace(made, alert_id=HOSTILE_ID)


@contextmanager
def as_told(played: PlayedOpa, how: str) -> Iterator[None]:
    """Let a policy server misbehave for a while, and the console notice that it is over."""
    played.how = how
    try:
        yield
    finally:
        played.how = "honest"
        # After a failure it is left alone for a second.
        time.sleep(1.1)
