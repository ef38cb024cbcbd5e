"""Apache Kafka's jars: fetched once by Maven into the user's cache, then only looked up.

Beside the jars lie two things that make a start fast.  `classes.jsa` is the JVM's archive of loaded
classes (a start takes 1.7 s with it, 4 s without).  `bootstrap.checkpoint` is what Kafka's format
command writes; it is the same for every broker, so formatting a folder is copying a file.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from streamer.embedded import ChildProcess
from streamer.errors import UnavailableError
from tests.rig.ports import HOST, accepts, stable_port

__all__ = ["bootstrap_checkpoint", "fetch", "java_command", "missing"]

_HERE: Final = Path(__file__).parent
_POM: Final = _HERE / "pom.xml"
_LOGGING: Final = _HERE / "log4j2.properties"
# Downloading 54 MB from a slow mirror.
_MAVEN_TIMEOUT_S: Final = 600.0
_READY_TIMEOUT_S: Final = 60.0


def missing() -> str | None:
    """Say what Apache Kafka lacks on this machine and what to do; None when it can start."""
    if shutil.which("java") is None:
        return "Apache Kafka needs java, got none; install Java 17 or newer"
    if not _is_complete():
        return "Apache Kafka's jars must be in the cache, got none; run: make rig"
    return None


def java_command(heap_mb: int, main: str, *arguments: str, lives_long: bool = False) -> list[str]:
    """Return the command that runs a class of Kafka; one that lives long is compiled in full."""
    options = [f"-XX:SharedArchiveFile={_archive()}"]
    if lives_long:
        # Of two the JVM takes the last.
        options.append("-XX:TieredStopAtLevel=4")
    return _java(heap_mb, options, main, *arguments)


def bootstrap_checkpoint() -> Path:
    """Return the file that a formatted folder needs beside its ``meta.properties``."""
    return _folder() / "bootstrap.checkpoint"


def fetch() -> None:
    """Fetch the jars and prepare the fast start, unless both are there; safe to run at once twice."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise UnavailableError(f"{program} must be installed to fetch Apache Kafka, got none")
    with _locked():
        if _is_complete():
            return
        _fetch_jars()
        _prepare_start()


def _folder() -> Path:
    """The cache of exactly these jars: another pom.xml gets another folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(_POM.read_bytes() + _LOGGING.read_bytes()).hexdigest()
    return cache / "streamer-rig" / f"apache-kafka-{digest[:12]}"


def _archive() -> Path:
    return _folder() / "classes.jsa"


def _is_complete() -> bool:
    # The checkpoint comes last.
    return bootstrap_checkpoint().is_file()


@contextmanager
def _locked() -> Iterator[None]:
    """One process at a time; the others wait and then find everything there."""
    _folder().mkdir(parents=True, exist_ok=True)
    with (_folder() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch_jars() -> None:
    # Maven writes into the folder of its pom, so it gets a copy.
    with tempfile.TemporaryDirectory(prefix="streamer-rig-") as scratch:
        shutil.copy(_POM, scratch)
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={_folder() / 'jars'}"]
        done = subprocess.run(
            [
                shutil.which("mvn") or "mvn",
                "--batch-mode",
                "--quiet",
                *goal,
                "-DincludeScope=runtime",
            ],
            cwd=scratch,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_MAVEN_TIMEOUT_S,
        )
    if done.returncode != 0:
        raise UnavailableError(f"Maven must fetch Apache Kafka, got:\n{done.stdout[-2000:]}")


def _prepare_start() -> None:
    """Run one broker with an empty folder, and keep what it loaded and what formatting wrote."""
    with tempfile.TemporaryDirectory(prefix="streamer-rig-") as scratch:
        port, controller = stable_port(), stable_port()
        settings = Path(scratch, "server.properties")
        settings.write_text(
            "process.roles=broker,controller\nnode.id=1\n"
            f"controller.quorum.voters=1@{HOST}:{controller}\n"
            f"listeners=PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller}\n"
            "controller.listener.names=CONTROLLER\n"
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
            f"log.dirs={scratch}/data\n"
        )
        cluster = "AAAAAAAAAAAAAAAAAAAAAQ"
        subprocess.run(
            _java(256, [], "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
        recording = _java(
            256, [f"-XX:ArchiveClassesAtExit={_archive()}"], "kafka.Kafka", str(settings)
        )
        with ChildProcess(recording, name="Apache Kafka, recording its classes") as child:
            child.wait_ready(lambda: accepts(port), f"{HOST}:{port}", _READY_TIMEOUT_S)
            child.stop(grace_s=_READY_TIMEOUT_S)
        shutil.copy(Path(scratch, "data", "bootstrap.checkpoint"), bootstrap_checkpoint())


def _java(heap_mb: int, options: list[str], main: str, *arguments: str) -> list[str]:
    # Named one by one and in order: the archive of classes is bound to the exact class path.
    class_path = ":".join(map(str, sorted((_folder() / "jars").glob("*.jar"))))
    return [
        shutil.which("java") or "java",
        f"-Xmx{heap_mb}m",
        # A broker of the tests lives for seconds: quick to compile matters more than fast code.
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xshare:auto",
        "-Xlog:disable",
        "-Xlog:all=error:stderr",
        f"-Dlog4j2.configurationFile={_LOGGING}",
        *options,
        "-cp",
        class_path,
        main,
        *arguments,
    ]
