"""What Redis or the way to it has to say, in one line without secrets.

Invariant: no text holds the password or a command's arguments, which may be card numbers.  The key is
named where it is known; a key holds topics and partitions only.
"""

from __future__ import annotations

import re
from typing import Final

from redis import exceptions

from streamer.errors import ConfigurationError, InvariantError, StreamerError, UnavailableError

__all__ = ["UNREACHABLE", "is_shut_out", "is_turned_away", "is_unanswered", "translated"]

UNREACHABLE: Final = (exceptions.ConnectionError, exceptions.TimeoutError, OSError)
# States of a server that pass or that an operator mends, and that no other command of ours can.
_TEMPORARY: Final = {
    "BUSY": "is busy with a script",
    "CLUSTERDOWN": "is in a cluster that is down",
    "LOADING": "is loading its data",
    "MASTERDOWN": "has lost its primary",
    "MISCONF": "cannot save to disk and refuses writes",
    "NOREPLICAS": "has too few replicas to accept writes",
    "OOM": "is out of memory; raise maxmemory, and keep maxmemory-policy at noeviction",
    "READONLY": "is a read-only replica",
    "TRYAGAIN": "is moving its slots",
}
# Of these, what a server says that is not the primary, or not alone: after a failover the address may
# lead elsewhere, while connections stay where they are.
_NOT_THE_PRIMARY: Final = frozenset({"LOADING", "MASTERDOWN", "NOREPLICAS", "READONLY"})
_CODES: Final = (
    (exceptions.BusyLoadingError, "LOADING"),
    (exceptions.ReadOnlyError, "READONLY"),
    (exceptions.OutOfMemoryError, "OOM"),
    (exceptions.MasterDownError, "MASTERDOWN"),
    (exceptions.ClusterDownError, "CLUSTERDOWN"),
    (exceptions.TryAgainError, "TRYAGAIN"),
    (exceptions.NoPermissionError, "NOPERM"),
)
_NO_CLUSTER: Final = (
    "a database number from a server in cluster mode; Redis Cluster is not supported: use one Redis, "
    "or Sentinel for failover"
)
# How the server's texts begin, once redis-py has taken the code off them.
_REFUSALS: Final = {
    "Authentication required": "no password, which the server asks for",
    "invalid username-password pair": "a wrong user or password",
    "invalid password": "a wrong user or password",
    "AUTH <password> called without any password": "a password that the server does not ask for",
    "Client sent AUTH, but no password is set": "a password that the server does not ask for",
    "DB index is out of range": "a database number that the server does not have",
    "invalid DB index": "a database number that the server does not have",
    "SELECT is not allowed in cluster mode": _NO_CLUSTER,
}
_CODE: Final = re.compile(r"\b(?:BUSY|MISCONF|NOREPLICAS|NOPERM|WRONGTYPE|CROSSSLOT|MOVED)\b")
_KEY: Final = re.compile(r"streamer:\{[A-Za-z0-9._-]{1,64}\}:[A-Za-z0-9._:-]+")
_FORBIDDEN: Final = re.compile(r"run the '([a-z|-]{1,32})' command")


def is_unanswered(error: BaseException) -> bool:
    """Return whether there was no answer at all; a refusal is one."""
    return isinstance(error, UNREACHABLE) and not (_refusal(error) or _code(error))


def is_turned_away(error: BaseException) -> bool:
    """Return whether the server does not take the user, the password or the database.

    Once it takes them it is well again, to whoever only reads, too.
    """
    return bool(_refusal(error))


def is_shut_out(error: BaseException) -> bool:
    """Return whether the server that answered is of no use until somebody changes something.

    It is not the primary, or it does not accept this user, database or command.
    """
    return bool(_refusal(error)) or _code(error) in _NOT_THE_PRIMARY | {"NOPERM"}


def translated(
    error: BaseException, address: str, *, was_accepted: bool, has_written: bool
) -> StreamerError:
    """Return our error for one of redis-py's.

    ``was_accepted``: whether this client has had an answer before; ``has_written``: whether a
    transaction of it was done.  A password, a database or a user's rights that are refused are a wrong
    setting then only if they never were right: a worker that runs goes on from memory while somebody
    changes them, where one that starts again would score nothing.
    """
    if refusal := _refusal(error):
        text = f"Redis at {address} must accept STREAMER_REDIS_URL, got {refusal}"
        return UnavailableError(text) if was_accepted else ConfigurationError(text)
    code = _code(error)
    if code in _TEMPORARY:
        return UnavailableError(f"Redis at {address} {_TEMPORARY[code]}")
    if isinstance(error, UNREACHABLE):
        return UnavailableError(f"Redis at {address} must answer, got: {error}")
    if code == "NOPERM":
        found = _FORBIDDEN.search(str(error))
        command = f" for {found[1].upper()}" if found else ""
        text = (
            f"Redis user at {address} must be allowed every command streamer uses, "
            f"got NOPERM{command}"
        )
        return UnavailableError(text) if has_written else ConfigurationError(text)
    key = _KEY.search(str(error))
    where = f" on {key[0]}" if key else ""
    return InvariantError(
        f"Redis at {address} must accept a command of streamer, got "
        f"{code or type(error).__name__}{where}; does something else write under its keys?"
    )


def _refusal(error: BaseException) -> str:
    """Return why the server does not take the URL's user, password or database; else nothing."""
    # By the beginning: the text of a pipeline's error starts otherwise, and quotes what was sent.
    text = str(error)
    return next((reason for start, reason in _REFUSALS.items() if text.startswith(start)), "")


def _code(error: BaseException) -> str:
    """Return the server's error code; a pipeline hides it in a text that quotes the command."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    # The server's own words come last, after any arguments, so the last match is the code.
    found = _CODE.findall(str(error)) if isinstance(error, exceptions.ResponseError) else []
    return str(found[-1]) if found else ""
