"""From settings to a worker that is ready: its parameters, its store, and every kernel loaded.

Reading order: `wiring` (settings as parameters of the pure core), `rehearsal` (the pipeline, run
once over payments of nobody).
"""
