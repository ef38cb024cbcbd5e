"""Before the first record: is Kafka there, are the topics right, is Redis there, does the model fit?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

from streamer.errors import UnavailableError
from streamer.policies import Policy, policy_of
from streamer.settings import Settings
from streamer.starting.wiring import service_identity
from streamer.store import Heads, Store
from streamer.stream.kafka.group_members import check_group
from streamer.stream.kafka.topics import cluster_id, prepare_topics
from streamer.stream.scoring.kit import Clock

__all__ = ["preflight"]

_log = structlog.get_logger(__name__)

_PAUSE_S: Final = 1.0
# Kafka has this long for one answer, and less where the settings leave less.
_PATIENCE_S: Final = 10.0
_LEAST_PATIENCE_S: Final = 0.5
_T = TypeVar("_T")


async def preflight(
    settings: Settings,
    store: Store,
    clock: Clock,
    owner: str,
    report: Callable[[str], None],
) -> tuple[Policy, Heads]:
    """Wait until Kafka and Redis answer and return the policy in force and the model's heads.

    ``report`` gets one line on what is being waited for.  Raises UnavailableError after
    ``startup_timeout_s``, ConfigurationError when topics, Redis, the namespace or the model do not fit
    the settings.
    """
    deadline = clock.monotonic() + settings.startup_timeout_s

    async def patiently(what: str, attempt: Callable[[], Awaitable[_T]]) -> _T:
        report(f"waiting for {what}")
        while True:
            try:
                return await attempt()
            except UnavailableError as error:
                left_s = deadline - clock.monotonic()
                if left_s <= 0:
                    raise UnavailableError(
                        f"{what} must answer within {settings.startup_timeout_s:g} s "
                        f"(STREAMER_STARTUP_TIMEOUT_S), got: {error}"
                    ) from error
                report(f"waiting for {what}, {left_s:.0f} s left: {error}")
                _log.warning("waiting", what=what, seconds_left=round(left_s), error=str(error))
                await asyncio.sleep(min(_PAUSE_S, left_s))

    def blocking(work: Callable[[Settings, float], _T]) -> Callable[[], Awaitable[_T]]:
        def attempt() -> Awaitable[_T]:
            patience_s = min(max(deadline - clock.monotonic(), _LEAST_PATIENCE_S), _PATIENCE_S)
            return asyncio.to_thread(work, settings, patience_s)

        return attempt

    await patiently("Kafka", blocking(prepare_topics))
    kafka_id = await patiently("Kafka", blocking(cluster_id))
    await patiently("Kafka", blocking(check_group))
    await patiently("Redis", store.check_server)
    service = service_identity(settings, kafka_id)
    await patiently("Redis", lambda: store.register(service, owner, clock.now_ms()))
    first = policy_of(settings)
    begin = store.policies.begin
    policy = await patiently("Redis", lambda: begin(first, owner, clock.now_ms()))
    heads = await patiently("Redis", store.heads)
    report("joining the consumer group")
    return policy, heads
