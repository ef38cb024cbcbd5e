"""What the product keeps, for how long, by which setting, and what removes it: tables, and no code.

Reading order: `kept_row`, `keys_of_service`, `keys_of_partitions`, `keys_of_console`, `kept_keys`
(all of Redis), `kept_topics` (Kafka), `kept_files`.
"""
