"""What answers requests on Kubernetes: the head's pods, a canary's, and the shares of requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from streamer.settings import Settings, load_settings
from streamer.telemetry.catalogue.request_metrics import RequestMetrics
from tests.ops.manifests import OVERLAYS, rendered

HEAD, CANARY = "streamer-serve", "streamer-serve-canary"
SERVED = [("dev", HEAD), ("prod", HEAD), ("prod", CANARY)]
COMPONENTS = {HEAD: "serve", CANARY: "serve-canary"}
Resources = dict[tuple[str, str], dict[str, Any]]
# Their schemas are in the clusters that have them.
_CUSTOM = {"ServiceMonitor", "HTTPRoute", "GRPCRoute"}


def _resources(overlay: str) -> Resources:
    told = yaml.safe_load_all(rendered(overlay).read_text())
    return {(each["kind"], each["metadata"]["name"]): each for each in told}


def _maps(resources: Resources, pod: dict[str, Any]) -> dict[str, str]:
    """What the container gets of the generated maps, the later ones before the earlier ones."""
    (container,) = pod["containers"]
    found: dict[str, str] = {}
    for each in container["envFrom"]:
        found |= resources["ConfigMap", each["configMapRef"]["name"]]["data"]
    return found


def _settings(overlay: str, name: str, tmp_path: Path) -> Settings:
    resources = _resources(overlay)
    environ = _maps(resources, resources["Deployment", name]["spec"]["template"]["spec"])
    (tmp_path / "kafka_sasl_password").write_text("secret of the tests")
    is_plain = "STREAMER_KAFKA_SECURITY_PROTOCOL" not in environ
    return load_settings(environ | {"STREAMER_SECRETS_DIR": "" if is_plain else str(tmp_path)})


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_resource_of_kubernetes_itself_obeys_its_schema(overlay: str) -> None:
    served = {key: each for key, each in _resources(overlay).items() if key[1].startswith(HEAD)}
    assert {"Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"} <= {
        k for k, _ in served
    }
    for (kind, _), resource in served.items():
        if kind not in _CUSTOM:
            kubernetes_validate.validate(resource, "1.33", strict=True)


@pytest.mark.parametrize(("overlay", "name"), SERVED)
def test_every_selector_selects_these_pods_and_no_others(overlay: str, name: str) -> None:
    """Neither a worker nor a canary gets the head's requests."""
    resources = _resources(overlay)
    labels = {
        "app.kubernetes.io/name": "streamer",
        "app.kubernetes.io/component": COMPONENTS[name],
    }
    spec = resources["Deployment", name]["spec"]
    assert spec["template"]["metadata"]["labels"] == labels
    spread = spec["template"]["spec"]["topologySpreadConstraints"]
    selectors = [
        spec["selector"]["matchLabels"],
        resources["Service", name]["spec"]["selector"],
        resources["PodDisruptionBudget", name]["spec"]["selector"]["matchLabels"],
        resources["NetworkPolicy", name]["spec"]["podSelector"]["matchLabels"],
        *(each["labelSelector"]["matchLabels"] for each in spread),
    ]
    assert selectors == [labels] * len(selectors)


@pytest.mark.parametrize(("overlay", "name"), SERVED)
def test_a_pod_goes_by_the_workers_settings_and_listens_where_it_is_asked(
    overlay: str, name: str, tmp_path: Path
) -> None:
    """Namespace, topics and model must be those of the workers, or it reads another service's state."""
    resources = _resources(overlay)
    pod = resources["Deployment", name]["spec"]["template"]["spec"]
    worker = resources["Deployment", "streamer"]["spec"]["template"]["spec"]
    own, theirs = _maps(resources, pod), _maps(resources, worker)
    assert {k: v for k, v in own.items() if theirs.get(k) != v}.keys() == {
        "STREAMER_SERVE_HOST",
        "STREAMER_SERVE_BRANCH",
    }
    settings = _settings(overlay, name, tmp_path)
    assert settings.serve_host == "0.0.0.0"  # noqa: S104
    assert settings.serve_branch == ("canary" if name == CANARY else "head")
    (container,) = pod["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http-serve": settings.serve_port, "grpc-serve": settings.serve_grpc_port}
    service = resources["Service", name]["spec"]["ports"]
    assert {each["port"]: ports[each["targetPort"]] for each in service} == {
        port: port for port in ports.values()
    }
    (ingress,) = resources["NetworkPolicy", name]["spec"]["ingress"]
    assert {port["port"] for port in ingress["ports"]} == set(ports.values())


@pytest.mark.parametrize(("overlay", "name"), SERVED)
def test_a_pod_is_sent_requests_when_it_has_a_model_and_ends_when_they_are_answered(
    overlay: str, name: str, tmp_path: Path
) -> None:
    """It has the worker's rights, which are none; balancers have time to forget it."""
    resources = _resources(overlay)
    pod = resources["Deployment", name]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (worker,) = resources["Deployment", "streamer"]["spec"]["template"]["spec"]["containers"]
    paths = {
        kind: container[f"{kind}Probe"]["httpGet"]["path"]
        for kind in ("startup", "readiness", "liveness")
    }
    assert paths == {"startup": "/healthz", "readiness": "/readyz", "liveness": "/healthz"}
    forgotten_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    readiness = container["readinessProbe"]
    assert forgotten_s > readiness["periodSeconds"]
    stop_s = forgotten_s + _settings(overlay, name, tmp_path).shutdown_timeout_s
    assert pod["terminationGracePeriodSeconds"] >= stop_s + 5
    assert container["securityContext"] == worker["securityContext"]
    assert container["args"] == ["serve"]
    strategy = resources["Deployment", name]["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_pods_are_added_by_the_payments_that_one_answers() -> None:
    """By a gauge that exists, below what a pod refuses; the canary's share is small and fixed."""
    resources = _resources("prod")
    scaler = resources["HorizontalPodAutoscaler", HEAD]["spec"]
    assert scaler["scaleTargetRef"]["name"] == HEAD
    assert "replicas" not in resources["Deployment", HEAD]["spec"]
    (metric,) = scaler["metrics"]
    assert metric["pods"]["metric"]["name"] == RequestMetrics.serve_payments_in_flight.name
    target = int(metric["pods"]["target"]["averageValue"])
    assert target <= Settings().serve_max_in_flight / 2
    assert resources["Deployment", CANARY]["spec"]["replicas"] == 1


@pytest.mark.parametrize("kind", ["HTTPRoute", "GRPCRoute"])
def test_a_share_of_requests_goes_to_the_canary_by_weight(kind: str) -> None:
    """To ports that both services have; weights are percents, so that 0 and 100 are a way back."""
    resources = _resources("prod")
    (rule,) = resources[kind, HEAD]["spec"]["rules"]
    backends = {each["name"]: each for each in rule["backendRefs"]}
    assert {name: each["weight"] for name, each in backends.items()} == {HEAD: 95, CANARY: 5}
    for name, each in backends.items():
        ports = {p["port"]: p["name"] for p in resources["Service", name]["spec"]["ports"]}
        assert ports[each["port"]] == f"{kind.removesuffix('Route').lower()}-serve"


def test_prometheus_scrapes_both_kinds_of_pods() -> None:
    resources = _resources("prod")
    spec = resources["ServiceMonitor", HEAD]["spec"]
    wanted = {each["key"]: set(each["values"]) for each in spec["selector"]["matchExpressions"]}
    (endpoint,) = spec["endpoints"]
    for name in (HEAD, CANARY):
        service = resources["Service", name]
        assert all(service["metadata"]["labels"][key] in values for key, values in wanted.items())
        assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
