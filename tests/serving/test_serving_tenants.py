"""Two tenants of one server: whose key a request has is who answers it, and nobody else is told."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
import uvicorn
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from redis import Redis
from starlette.routing import Route
from structlog.contextvars import get_contextvars

from streamer.embedded import EmbeddedKafka
from streamer.errors import ConfigurationError, InvariantError
from streamer.serving import on_ray_serve, serve_process, serving_tenants
from streamer.serving.grpc_door import GRPCDoor
from streamer.serving.grpc_messages import METHODS
from streamer.serving.serving import Serving
from streamer.serving.serving_tenants import ServingTenants
from streamer.serving.tenants_door import TenantsApp, app_of
from streamer.settings import Settings
from streamer.settings.tenants import Tenant
from streamer.settings.tracing_settings import TracingSettings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics
from streamer.web.header_limits import LimitedHeads
from tests.rig.waiting import wait_until
from tests.serving.stored_service import StoredService, made_up
from tests.serving.test_grpc_door import call, infer, tensors
from tests.serving.test_native_door import Door, app_served

TOKEN = "t" * 16
KEYS = {"acme": "a" * 16, "beta": "b" * 16}
DECISIONS = {"acme": "decided-of-acme", "beta": "decided-of-beta"}
OPEN = {
    *("/healthz", "/readyz", "/metrics", "/openapi.json", "/v2", "/v2/health/live"),
    *("/v2/health/ready", "/ping", "/health", "/version"),
}
OPEN_CALLS = {"ServerLive", "ServerReady", "ServerMetadata"}
# Its cards are nobody else's.
PAYMENTS_OF_BETA = [
    (b"of-beta-" + key, value.replace(b'"card-', b'"of-beta-card-'))
    for key, value in made_up(5, 2_600)
]


@dataclass
class Town:
    """A server of acme and beta, and what is beta's."""

    tenants: ServingTenants
    app: TenantsApp
    door: Door
    grpc_port: int
    redis: Redis
    services: Mapping[str, StoredService]
    settings: Mapping[str, Settings]
    versions: list[str]
    payments: list[dict[str, Any]]

    def kept(self) -> dict[bytes, bytes]:
        """Return every key of beta's in Redis, with what it holds."""
        names = self.redis.scan_iter("streamer:{served-beta}:*")
        return {name: self.redis.dump(name) for name in names}  # type: ignore[misc]

    def end(self, tenant: str) -> int:
        """Return how many decisions are on a tenant's topic."""
        reader = Consumer(librdkafka_config(self.settings[tenant]) | {"group.id": "ends"})
        try:
            place = TopicPartition(DECISIONS[tenant], 0)
            return int(reader.get_watermark_offsets(place, timeout=10)[1])
        finally:
            reader.close()

    def routes(self) -> list[Route]:
        return [each for each in self.app.apps["acme"].routes if isinstance(each, Route)]

    def ask(self, path: str, body: Any = None, key: str = "", **headers: str) -> tuple[int, str]:
        """Return status and text."""
        told = None if body is None else json.dumps(body).encode()
        if key:
            headers["Authorization"] = f"Bearer {key}"
        status, found, answered = self.door.ask(path, told, **headers)
        text = found.decode() if isinstance(found, bytes) else json.dumps(found)
        return status, text + repr(answered)


def learned_of_beta(redis_url: str) -> StoredService:
    made = StoredService(redis_url, "served-beta")

    async def learn() -> None:
        await made.claim()
        await made.stream(PAYMENTS_OF_BETA[:2_500], at_once=1_000)
        await made.store.close()

    asyncio.run(learn())
    return made


@pytest.fixture(scope="module")
def town(service: StoredService, redis_url: str, kafka: EmbeddedKafka) -> Iterator[Town]:
    services = {"acme": service, "beta": learned_of_beta(redis_url)}
    servers = {"kafka_bootstrap_servers": kafka.bootstrap_servers}
    config = librdkafka_config(service.settings.model_copy(update=servers))
    create_topics(AdminClient(config), dict.fromkeys(DECISIONS.values(), 1), 1)
    own = {}
    for name, each in services.items():
        changes = {
            "serve_api_keys": SecretStr(KEYS[name]),
            "serve_decisions_topic": DECISIONS[name],
            "serve_max_in_flight": 400,
            **servers,
        }
        own[name] = each.settings.model_copy(update=changes)
    process = Settings(admin_token=SecretStr(TOKEN), serve_deadline_s=10.0)
    tenants = ServingTenants(process, [Tenant(*each, frozenset()) for each in own.items()])
    ports: list[int] = []

    async def beside() -> None:
        made = GRPCDoor(tenants, "127.0.0.1", 0)
        ports.append(made.port)
        await made.run()

    app = app_of(tenants, beside)
    assert isinstance(app, TenantsApp)
    with app_served(app) as door, Redis.from_url(redis_url) as redis:
        wait_until(lambda: tenants.n_ready == 2 and ports, "both must be ready")
        names = redis.zrange("streamer:{served-beta}:model:versions", 0, -1)
        versions = sorted({_id(each) for each in names} | {services["beta"].version.id})
        payments = [json.loads(value) for _, value in PAYMENTS_OF_BETA[2_500:2_510]]
        yield Town(tenants, app, door, ports[0], redis, services, own, versions, payments)


def _id(name: Any) -> str:
    return bytes(name).decode()


def told_of(town: Town, text: str, asked: str) -> list[str]:
    """Return what of beta's a text has that was not asked for."""
    ids = [part for each in town.versions for part in (each, each[:12])]
    names = *ids, *DECISIONS.values(), "served-beta"
    return [each for each in names if each in text and each not in asked]


def let_in(serving: Serving, *tenants: str) -> None:
    """Let a service answer to the keys of these from now on."""
    name = "_own_keys" if hasattr(serving, "_own_keys") else "keys"
    setattr(serving, name, tuple(KEYS[each].encode() for each in tenants))


def body_of(path: str, payment: dict[str, Any]) -> Any:
    """Return a question about a payment, in the form of a route's door."""
    if path == "/invocations":
        return {"dataframe_records": [payment]}
    if path == "/v1/score":
        return payment
    inputs = [
        {"name": each.name, "datatype": each.datatype, "shape": [1], "data": each.data}
        for each in tensors([payment])
        # A number that a payment has not is NaN, which is no JSON.
        if each.data[0] == each.data[0]
    ]
    return {"inputs": inputs, "outputs": [{"name": "score"}]}


def crossed(town: Town, route: Route, version: str, payment: dict[str, Any], key: str) -> None:
    """Ask a route with a version of beta's and a payment of a card that beta knows."""
    names = {"name": "streamer", "version": version}
    path = route.path.format(**{name: names[name] for name in route.param_convertors})
    is_post = "POST" in (route.methods or ())
    asked = f"{path}?version={version}&explain=true"
    is_of_version = "version" in route.param_convertors or path == "/v1/score"
    status, text = town.ask(asked, body_of(path, payment) if is_post else None, key)
    assert told_of(town, text, version) == []
    if key == KEYS["acme"]:
        assert (status == 404) == is_of_version, (asked, status, text)
    elif route.path not in OPEN:
        assert status == 401
    # What acme does get is an answer of its own model, which has never seen the card.
    if is_post and not is_of_version and key == KEYS["acme"]:
        assert town.services["acme"].version.id in text
        assert re.search(r'"state_age_s": \d', text) is None


def test_nothing_of_another_tenants_comes_or_goes_by_any_id_on_any_route(town: Town) -> None:
    kept, end = town.kept(), town.end("beta")
    assert len(town.versions) >= 2
    assert len(kept) > 10
    key, wrong = KEYS["acme"], KEYS["beta"][:-1]
    routes = town.routes()
    for route in routes:
        crossed(town, route, town.versions[0], town.payments[0], key)

    @settings(max_examples=120, deadline=None)
    @given(
        st.randoms(use_true_random=False).map(lambda drawn: drawn.choice(routes)),
        st.sampled_from(town.versions).flatmap(
            lambda each: st.sampled_from([each, each[:12], each[:8]])
        ),
        st.sampled_from(town.payments),
        st.sampled_from([key, key, "", wrong, wrong + "bb", f"{wrong}b,", KEYS["beta"].upper()]),
    )
    def holds(route: Route, version: str, payment: dict[str, Any], key: str) -> None:
        crossed(town, route, version, payment, key)

    holds()
    assert town.kept() == kept
    # Acme's decisions are on its own topic, and beta's has none.
    wait_until(lambda: town.end("acme") > 0, "acme's decisions must be published")
    assert town.end("beta") == end == 0
    # Where acme's key is taken for beta's the same questions find it.
    [route] = [each for each in routes if each.path == "/v1/score"]
    own, theirs = (town.tenants.by_name[name] for name in ("acme", "beta"))
    let_in(own)
    let_in(theirs, "acme")
    try:
        with pytest.raises(AssertionError, match=rf"/v1/score\?version={town.versions[0]}.*200"):
            crossed(town, route, town.versions[0], town.payments[0], key)
    finally:
        let_in(own, "acme")
        let_in(theirs, "beta")


def test_each_is_answered_by_its_own_model_under_its_own_key(town: Town) -> None:
    body = json.dumps(town.payments[0]).encode()
    answers = {
        name: town.door.ask("/v1/score", body, Authorization=f"Bearer {key}")[1]
        for name, key in KEYS.items()
    }
    for name, service in town.services.items():
        assert answers[name]["model_version"] == service.version.id
    assert answers["beta"]["state_age_s"] >= 0


def test_without_a_key_there_is_nothing_of_any_tenant_in_the_form_of_each_door(town: Town) -> None:
    for route in town.routes():
        path = route.path.format(name="streamer", version="0")
        status, text = town.ask(path, {} if "POST" in (route.methods or ()) else None)
        assert (status == 401) == (route.path not in OPEN or route.path == "/metrics"), path
        assert re.search("acme|beta", text) is None, path
        assert not told_of(town, text, "")
    assert town.door.ask("/readyz")[1] == {"status": "ready"}
    told = town.door.ask("/readyz", Authorization=f"Bearer {TOKEN}")[1]
    assert told == {"status": "ready", "tenants": 2, "ready": 2}
    assert town.door.ask("/v1/score", b"{}")[1]["error"]["reason"] == "unauthorized"
    assert "STREAMER_SERVE_API_KEYS" in town.door.ask("/v2/models/streamer")[1]["error"]
    assert town.door.ask("/invocations", b"{}")[1]["error_code"] == "BAD_REQUEST"
    status, told, _ = town.door.ask("/nowhere")
    assert (status, told["error"]["reason"]) == (404, "unknown_path")
    assert town.door.ask("/v1/score", b"{}")[2]["www-authenticate"] == "Bearer"


def test_every_call_over_grpc_is_answered_by_the_tenant_of_its_key(town: Town) -> None:
    kept = town.kept()
    own = [("authorization", f"Bearer {KEYS['acme']}")]

    def asked(method: str, metadata: Any, version: str) -> Any:
        fields: dict[str, Any] = {}
        if method.startswith("Model"):
            name = "model_" if method == "ModelInfer" else ""
            fields = {f"{name}name": "streamer", f"{name}version": version}
        return call(channel, method, metadata, **fields)

    with grpc.insecure_channel(f"127.0.0.1:{town.grpc_port}") as channel:
        for method in METHODS:
            if method in OPEN_CALLS:
                assert not told_of(town, str(asked(method, (), "")), "")
                continue
            for metadata in ((), [("authorization", f"Bearer {KEYS['beta'][:-1]}")]):
                with pytest.raises(grpc.RpcError) as refused:
                    asked(method, metadata, "")
                assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
            with pytest.raises(grpc.RpcError) as refused:
                asked(method, own, town.versions[0])
            assert refused.value.code() is grpc.StatusCode.NOT_FOUND
            assert not told_of(town, refused.value.details(), "")
        described = asked("ModelMetadata", own, "")
        assert list(described.versions) == [town.services["acme"].version.id]
        assert asked("ModelReady", own, "").ready
        # Of a card that beta knows: what each door of a tenant says of it is the same.
        scores = []
        for tenant in ("acme", "beta"):
            key = [("authorization", f"Bearer {KEYS[tenant]}")]
            found = infer(channel, [town.payments[0]], is_raw=False, metadata=key)
            [score] = [each for each in found.outputs if each.name == "score"]
            body = json.dumps(town.payments[0]).encode()
            native = town.door.ask("/v1/score", body, Authorization=f"Bearer {KEYS[tenant]}")[1]
            assert found.model_version == town.services[tenant].version.id
            assert list(score.contents.fp64_contents) == [native["score"]]
            scores.append(native["score"])
            if tenant == "acme":
                assert not told_of(town, str(found), "")
        assert scores[0] != scores[1]
    assert town.kept() == kept


def test_one_tenant_without_room_is_refused_and_the_others_are_answered(town: Town) -> None:
    beta, body = town.tenants.by_name["beta"], town.payments[0]
    beta.admission.in_flight += beta.admission.limit
    try:
        assert town.ask("/v1/score", body, KEYS["beta"])[0] == 429
        assert town.ask("/v1/score", body, KEYS["acme"])[0] == 200
    finally:
        beta.admission.in_flight -= beta.admission.limit
    assert town.ask("/v1/score", body, KEYS["beta"])[0] == 200
    # Of 64 bodies of the largest size, 400 of 1,000 payments are 25.6.
    assert beta.admission.most_bytes == round(25.6 * 1_048_576)


def test_a_tenants_rate_is_that_of_all_its_clients(service: StoredService) -> None:
    changes = {"serve_total_rate": 1, "serve_burst": 1_000}
    rates = Serving(service.settings.model_copy(update=changes)).rates
    assert rates.wait_ns("one", 600, 0) == (0, True)
    assert rates.wait_ns("two", 401, 0) == (1_000_000_000, True)
    assert rates.wait_ns("two", 400, 0) == (0, True)


def test_a_key_that_two_tenants_have_by_now_lets_nobody_in(town: Town) -> None:
    acme, beta = (town.tenants.by_name[name] for name in ("acme", "beta"))
    assert beta.keys == (KEYS["beta"].encode(),)
    let_in(acme, "beta")
    try:
        assert town.ask("/v1/score", town.payments[0], KEYS["beta"])[0] == 401
    finally:
        let_in(acme, "acme")


def test_metrics_have_whose_they_are_and_who_was_let_in_nowhere_is_counted(town: Town) -> None:
    town.ask("/v1/score", {}, "wrong" * 4)
    assert town.ask("/metrics", key=TOKEN + "x")[0] == 401
    status, text, _ = town.door.ask("/metrics", Authorization=f"Bearer {TOKEN}")
    assert status == 200
    told = text.decode()
    families = {each.name: each for each in text_string_to_metric_families(told)}
    assert len(families) == told.count("# TYPE")
    whose: dict[str, set[str]] = {
        name: {sample.labels.get("tenant", "") for sample in family.samples}
        for name, family in families.items()
    }
    assert whose["streamer_serve_answers"] == {"acme", "beta"}
    assert whose["streamer_serve_requests"] == {"", "acme", "beta"}
    assert whose["streamer_serve_ready"] == {"acme", "beta"}
    assert whose["process_resident_memory_bytes"] == {""}
    assert sum(len(each.samples) for each in families.values() if "build" in each.name) == 1
    refused = {
        (sample.labels["door"], sample.labels["reason"]): sample.value
        for sample in families["streamer_serve_refused"].samples
        if "tenant" not in sample.labels
    }
    assert refused["native", "unauthorized"] >= 1
    # A tenant's key shows its own, without a word of others.
    status, text, _ = town.door.ask("/metrics", Authorization=f"Bearer {KEYS['acme']}")
    assert (status, b"tenant=" in text) == (200, False)
    # How large the whole process is tells of the others.
    assert b"streamer_serve_answers" in text
    assert not re.search(rb"process_|streamer_spans", text)


def test_the_log_says_whose_a_request_was(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    door = town.app.apps["beta"]

    async def noting(*asked: Any) -> None:
        seen.append(get_contextvars()["tenant"])
        await door(*asked)

    monkeypatch.setitem(town.app.apps, "beta", noting)
    assert town.ask("/healthz", key=KEYS["beta"])[0] == 200
    assert seen == ["beta"]


def test_a_tenant_without_a_key_or_operators_without_a_token_are_refused_at_the_start(
    service: StoredService,
) -> None:
    tenant = Tenant("acme", service.settings, frozenset())
    keyless = tenant._replace(settings=service.settings.model_copy(update={"serve_api_keys": None}))
    with pytest.raises(ConfigurationError, match="acme must have an API key"):
        ServingTenants(Settings(), [keyless])
    with_key = {"serve_api_keys": SecretStr(KEYS["acme"])}
    own = tenant._replace(settings=service.settings.model_copy(update=with_key))
    with pytest.raises(InvariantError):
        app_of(ServingTenants(Settings(), [own]))


def test_what_is_wrong_with_a_tenants_service_is_told_with_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong(*_: Any) -> Serving:
        raise ConfigurationError("one is wrong\nanother is")

    monkeypatch.setattr(serving_tenants, "Serving", wrong)
    with pytest.raises(ConfigurationError, match=r"^acme: one is wrong\nacme: another is$"):
        ServingTenants(Settings(), [Tenant("acme", Settings(), frozenset())])


def test_process_and_replica_serve_the_tenants_of_the_directory(
    service: StoredService, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs: list[uvicorn.Config] = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda self: configs.append(self.config))
    with_key = {"serve_api_keys": SecretStr(KEYS["acme"])}
    own = Tenant("acme", service.settings.model_copy(update=with_key), frozenset())
    process = Settings(admin_token=SecretStr(TOKEN), serve_grpc_port=0)
    serve_process.run_server(process, TracingSettings(), [own])
    assert isinstance(configs[0].app, TenantsApp)
    # Whose a request is, is not known before its head is read.
    assert configs[0].http is LimitedHeads
    (tmp_path / "acme.env").write_text(f"STREAMER_SERVE_API_KEYS={KEYS['acme']}\n")
    monkeypatch.setenv("STREAMER_TENANTS_DIR", str(tmp_path))
    monkeypatch.setenv("STREAMER_ADMIN_TOKEN", TOKEN)
    assert isinstance(on_ray_serve._app(), TenantsApp)


def test_what_ends_by_itself_makes_no_tenant_ready(service: StoredService) -> None:
    with_key = {"serve_api_keys": SecretStr(KEYS["acme"])}
    own = Tenant("acme", service.settings.model_copy(update=with_key), frozenset())
    tenants = ServingTenants(Settings(admin_token=SecretStr(TOKEN)), [own])
    tenants.ended("the other door", None)
    assert tenants.faults() == ["no tenant can be answered"]
    began = time.monotonic()

    async def run() -> bool:
        async with tenants.running():
            pass
        return all(each.admission.is_draining for each in tenants.by_name.values())

    assert asyncio.run(run())
    assert time.monotonic() - began < 60
