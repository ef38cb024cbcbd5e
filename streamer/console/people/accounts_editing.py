"""Changes an accounts file: whole or not at all, by one at a time, readable by its owner alone."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from streamer.console.people.accounts import Account, account_in, line_of
from streamer.errors import ConfigurationError

__all__ = ["changed_account", "lines_in"]

_MODE: Final = 0o600


def lines_in(path: Path) -> list[str]:
    """Return the lines of a file, none where there is no file."""
    try:
        return path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} must be readable, got {type(error).__name__}") from error


def changed_account(path: Path, name: str, change: Callable[[str | None], Account]) -> Account:
    """Write what ``change`` makes of the line of ``name``, None where there is none; return it.

    Other lines stay as they are.  `ConfigurationError` where the file cannot be written here.
    """
    if path.is_symlink():
        raise ConfigurationError(
            f"{path} must be a file of its own, got a link, as Kubernetes and Vault Agent write it; "
            "change the secret where it is kept"
        )
    try:
        with _locked(path.parent):
            lines = lines_in(path)
            at = next((n for n, each in enumerate(lines) if each.split(":")[0] == name), len(lines))
            account = change(lines[at] if at < len(lines) else None)
            line = line_of(account)
            if account_in(line) != account:
                raise ConfigurationError(f"{name} must have a role and a password")
            lines[at : at + 1] = [line]
            _write(path, "".join(f"{each}\n" for each in lines))
    except OSError as error:
        raise ConfigurationError(f"{path} must be writable, got {error.strerror}") from error
    return account


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time: two who add somebody at once have both."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        # What was renamed in it is on disk.
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), _MODE)
            with suppress(FileNotFoundError):
                # Whose file it was can still read it.
                before = path.stat()
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
