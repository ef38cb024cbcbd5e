"""The pipeline over files: no Kafka, no Redis, the same functions and the same results.

Reading order: `offline_partition` (what drives the pipeline, by which version), `replay` (a file).
"""
