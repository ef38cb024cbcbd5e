"""`streamer fit --ray` on a real Ray: the same version whoever computes; one line without it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from streamer.datafiles import write_rows
from streamer.errors import UnavailableError
from streamer.fitting.executing import HERE
from streamer.fitting.on_ray import on_ray
from streamer.fitting.sharded import fit_sharded
from streamer.fitting.shards import FileSpec
from streamer.intake import Declaration
from streamer.settings import load_settings
from streamer.simulator import Simulator, SimulatorConfig

Streamer = Callable[..., subprocess.CompletedProcess[str]]
N = 6_000
SHARDS = 4
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


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a Ray of three processors, on the loopback interface."""
    # 127.0.0.1 is what Ray replaces by an address that others reach.
    port, folder = free_port(), tempfile.mkdtemp(prefix="ray-")
    # Ports that are told are not waited for: the 15 s that Ray waits are too few on a busy machine.
    told = [f"--{name}-port={free_port()}" for name in AGENT_PORTS]
    head = [
        str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--num-cpus=3",
        "--node-ip-address=127.0.0.2", f"--port={port}", "--include-dashboard=false",
        f"--temp-dir={folder}", "--disable-usage-stats", "--object-store-memory=300000000",
        *told,
    ]  # fmt: skip
    for _ in range(3):
        # A busy machine may be too slow for Ray's own limit of half a minute.
        with (Path(folder) / "head.out").open("ab") as out:
            process = subprocess.Popen(head, stdout=out, stderr=subprocess.STDOUT)
        if _is_up(process, folder):
            break
    else:
        pytest.fail((Path(folder) / "head.out").read_text()[-2_000:], pytrace=False)
    yield f"127.0.0.2:{port}"
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


@pytest.fixture(scope="module")
def payments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("payments") / "payments.parquet"
    write_rows(path, [Simulator(SimulatorConfig(seed=3)).generate(N).rows()])
    return path


def cut(path: Path, *places: int) -> list[Path]:
    """Write the rows of a file to several, cut at ``places``."""
    table, paths = pq.read_table(path), []
    for first, beyond in zip((0, *places), (*places, N), strict=True):
        paths.append(path.with_name(f"{path.stem}-{first}-{beyond}.parquet"))
        pq.write_table(table.slice(first, beyond - first), paths[-1])
    return paths


def request():
    from streamer.cli.passes import fit_request

    settings = load_settings({"STREAMER_WARMUP_TRANSACTIONS": "600"})
    return fit_request(settings, [3, 4], SHARDS)


def fitted(paths, executor) -> str:
    files = [FileSpec(str(path), Declaration()) for path in paths]
    made, _ = fit_sharded(
        request(), files, executor, created_at="", now_ms=1_800_000_000_000,
        on_progress=lambda *_: None,
    )  # fmt: skip
    return made.version_id


def test_one_two_and_three_workers_and_files_make_the_version_that_is_made_without_ray(
    cluster: str, payments: Path
) -> None:
    wanted = fitted([payments], HERE)
    with on_ray(cluster) as executor:
        assert executor.n_workers == 3
        for n_workers, paths in (
            (1, [payments]),
            (2, cut(payments, 1_000)),
            (3, cut(payments, 2_500, 2_501)),
            (3, [payments]),
        ):
            executor.n_workers = n_workers
            assert fitted(paths, executor) == wanted, (n_workers, paths)


def test_the_command_fits_files_and_addresses_on_a_cluster_and_verifies_without_it(
    cluster: str, payments: Path, streamer: Streamer, tmp_path: Path
) -> None:
    out, (first, second) = tmp_path / "model.safetensors", cut(payments, 4_000)
    files = str(first), second.resolve().as_uri()
    settings = {"warmup_transactions": "600", "n_clusters": "4"}
    made = streamer(
        "fit", *files, "--out", str(out), "--k", "4", "--json", "--ray", cluster,
        "--shards", str(SHARDS), **settings,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    version = json.loads(made.stdout)["version"]
    here = streamer("model", "verify", str(out), *files, **settings)
    assert (here.returncode, here.stderr) == (
        0,
        f"{version} comes out of {', '.join(files)} again\n",
    )


def test_a_file_that_a_task_cannot_read_is_one_line_and_2(
    cluster: str, streamer: Streamer, tmp_path: Path
) -> None:
    gone = (tmp_path / "gone.parquet").as_uri()
    result = streamer("fit", gone, "--out", str(tmp_path / "m"), "--ray", cluster)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"streamer: input file must exist, got {gone}\n"
    assert not (tmp_path / "m").exists()


def test_without_ray_at_the_address_it_is_one_line_and_1(
    payments: Path, streamer: Streamer, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{free_port()}"
    result = streamer("fit", str(payments), "--out", str(tmp_path / "m"), "--ray", address)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"streamer: Ray must answer at {address}, got Connection refused\n"
    assert not (tmp_path / "m").exists()


def test_whoever_listens_there_and_is_no_ray_is_told_apart(payments: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        said = pytest.raises(UnavailableError, match=f"Ray must answer at {address}")
        with said, on_ray(address):
            pytest.fail("nobody answered")
