"""The jars of Spark's Kafka source, fetched by Maven once, as the rig fetches Apache Kafka's."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from streamer.errors import UnavailableError

__all__ = ["spark_jars"]

_POM: Final = Path(__file__).parent / "spark" / "pom.xml"
_BUILD: Final = Path(__file__).parent.parent.parent / "build" / "peers"
_TIMEOUT_S: Final = 600.0


def spark_jars() -> str:
    """Return the jars as ``spark.jars`` takes them; another pom.xml is another folder."""
    digest = hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]
    folder = _BUILD / f"spark-jars-{digest}"
    if not folder.is_dir():
        _fetch(folder)
    return ",".join(map(str, sorted(folder.glob("*.jar"))))


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise UnavailableError("mvn must be installed to fetch Spark's Kafka source, got none")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Maven writes into the folder of its pom; what is not complete is never found.
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        shutil.copy(_POM, scratch)
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={scratch}/jars"]
        done = subprocess.run(
            [maven, "--batch-mode", "--quiet", *goal, "-DincludeScope=runtime"],
            cwd=scratch,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
        )
        if done.returncode != 0:
            raise UnavailableError(f"Maven must fetch Spark's jars, got:\n{done.stdout[-2000:]}")
        Path(scratch, "jars").rename(folder)
