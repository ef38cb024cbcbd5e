"""docker-compose.yml: in step with the settings, the image, and the files that its services read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from streamer import probe
from streamer.cli import main
from streamer.settings import Settings, load_settings
from tests.ops.dockerfile import ROOT, exec_form, only, stages

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WORKERS = ["worker-1", "worker-2"]
OURS = [*WORKERS, "serve", "console", "simulator"]
# What the variables of other images' services begin with, and the standard ones of tracing.
PREFIXES = {"kafka": "KAFKA_", "grafana": "GF_"}
OTEL = {
    "OTEL_SERVICE_NAME",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
}
SECRET = "/run/secrets/accounts"
# Ports of images that no file here names: their defaults.
DEFAULTS = {
    "kafka": {9092, 9093, 19092},
    "redis": {6379},
    "prometheus": {9090},
    "alertmanager": {9093},
    "grafana": {3000},
    "jaeger": {4317, 4318, 16686},
}


def _yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def _settings(name: str) -> Settings:
    ours = {k: v for k, v in SERVICES[name]["environment"].items() if k.startswith("STREAMER_")}
    # Of a file that each who composes makes for themselves.
    assert ours.pop("STREAMER_CONSOLE_ACCOUNTS_FILE", SECRET) == SECRET
    return load_settings(ours)


def _listens(name: str) -> set[int]:
    """Ports that a service answers on within the network, by its own files where it has some."""
    if name in WORKERS:
        return {_settings(name).web_port}
    if name == "serve":
        settings = _settings(name)
        assert settings.serve_host == "0.0.0.0", "nobody outside the container would reach it"  # noqa: S104
        return {settings.serve_port, settings.serve_grpc_port}
    if name == "console":
        assert _settings(name).console_host == "0.0.0.0", "nobody outside would reach it"  # noqa: S104
        return {_settings(name).console_port}
    if name == "otel-collector":
        collector = _yaml("ops/otel/collector.yml")
        protocols = collector["receivers"]["otlp"]["protocols"]
        return {int(each["endpoint"].rsplit(":", 1)[1]) for each in protocols.values()}
    return DEFAULTS[name]


def _hosts() -> dict[str, list[str]]:
    """What a name of the network stands for: a service, or all that have it as an alias."""
    hosts = {name: [name] for name in SERVICES}
    for name, service in SERVICES.items():
        for alias in service.get("networks", {}).get("default", {}).get("aliases", []):
            hosts.setdefault(alias, []).append(name)
    return hosts


def _must_answer(address: str) -> None:
    """Fail unless every service that bears the host's name listens on the port."""
    host, _, port = re.sub(r"^\w+://", "", address).split("/")[0].rpartition(":")
    named = _hosts().get(host)
    assert named, f"{address}: no service is called {host}"
    for service in named:
        assert int(port) in _listens(service), f"{service} does not listen on {address}"


def _mounts(name: str) -> Iterator[tuple[str, str, str]]:
    for volume in SERVICES[name].get("volumes", []):
        source, target, *mode = volume.split(":")
        yield source, target, "".join(mode)


@pytest.mark.parametrize("name", SERVICES)
def test_files_are_mounted_from_the_repository_and_read_only(name: str) -> None:
    """A path that does not exist would be made by Docker, as an empty folder."""
    for source, _, mode in _mounts(name):
        if source.startswith("."):
            assert (ROOT / source).exists(), source
            assert mode == "ro", source
        else:
            assert source in COMPOSE["volumes"], source


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_for_this_machine_alone_and_somebody_listens_there(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        address, _, inner = port.split(":")
        assert address == "127.0.0.1"
        assert int(inner) in _listens(name)


def test_no_two_services_publish_one_port() -> None:
    published = [port.split(":")[1] for each in SERVICES.values() for port in each.get("ports", [])]
    assert len(published) == len(set(published))


@pytest.mark.parametrize("name", SERVICES)
def test_variables_are_settings_or_those_of_the_image(name: str) -> None:
    """A worker refuses one that is unknown; Kafka and Grafana would pass over it."""
    variables = set(SERVICES[name].get("environment", {}))
    if name in OURS:
        _settings(name)
        known = {v for v in variables if v.startswith("STREAMER_")} | OTEL
        assert variables - known - {"OPENBLAS_NUM_THREADS"} == set()
    else:
        assert all(each.startswith(PREFIXES[name]) for each in variables)


def test_workers_are_two_members_of_one_group() -> None:
    """Each with a name of its own; else alike, so that they may learn one model."""
    first, second = (SERVICES[name]["environment"] for name in WORKERS)
    assert {k for k in first if first[k] != second[k]} == {"STREAMER_KAFKA_GROUP_INSTANCE_ID"}
    assert first.keys() == second.keys()


def test_a_service_of_this_image_has_a_read_only_root_and_no_rights() -> None:
    *_, image = stages()
    for name in OURS:
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["tmpfs"] == [only(image, "WORKDIR").rest]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["ulimits"] == {"core": 1}
        assert (ROOT / service["build"]["dockerfile"]).is_file()


@pytest.mark.parametrize("name", OURS)
def test_commands_are_those_of_streamer(name: str) -> None:
    """Parsed by the command itself, without running it."""
    *_, image = stages()
    assert exec_form(only(image, "ENTRYPOINT").rest) == ["streamer"]
    command, *arguments = SERVICES[name].get("command", exec_form(only(image, "CMD").rest))
    found = main.get_command(click.Context(main), command)
    assert found is not None, command
    found.make_context(command, list(arguments))


def test_the_image_s_health_check_asks_where_workers_listen() -> None:
    """The simulator inherits it too, and has nothing to ask."""
    for name in WORKERS:
        assert "healthcheck" not in SERVICES[name]
        assert f":{_settings(name).web_port}/" in Path(probe.__file__).read_text()
    assert SERVICES["simulator"]["healthcheck"] == {"disable": True}


def test_what_answers_requests_is_asked_where_it_listens_and_reads_the_workers_redis() -> None:
    """By the image's own probe: a model must have been read before it is sent requests."""
    test = SERVICES["serve"]["healthcheck"]["test"]
    settings = _settings("serve")
    assert test == [
        *("CMD", "python", "-I", "-m", probe.__name__),
        f"http://127.0.0.1:{settings.serve_port}/readyz",
    ]
    worker = _settings(WORKERS[0])
    assert settings.redis_url == worker.redis_url
    assert settings.namespace == worker.namespace
    _must_answer(SERVICES["serve"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"])


def test_the_console_has_no_account_of_its_own_and_reads_what_the_workers_write() -> None:
    """A password that stands in a repository is everybody's."""
    service, settings, worker = SERVICES["console"], _settings("console"), _settings(WORKERS[0])
    assert service["profiles"] == ["console"]
    assert service["environment"]["STREAMER_CONSOLE_ACCOUNTS_FILE"] == SECRET
    assert [f"/run/secrets/{name}" for name in service["secrets"]] == [SECRET]
    assert COMPOSE["secrets"] == {"accounts": {"file": "./accounts"}}
    assert "/accounts" in (ROOT / ".gitignore").read_text().splitlines()
    assert service["healthcheck"]["test"][-1] == (
        f"http://127.0.0.1:{settings.console_port}/readyz"
    )
    for name in ("redis_url", "namespace", "kafka_bootstrap_servers", "alerts_topic"):
        assert getattr(settings, name) == getattr(worker, name)
    _must_answer(settings.console_workers)


def test_dependencies_exist_and_can_become_what_is_waited_for() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}, name
            asked = SERVICES[other].get("healthcheck", {})
            assert "test" in asked or other in WORKERS, other


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_limited_and_ends_in_its_own_time(name: str) -> None:
    """And its health check has no shell."""
    service = SERVICES[name]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    test = service.get("healthcheck", {}).get("test", ["CMD"])
    assert test[0] == "CMD"
    if name in (*WORKERS, "serve"):
        grace_s = int(service["stop_grace_period"].removesuffix("s"))
        assert grace_s >= _settings(name).shutdown_timeout_s + 5


@pytest.mark.parametrize("name", sorted(set(SERVICES) - set(OURS)))
def test_images_are_named_by_release(name: str) -> None:
    """No `latest`, no major version alone, and no digest that nobody has looked up."""
    assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+(-alpine)?", SERVICES[name]["image"])


def test_kafka_is_of_the_release_that_the_tests_run() -> None:
    pom = (ROOT / "tests" / "rig" / "pom.xml").read_text()
    found = re.search(r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>(\d+\.\d+)\.", pom)
    assert found is not None
    assert SERVICES["kafka"]["image"].startswith(f"apache/kafka:{found[1]}.")


def test_workers_find_kafka_redis_and_the_collector() -> None:
    for name in WORKERS:
        settings = _settings(name)
        _must_answer(settings.kafka_bootstrap_servers)
        _must_answer(settings.redis_url.get_secret_value())
        _must_answer(SERVICES[name]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"])


def test_prometheus_finds_every_worker_and_the_alertmanager() -> None:
    settings = _yaml("ops/prometheus/prometheus.yml")
    jobs = {job["job_name"]: job["dns_sd_configs"] for job in settings["scrape_configs"]}
    for job, found in (("streamer", WORKERS), ("streamer-serve", ["serve"])):
        (lookup,) = jobs[job]
        for name in lookup["names"]:
            _must_answer(f"{name}:{lookup['port']}")
            assert _hosts()[name] == found
    (manager,) = settings["alerting"]["alertmanagers"]
    for target in manager["static_configs"][0]["targets"]:
        _must_answer(target)


def test_prometheus_and_alertmanager_read_the_files_that_are_mounted() -> None:
    rules = _yaml("ops/prometheus/prometheus.yml")["rule_files"]
    for name, wanted in (("prometheus", rules), ("alertmanager", [])):
        mounts = {target: ROOT / source for source, target, _ in _mounts(name) if source[0] == "."}
        options = dict(each.split("=", 1) for each in SERVICES[name]["command"])
        for path in [options["--config.file"], *wanted]:
            (target,) = (each for each in mounts if path.startswith(each))
            inside = path.removeprefix(target).lstrip("/")
            found = list(mounts[target].glob(inside)) if inside else [mounts[target]]
            assert found, path
            assert all(each.is_file() for each in found), path


def test_exemplars_are_kept() -> None:
    """The links from a latency to its trace are nothing without."""
    assert "--enable-feature=exemplar-storage" in SERVICES["prometheus"]["command"]


def test_the_collector_sends_to_jaeger_what_it_receives() -> None:
    collector = _yaml("ops/otel/collector.yml")
    for exporter in collector["exporters"].values():
        _must_answer(exporter["endpoint"])
    (pipeline,) = collector["service"]["pipelines"].values()
    for kind in ("receivers", "processors", "exporters"):
        assert set(pipeline[kind]) == set(collector[kind])
    assert pipeline["processors"][0] == "memory_limiter"
    limit = collector["processors"]["memory_limiter"]["limit_mib"]
    given = SERVICES["otel-collector"]["deploy"]["resources"]["limits"]["memory"]
    assert limit < int(given.removesuffix("M"))


def test_grafana_has_its_data_sources_and_dashboards_without_a_click() -> None:
    """By the files that it is given; the first page is one of them."""
    mounts = {target: ROOT / source for source, target, _ in _mounts("grafana")}
    provisioning = mounts["/etc/grafana/provisioning"]
    sources = [
        source
        for path in provisioning.glob("datasources/*.y*ml")
        for source in yaml.safe_load(path.read_text())["datasources"]
    ]
    assert {source["uid"] for source in sources} == {"prometheus", "jaeger"}
    for source in sources:
        _must_answer(source["url"])
    providers = [
        provider
        for path in provisioning.glob("dashboards/*.y*ml")
        for provider in yaml.safe_load(path.read_text())["providers"]
    ]
    assert providers
    for provider in providers:
        assert list(mounts[provider["options"]["path"]].glob("*.json"))
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (mounts[str(home.parent)] / home.name).is_file()
