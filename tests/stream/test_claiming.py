"""What is asked of Kafka while a worker stops."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from streamer.errors import UnavailableError
from streamer.settings import Settings
from streamer.stream.scoring.claiming import Claiming
from streamer.stream.scoring.kit import Kit


def test_a_question_after_the_last_is_answered_as_if_kafka_were_away() -> None:
    """The task that follows the topics asks two in a row; a stop between them is no defect."""
    kit = Kit(Settings(), *cast(Any, [None] * 6))
    logs = SimpleNamespace(topic=lambda name: ("id", 1))
    claiming = Claiming(kit, cast(Any, None), cast(Any, logs), cast(Any, None))

    async def ask() -> None:
        assert await claiming.missing_topics() == frozenset()
        claiming.close()
        with pytest.raises(UnavailableError, match="stopping"):
            await claiming.missing_topics()

    asyncio.run(ask())
