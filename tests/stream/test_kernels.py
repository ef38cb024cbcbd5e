"""A worker has its kernels before it joins the group, and compiles none afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.stream.harness import Service, payments, wait_until
from tests.stream.test_applying import verdicts

MakeService = Callable[..., Service]

# A worker whose rehearsal begins when a file is there.
HELD = """
import sys, time
from pathlib import Path
from streamer.stream import kernels
rehearse, gate = kernels.rehearse, Path(sys.argv[1])

def held():
    while not gate.exists():
        time.sleep(0.05)
    return rehearse()

kernels.rehearse = held
sys.argv = ["streamer", "worker"]
from streamer.cli import main
main()
"""


def test_a_worker_is_not_ready_before_its_kernels_are_and_compiles_none_when_it_is(
    make_service: MakeService, tmp_path: Path
) -> None:
    """It says what it waits for, and answers meanwhile; then warms up, alerts, learns, and restarts."""
    service = make_service(checkpoint_interval_s="0.2", starts_cold=True)
    gate = tmp_path / "gate"
    worker = service.worker(("-c", HELD, str(gate)))
    # It waits for Kafka and Redis first, and says so.
    wait_until(lambda: "loading the compiled loops" in worker.get("/readyz")[1], worker.log)
    assert worker.get("/readyz")[0] == 503
    assert worker.get("/healthz")[0] == 200
    gate.touch()
    worker.wait_ready()
    sent = payments(2_000)
    service.produce(sent[:1_000])
    service.wait_consumed()
    service.produce(sent[1_000:1_999])
    service.wait_consumed()
    service.produce(
        verdicts(sent, range(1_700, 1_800)), service.settings.feedback_topic, partition=0
    )
    worker.wait_metric(lambda n: n == 100, "streamer_verdicts_learned_total")
    assert worker.terminate() == 0
    # Entities and version of this one come out of Redis, and one payment comes alone.
    successor = service.worker().wait_ready()
    service.produce(sent[1_999:])
    service.wait_consumed()
    assert service.alerts()
    for each in (worker, successor):
        said = each.child.log_tail(1_000)
        assert '"event": "kernels loaded"' in said
        assert "kernel compiled late" not in said
        assert "kernels not kept" not in said
