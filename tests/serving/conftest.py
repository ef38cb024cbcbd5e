"""A service that has learned from 12,000 payments, made once: nobody changes what it left."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from numba.core import event

from tests.serving.stored_service import StoredService, made_up

PAYMENTS = made_up(3, 13_000)
N_LEARNED = 12_000


@pytest.fixture(autouse=True, scope="module")
def _nobody_is_told_of_later_kernels() -> Iterator[None]:
    """A server tells of kernels that are compiled late for as long as its process lives."""
    before = list(event._registered["numba:compile"])
    yield
    for listener in set(event._registered["numba:compile"]) - set(before):
        event.unregister("numba:compile", listener)


def learned(redis_url: str, namespace: str) -> StoredService:
    """Return a service that has learned; its store is for the loop that asks it next."""
    made = StoredService(redis_url, namespace)

    async def learn() -> None:
        await made.claim()
        await made.stream(PAYMENTS[:N_LEARNED])
        await made.store.close()

    asyncio.run(learn())
    return made


@pytest.fixture(scope="session")
def service(redis_url: str) -> StoredService:
    """The service; its store is for the loop of the test that asks it."""
    return learned(redis_url, "served")


@pytest.fixture(scope="session")
def following() -> list[tuple[bytes, bytes]]:
    """Payments that come next."""
    return PAYMENTS[N_LEARNED:]
