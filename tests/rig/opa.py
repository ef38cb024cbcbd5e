"""Open Policy Agent: built once by Go into the user's cache, and run as a server with the policy.

It is no package of Debian's, npm's or PyPI's; as a Go module it builds in about 200 s of processor
time.  Go 1.21 or newer fetches the version of itself that the module wants.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from streamer.embedded import ChildProcess
from streamer.errors import UnavailableError
from tests.rig.folders import DataFolder
from tests.rig.ports import HOST, stable_port
from tests.rig.waiting import DEADLINE_S

__all__ = ["OpenPolicyAgent", "fetch", "missing", "program"]

_VERSION: Final = "v1.22.3"
_MODULE: Final = f"github.com/open-policy-agent/opa@{_VERSION}"
# On a loaded machine, with a slow proxy.
_BUILD_TIMEOUT_S: Final = 900.0
_POLICY: Final = Path(__file__).parents[2] / "ops" / "policy"


def program() -> Path:
    """Return where the program lies, or would."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "streamer-rig" / f"opa-{_VERSION}" / "opa"


def missing() -> str | None:
    """Say what is not there and what to do; None when OPA can start."""
    if program().is_file():
        return None
    if shutil.which("go") is None:
        return (
            "Open Policy Agent needs go to be built, got none; install Go 1.21 or newer, then run: "
            "make rig"
        )
    return "Open Policy Agent must be in the cache, got none; run: make rig"


def fetch() -> None:
    """Build it unless it is there; safe to run at once twice."""
    if shutil.which("go") is None:
        raise UnavailableError(missing() or "")
    program().parent.mkdir(parents=True, exist_ok=True)
    with (program().parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program().is_file():
            _build()


def _build() -> None:
    # Sources and objects take 1 GB, and nobody needs them again.
    with tempfile.TemporaryDirectory(prefix="streamer-rig-", dir=program().parent) as scratch:
        done = subprocess.run(
            [
                shutil.which("go") or "go",
                *("install", "-trimpath", "-tags", "opa_no_oci", "-ldflags", "-s -w", _MODULE),
            ],
            # Outside of any module, and without C: nothing else has to be installed.
            cwd=scratch,
            env={
                **os.environ,
                "CGO_ENABLED": "0",
                "GOBIN": f"{scratch}/bin",
                "GOCACHE": f"{scratch}/objects",
                "GOFLAGS": "-modcacherw",
                "GOPATH": f"{scratch}/sources",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_BUILD_TIMEOUT_S,
        )
        if done.returncode != 0:
            raise UnavailableError(
                f"go must build {_MODULE}, for which it has to be 1.21 or newer, got:\n"
                f"{done.stderr[-2000:]}"
            )
        # Under its name it is whole.
        Path(scratch, "bin", "opa").rename(program())


class OpenPolicyAgent:
    """A server at `url` with the policy of ``ops/policy``; with ``token`` only for who has it."""

    def __init__(self, *, token: str = "", policies: tuple[Path, ...] = (_POLICY,)) -> None:
        self.port = stable_port()
        self.url = f"http://{HOST}:{self.port}"
        self._folder = DataFolder()
        command = [
            *(str(program()), "run", "--server", "--addr", f"{HOST}:{self.port}"),
            *(
                "--skip-version-check",
                "--log-level",
                "error",
                "--set",
                "decision_logs.console=true",
            ),
        ]
        if token:
            guard = self._folder.path / "authz.rego"
            guard.write_text(
                "package system.authz\n\ndefault allow := false\n\n"
                f'allow if input.identity == "{token}"\n\n'
                'allow if input.path == ["health"]\n'
            )
            command += ["--authentication=token", "--authorization=basic", str(guard)]
        self.child = ChildProcess([*command, *map(str, policies)], name="Open Policy Agent")

    def __enter__(self) -> OpenPolicyAgent:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.child.stop()
        self._folder.remove()

    def start(self) -> None:
        """Start it, and return when it answers."""
        self.child.start().wait_ready(self._answers, f"{self.url}/health", DEADLINE_S)

    def query(self, query: str, asked: Any) -> Any:
        """Return the bindings of an ad-hoc query with an input."""
        body = json.dumps({"query": query, "input": asked})
        connection = HTTPConnection(HOST, self.port, timeout=DEADLINE_S)
        connection.request("POST", "/v1/query", body)
        with closing(connection):
            return json.load(connection.getresponse())["result"]

    def _answers(self) -> bool:
        connection = HTTPConnection(HOST, self.port, timeout=1.0)
        with closing(connection), suppress(OSError):
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        return False
