"""The tenants of a process: a file of settings each, which go over the process's own.

A tenant is a namespace with topics, keys, people and quotas of its own.  Where two of them could come
to the same data the process does not start: what both inherit both share, and that is refused.

Invariants:
* No two tenants have a namespace, a consumer group, a topic, a host, a worker, a file of accounts, a
  key, or a group of people in common.
* The payments that tenants may have in flight are together no more than the process may, and no
  request has more of them than its tenant may.
* Every fault of every file is told at once; none shows a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Final, NamedTuple

from streamer.errors import ConfigurationError
from streamer.settings.loading import load_settings
from streamer.settings.proxy_networks import networks
from streamer.settings.rules import Settings
from streamer.settings.settings import PREFIX
from streamer.settings.tenant_holdings import held, host_of

__all__ = ["MOST_TENANTS", "PROCESS_SETTINGS", "Tenant", "host_of", "load_tenants"]

MOST_TENANTS: Final = 64
"""Values of the label ``tenant``; each has connections, threads and a model of its own."""

PROCESS_SETTINGS: Final = frozenset(
    {
        *("tenants_dir", "console_host", "console_port"),
        *("serve_host", "serve_port", "serve_grpc_port", "serve_trusted_proxies"),
        *("serve_max_body_bytes", "web_host", "web_port", "web_certificate_file", "web_key_file"),
        *("admin_host", "admin_port", "admin_token", "startup_timeout_s", "shutdown_timeout_s"),
        *("log_level", "log_format", "command_roles", "kafka_group_instance_id"),
    }
)
"""What a process has once, whoever its tenants are."""

_ENDING: Final = ".env"
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ASSIGNMENT: Final = re.compile(rf"({PREFIX}[A-Z0-9_]+)=(.*)")
_IN_FLIGHT: Final = "serve_max_in_flight"
_BATCH: Final = "serve_max_batch"
_PROXIES: Final = "console_trusted_proxies"


class Tenant(NamedTuple):
    """One tenant: ``own`` are the settings that its file has, by name."""

    name: str
    settings: Settings
    own: frozenset[str]


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
    faults += [*_shared(found), *_groups_within(found), *_beyond_process(whole, found)]
    if not faults:
        found = _with_quotas(whole, found, faults)
    if faults:
        raise ConfigurationError("\n".join(faults))
    return tuple(found)


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
    faults += _secrets_of_process(told.get(f"{PREFIX}SECRETS_DIR", ""))
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
    if settings.console_url is not None and not host_of(settings):
        faults.append(f"{_env('console_url')} must have a host: got {settings.console_url}")
    if faults:
        raise ConfigurationError("\n".join(faults))
    return Tenant(name, settings, frozenset(_name_of(key) for key, value in told.items() if value))


def _secrets_of_process(folder: str) -> Iterator[str]:
    """Yield what a tenant's own directory of secrets has that would be read by nobody."""
    if not folder:
        return
    for name in sorted(PROCESS_SETTINGS):
        path = Path(folder, name)
        if path.exists():
            yield f"{_env(name)} is of the whole process: remove {path}, which no tenant may have"


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
        for kind, (setting, value, is_shown) in held(tenant.settings):
            before = first_with.get((kind, value))
            if before is not None:
                other, others = before
                told = f", got {value} for both" if is_shown else ""
                both = _env(setting) if others == setting else f"{_env(others)} and {_env(setting)}"
                yield f"{other}{_ENDING} and {tenant.name}{_ENDING} must differ in {both}{told}"
            own.setdefault((kind, value), (tenant.name, setting))
        first_with = own | first_with


def _beyond_process(whole: Settings, tenants: Sequence[Tenant]) -> Iterator[str]:
    """Yield what a tenant has that is the operators', or goes beyond what the process has."""
    token = "" if whole.admin_token is None else whole.admin_token.get_secret_value()
    for tenant in tenants:
        own = tenant.settings
        for kind, (setting, value, _) in held(own):
            if kind == "key" and value == token:
                yield f"{tenant.name}{_ENDING}: {_env(setting)} must differ from {_env('admin_token')}"
        if _PROXIES in tenant.own and not _is_within(own, whole):
            yield (
                f"{tenant.name}{_ENDING}: {_env(_PROXIES)} must be networks (CIDR) within those of "
                f"the process, {whole.console_trusted_proxies}, got {own.console_trusted_proxies}"
            )


def _is_within(own: Settings, whole: Settings) -> bool:
    try:
        told = networks(own.console_trusted_proxies)
        outer = networks(whole.console_trusted_proxies)
    except ValueError:
        return False
    return all(
        any(
            one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]
            for other in outer
        )
        for one in told
    )


def _groups_within(tenants: Sequence[Tenant]) -> Iterator[str]:
    """Yield whose consumer group is as one that is made of another's: ``acme-console``."""
    for one, other in permutations(tenants, 2):
        group, longer = one.settings.consumer_group, other.settings.consumer_group
        if longer.startswith(f"{group}-"):
            yield (
                f"{other.name}{_ENDING}: {_env('consumer_group')} must not begin with {group}-, as "
                f"the groups of {one.name}{_ENDING} do, got {longer}"
            )


def _with_quotas(whole: Settings, tenants: Sequence[Tenant], faults: list[str]) -> list[Tenant]:
    """Return the tenants, each with its part of what the process may have in flight.

    Whoever sets none has an equal part of what the others leave.  A request that is alone is taken on
    whatever its size, so that the largest of a tenant is within its part: told sizes must be.
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
    found = []
    for each in tenants:
        quota = each.settings.serve_max_in_flight if _IN_FLIGHT in each.own else part
        batch = each.settings.serve_max_batch
        if _BATCH in each.own and batch > quota:
            faults.append(
                f"{each.name}{_ENDING}: {_env(_BATCH)} must be at most what the tenant may have in "
                f"flight ({_env(_IN_FLIGHT)}), got {batch} and {quota}"
            )
        parts = {_IN_FLIGHT: quota, _BATCH: min(batch, quota)}
        found.append(each._replace(settings=each.settings.model_copy(update=parts)))
    return found


def _name_of(variable: str) -> str:
    return variable.removeprefix(PREFIX).lower()


def _env(name: str) -> str:
    return PREFIX + name.upper()
