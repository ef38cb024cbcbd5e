"""What the intake's settings must be: a declaration without faults, a registry that can be asked."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final
from urllib.parse import urlsplit

from streamer.errors import ConfigurationError
from streamer.intake.by_name import load_declaration
from streamer.intake.schemas import schemas_of_file

__all__ = ["check_intake", "check_registry_url"]

# What the extra brings: the decoders, and what the registry's client needs.
_EXTRA: Final = ("fastavro", "google.protobuf", "authlib")


def check_intake(name: str) -> str:
    """Return ``name``, a preset or a file without faults; a ValueError names all of them."""
    try:
        source = load_declaration(name).schema
        if source is not None and source.file:
            schemas_of_file(source)
    except ConfigurationError as error:
        raise ValueError(f"must be an intake without faults\n{error}") from None
    return name


def check_registry_url(url: str) -> str:
    """Return ``url``, an address of http or https without credentials."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("must be an http or https URL without user and password")
    if not all(map(_is_installed, _EXTRA)):
        raise ValueError("needs more packages (install streamer-fraud with its extra: registry)")
    return url


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False
