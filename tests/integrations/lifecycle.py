"""What checks of a lifecycle share: servers with a head, past payments, a policy, `streamer`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.integrations.environments import ROOT

__all__ = ["Stage", "staged"]

SETTINGS: Final = {
    "STREAMER_WARMUP_TRANSACTIONS": "500",
    "STREAMER_N_CLUSTERS": "4",
    "STREAMER_ALERT_BUDGET": "0.02",
    "STREAMER_NAMESPACE": "lifecycle",
}
POLICY: Final = (
    "min_transactions = 5_000\nmin_payments = 1_000\nmax_worst_5000 = 3.0\nmax_budget_ratio = 1.5\n"
    "max_psi = 20.0\n"
)
_SERVERS: Final = (
    "import sys\nfrom streamer.embedded import EmbeddedServers\n"
    "with EmbeddedServers() as servers:\n"
    "    print(servers.redis_url, servers.bootstrap_servers, flush=True)\n    sys.stdin.read()\n"
)
_SHIM: Final = '#!/bin/sh\ncd "{root}" && exec env -u STREAMER_PYTHON "{python}" -m streamer "$@"\n'


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a lifecycle is played: ``env`` has the settings, and a PATH with `streamer`."""

    folder: Path
    env: dict[str, str]

    @property
    def payments(self) -> Path:
        """Past payments."""
        return self.folder / "payments.parquet"

    @property
    def policy(self) -> Path:
        """The gate's limits, which those payments keep."""
        return self.folder / "gate.toml"

    def streamer(self, *arguments: str) -> str:
        """Run a command and return what it printed."""
        command = [str(self.folder / "bin" / "streamer"), *arguments]
        done = subprocess.run(
            command, env=self.env, capture_output=True, text=True, timeout=280, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Yield a stage in ``folder``, whose head was fitted to payments of before."""
    python = os.environ["STREAMER_PYTHON"]
    (folder / "bin").mkdir()
    shim = folder / "bin" / "streamer"
    shim.write_text(_SHIM.format(root=ROOT, python=python))
    shim.chmod(0o755)
    others = {k: v for k, v in os.environ.items() if k != "STREAMER_PYTHON"}
    with subprocess.Popen(
        [python, "-c", _SERVERS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as servers:
        assert servers.stdin is not None
        assert servers.stdout is not None
        try:
            url, kafka = servers.stdout.readline().split()
            own = {"STREAMER_REDIS_URL": url, "STREAMER_KAFKA_BOOTSTRAP_SERVERS": kafka}
            # Of the audit, on which what a lifecycle does is first.
            own["STREAMER_CREATE_TOPICS"] = "true"
            path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
            stage = Stage(folder, others | SETTINGS | own | {"PATH": path})
            _prepare(stage)
            yield stage
        finally:
            servers.stdin.close()


def _prepare(stage: Stage) -> None:
    before, head = stage.folder / "before.parquet", stage.folder / "head.safetensors"
    size = ("--rate", "600", "--duration", "10")
    stage.streamer("simulate", *size, "--seed", "3", "--out", str(before))
    stage.streamer("simulate", *size, "--seed", "3", "--out", str(stage.payments))
    stage.streamer("fit", str(before), "--out", str(head), "--k", "4")
    stage.streamer("model", "import", str(head), "--promote")
    stage.policy.write_text(POLICY)
