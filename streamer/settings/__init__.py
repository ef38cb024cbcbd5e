"""Every setting: read, checked as a whole and described, before anything connects.

Reading order: `settings`, `serve_settings`, `oidc_settings` and `console_settings` (what there is),
`rules` (what must hold between them), `loading` (the environment and the secrets directory),
`tenants` (a file of them for each), `description` (what ``check-config`` prints); `tracing_settings`
has OpenTelemetry's own variables.
"""

from streamer.settings.description import SettingRow, describe, masked_url
from streamer.settings.loading import (
    child_environment,
    load_changed_settings,
    load_settings,
    load_worker_settings,
    settings_in_environment,
)
from streamer.settings.rules import Settings
from streamer.settings.settings import POLICY_SETTINGS, PREFIX
from streamer.settings.tracing_settings import TracingSettings, describe_tracing, load_tracing

__all__ = [
    "POLICY_SETTINGS",
    "PREFIX",
    "SettingRow",
    "Settings",
    "TracingSettings",
    "child_environment",
    "describe",
    "describe_tracing",
    "load_changed_settings",
    "load_settings",
    "load_tracing",
    "load_worker_settings",
    "masked_url",
    "settings_in_environment",
]
