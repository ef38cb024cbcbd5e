"""`streamer fit --ray` on a real Ray: the same version whoever computes; one line without it."""

from __future__ import annotations

import json
import socket
import subprocess
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
from tests.integrations.ray.ray_head import free_port, ray_head

Streamer = Callable[..., subprocess.CompletedProcess[str]]
N = 6_000
SHARDS = 4


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a Ray of three processors, on the loopback interface."""
    with ray_head(3) as address:
        yield address


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
