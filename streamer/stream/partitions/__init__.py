"""What a worker holds of one partition, and what it notes of every batch.

Reading order: `assignments`, `laps` (how long each stage took), `counting` and `limits` (into the
metrics), `worker_spans` (into traces).
"""
