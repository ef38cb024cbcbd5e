"""``streamer check-config``: what the worker would run with."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import click
import msgspec
from rich.console import Console

from streamer.cli.options import as_json
from streamer.display.output import print_json, readable_errors
from streamer.settings import describe, describe_tracing, load_worker_settings
from streamer.settings.settings import PREFIX
from streamer.settings.tenants import load_tenants

__all__ = ["check_config"]

# What a tenant is known by, and to which command.
_KNOWN_BY: Final = {"console_url": "console", "serve_api_keys": "serve"}


@click.command("check-config")
@as_json
@readable_errors
def check_config(as_json: bool) -> None:
    """Print every setting, its value and where it comes from.

    Exit code 2 when anything is wrong; all faults are listed at once. OpenTelemetry's variables
    come last; OTEL_TRACES_EXPORTER says what will be traced. Secrets are masked. With
    STREAMER_TENANTS_DIR each tenant's file is checked too, and what it sets is printed last.
    Nothing is connected to: settings marked as policy show the values that a first policy would
    have; `streamer policy show` prints the policy in force.
    """
    settings, _ = load_worker_settings()
    tenants = load_tenants(settings)
    for tenant in tenants:
        for name, command in _KNOWN_BY.items():
            if getattr(tenant.settings, name) is None:
                env = f"{PREFIX}{name.upper()}"
                told = f"{tenant.name} has no {env}: streamer {command} would not start"
                click.echo(f"warning: {told}", err=True)
    rows = describe(settings) + describe_tracing()
    for tenant in tenants:
        rows += [
            replace(row, tenant=tenant.name)
            for row in describe(tenant.settings)
            if row.name in tenant.own
        ]
    if as_json:
        print_json([msgspec.to_builtins(row) for row in rows])
        return
    console = Console(soft_wrap=True, highlight=False, markup=False)
    for row in rows:
        console.print(f"{row.tenant}: " if row.tenant else "", end="")
        console.print(row.env, style="bold", end="")
        told = "; the policy counts: streamer policy show" if row.is_policy else ""
        console.print(f" = {row.value}  ({row.source}{told})")
        console.print(f"    {row.description}", style="dim")
