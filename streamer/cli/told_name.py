"""What who runs a command is called in the console: told, and an account of it where there are any.

Nothing proves it: it is on the audit topic beside the user of this machine, and neither of the two may
approve what was proposed.
"""

from __future__ import annotations

import asyncio
import re

from streamer.access.decision import NAME
from streamer.cli.operator import who
from streamer.errors import ConfigurationError
from streamer.settings import Settings
from streamer.starting.wiring import open_review_store

__all__ = ["told_name"]


def told_name(settings: Settings, given: str) -> str:
    """Return ``given``, or what this machine calls them; raises where it is nobody's in the console.

    Where the settings name no accounts and no provider nobody can say whose it is.
    """
    user, _, _ = who().partition("@")
    name = given or user
    if given and not re.fullmatch(NAME, given):
        raise ConfigurationError(
            f"--as must be 1 to 64 letters, digits, dots, @, - or _, got {given[:64]!r}"
        )
    if not settings.console_accounts_file and settings.oidc_issuer is None:
        return name
    if _is_account(settings, name) or asyncio.run(_is_bound(settings, name)):
        return name
    raise ConfigurationError(
        f"--as must be the name of somebody who may log in to the console, got {name}"
    )


def _is_account(settings: Settings, name: str) -> bool:
    if not settings.console_accounts_file:
        return False
    from streamer.console.people.accounts import Accounts

    return Accounts(settings.console_accounts_file).get(name) is not None


async def _is_bound(settings: Settings, name: str) -> bool:
    store = open_review_store(settings)
    try:
        return await store.bound_names.has(name)
    finally:
        await store.close()
