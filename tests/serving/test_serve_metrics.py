"""What an SRE sees of requests: the catalogue as it is exposed, and counts by hand."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from streamer.telemetry.catalogue.request_metrics import RequestMetrics
from streamer.telemetry.catalogue.service_metrics import ProcessMetrics
from streamer.telemetry.metrics import catalogue
from tests.serving.stored_service import StoredService
from tests.serving.test_native_door import Door, served

BAD = b'{"transaction_id": "t1"}'


@pytest.fixture(scope="module")
def asked(service: StoredService, following: list[tuple[bytes, bytes]]) -> Iterator[Door]:
    """A server that was asked for four payments, one of them in MLflow's form, and refused two."""
    with served(service.settings) as door:
        values = [value for _, value in following[:3]]
        assert door.ask("/v1/score", values[0])[0] == 200
        assert door.ask("/v1/score", b"[" + b",".join([*values[:2], BAD]) + b"]")[0] == 200
        records = json.dumps({"dataframe_records": [json.loads(values[2])]})
        assert door.ask("/invocations", records.encode())[0] == 200
        assert door.ask("/v1/score", BAD)[0] == 422
        assert door.ask("/v1/score?version=zzz", values[0])[0] == 404
        yield door


def _families(door: Door) -> dict[str, Metric]:
    status, text, _ = door.ask("/metrics")
    assert status == 200
    return {each.name: each for each in text_string_to_metric_families(text.decode())}


def _sample(server: Door, name: str, /, **labels: str) -> float:
    found = [
        sample.value
        for family in _families(server).values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return sum(found)


def test_what_is_exposed_is_in_the_catalogue_and_the_other_way_round(asked: Door) -> None:
    known = {f.family_name: f for f in catalogue((RequestMetrics, ProcessMetrics))}
    families = _families(asked)
    of_any_process = {"build_info", "secret_faulted", "secrets_taken_up", "spans"}
    assert families.keys() - known.keys() == {f"streamer_{name}" for name in of_any_process}
    assert known.keys() - families.keys() == set()
    for name, entry in known.items():
        assert families[name].type == entry.kind
        for sample in families[name].samples:
            assert sample.labels.keys() - {"le"} == set(entry.labels), sample


def test_requests_are_counted_by_door_and_status_and_timed_once_each(asked: Door) -> None:
    def requests(door: str, code: str) -> float:
        return _sample(asked, "streamer_serve_requests_total", door=door, code=code)

    assert requests("native", "200") == 2
    assert requests("native", "422") == requests("native", "404") == 1
    assert requests("mlflow", "200") == 1
    assert _sample(asked, "streamer_serve_requests_total") == 5
    assert _sample(asked, "streamer_serve_seconds_count", door="native") == 4
    refused = "streamer_serve_refused_total"
    assert _sample(asked, refused, door="native", reason="missing_field") == 1
    assert _sample(asked, refused, door="native", reason="unknown_version") == 1


def test_answers_are_counted_by_branch_and_payments_of_a_list_by_why_they_have_none(
    asked: Door, service: StoredService
) -> None:
    """1 + 2 + 1 answers; of a list of three, and of one alone, one cannot be read."""
    assert _sample(asked, "streamer_serve_answers_total", branch="head", mode="normal") == 4
    assert _sample(asked, "streamer_serve_answers_total") == 4
    assert _sample(asked, "streamer_serve_unreadable_total", reason="missing_field") == 2
    assert _sample(asked, "streamer_serve_request_payments_sum") == 1 + 3 + 1 + 1
    [info] = _families(asked)["streamer_serve_model_info"].samples
    assert info.labels == {"branch": "head", "model_version": service.version.id}
    assert _sample(asked, "streamer_serve_ready") == 1
    assert _sample(asked, "streamer_serve_redis_breaker_state", state="closed") == 1
    assert _sample(asked, "streamer_serve_payments_in_flight") == 0


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_to_object_to(asked: Door) -> None:
    checked = subprocess.run(
        ["promtool", "check", "metrics"],  # noqa: S607 - wherever the system has it
        input=asked.ask("/metrics")[1],
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert (checked.returncode, checked.stderr.decode()) == (0, "")
