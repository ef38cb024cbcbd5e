"""Verdicts: from their topic into Redis, and from there to what each partition learns.

Reading order: `verdict_topic` with `alert_sources` (which payment an alert's id names), `applying`.
"""
