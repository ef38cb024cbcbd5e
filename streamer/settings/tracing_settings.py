"""OpenTelemetry's standard variables: whether and how batches and requests are traced.

Tracing is off by default.  It is on when an endpoint for OTLP is set or ``OTEL_TRACES_EXPORTER`` is
``otlp``, unless ``OTEL_TRACES_EXPORTER`` is ``none`` or ``OTEL_SDK_DISABLED`` is ``true``.  An empty
variable counts as not set, which is the standard's rule too.

Headers, certificates, compression, timeout and the attributes of the resource are left to the SDK,
which reads them itself by the same names.  While tracing is off nothing here is a fault: the variables
may be meant for another program.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final
from urllib.parse import urlsplit

from streamer.errors import ConfigurationError
from streamer.settings.description import MASK, SettingRow, masked_url

__all__ = ["DEFAULT_SHARE", "TracingSettings", "describe_tracing", "load_tracing"]

DEFAULT_SHARE: Final = 0.01
"""Of batches that are recorded unless told otherwise: hundreds of them may come in a second."""

_SAMPLERS: Final = (
    *("always_on", "always_off", "traceidratio"),
    *("parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"),
)
_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_TRACES_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_EXPORTER: Final = "OTEL_TRACES_EXPORTER"
_SAMPLER: Final = "OTEL_TRACES_SAMPLER"
_SHARE: Final = "OTEL_TRACES_SAMPLER_ARG"
_QUEUE: Final = "OTEL_BSP_MAX_QUEUE_SIZE"
_AT_ONCE: Final = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
_DELAY: Final = "OTEL_BSP_SCHEDULE_DELAY"
_COUNTS: Final = {_QUEUE: 2_048, _AT_ONCE: 512, _DELAY: 5_000}
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL: Final = "http/protobuf"
_EXPORTER_MODULE: Final = "opentelemetry.exporter.otlp.proto.http"
_SERVICE: Final = "streamer"

# The default and what it does, in the order in which `streamer check-config` prints them.
_VARIABLES: Final = {
    "OTEL_SDK_DISABLED": ("false", "Whether tracing is off, whatever else is set."),
    _ENDPOINT: ("not set", "Collector of spans, by OTLP over HTTP; /v1/traces is added."),
    _TRACES_ENDPOINT: ("not set", "The same, with the whole path; it comes first."),
    "OTEL_EXPORTER_OTLP_HEADERS": ("not set", "Headers of each request, name=value,name=value."),
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS": ("not set", "The same; they come first."),
    "OTEL_EXPORTER_OTLP_TIMEOUT": (
        "10",
        "Seconds for a request with its retries: Python's SDK reads seconds, though the "
        "specification says milliseconds.",
    ),
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": ("not set", "The same, in seconds too; it comes first."),
    "OTEL_SERVICE_NAME": (
        _SERVICE,
        "Name of the service in traces; of `streamer serve` streamer-serve where it is not set.",
    ),
    "OTEL_RESOURCE_ATTRIBUTES": ("not set", "More about it, name=value,name=value."),
    _SAMPLER: (
        "parentbased_traceidratio",
        "Which batches and requests are recorded. Not set, claims of partitions are in any case.",
    ),
    _SHARE: (f"{DEFAULT_SHARE:g}", "Share of the batches, or requests, for a sampler of a ratio."),
    _DELAY: ("5000", "Milliseconds after which ended spans are sent."),
    _QUEUE: ("2048", "Ended spans that may wait; of more, the newest are dropped and counted."),
    _AT_ONCE: ("512", "Spans in one request, at most."),
}


@dataclass(frozen=True, slots=True)
class TracingSettings:
    """Whether batches are traced, and how.

    ``endpoint`` is the whole URL, ``sampler`` empty for streamer's own: ``share`` of the batches and
    every claim.
    """

    is_on: bool = False
    endpoint: str = ""
    sampler: str = ""
    share: float = DEFAULT_SHARE
    max_queue_size: int = _COUNTS[_QUEUE]
    max_export_batch_size: int = _COUNTS[_AT_ONCE]
    schedule_delay_ms: int = _COUNTS[_DELAY]


def load_tracing(environ: Mapping[str, str] | None = None) -> TracingSettings:
    """Return what the variables ask for, or raise a `ConfigurationError` with a line per fault."""
    environ = _given(environ)
    if _why_off(environ):
        return TracingSettings()
    faults = [*_cannot_work(environ)]
    share, counts = DEFAULT_SHARE, dict(_COUNTS)
    sampler = environ.get(_SAMPLER, "").lower()
    if sampler and sampler not in _SAMPLERS:
        faults.append(f"{_SAMPLER} must be one of {', '.join(_SAMPLERS)}, got {sampler}")
    if sampler:
        share = 1.0  # the standard's default
    if _SHARE in environ and sampler in ("", "traceidratio", "parentbased_traceidratio"):
        share = _number(environ[_SHARE])
        if not 0 <= share <= 1:
            faults.append(f"{_SHARE} must be a number from 0 to 1, got {environ[_SHARE]}")
    for name in _COUNTS.keys() & environ.keys():
        text = environ[name]
        if text.isascii() and text.isdigit() and int(text) > 0:
            counts[name] = int(text)
        else:
            faults.append(f"{name} must be a whole number above 0, got {text}")
    if _AT_ONCE not in environ:
        counts[_AT_ONCE] = min(counts[_AT_ONCE], counts[_QUEUE])
    if counts[_AT_ONCE] > counts[_QUEUE]:
        faults.append(
            f"{_AT_ONCE} must be at most {_QUEUE} = {counts[_QUEUE]}, got {counts[_AT_ONCE]}"
        )
    if faults:
        raise ConfigurationError("\n".join(sorted(faults)))
    return TracingSettings(
        True, _url(environ), sampler, share, counts[_QUEUE], counts[_AT_ONCE], counts[_DELAY]
    )


def describe_tracing(environ: Mapping[str, str] | None = None) -> list[SettingRow]:
    """Return a row per variable, the first of which says what tracing will do; no header is shown."""
    environ = _given(environ)
    rows = [_row(environ, _EXPORTER, *_what_it_does(environ))]
    return rows + [_row(environ, name, *texts) for name, texts in _VARIABLES.items()]


def _given(environ: Mapping[str, str] | None) -> dict[str, str]:
    environ = os.environ if environ is None else environ
    return {name: text.strip() for name, text in environ.items() if text.strip()}


def _why_off(environ: Mapping[str, str]) -> str:
    """Return why nothing is traced; empty where something is."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return "OTEL_SDK_DISABLED is true"
    exporter = environ.get(_EXPORTER, "").lower()
    if exporter == "none":
        return f"{_EXPORTER} is none"
    if not exporter and not environ.keys() & {_ENDPOINT, _TRACES_ENDPOINT}:
        return f"neither {_ENDPOINT} nor {_EXPORTER} is set"
    return ""


def _what_it_does(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the exporter that an unset variable stands for, and what will be traced, in words."""
    if why := _why_off(environ):
        return "none", f"Nothing is traced: {why}. otlp or an endpoint switches it on, none off."
    tracing = load_tracing(environ)
    if not tracing.sampler:
        which = f"a share of {tracing.share:g} of the batches and every claim of a partition"
    elif tracing.sampler.endswith("ratio"):
        which = f"what {tracing.sampler} with {tracing.share:g} samples"
    else:
        which = f"what {tracing.sampler} samples"
    return "otlp", f"Traced is {which}; spans go to {_shown(tracing.endpoint)}."


def _cannot_work(environ: Mapping[str, str]) -> list[str]:
    faults = []
    off = f"or set {_EXPORTER}=none"
    exporter = environ.get(_EXPORTER, "otlp").lower()
    if exporter != "otlp":
        faults.append(f"{_EXPORTER} must be otlp or none, got {exporter}")
    for name in _PROTOCOLS:
        if name in environ:
            if environ[name].lower() != _PROTOCOL:
                faults.append(
                    f"{name} must be {_PROTOCOL}, got {environ[name]}; collectors take that on port "
                    f"4318, {off}"
                )
            break
    url = _url(environ)
    if not _is_http(url):
        name = _TRACES_ENDPOINT if _TRACES_ENDPOINT in environ else _ENDPOINT
        faults.append(f"{name} must be an http or https URL, got {_shown(environ[name])}")
    if not _has_exporter():
        faults.append(
            "tracing needs opentelemetry-exporter-otlp-proto-http; install it with: "
            f"pip install 'streamer-fraud[tracing]', {off}"
        )
    return faults


def _has_exporter() -> bool:
    try:
        return find_spec(_EXPORTER_MODULE) is not None
    except ImportError:
        return False


def _url(environ: Mapping[str, str]) -> str:
    if _TRACES_ENDPOINT in environ:
        return environ[_TRACES_ENDPOINT]
    return environ.get(_ENDPOINT, "http://localhost:4318").removesuffix("/") + "/v1/traces"


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _shown(url: str) -> str:
    """Return a URL, or what was meant to be one, without its password."""
    if "://" in url:
        return masked_url(url)
    credentials, at, rest = url.rpartition("@")
    return f"{MASK}{at}{rest}" if credentials else url


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0


def _row(environ: Mapping[str, str], name: str, default: str, description: str) -> SettingRow:
    value = environ.get(name)
    if value is None:
        return SettingRow(name.lower(), name, default, "default", description)
    if name.endswith("_HEADERS"):
        value = MASK
    elif name.endswith("_ENDPOINT"):
        value = _shown(value)
    return SettingRow(name.lower(), name, value, "environment", description)
