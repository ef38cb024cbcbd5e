"""``streamer worker --profile`` and SIGUSR2 on a worker that scores."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

from tests.stream.harness import Service, payments, wait_until

MakeService = Callable[..., Service]


def test_a_worker_is_profiled_from_its_start_and_goes_on_when_asked_for_another(
    make_service: MakeService, tmp_path: Path
) -> None:
    """The page of a worker that stopped before the 30 s were over shows what it did."""
    service = make_service(starts_cold=True)
    out = tmp_path / "profile.html"
    worker = service.worker(("-m", "streamer", "worker", "--profile", str(out))).wait_ready()
    worker.child.send_signal(signal.SIGUSR2)
    # Refused while the first is taken; on a slow machine that may be over.
    wait_until(
        lambda: "is being taken" in worker.log() or worker.log().count("profile begun") == 2,
        worker.log,
    )
    service.produce(payments(2_000))
    service.wait_consumed()
    assert worker.terminate() == 0
    assert any(json.loads(line)["event"] == "profile written" for line in worker.log().splitlines())
    assert "processing.py" in out.read_text()
