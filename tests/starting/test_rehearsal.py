"""After the rehearsal a pipeline compiles nothing, whatever it is given."""

from __future__ import annotations

import subprocess
import sys

from streamer.starting.rehearsal import rehearse
from tests.compiled.kernels import ROOT

# Batches of a file: none, one and many payments; verdicts and a store come in the worker's own test.
AFTERWARDS = """
from streamer.compiled import tell_compilations
from streamer.starting.rehearsal import rehearse
rehearse()
tell_compilations(lambda kernel, types: print(kernel, types))

from dataclasses import replace
from streamer.datafiles import FileBatch
from streamer.offline.offline_partition import OfflinePartition
from streamer.offline.replay import replay
from streamer.settings import load_settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.starting.wiring import pipeline_config

def batches():
    simulator = Simulator(SimulatorConfig(seed=1, n_customers=300))
    for size in (1, 2, 500, 1, 700, 2_000, 1, 1, 3, 1_000):
        payments = simulator.generate(size)
        keys, values = zip(*payments.records())
        yield FileBatch(list(values), list(keys), None, list(payments.transaction_ids))

config = pipeline_config(load_settings({}))
config = replace(config, model=replace(config.model, warmup=1_000, alert_budget=0.02))
summary = replay(
    batches(), OfflinePartition(config, 300, 2_000, 1_500),
    now_ms=lambda: 1_900_000_000_000, monotonic=lambda: 0.0,
    on_alert=lambda _: None, on_progress=lambda _: None,
)
assert summary.ledger.scored == 4_209 and summary.ledger.alerted and summary.model_versions > 2
"""


def test_it_comes_to_alerts_of_both_rankings() -> None:
    """Both have code of their own, from the score to the counterfactual."""
    rehearsal = rehearse()
    assert rehearsal.by_distance > 0
    assert rehearsal.by_odds > 0
    assert rehearsal.loaded.faults == ()


def test_nothing_is_compiled_after_it() -> None:
    result = subprocess.run(
        [sys.executable, "-c", AFTERWARDS], cwd=ROOT, capture_output=True, text=True, timeout=280
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
