"""A stack to play with: broker, Redis, workers, traffic and verdicts on this machine, until Ctrl-C.

Reading order: `stack` (the processes), `traffic` (payments, and what is found out about them),
`judged` (both, on a service that is there), `page` (what is printed first), `run` (all of it together).
"""

from __future__ import annotations

from streamer.dev.run import DevOptions, run_dev

__all__ = ["DevOptions", "run_dev"]
