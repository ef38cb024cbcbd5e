"""A Ray of this machine alone, for the checks of this folder."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

START_S = 180
# The cluster's own, whatever this user has; the head, the commands and this process read it.
os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}
AGENT_PORTS = (
    "dashboard-agent-grpc",
    "dashboard-agent-listen",
    "metrics-export",
    "runtime-env-agent",
)


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


@contextmanager
def ray_head(n_cpus: int) -> Iterator[str]:
    """The address of a Ray of so many processors, on the loopback interface."""
    # 127.0.0.1 is what Ray replaces by an address that others reach.
    port, folder = free_port(), tempfile.mkdtemp(prefix="ray-")
    # Ports that are told are not waited for: the 15 s that Ray waits are too few on a busy machine.
    told = [f"--{name}-port={free_port()}" for name in AGENT_PORTS]
    head = [
        str(Path(sys.executable).with_name("ray")), "start", "--head", "--block",
        f"--num-cpus={n_cpus}", "--node-ip-address=127.0.0.2", f"--port={port}",
        "--include-dashboard=false", f"--temp-dir={folder}", "--disable-usage-stats",
        "--object-store-memory=300000000", *told,
    ]  # fmt: skip
    # No setting of streamer, and one that it does not know is an error.
    env = {name: value for name, value in os.environ.items() if name != "STREAMER_PYTHON"}
    for _ in range(3):
        # A busy machine may be too slow for Ray's own limit of half a minute.
        with (Path(folder) / "head.out").open("ab") as out:
            process = subprocess.Popen(head, env=env, stdout=out, stderr=subprocess.STDOUT)
        if _is_up(process, folder):
            break
    else:
        pytest.fail((Path(folder) / "head.out").read_text()[-2_000:], pytrace=False)
    try:
        yield f"127.0.0.2:{port}"
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _is_up(process: subprocess.Popen[bytes], folder: str) -> bool:
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        if "Ray runtime started." in (Path(folder) / "head.out").read_text():
            return True
        time.sleep(0.2)
    return False
