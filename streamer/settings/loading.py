"""Reads the settings from the environment and the secrets directory; reports all faults at once.

With `tracing` the only module that reads the environment.  A value comes, in this order, from the
variable ``STREAMER_<NAME>``, from the file ``<name>`` in the directory ``STREAMER_SECRETS_DIR``, or
from its default.  An empty variable counts as not set, since Compose passes ``${VAR:-}`` that way.

No fault shows a secret, that is a secret field or anything that came out of the directory, and none
shows the value of a variable that is unknown: it may be a secret under a misspelt name.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource

from streamer.errors import ConfigurationError
from streamer.settings.rules import RULES_ERROR, Settings
from streamer.settings.settings import PATTERN_CONDITIONS, PREFIX, Origin
from streamer.settings.tracing_settings import TracingSettings, load_tracing

__all__ = [
    "child_environment",
    "load_changed_settings",
    "load_settings",
    "load_worker_settings",
    "settings_in_environment",
]

# A value in a message is for recognising it, not for reading it all.
_VALUE_CHARS: Final = 80

_CONDITIONS: Final = {
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_parsing": "must be true or false",
    "literal_error": "must be one of {expected}",
}


class _Environment(EnvSettingsSource):
    """pydantic-settings' reading of variables, from a mapping that the caller passes."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(Settings, env_ignore_empty=True)
        self.env_vars = {name.lower(): value for name, value in environ.items() if value}


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of this process, or raise a `ConfigurationError` with a line per fault.

    ``environ`` stands in for the process's environment.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = dict(_Environment(environ)())
    origins: dict[str, Origin] = dict.fromkeys(values, "environment")
    secrets, faults = _read_secrets(values.get("secrets_dir"))
    for name in secrets.keys() - values.keys():
        values[name], origins[name] = secrets[name], "secrets directory"
    settings, invalid = _validate(values, origins)
    faults += invalid + _unknown_variables(environ)
    if faults or settings is None:
        raise ConfigurationError("\n".join(sorted(faults)))
    settings._origins.update(origins)
    return settings


def load_changed_settings(changes: Mapping[str, str]) -> Settings:
    """Return the settings of this process with other values for some, by name: ``alert_budget``.

    Raises as `load_settings` does, also for names that are none.
    """
    changed = {f"{PREFIX}{name.upper()}": value for name, value in changes.items()}
    return load_settings(dict(os.environ) | changed)


def load_worker_settings(
    environ: Mapping[str, str] | None = None,
) -> tuple[Settings, TracingSettings]:
    """Return the settings of a worker with those of its traces; the faults of both are told at once."""
    faults: list[str] = []
    settings = tracing = None
    try:
        settings = load_settings(environ)
    except ConfigurationError as error:
        faults.append(str(error))
    try:
        tracing = load_tracing(environ)
    except ConfigurationError as error:
        faults.append(str(error))
    if settings is None or tracing is None:
        raise ConfigurationError("\n".join(faults))
    return settings, tracing


def settings_in_environment() -> list[str]:
    """Return the names of the variables of ours that this process has, in order."""
    return sorted(name for name in os.environ if name.startswith(PREFIX))


def child_environment(overrides: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment for a child whose settings are ``overrides`` alone."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return inherited | dict(overrides)


def _validate(
    values: dict[str, Any], origins: Mapping[str, Origin]
) -> tuple[Settings | None, list[str]]:
    """Check each value by itself, then the rules over those that are good."""
    try:
        return Settings(**values), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    wrong = {str(detail["loc"][0]) for detail in details if detail["loc"]}
    faults = [_fault(detail, origins) for detail in details if detail["loc"]]
    try:
        # Rules run only over settings that are valid one by one, so the wrong ones step aside.
        Settings(**{name: value for name, value in values.items() if name not in wrong})
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            if detail["type"] == RULES_ERROR:
                faults += [
                    f"{_env(names[0])} {condition}"
                    for names, condition in detail["ctx"]["breaches"]
                    if wrong.isdisjoint(names)
                ]
    return None, faults


def _fault(detail: ErrorDetails, origins: Mapping[str, Origin]) -> str:
    name = str(detail["loc"][0])
    context = detail.get("ctx", {})
    if detail["type"] == "value_error":
        condition = str(context["error"])
    elif detail["type"] == "string_pattern_mismatch":
        condition = PATTERN_CONDITIONS[context["pattern"]]
    elif detail["type"] in _CONDITIONS:
        # A limit reads as it was written: 0 and 1800, not 0.0 and 1800.0.
        limits = {key: f"{x:g}" if isinstance(x, float) else x for key, x in context.items()}
        condition = _CONDITIONS[detail["type"]].format(**limits).replace("'", "")
    else:
        condition = "is not valid: " + detail["msg"].lower()
    annotation = str(Settings.model_fields[name].annotation)
    secret = "Secret" in annotation
    if secret or origins.get(name) == "secrets directory":
        return f"{_env(name)} {condition}"
    value = str(detail["input"])
    # The end of a path is what tells it from others; an intake is a preset's name or a path.
    is_whole = len(value) <= _VALUE_CHARS or "Path" in annotation or name == "intake"
    shown = value if is_whole else value[:_VALUE_CHARS] + "..."
    first, *more = condition.splitlines()
    return "\n    ".join([f"{_env(name)} {first}, got {shown}{':' if more else ''}", *more])


def _read_secrets(directory: str | None) -> tuple[dict[str, str], list[str]]:
    """Read one file per setting; a file of another name is left alone unless it looks misspelt."""
    values: dict[str, str] = {}
    faults: list[str] = []
    if directory is None or not Path(directory).is_dir():
        return values, faults
    try:
        files = sorted(path for path in Path(directory).iterdir() if path.is_file())
    except OSError:
        return values, faults
    for path in files:
        if path.name not in Settings.model_fields:
            # An orchestrator may keep other programs' secrets here; a near miss is still a mistake.
            near = _nearest(path.name, Settings.model_fields, cutoff=0.8)
            if near:
                faults.append(f"{_env('secrets_dir')} holds the file {path.name}{near}")
            continue
        try:
            value = path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            faults.append(f"{_env('secrets_dir')} holds {path.name}, which cannot be read as text")
            continue
        if value:
            values[path.name] = value
        elif "Secret" in str(Settings.model_fields[path.name].annotation):
            # Unnoticed, it would open a door, or publish card ids in the clear.
            faults.append(f"{_env('secrets_dir')} holds {path.name}, which is empty")
    return values, faults


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    known = [name.upper() for name in Settings.model_fields]
    # Hints compare what follows the prefix: with it, every variable resembles every other.
    return [
        f"{variable} is not a setting{_nearest(name, known, shown_prefix=PREFIX)}"
        for variable in environ
        if variable.upper().startswith(PREFIX)
        and (name := variable.upper().removeprefix(PREFIX)) not in known
    ]


def _nearest(name: str, known: Iterable[str], cutoff: float = 0.6, shown_prefix: str = "") -> str:
    matches = get_close_matches(name, known, n=1, cutoff=cutoff)
    return f"; did you mean {shown_prefix}{matches[0]}?" if matches else ""


def _env(name: str) -> str:
    return PREFIX + name.upper()
