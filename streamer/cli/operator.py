"""What commands of an operator share: the store of the settings, who acts, when, and their audit."""

from __future__ import annotations

import asyncio
import os
import pwd
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from streamer.errors import ConfigurationError, UnavailableError
from streamer.settings import Settings, load_settings
from streamer.starting.wiring import open_store
from streamer.store import Store

if TYPE_CHECKING:
    from streamer.audit.audit_entry import Action, Card, Told

__all__ = ["audited", "check_others", "now_ms", "seen", "who", "with_store"]

_T = TypeVar("_T")


def who() -> str:
    """Return ``user@host``, for the lineage."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        # A container's user id need not have a name.
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def now_ms() -> int:
    """Return the time in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def with_store(work: Callable[[Store], Awaitable[_T]], settings: Settings | None = None) -> _T:
    """Return what ``work`` makes of the settings' store, which is closed afterwards."""
    settings = load_settings() if settings is None else settings

    async def run() -> _T:
        store = open_store(settings)
        try:
            return await work(store)
        finally:
            await store.close()

    try:
        return asyncio.run(run())
    except UnavailableError as error:
        told = str(error).rstrip(".")
        if not told.startswith("Redis at "):
            raise
        raise UnavailableError(f"{told}; STREAMER_REDIS_URL says where Redis is") from error


async def check_others(store: Store) -> None:
    """Refuse to mix: a worker ends when it meets a head of another number of clusters."""
    try:
        await store.versions()
    except ConfigurationError as error:
        raise ConfigurationError(
            f"every version of a STREAMER_NAMESPACE must fit the same settings, but one that is "
            f"stored does not: {error}"
        ) from error


@contextmanager
def audited(
    settings: Settings,
    action: Action,
    subject: tuple[str, str],
    details: Mapping[str, str],
    *,
    may_wait: bool = False,
    decision_id: str = "",
) -> Iterator[dict[str, str]]:
    """Let a command change something within, once the audit topic has that it is about to.

    ``subject`` is its kind and id, ``decision_id`` that of what allowed it.  What is put into the
    mapping is told of how it ended.  With ``may_wait`` it is done while Kafka is away, too: its entries
    wait in Redis.
    """
    # Kafka's client takes a while to import.
    from streamer.audit.command_trail import command_trail

    told = _told(action, subject, details, None, decision_id)
    warn = _warn
    with command_trail(settings, told, now_ms, may_wait=may_wait, warn=warn) as came:
        yield came


def seen(
    settings: Settings,
    action: Action,
    subject: tuple[str, str],
    details: Mapping[str, str],
    card: Card | None = None,
    decision_id: str = "",
) -> None:
    """Write that a command is about to show what is of cards, or raise."""
    from streamer.audit import command_trail

    told = _told(action, subject, details, card, decision_id)
    command_trail.seen(settings, told, now_ms)


def _told(
    action: Action,
    subject: tuple[str, str],
    details: Mapping[str, str],
    card: Card | None,
    decision_id: str,
) -> Told:
    from streamer.audit.audit_entry import Actor, Subject, Told

    return Told(
        actor=Actor(who(), "operating system"),
        action=action,
        subject=Subject(*subject),
        card=card,
        outcome="refused" if action == "denied" else "granted",
        decision_id=decision_id,
        details=dict(details),
    )


def _warn(text: str) -> None:
    click.echo(f"streamer: {text}", err=True)
