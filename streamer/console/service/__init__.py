"""How the service and its model are: what workers say on /metrics, and what the store says of versions.

Reading order: `kept_answer` (read at most every five seconds), `model_reading`; then `worker_window`,
`worker_figures` and `worker_scrapes`.
"""
