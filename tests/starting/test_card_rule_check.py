"""Who is no worker goes by the workers' rule for cards' numbers, or does not begin."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from structlog.testing import capture_logs

from streamer.console.console_process import run_console
from streamer.errors import ConfigurationError
from streamer.serving.serving import Serving
from streamer.settings import Settings
from streamer.starting.card_rule_check import check_card_rule
from streamer.starting.wiring import open_store, service_identity
from tests.rig.ports import stable_port

KEY, OTHER = "0123456789abcdef", "fedcba9876543210"
MASKING = {"card_numbers": "mask", "card_number_key": KEY}


@pytest.fixture
def namespace() -> str:
    return f"rule-{uuid.uuid4().hex[:10]}"


def settings_of(redis_url: str, namespace: str, **changes: str) -> Settings:
    return Settings(redis_url=redis_url, namespace=namespace, **changes)  # type: ignore[arg-type]


async def registered(settings: Settings) -> None:
    store = open_store(settings)
    await store.register(service_identity(settings), "w1", 1)
    await store.close()


async def checked(settings: Settings) -> str:
    store = open_store(settings)
    try:
        await check_card_rule(store, settings)
    except ConfigurationError as error:
        return str(error)
    finally:
        await store.close()
    return ""


@pytest.mark.parametrize("theirs", [{}, MASKING, {"card_numbers": "allow"}])
def test_the_rule_and_the_key_are_the_workers(
    redis_url: str, namespace: str, theirs: dict[str, str]
) -> None:
    """Before there was a worker any rule is as good as another."""
    rules = {}, MASKING, MASKING | {"card_number_key": OTHER}, {"card_numbers": "allow"}
    told = {}
    for ours in rules:
        settings = settings_of(redis_url, namespace, **ours)
        assert asyncio.run(checked(settings)) == ""
    asyncio.run(registered(settings_of(redis_url, namespace, **theirs)))
    for ours in rules:
        told[str(ours)] = asyncio.run(checked(settings_of(redis_url, namespace, **ours)))
    assert told.pop(str(theirs)) == ""
    for text in told.values():
        assert "must be those of the workers" in text
        assert KEY not in text
        assert OTHER not in text


def test_serving_takes_no_model_up_under_another_rule(redis_url: str, namespace: str) -> None:
    asyncio.run(registered(settings_of(redis_url, namespace, **MASKING)))

    async def faults(**ours: str) -> list[str]:
        serving = Serving(settings_of(redis_url, namespace, **ours))
        await serving.versions.refresh()
        await serving.store.close()
        await serving.state_store.close()
        return serving.faults()

    assert not any("STREAMER_CARD_NUMBERS" in each for each in asyncio.run(faults(**MASKING)))
    told = asyncio.run(faults())
    assert any("no model was read: STREAMER_CARD_NUMBERS" in each for each in told)


def test_the_console_does_not_begin_under_another_rule(
    redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Redis away it does, and says that it has not compared."""
    begun: list[str] = []
    for name in ("Console", "console_app", "configure_logging", "prepare_console_topics"):
        monkeypatch.setattr(f"streamer.console.console_process.{name}", lambda *_: None)
    monkeypatch.setattr("uvicorn.Server.run", lambda _: begun.append("yes"))
    asyncio.run(registered(settings_of(redis_url, namespace)))
    with pytest.raises(ConfigurationError, match=r"\(refuse\), got mask, key "):
        run_console(settings_of(redis_url, namespace, **MASKING))
    assert begun == []
    run_console(settings_of(redis_url, namespace))
    nowhere = f"redis://127.0.0.1:{stable_port()}/0"
    with capture_logs() as logs:
        run_console(settings_of(nowhere, namespace, **MASKING))
    assert len(begun) == 2
    assert "rule of card numbers not compared" in [each["event"] for each in logs]
