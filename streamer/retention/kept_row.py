"""A row of the tables of what is kept."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["KeptRow", "kept"]


@dataclass(frozen=True, slots=True)
class KeptRow:
    """One kind of thing that is kept.

    ``name`` is how it is shown, ``pattern`` the regular expression that exactly its names match;
    ``what`` is in it, and ``of_card`` whether that is of a card.  It is kept ``until``, which
    ``settings`` decide, named without their prefix; ``removed_by`` is what takes it away.
    """

    name: str
    pattern: str
    what: str
    until: str
    removed_by: str
    settings: tuple[str, ...] = ()
    of_card: bool = False


def kept(
    name: str,
    pattern: str,
    what: str,
    until: str,
    removed_by: str,
    *settings: str,
    of_card: bool = False,
) -> KeptRow:
    """Return a row with these ``settings``."""
    return KeptRow(name, pattern, what, until, removed_by, settings, of_card)
