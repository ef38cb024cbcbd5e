"""The tenants of a process: a file of settings each, which go over the process's own.

A tenant is a namespace with topics, keys, people and quotas of its own.  Where two of them could come
to the same data the process does not start: what both inherit both share, and that is refused.

Invariants:
* No two tenants have a namespace, a consumer group, a topic, a host, a worker, a file of accounts, a
  key, or a group of people in common.
* The payments that tenants may have in flight are together no more than the process may.
* Every fault of every file is told at once; none shows a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from streamer.errors import ConfigurationError
from streamer.settings.group_roles import group_roles
from streamer.settings.loading import load_settings
from streamer.settings.rules import Settings
from streamer.settings.settings import PREFIX

__all__ = ["MOST_TENANTS", "PROCESS_SETTINGS", "Tenant", "host_of", "load_tenants"]

MOST_TENANTS: Final = 64
"""Values of the label ``tenant``; each has connections, threads and a model of its own."""

PROCESS_SETTINGS: Final = frozenset(
    {
        *("tenants_dir", "console_host", "console_port", "console_trusted_proxies"),
        *("serve_host", "serve_port", "serve_grpc_port", "serve_trusted_proxies"),
        *("serve_max_body_bytes", "web_host", "web_port", "web_certificate_file", "web_key_file"),
        *("admin_host", "admin_port", "admin_token", "startup_timeout_s", "shutdown_timeout_s"),
        *("log_level", "log_format", "command_roles", "kafka_group_instance_id"),
    }
)
"""What a process has once, whoever its tenants are."""

_TOPICS: Final = (
    *("transactions_topic", "alerts_topic", "overflow_topic", "dead_letters_topic"),
    *("feedback_topic", "feedback_dead_letters_topic", "audit_topic", "proposals_topic"),
)
_ENDING: Final = ".env"
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ASSIGNMENT: Final = re.compile(rf"({PREFIX}[A-Z0-9_]+)=(.*)")
_IN_FLIGHT: Final = "serve_max_in_flight"


class Tenant(NamedTuple):
    """One tenant: ``own`` are the settings that its file has, by name."""

    name: str
    settings: Settings
    own: frozenset[str]


# What two tenants must not both have: the setting, what is compared, and whether it may be shown.
_Held = tuple[str, str, bool]


def load_tenants(
    whole: Settings, needed: Sequence[str] = (), environ: Mapping[str, str] | None = None
) -> tuple[Tenant, ...]:
    """Return the tenants by name, none where the process has no directory of them.

    ``whole`` are the process's own settings; ``needed`` must be set for each.  Raises a
    `ConfigurationError` with a line per fault.  ``environ`` stands in for the process's environment.
    """
    if whole.tenants_dir is None:
        return ()
    environ = os.environ if environ is None else environ
    found: list[Tenant] = []
    faults: list[str] = []
    for name, path in _files(whole.tenants_dir, faults):
        try:
            found.append(_tenant(name, path, environ, needed))
        except ConfigurationError as error:
            faults += [f"{path.name}: {line}" for line in str(error).splitlines()]
    if whole.admin_token is None:
        faults.append(
            f"{PREFIX}ADMIN_TOKEN must be set when {PREFIX}TENANTS_DIR is: who has it is told the "
            "metrics of all tenants"
        )
    faults += _shared(found)
    if not faults:
        found = _with_quotas(whole, found, faults)
    if faults:
        raise ConfigurationError("\n".join(faults))
    return tuple(found)


def host_of(settings: Settings) -> str:
    """Return the host of the console's address, "" where it has none."""
    return (urlsplit(settings.console_url or "").hostname or "").rstrip(".")


def _files(folder: Path, faults: list[str]) -> list[tuple[str, Path]]:
    """Return names and files; what begins with a dot is the orchestrator's own."""
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    named = [path for path in paths if path.is_file() and path.suffix == _ENDING]
    faults += [
        f"{PREFIX}TENANTS_DIR must hold files NAME{_ENDING} alone, each NAME 1 to 64 letters, digits, "
        f"- and _, got {path.name}"
        for path in paths
        if path not in named or not _NAME.fullmatch(path.stem)
    ]
    if not 1 <= len(named) <= MOST_TENANTS:
        faults.append(
            f"{PREFIX}TENANTS_DIR must hold 1 to {MOST_TENANTS} files NAME{_ENDING}, "
            f"got {len(named)}"
        )
        return []
    return [(path.stem, path) for path in named if _NAME.fullmatch(path.stem)]


def _tenant(name: str, path: Path, environ: Mapping[str, str], needed: Sequence[str]) -> Tenant:
    told, faults = _assignments(path)
    faults += [
        f"{key} is of the whole process: set it outside of the tenants' files"
        for key in sorted(told)
        if _name_of(key) in PROCESS_SETTINGS
    ]
    told = {key: told[key] for key in told if _name_of(key) not in PROCESS_SETTINGS}
    inherited = {key: value for key, value in environ.items() if key.upper() not in told}
    try:
        settings = load_settings(inherited | told)
    except ConfigurationError as error:
        raise ConfigurationError("\n".join([*faults, str(error)])) from None
    faults += [
        f"{_env(each)} must be set: a tenant is known by it"
        for each in needed
        if getattr(settings, each) is None
    ]
    if faults:
        raise ConfigurationError("\n".join(faults))
    return Tenant(name, settings, frozenset(_name_of(key) for key, value in told.items() if value))


def _assignments(path: Path) -> tuple[dict[str, str], list[str]]:
    """Return the variables of a file; of a line that is wrong its number is told, and no more."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError("must be a file that can be read as text") from None
    told: dict[str, str] = {}
    faults = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _ASSIGNMENT.fullmatch(line.strip())
        if found is None:
            faults.append(f"line {number} must be {PREFIX}...=value, or begin with #")
        elif found[1] in told:
            faults.append(f"line {number} must set what no other line does, got {found[1]} again")
        else:
            told[found[1]] = found[2].strip()
    return told, faults


def _shared(tenants: Sequence[Tenant]) -> Iterator[str]:
    """Yield what two tenants both have."""
    first_with: dict[tuple[str, str], tuple[str, str]] = {}
    for tenant in tenants:
        # Twice in one file is for the rules between settings.
        own: dict[tuple[str, str], tuple[str, str]] = {}
        for kind, held in _held(tenant.settings):
            setting, value, is_shown = held
            before = first_with.get((kind, value))
            if before is not None:
                other, others = before
                told = f", got {value} for both" if is_shown else ""
                both = _env(setting) if others == setting else f"{_env(others)} and {_env(setting)}"
                yield f"{other}{_ENDING} and {tenant.name}{_ENDING} must differ in {both}{told}"
            own.setdefault((kind, value), (tenant.name, setting))
        first_with = own | first_with


def _held(settings: Settings) -> Iterator[tuple[str, _Held]]:
    """Yield what is to be of one tenant alone: its kind, and what it is."""
    for name in ("namespace", "consumer_group"):
        yield name, (name, getattr(settings, name), True)
    for name in _topics_in_use(settings):
        yield "topic", (name, getattr(settings, name), True)
    if host := host_of(settings):
        # A browser tells hosts apart, and no ports: cookies of one port are sent to the other.
        yield "host", ("console_url", host, True)
    for url in filter(None, map(str.strip, settings.console_workers.split(","))):
        # Whose workers they are is whose figures the page Operations shows.
        yield "worker", ("console_workers", url.rstrip("/"), True)
    for name in ("console_accounts_file", "alert_card_keys_file"):
        if (path := getattr(settings, name)) is not None:
            yield "file", (name, str(path.resolve()), True)
    for name in ("console_secret", "alert_card_key", "card_number_key"):
        if (secret := getattr(settings, name)) is not None:
            yield "key", (name, secret.get_secret_value(), False)
    for key in _keys(settings):
        yield "key", ("serve_api_keys", key, False)
    yield from _people(settings)


def _people(settings: Settings) -> Iterator[tuple[str, _Held]]:
    """Yield the groups of people who are let in: one that is of both would see both."""
    if settings.oidc_issuer is not None:
        for group in group_roles(settings.oidc_roles):
            yield f"group of {settings.oidc_issuer}", ("oidc_roles", group, True)
    if settings.console_proxy_user_header is not None:
        for group in group_roles(settings.console_proxy_roles):
            yield "group of the proxy", ("console_proxy_roles", group, True)


def _topics_in_use(settings: Settings) -> Iterable[str]:
    yield from _TOPICS
    if settings.scores_enabled:
        yield "scores_topic"
    if settings.features_enabled:
        yield "features_topic"
    if settings.serve_decisions_topic is not None:
        yield "serve_decisions_topic"


def _keys(settings: Settings) -> Iterable[str]:
    told = settings.serve_api_keys
    return filter(None, map(str.strip, (told.get_secret_value() if told else "").split(",")))


def _with_quotas(whole: Settings, tenants: Sequence[Tenant], faults: list[str]) -> list[Tenant]:
    """Return the tenants, each with its part of what the process may have in flight.

    Whoever sets none has an equal part of what the others leave.
    """
    limit = whole.serve_max_in_flight
    told = sum(each.settings.serve_max_in_flight for each in tenants if _IN_FLIGHT in each.own)
    others = [each for each in tenants if _IN_FLIGHT not in each.own]
    if told + len(others) > limit:
        faults.append(
            f"{_env(_IN_FLIGHT)} of the tenants must be at most {limit} together, that of the "
            f"process, and leave 1 for each that sets none, got {told} and {len(others)} such"
        )
        return []
    part = (limit - told) // len(others) if others else 0
    return [
        each
        if _IN_FLIGHT in each.own
        else each._replace(settings=each.settings.model_copy(update={_IN_FLIGHT: part}))
        for each in tenants
    ]


def _name_of(variable: str) -> str:
    return variable.removeprefix(PREFIX).lower()


def _env(name: str) -> str:
    return PREFIX + name.upper()
