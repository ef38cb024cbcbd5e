"""What was processed becomes durable, and only then is Kafka told.

Reading order: `checkpointing`, `checkpoint_line` (what is logged of it), `lateness` (what it waits
for).
"""
