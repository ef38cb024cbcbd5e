"""The whole service on one machine: embedded Kafka and Redis, a worker, payments, alerts on screen."""

from streamer.demo.run_demo import DemoOptions, run_demo

__all__ = ["DemoOptions", "run_demo"]
