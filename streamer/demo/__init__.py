"""The whole service on one machine, and what verdicts do to it: a stack, payments, alerts on screen.

Reading order: `payment_source`, `verdict_sender`, `feeding` (both by the payments' time), `run_demo`,
`keeping` (what goes on after the summary).
"""

from streamer.demo.run_demo import DemoOptions, run_demo

__all__ = ["DemoOptions", "run_demo"]
