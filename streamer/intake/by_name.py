"""An intake by the name of a preset or the path of a TOML file: what ``--intake`` takes."""

from __future__ import annotations

from pathlib import Path

from streamer.errors import ConfigurationError
from streamer.intake.declaration import Declaration, declaration_of, parse_declaration

__all__ = ["load_declaration"]


def load_declaration(name: str | None) -> Declaration:
    """Return the declaration that ``name`` leads to; None is the contract itself.

    A name with a suffix or a slash is a file.  Faults raise a `ConfigurationError`, all at once.
    """
    if name is None:
        return Declaration()
    path = Path(name)
    if path.suffix != ".toml" and not path.is_file():
        return declaration_of({"preset": name}, name)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no UTF-8"
        raise ConfigurationError(
            f"intake must be a preset or a TOML file, got {name}: {reason}"
        ) from None
    return parse_declaration(text, path.name)
