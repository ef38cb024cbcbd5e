"""How ``streamer intake try`` prints a reading, for people and for programs."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from streamer.intake import Payment, Reading, Refused, Skipped, outcome_of
from streamer.intake.naming import printable

__all__ = ["described", "print_reading"]


def described(reading: Reading) -> dict[str, Any]:
    """Return a reading as an object with the same entries for every outcome."""
    content: dict[str, Any] = {
        "outcome": outcome_of(reading),
        "payment": None,
        "ignored_fields": {},
        "reason": None,
        "path": None,
        "detail": None,
        "hint": None,
    }
    if isinstance(reading, Payment):
        content["payment"] = msgspec.to_builtins(reading.transaction)
        content["ignored_fields"] = {out.field: out.reason for out in reading.left_out}
        return content
    content["path"] = reading.path
    if isinstance(reading, Refused):
        content |= {"reason": reading.reason, "detail": reading.detail}
        content["hint"] = reading.hint or None
    elif isinstance(reading, Skipped):
        content["reason"] = reading.reason
    return content


def print_reading(position: str, reading: Reading) -> None:
    """Print a reading as a block of lines."""
    content = described(reading)
    if isinstance(reading, Payment):
        click.echo(f"{position}: payment")
        for name, value in content["payment"].items():
            click.echo(f"    {name:<16}{printable(str(value))}")
        for out in reading.left_out:
            click.echo(f"    without {out.field}: {out.reason} at {out.path}")
        return
    what = content["outcome"].replace("_", " ")
    because = f", {content['reason']}" if content["reason"] else ""
    click.echo(f"{position}: {what}{because} at {content['path']}")
    for name in ("detail", "hint"):
        if content[name]:
            click.echo(f"    {content[name]}")
