"""A real Valkey for the tests, and a store with a namespace of its own for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from streamer.embedded import EmbeddedRedis
from tests.rig.waiting import DEADLINE_S

_NAMESPACES = count()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with EmbeddedRedis(ready_timeout_s=DEADLINE_S) as server:
        yield server.url


@pytest.fixture
def namespace() -> str:
    return f"test-{next(_NAMESPACES)}"
