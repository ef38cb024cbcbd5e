"""Services on the shared servers, for a test or for a module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from streamer.embedded import EmbeddedKafka
from tests.stream.harness import Service

MakeService = Callable[..., Service]


@pytest.fixture
def make_service(kafka: EmbeddedKafka, redis_url: str) -> Iterator[MakeService]:
    """Makes services with their topics; stops their workers after the test."""
    with ExitStack() as stack:

        def make(**options: Any) -> Service:
            service = Service(kafka.bootstrap_servers, redis_url, **options)
            return stack.enter_context(service).create_topics()

        yield make
