"""Streaming fraud scoring: online k-means over card payments, from Kafka to alerts.

A room is a package, and `tests/test_architecture.py` lists what each may know.

Reading order: `contract` (what goes over the wire) and `intake` (what producers send instead),
`features` and `model` (arrays and compiled loops), `verdicts`, `explaining`, `pipeline` (the
product as one function), `store` (Redis), `stream` (Faust and Kafka), `cli`.
"""

__version__ = "0.1.0"
