"""Which roles the groups of a proxy's people have: fraud-team=reviewer,fraud-leads=reviewer+lead."""

from __future__ import annotations

from streamer.access.roles import ROLES, Role, roles_in

__all__ = ["check_group_roles", "group_roles"]


def check_group_roles(text: str) -> str:
    """Return ``text`` if it has groups with their roles; a ValueError says what is wrong."""
    group_roles(text)
    return text


def group_roles(text: str) -> dict[str, tuple[Role, ...]]:
    """Return the roles of each group.

    >>> group_roles("team=reviewer, leads=reviewer+lead")
    {'team': ('reviewer',), 'leads': ('reviewer', 'lead')}
    """
    found: dict[str, tuple[Role, ...]] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        group, _, named = part.rpartition("=")
        roles = roles_in(named.replace("+", ","))
        if not group or roles is None or group in found:
            raise ValueError(
                "must be GROUP=ROLE or GROUP=ROLE+ROLE, separated by commas, each group once, with "
                f"roles of {', '.join(ROLES)}; got {part!r}"
            )
        found[group] = roles
    return found
