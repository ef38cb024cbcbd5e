"""What Kafka is to a worker: its clients' settings, topics, logs and schemas, and what was fetched.

Reading order: `kafka_config`, `topics` and `partition_log` (what is there), `fetching` (the thread
that reads) with `turns`, `fetch_state` and `fetched_bytes`, `progress` and `membership` (does it go
on?), `known_schemas` and `schema_registry`, `sample` and `feeder` (for commands).
"""
