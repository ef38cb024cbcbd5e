"""ops/Dockerfile, without Docker; `make image-steps` executes it and starts a worker from it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from streamer.embedded import EmbeddedKafka
from tests.ops.dockerfile import DOCKERFILE, ROOT, exec_form, is_sent, only, stages
from tests.stream.harness import Service, payments

HEAD, BUILD, IMAGE = stages()
# Becomes a worker to whom the kernel refuses every byte that goes to a file.  What it prints goes
# through a pipe to a process without that limit, for the log of the harness is a file.
WITHOUT_FILES = """
import os, resource, subprocess, sys
os.chdir(sys.argv[1])
log = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
os.dup2(log.stdin.fileno(), 1)
os.dup2(1, 2)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
here = {"HOME": sys.argv[1], "TMPDIR": sys.argv[1], "PYTHONDONTWRITEBYTECODE": "1"}
os.execve(sys.executable, [sys.executable, *sys.argv[2:]], os.environ | here)
"""


def test_the_base_is_an_argument_and_no_digest_is_made_up() -> None:
    """The workflow looks it up, of the image that is the default here."""
    (base,) = (each.rest for each in HEAD)
    assert base == "PYTHON_IMAGE=python:3.13-slim"
    assert only(BUILD, "FROM").rest == "${PYTHON_IMAGE} AS build"
    assert only(IMAGE, "FROM").rest == "${PYTHON_IMAGE}"
    assert not re.search(r"sha256:[0-9a-f]", DOCKERFILE.read_text())
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "image.yml").read_text())
    assert workflow["jobs"]["build"]["env"]["BASE"] == base.partition("=")[2]


def _sources() -> Iterator[str]:
    for each in BUILD:
        if each.name == "COPY":
            yield from each.rest.split()[:-1]


def test_what_is_copied_is_there_and_is_sent_to_the_builder() -> None:
    """And nothing else is: no tests, no history, no settings of a developer."""
    sources = set(_sources())
    # The package is wherever it was imported from: CI tests what was installed.
    ours = {path.name for path in ROOT.iterdir()} | {"streamer"}
    assert sources <= ours
    assert {name for name in ours if is_sent(name)} == sources
    assert is_sent("streamer/cli/worker_command.py")
    assert not is_sent("streamer/cli/__pycache__")
    assert not is_sent("tests/ops/test_image.py")


@pytest.mark.parametrize("step", [each.rest for each in BUILD if each.name == "RUN"])
def test_a_step_is_a_command_that_the_shell_can_read(step: str) -> None:
    subprocess.run(["/bin/sh", "-n", "-c", step], check=True)


def test_the_build_backend_comes_from_the_lock_with_its_hashes(tmp_path: Path) -> None:
    """By the step's own filter; that nothing is missing is what pip checks in `make image-steps`."""
    (step,) = (each.rest for each in BUILD if "build.lock" in each.rest)
    (tmp_path / "requirements-dev.lock").write_text((ROOT / "requirements-dev.lock").read_text())
    subprocess.run(["/bin/sh", "-ec", step.partition("&&")[0]], cwd=tmp_path, check=True)
    lock = (tmp_path / "build.lock").read_text()
    names = re.findall(r"^([\w-]+)==", lock, re.MULTILINE)
    (wanted,) = re.findall(r"\^\((.*?)\)==", step)
    assert names == wanted.split("|")
    assert len(re.findall(r"^    --hash=sha256:", lock, re.MULTILINE)) >= len(names)


def test_it_runs_as_a_user_without_a_name_of_its_own_and_without_a_shell() -> None:
    """Numbers, so that Kubernetes can see that it is not root."""
    assert only(IMAGE, "USER").rest == "10001:10001"
    assert "--uid 10001" in only(IMAGE, "RUN").rest
    assert [each.name for each in IMAGE if each.name == "COPY"] == ["COPY"]
    assert exec_form(only(IMAGE, "ENTRYPOINT").rest) == ["streamer"]
    assert exec_form(only(IMAGE, "CMD").rest) == ["worker"]


def test_a_worker_needs_no_file_and_the_image_s_health_check_knows_how_it_is(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    """It scores, checkpoints and stops while the kernel refuses it every write to a file."""
    python, *check = exec_form(only(IMAGE, "HEALTHCHECK").rest.removeprefix("CMD"))
    assert python == "python"
    with Service(kafka.bootstrap_servers, redis_url) as service:
        command = ["-c", WITHOUT_FILES, str(tmp_path), "-m", "streamer", "worker"]
        worker = service.create_topics().worker(command).wait_ready()

        def health() -> subprocess.CompletedProcess[str]:
            # -I is for a package that is installed; here it is this folder's.
            options = [each for each in check if each != "-I"]
            url = f"http://127.0.0.1:{worker.port}/readyz"
            return subprocess.run(
                [sys.executable, *options, url], capture_output=True, text=True, cwd=ROOT
            )

        service.produce(payments(1_000))
        service.wait_consumed(1_000)
        done = health()
        assert done.returncode == 0, done.stderr
        assert '"status"' in done.stdout
        assert worker.terminate() == 0, worker.log()
        assert health().returncode == 1
    # Folders for compiled loops, which a file would have to go into.
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []
