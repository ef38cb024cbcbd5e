"""Executes ops/Dockerfile without Docker: ``make image-steps``.  Takes a minute and needs a registry.

The build stage's steps run in a folder, with the paths of the image under it.  A worker is started from
what came out, with the image's environment, entry point and health check, on a broker and a Redis of
this machine's.  As root, the worker has the image's user, no capability, and a read-only root with a
tmpfs as its only place to write.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from streamer.embedded import ChildProcess, EmbeddedServers
from streamer.embedded.server import free_port
from tests.ops.dockerfile import ROOT, Instruction, exec_form, is_sent, only, stages

__all__ = ["build", "main"]

_PLACES: Final = ("/opt/streamer", "/build")
_READY_WITHIN_S: Final = 120.0
# The mounts of this namespace alone: the root read-only, a tmpfs over the one folder.  Then the user
# and the rights that the image and the compose file give.
_CONFINED: Final = """
set -e
mount -o remount,bind,ro /
mount -t tmpfs -o mode=1777 tmpfs "$1"
cd "$1"
! touch /read-only 2>/dev/null
shift
exec setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs --bounding-set -all \
  --inh-caps -all -- "$@"
"""


def _under(folder: Path, text: str) -> str:
    for place in _PLACES:
        text = text.replace(place, f"{folder}{place}")
    return text


def build(folder: Path, python: Path) -> None:
    """Execute the build stage under ``folder``, with ``python`` as the base image's."""
    _, stage, _ = stages()
    work = Path(_under(folder, only(stage, "WORKDIR").rest))
    work.mkdir(parents=True)
    # A virtual environment: the base image's Python has a pip too, and is first in its PATH.
    subprocess.run([python, "-m", "venv", folder / "base"], check=True)
    environ = os.environ | {"PATH": f"{folder / 'base' / 'bin'}:{os.environ['PATH']}"}
    for each in stage:
        if each.name == "ENV":
            environ |= dict(pair.split("=", 1) for pair in each.rest.split())
        elif each.name == "COPY":
            _copy(each, work)
        elif each.name == "RUN":
            print(f"RUN {' '.join(each.rest.split())}", flush=True)
            command = ["/bin/sh", "-ec", _under(folder, each.rest)]
            subprocess.run(command, cwd=work, env=environ, check=True, stdout=sys.stderr)


def _copy(instruction: Instruction, work: Path) -> None:
    *sources, target = instruction.rest.split()
    for source in sources:
        assert is_sent(source), f".dockerignore must let {source} through"
        if (ROOT / source).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / source, work / target, ignore=ignored)
        else:
            shutil.copy(ROOT / source, work / target)


def _runs(folder: Path) -> None:
    """Start a worker as the image does, and wait until its health check passes."""
    *_, stage = stages()
    program = folder / "opt" / "streamer" / "bin"
    writable = folder / "tmp"
    writable.mkdir()
    port = free_port()
    with EmbeddedServers() as servers:
        environ = {
            "PATH": f"{program}:/usr/bin:/bin",
            "HOME": "/nonexistent",
            "TMPDIR": str(writable),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "STREAMER_KAFKA_BOOTSTRAP_SERVERS": servers.bootstrap_servers,
            "STREAMER_REDIS_URL": servers.redis_url,
            "STREAMER_CREATE_TOPICS": "true",
            "STREAMER_KAFKA_SESSION_TIMEOUT_S": "6",
            "STREAMER_WEB_PORT": str(port),
        }
        (entry,) = exec_form(only(stage, "ENTRYPOINT").rest)
        command = [str(program / entry), *exec_form(only(stage, "CMD").rest)]
        if os.geteuid() == 0:
            confine = ["unshare", "--mount", "sh", "-c", _CONFINED, "confined", str(writable)]
            command = [*confine, *command]
        else:
            print("not root: the worker runs as this user, and its root can be written")
        check, *arguments = exec_form(only(stage, "HEALTHCHECK").rest.removeprefix("CMD"))
        url = f"http://127.0.0.1:{port}/readyz"
        health = [str(program / check), *arguments, url]

        def is_ready() -> bool:
            return subprocess.run(health, env=environ, capture_output=True).returncode == 0

        worker = ChildProcess(command, name="the worker", env=environ, cwd=writable).start()
        try:
            worker.wait_ready(is_ready, url, _READY_WITHIN_S)
            status = Path(f"/proc/{worker.pid}/status").read_text()
            print(f"ready: {url}")
            print("".join(line for line in status.splitlines(True) if line[:3] in ("Uid", "Cap")))
        finally:
            worker.stop()
        assert not is_ready(), "the health check must fail where nothing answers"


def main() -> None:
    """Build and run.

    As root, everybody must be able to read the Python, libraries included: the worker is another user.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.ops.image_steps", description=__doc__)
    told = "the Python of the image; without it the one that runs this"
    parser.add_argument("python", nargs="?", default=sys.executable, type=Path, help=told)
    python: Path = parser.parse_args().python
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        build(folder, python)
        _runs(folder)


if __name__ == "__main__":
    main()
