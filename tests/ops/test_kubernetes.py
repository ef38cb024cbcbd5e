"""The Kubernetes overlays: valid, and in step with the settings, the image and one another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from streamer.settings import Settings, load_settings
from tests.ops.manifests import OVERLAYS, digest_line, rendered

_ROOT = Path(__file__).resolve().parents[2]
_LABELS = {"app.kubernetes.io/name": "streamer", "app.kubernetes.io/component": "worker"}
# Their schemas are in the clusters that have them.
_CUSTOM = {"ScaledObject", "TriggerAuthentication", "ServiceMonitor", "PrometheusRule"}


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    """The resources of one overlay by kind."""
    return _resources(request.param)


def _resources(name: str) -> dict[str, dict[str, Any]]:
    """All but what answers requests, which is in `test_kubernetes_serve`."""
    return {
        each["kind"]: each
        for each in yaml.safe_load_all(rendered(name).read_text())
        if not each["metadata"]["name"].startswith("streamer-serve")
    }


def _pod(overlay: dict[str, dict[str, Any]]) -> dict[str, Any]:
    spec: dict[str, Any] = overlay["Deployment"]["spec"]["template"]["spec"]
    return spec


def _settings(overlay: dict[str, dict[str, Any]], tmp_path: Path) -> Settings:
    (tmp_path / "kafka_sasl_password").write_text("secret of the tests")
    environ = dict(overlay["ConfigMap"]["data"])
    assert environ["STREAMER_SECRETS_DIR"] == "/etc/streamer/secrets"
    if environ.get("STREAMER_KAFKA_SECURITY_PROTOCOL", "PLAINTEXT") == "PLAINTEXT":
        return load_settings(environ | {"STREAMER_SECRETS_DIR": ""})
    return load_settings(environ | {"STREAMER_SECRETS_DIR": str(tmp_path)})


@pytest.mark.parametrize("name", OVERLAYS)
def test_what_is_rendered_is_what_the_sources_say(name: str) -> None:
    """Otherwise: make manifests."""
    assert rendered(name).read_text().splitlines(keepends=True)[0] == digest_line()


def test_every_resource_of_kubernetes_itself_obeys_its_schema(
    overlay: dict[str, dict[str, Any]],
) -> None:
    """Strictly: a misspelt field is refused too."""
    for kind, resource in overlay.items():
        if kind not in _CUSTOM:
            kubernetes_validate.validate(resource, "1.33", strict=True)


def test_the_validation_refuses_a_misspelt_field() -> None:
    """A validation that passes everything would be none."""
    wrong = _resources("dev")["Deployment"]
    wrong["spec"]["template"]["spec"]["terminationGraceSeconds"] = 30
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.33", strict=True)


def test_every_selector_selects_the_workers_and_nothing_else(
    overlay: dict[str, dict[str, Any]],
) -> None:
    """An empty one would be every pod of the namespace."""
    template = overlay["Deployment"]["spec"]["template"]
    assert template["metadata"]["labels"] == _LABELS
    assert overlay["Service"]["spec"]["selector"] == _LABELS
    selectors = [
        overlay["Deployment"]["spec"]["selector"],
        overlay["PodDisruptionBudget"]["spec"]["selector"],
        overlay["NetworkPolicy"]["spec"]["podSelector"],
        *(each["labelSelector"] for each in template["spec"]["topologySpreadConstraints"]),
    ]
    if monitor := overlay.get("ServiceMonitor"):
        selectors.append(monitor["spec"]["selector"])
        (endpoint,) = monitor["spec"]["endpoints"]
        assert endpoint["port"] in {port["name"] for port in overlay["Service"]["spec"]["ports"]}
    assert selectors == [{"matchLabels": _LABELS}] * len(selectors)


def test_the_variables_are_settings_that_a_worker_takes(
    overlay: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """And they come from the generated map, whose name changes with its content."""
    settings = _settings(overlay, tmp_path)
    (worker,) = _pod(overlay)["containers"]
    assert worker["envFrom"] == [
        {"configMapRef": {"name": overlay["ConfigMap"]["metadata"]["name"]}}
    ]
    assert re.fullmatch(r"streamer-[a-z0-9]{10}", overlay["ConfigMap"]["metadata"]["name"])
    ports = {port["name"]: port["containerPort"] for port in worker["ports"]}
    assert ports == {"http": settings.web_port}
    (ingress,) = overlay["NetworkPolicy"]["spec"]["ingress"]
    assert [port["port"] for port in ingress["ports"]] == [settings.web_port]


def test_kubernetes_adds_no_variable_that_the_worker_refuses(
    overlay: dict[str, dict[str, Any]],
) -> None:
    """A service named streamer makes STREAMER_SERVICE_HOST and STREAMER_PORT of every pod."""
    with pytest.raises(Exception, match="STREAMER_SERVICE_HOST is not a setting"):
        load_settings({"STREAMER_SERVICE_HOST": "10.0.0.1"})
    assert overlay["Service"]["metadata"]["name"] == "streamer"
    assert _pod(overlay)["enableServiceLinks"] is False


def test_the_grace_period_is_above_the_time_for_a_stop(
    overlay: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """So that the last checkpoints are taken before SIGKILL."""
    limit = _pod(overlay)["terminationGracePeriodSeconds"]
    assert limit >= _settings(overlay, tmp_path).shutdown_timeout_s + 5


def test_an_update_never_has_fewer_workers_than_before(overlay: dict[str, dict[str, Any]]) -> None:
    """The next one has its partitions before an old one goes."""
    assert overlay["Deployment"]["spec"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
    }


def test_the_probes_ask_different_things(
    overlay: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """A worker that waits for Kafka is not ready, and is not restarted for it either."""
    (worker,) = _pod(overlay)["containers"]
    paths = {name: worker[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness")}
    assert paths == {"startup": "/healthz", "readiness": "/readyz"}
    assert worker["livenessProbe"]["httpGet"]["path"] == "/healthz"
    patience_s = (
        worker["livenessProbe"]["periodSeconds"] * worker["livenessProbe"]["failureThreshold"]
    )
    assert patience_s >= 60
    startup = worker["startupProbe"]
    patience_s = startup["periodSeconds"] * startup["failureThreshold"]
    assert patience_s > _settings(overlay, tmp_path).startup_timeout_s


def test_a_worker_has_no_rights_and_runs_as_the_user_of_the_image(
    overlay: dict[str, dict[str, Any]],
) -> None:
    """What the namespace's restricted standard asks for, and a file system that is read only."""
    pod = _pod(overlay)
    dockerfile = (_ROOT / "ops" / "Dockerfile").read_text()
    user = pod["securityContext"]["runAsUser"]
    assert f"USER {user}:{user}" in dockerfile
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (worker,) = pod["containers"]
    assert worker["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert worker["args"] == ["worker"]
    assert 'ENTRYPOINT ["streamer"]' in dockerfile
    enforced = overlay["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert enforced == "restricted"


def test_there_are_never_more_workers_than_partitions(tmp_path: Path) -> None:
    """By the lag of the group and the topic that the workers read."""
    overlay = _resources("prod")
    settings = _settings(overlay, tmp_path)
    scaled = overlay["ScaledObject"]["spec"]
    assert scaled["maxReplicaCount"] == settings.topic_partitions
    assert "replicas" not in overlay["Deployment"]["spec"]
    (trigger,) = scaled["triggers"]
    told = trigger["metadata"]
    assert (told["bootstrapServers"], told["consumerGroup"], told["topic"]) == (
        settings.kafka_bootstrap_servers,
        settings.consumer_group,
        settings.transactions_topic,
    )
    assert (told["tls"], told["sasl"]) == ("enable", "scram_sha512")
    assert settings.kafka_sasl_mechanism == "SCRAM-SHA-512"
    authentication = overlay["TriggerAuthentication"]
    assert trigger["authenticationRef"]["name"] == authentication["metadata"]["name"]
    (variable,) = authentication["spec"]["env"]
    assert variable["name"] in overlay["ConfigMap"]["data"]
    (secret,) = authentication["spec"]["secretTargetRef"]
    (mounted,) = (v for v in _pod(overlay)["volumes"] if v["name"] == "secrets")
    assert secret["name"] == mounted["secret"]["secretName"]
    assert secret["key"] in Settings.model_fields
