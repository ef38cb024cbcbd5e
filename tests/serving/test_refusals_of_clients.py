"""Who asks too much is told when to come back, over HTTP and gRPC; the others are answered."""

from __future__ import annotations

import json
from collections.abc import Iterator

import grpc
import pytest

from streamer.errors import ConfigurationError
from streamer.serving.serving import Serving
from streamer.settings import load_settings
from tests.serving.stored_service import StoredService
from tests.serving.test_grpc_door import asked, infer
from tests.serving.test_native_door import Door, served

KEYS = {"a": "a" * 16, "b": "b" * 16}
LIMITS = {"serve_rate": 1, "serve_burst": 5, "serve_max_batch": 5}


@pytest.fixture
def door(service: StoredService) -> Iterator[Door]:
    keys = load_settings({"STREAMER_SERVE_API_KEYS": ",".join(KEYS.values())}).serve_api_keys
    changes = LIMITS | {"serve_api_keys": keys}
    with served(service.settings.model_copy(update=changes)) as made:
        yield made


def test_a_key_that_has_asked_for_its_burst_waits_and_another_key_does_not(
    door: Door, following: list[tuple[bytes, bytes]]
) -> None:
    one = following[0][1]
    five = b"[" + b",".join(value for _, value in following[:5]) + b"]"
    assert door.ask("/v1/score", five, Authorization=f"Bearer {KEYS['a']}")[0] == 200
    status, told, headers = door.ask("/v1/score", five, Authorization=f"Bearer {KEYS['a']}")
    # Some of the 5 s that five payments take at one a second have passed.
    assert (status, told["error"]["reason"]) == (429, "rate_limited")
    assert 1 <= int(headers["retry-after"]) <= 5
    assert told["error"]["detail"].startswith(
        "a client must ask about at most 1 payments a second, 5 at once, got more; try again in "
    )
    assert door.ask("/v1/score", one, Authorization=f"Bearer {KEYS['b']}")[0] == 200
    # What is refused for its key costs nobody's share.
    assert door.ask("/v1/score", one, Authorization="Bearer nobody")[0] == 401


def test_over_grpc_an_address_that_asked_too_much_is_told_the_seconds(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    payments = [json.loads(value) for _, value in following[:5]]

    def work(channel: grpc.Channel, serving: Serving) -> tuple[grpc.StatusCode, dict[str, str]]:
        infer(channel, payments, is_raw=True)
        with pytest.raises(grpc.RpcError) as failed:
            infer(channel, payments, is_raw=True)
        assert list(serving.rates.each._buckets) == ["127.0.0.1"]
        return failed.value.code(), dict(failed.value.trailing_metadata())

    limited = service.settings.model_copy(update=LIMITS)
    code, told = asked(service, work, limited)
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert 1 <= int(told["retry-after"]) <= 5


def test_over_grpc_a_message_that_is_too_large_is_refused_and_a_bad_priority_is_told(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    payment = json.loads(following[0][1])

    def work(channel: grpc.Channel, _: Serving) -> list[tuple[grpc.StatusCode, str]]:
        failures = []
        for changes, metadata in (
            ({"card_id": "c" * 2_000_000}, ()),
            ({}, (("x-priority", "urgent"),)),
        ):
            with pytest.raises(grpc.RpcError) as failed:
                infer(channel, [payment | changes], is_raw=True, metadata=metadata)
            failures.append((failed.value.code(), failed.value.details()))
        return failures

    (large, _), (urgent, told) = asked(service, work)
    assert large == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert urgent == grpc.StatusCode.INVALID_ARGUMENT
    assert told == "X-Priority must be one of high, normal, low, got another"


def test_a_burst_below_the_largest_batch_would_refuse_it_for_ever() -> None:
    with pytest.raises(ConfigurationError, match="SERVE_BURST must be at least STREAMER_SERVE_MAX"):
        load_settings({"STREAMER_SERVE_RATE": "1", "STREAMER_SERVE_BURST": "999"})
    assert load_settings({"STREAMER_SERVE_BURST": "999"}).serve_burst == 999


def test_a_proxy_that_is_trusted_asks_for_its_clients_and_no_other(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    one = following[0][1]
    # The next 30 are there after 30 s.
    all_there_is = b"[" + b",".join([one] * 30) + b"]"
    changes = LIMITS | {"serve_burst": 30, "serve_max_batch": 30}
    trusting = changes | {"serve_trusted_proxies": "127.0.0.0/8, 10.0.0.7"}
    with served(service.settings.model_copy(update=trusting)) as door:
        asks = "192.0.2.1", "192.0.2.2", "8.8.8.8, 192.0.2.1:7, 10.0.0.7", "no address"
        found = [door.ask("/v1/score", all_there_is, X_Forwarded_For=each)[0] for each in asks]
        # The third is the first again, by way of another proxy; what it wrote itself counts nothing.
        assert found == [200, 200, 429, 200]
        assert door.ask("/v1/score", all_there_is)[0] == 429
    with served(service.settings.model_copy(update=changes)) as door:
        found = [door.ask("/v1/score", all_there_is, X_Forwarded_For=each)[0] for each in asks]
        assert found == [200, 429, 429, 429]

    def work(channel: grpc.Channel, serving: Serving) -> list[str]:
        for metadata in ((("x-forwarded-for", "2001:db8:1:2:3::4"),), ()):
            infer(channel, [json.loads(one)], is_raw=True, metadata=metadata)
        return list(serving.rates.each._buckets)

    settings = service.settings.model_copy(update=trusting)
    assert asked(service, work, settings) == ["2001:db8:1:2::/64", "127.0.0.1"]


def test_what_is_no_address_is_no_proxy() -> None:
    with pytest.raises(ConfigurationError, match="SERVE_TRUSTED_PROXIES must be addresses or"):
        load_settings({"STREAMER_SERVE_TRUSTED_PROXIES": "10.0.0.1,proxy"})
