"""Payments and fraud scenarios, seeded: the traffic of the demo, the tests and the evaluation.

Reading order: `simulator_config` (what is asked for), `world_tables` and `world` (who pays whom),
`traffic` (genuine payments of a day), `scenarios` and `schedule` (fraud and when it happens),
`slow_change`, `generator` (the stream), `payments` (columns and messages), `late_verdicts`
(what people find out about payments, and when).

No clock, no environment, no files: time starts where the configuration says, chance at its seed.
"""

from __future__ import annotations

from streamer.simulator.generator import Simulator
from streamer.simulator.late_verdicts import LateVerdict, LateVerdicts
from streamer.simulator.payments import Payments
from streamer.simulator.scenarios import FRAUD_PATTERNS, FraudPattern
from streamer.simulator.simulator_config import SimulatorConfig

__all__ = [
    "FRAUD_PATTERNS",
    "FraudPattern",
    "LateVerdict",
    "LateVerdicts",
    "Payments",
    "Simulator",
    "SimulatorConfig",
]
