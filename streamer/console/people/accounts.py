"""Accounts from a file: names, hashes of passwords and roles, read again when the file has changed.

A line is NAME:HASH:ROLES, or NAME:HASH:ROLES:disabled; roles are listed by commas.  Whoever is known
in another way (`proxied_people`, `oidc_people`) is an `Account` too, without a password.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from streamer.access.changed_file import ChangedFile
from streamer.access.decision import NAME
from streamer.access.roles import Role, roles_in, roles_text
from streamer.console.people.passwords import hashed, is_hash
from streamer.errors import ConfigurationError

__all__ = [
    "Account",
    "Accounts",
    "KnownBy",
    "account_in",
    "account_line",
    "accounts_in",
    "is_name",
    "is_of_an_earlier_release",
    "line_of",
]

_NAME: Final = re.compile(NAME[1:-1])
_DISABLED: Final = "disabled"

KnownBy = Literal["session", "proxy", "oidc"]
"""How it is known who asks: by a local login's session, a proxy's word, or a provider's login."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who is known; ``hashed`` is of the password, empty where they have none here.

    ``of_provider`` is a mark of the provider by which they have logged in, if they have.
    """

    name: str
    roles: tuple[Role, ...]
    hashed: str
    is_disabled: bool = False
    by: KnownBy = "session"
    of_provider: str = ""

    @property
    def role(self) -> str:
        """The roles as one text."""
        return roles_text(self.roles)

    @property
    def is_lead(self) -> bool:
        """Whether they are a lead."""
        return "lead" in self.roles

    @property
    def mark(self) -> str:
        """What changes with the password, or the provider, so that sessions of an old one end."""
        return self.of_provider or hashlib.sha256(self.hashed.encode()).hexdigest()[:16]


def is_name(text: str) -> bool:
    """Whether somebody may be called so."""
    return _NAME.fullmatch(text) is not None


def account_line(name: str, roles: Sequence[Role], password: str) -> str:
    """Return the line of an accounts file; `ConfigurationError` where it cannot be one."""
    if not is_name(name):
        raise ConfigurationError(
            f"NAME must be 1 to 64 letters, digits, dots, @, - or _, got {name!r}"
        )
    return line_of(Account(name, tuple(roles), hashed(password)))


def line_of(account: Account) -> str:
    """Return the line of an account."""
    line = f"{account.name}:{account.hashed}:{account.role}"
    return f"{line}:{_DISABLED}" if account.is_disabled else line


def account_in(line: str) -> Account | None:
    """Return the account of a line, None where it has none that can be used."""
    name, *rest = line.strip().split(":")
    if len(rest) not in (2, 3) or not is_name(name) or not is_hash(rest[0]):
        return None
    roles = roles_in(rest[1])
    if roles is None or rest[2:] not in ([], [_DISABLED]):
        return None
    return Account(name, roles, rest[0], is_disabled=len(rest) == 3)


def is_of_an_earlier_release(line: str) -> bool:
    """Whether a line is NAME:ROLE:HASH with scrypt, as they were before argon2.

    >>> is_of_an_earlier_release("mona:lead:scrypt$AAAA$BBBB")
    True
    """
    return re.fullmatch(r"[^:]+:(reviewer|lead):scrypt\$.*", line.strip()) is not None


def accounts_in(text: str, path: Path) -> dict[str, Account]:
    """Return the accounts of a file by name; `ConfigurationError` with every faulty line."""
    found: dict[str, Account] = {}
    faults = []
    for n_line, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        account = account_in(line)
        if account is None and is_of_an_earlier_release(line):
            name = line.partition(":")[0]
            faults.append(
                f"line {n_line} of {path} has a hash of an earlier release (scrypt); give it a new "
                f"password: streamer users password {name} --file {path}"
            )
        elif account is None or account.name in found:
            faults.append(
                f"line {n_line} of {path} must be NAME:HASH:ROLES as `streamer users add NAME` writes "
                f"it, each name once"
            )
        else:
            found[account.name] = account
    if faults or not found:
        raise ConfigurationError("\n".join(faults) or f"{path} must have an account, got none")
    return found


class Accounts:
    """The accounts of a file, as it is now: `ConfigurationError` at once where it has faults.

    Without a file there are none: all are known in another way.
    """

    def __init__(self, path: Path | None) -> None:
        self._file = (
            None if path is None else ChangedFile(path, lambda text: accounts_in(text, path))
        )
        self.get("")

    @property
    def is_any(self) -> bool:
        """Whether there is a file of them."""
        return self._file is not None

    def get(self, name: str) -> Account | None:
        """Return the account of somebody who may log in, None where there is none."""
        account = self._known().get(name)
        return None if account is None or account.is_disabled else account

    def has(self, name: str) -> bool:
        """Whether somebody is called so, in capitals or not, who may log in or is disabled."""
        return name.lower() in {each.lower() for each in self._known()}

    def _known(self) -> Mapping[str, Account]:
        try:
            return {} if self._file is None else self._file.get()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"STREAMER_CONSOLE_ACCOUNTS_FILE must be readable, got {type(error).__name__}"
            ) from error
