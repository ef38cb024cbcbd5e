"""The declarations that come with the package, by name: one TOML file each beside this module."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.resources import files
from typing import Any, Final

from streamer.errors import ConfigurationError
from streamer.intake.checking import load_toml

__all__ = ["NO_CARD_PAYMENT", "REFUSED", "preset_content", "preset_names", "preset_text"]

NO_CARD_PAYMENT: Final = (
    "and no card payment: it has no card, no merchant and no category; declare fields of your own "
    "if its "
    "accounts are to be scored as cards"
)
REFUSED: Final = {"pacs008": f"pacs.008 is a credit transfer between banks {NO_CARD_PAYMENT}"}
_PACKAGE: Final = "streamer.intake.presets"


def preset_names() -> list[str]:
    """Return the names of all presets in alphabetical order."""
    found = [entry.name for entry in files(_PACKAGE).iterdir()]
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))


def preset_text(name: str) -> str:
    """Return a preset's TOML; a `ConfigurationError` names those there are."""
    plain = name.strip().lower().replace(".", "").replace("-", "").replace("_", "")
    if plain in REFUSED:
        raise ConfigurationError(f"preset {name} is refused: {REFUSED[plain]}")
    names = {known.replace("-", ""): known for known in preset_names()}
    if plain not in names:
        close = get_close_matches(plain, names, n=1)
        hint = f"; did you mean {names[close[0]]}?" if close else ""
        raise ConfigurationError(
            f"preset must be one of {', '.join(names.values())}, got {name}{hint}"
        )
    return files(_PACKAGE).joinpath(f"{names[plain]}.toml").read_text("utf-8")


def preset_content(name: str) -> dict[str, Any]:
    """Return a preset's decoded TOML."""
    return load_toml(preset_text(name), f"preset {name}")
