"""OpenTelemetry's variables: when tracing is on, what cannot work, and what check-config says."""

from __future__ import annotations

import pytest

from streamer.errors import ConfigurationError
from streamer.settings import (
    TracingSettings,
    describe_tracing,
    load_tracing,
    load_worker_settings,
    tracing_settings,
)

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}


def faults(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_tracing(environ)
    return str(caught.value).splitlines()


def said(environ: dict[str, str]) -> str:
    return describe_tracing(environ)[0].description


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_SERVICE_NAME": "scorer", "OTEL_TRACES_SAMPLER": "always_on"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
        ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"},
        ENDPOINT | {"OTEL_SDK_DISABLED": "TRUE"},
        # Meant for another program: while nothing is traced, nothing is a fault.
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_TRACES_SAMPLER": "jaeger_remote"},
    ],
)
def test_tracing_is_off_unless_asked_for(environ: dict[str, str]) -> None:
    assert load_tracing(environ) == TracingSettings(is_on=False)
    assert said(environ).startswith("Nothing is traced: ")


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        (ENDPOINT, "http://collector:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c/x"}, "https://c/x"),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c/x"}, "https://c/x"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "http://localhost:4318/v1/traces"),
    ],
)
def test_an_endpoint_or_the_exporter_switches_tracing_on(environ: dict[str, str], url: str) -> None:
    loaded = load_tracing(environ)
    assert (loaded.is_on, loaded.endpoint) == (True, url)
    assert url in said(environ)


@pytest.mark.parametrize(
    ("environ", "sampler", "share"),
    [
        ({}, "", 0.01),
        ({"OTEL_TRACES_SAMPLER_ARG": "0.2"}, "", 0.2),
        ({"OTEL_TRACES_SAMPLER": "traceidratio"}, "traceidratio", 1.0),
        (
            {"OTEL_TRACES_SAMPLER": "ParentBased_TraceIdRatio", "OTEL_TRACES_SAMPLER_ARG": "0.5"},
            "parentbased_traceidratio",
            0.5,
        ),
        (
            {"OTEL_TRACES_SAMPLER": "always_on", "OTEL_TRACES_SAMPLER_ARG": "of no use"},
            "always_on",
            1.0,
        ),
    ],
)
def test_a_sampler_that_is_named_is_the_standards_with_the_standards_default(
    environ: dict[str, str], sampler: str, share: float
) -> None:
    loaded = load_tracing(ENDPOINT | environ)
    assert (loaded.sampler, loaded.share) == (sampler, share)


def test_the_queue_is_as_set_and_a_request_never_larger_than_it() -> None:
    loaded = load_tracing(ENDPOINT | {"OTEL_BSP_MAX_QUEUE_SIZE": "100"})
    assert (loaded.max_queue_size, loaded.max_export_batch_size) == (100, 100)
    loaded = load_tracing(ENDPOINT | {"OTEL_BSP_SCHEDULE_DELAY": "250"})
    assert (loaded.max_queue_size, loaded.max_export_batch_size) == (2048, 512)
    assert loaded.schedule_delay_ms == 250


def test_all_that_cannot_work_is_told_at_once_with_what_would() -> None:
    assert faults(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "me:hunter2@collector:4318",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_TRACES_SAMPLER": "jaeger_remote",
            "OTEL_BSP_MAX_QUEUE_SIZE": "0",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4096",
        }
    ) == [
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE must be at most OTEL_BSP_MAX_QUEUE_SIZE = 2048, got 4096",
        "OTEL_BSP_MAX_QUEUE_SIZE must be a whole number above 0, got 0",
        "OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https URL, got ***@collector:4318",
        "OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf, got grpc; collectors take that on port "
        "4318, or set OTEL_TRACES_EXPORTER=none",
        "OTEL_TRACES_SAMPLER must be one of always_on, always_off, traceidratio, "
        "parentbased_always_on, parentbased_always_off, parentbased_traceidratio, got jaeger_remote",
    ]
    assert faults(ENDPOINT | {"OTEL_TRACES_SAMPLER_ARG": "1.5"}) == [
        "OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1, got 1.5"
    ]
    assert faults({"OTEL_TRACES_EXPORTER": "zipkin"}) == [
        "OTEL_TRACES_EXPORTER must be otlp or none, got zipkin"
    ]


def test_the_protocol_of_traces_comes_before_that_of_all_signals() -> None:
    both = {
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    }
    assert load_tracing(ENDPOINT | both).is_on


def test_without_the_extra_tracing_is_refused_with_the_command_that_helps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracing_settings, "_EXPORTER_MODULE", "opentelemetry.exporter.missing.http")
    assert faults(ENDPOINT) == [
        "tracing needs opentelemetry-exporter-otlp-proto-http; install it with: "
        "pip install 'streamer-fraud[tracing]', or set OTEL_TRACES_EXPORTER=none"
    ]
    assert not load_tracing({}).is_on


def test_a_worker_is_told_of_faults_of_both_kinds_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_worker_settings({"STREAMER_N_CLUSTERS": "1", "OTEL_TRACES_EXPORTER": "zipkin"})
    assert str(caught.value).splitlines() == [
        "STREAMER_N_CLUSTERS must be at least 2, got 1",
        "OTEL_TRACES_EXPORTER must be otlp or none, got zipkin",
    ]


def test_rows_show_what_is_in_force_and_no_secret() -> None:
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://me:hunter2@collector",
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=hunter2",
        "OTEL_TRACES_SAMPLER": "traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.25",
    }
    rows = {row.env: (row.value, row.source) for row in describe_tracing(environ)}
    assert rows["OTEL_TRACES_EXPORTER"] == ("otlp", "default")
    assert rows["OTEL_EXPORTER_OTLP_ENDPOINT"] == ("https://me:***@collector", "environment")
    assert rows["OTEL_EXPORTER_OTLP_HEADERS"] == ("***", "environment")
    assert rows["OTEL_SERVICE_NAME"] == ("streamer", "default")
    assert "hunter2" not in str(describe_tracing(environ))
    assert said(environ) == (
        "Traced is what traceidratio with 0.25 samples; spans go to "
        "https://me:***@collector/v1/traces."
    )
