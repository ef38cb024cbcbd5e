"""A service that has learned from 12,000 payments, made once: nobody changes what it left."""

from __future__ import annotations

import asyncio

import pytest

from tests.serving.stored_service import StoredService, made_up

PAYMENTS = made_up(3, 13_000)
N_LEARNED = 12_000


@pytest.fixture(scope="session")
def service(redis_url: str) -> StoredService:
    """The service; its store is for the loop of the test that asks it."""
    made = StoredService(redis_url, "served")

    async def learn() -> None:
        await made.claim()
        await made.stream(PAYMENTS[:N_LEARNED])
        await made.store.close()

    asyncio.run(learn())
    return made


@pytest.fixture(scope="session")
def following() -> list[tuple[bytes, bytes]]:
    """Payments that come next."""
    return PAYMENTS[N_LEARNED:]
