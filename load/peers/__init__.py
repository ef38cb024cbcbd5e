"""Others that do the same job beside the worker, each in an environment of its own.

Reading order: `__main__` (the command), `entrants` (who takes part), `peer_runs` (one run of one of
them), `job_check` (that it did the job), `peer_table` and `peer_plot`.  The peers themselves are in the
folders beside these: `common` has the arithmetic, every other one an app with its lock.
"""
