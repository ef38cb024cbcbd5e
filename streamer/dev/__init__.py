"""A stack to play with: broker, Redis, workers, traffic and verdicts on this machine, until Ctrl-C.

Reading order: `supervised_worker`, `stack` (all processes), `people` (payments, and what is found
out about them), `judged_traffic` (both, on a service that is there), `page` (what is printed first),
`run_dev` (all of it together).
"""

from __future__ import annotations

from streamer.dev.run_dev import DevOptions, run_dev

__all__ = ["DevOptions", "run_dev"]
