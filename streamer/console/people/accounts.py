"""Accounts from a file: names, two roles, and passwords that were hashed with scrypt.

scrypt is the standard library's, with 32 MiB and three passes (N = 2**15, r = 8, p = 3): one of the
settings that OWASP's cheat sheet on password storage has as equal to its first choice.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from streamer.errors import ConfigurationError

__all__ = [
    "NOBODY",
    "ROLES",
    "SHORTEST_PASSWORD",
    "Account",
    "Accounts",
    "Role",
    "account_line",
    "is_password",
]

Role = Literal["reviewer", "lead"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
_NAME: Final = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_N, _R, _P = 2**15, 8, 3
_MEMORY_BYTES: Final = 2 * 128 * _N * _R
_BYTES: Final = 32

SHORTEST_PASSWORD: Final = 12
"""Characters of a password, at least."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may log in; ``hashed`` is of the password."""

    name: str
    role: Role
    hashed: str

    @property
    def mark(self) -> str:
        """What changes with the password, so that sessions of an old one end."""
        return hashlib.sha256(self.hashed.encode()).hexdigest()[:16]


# Of no password: a name that is nobody's takes as long to refuse as one that is somebody's.
NOBODY: Final = Account(
    "", "reviewer", "scrypt$" + "$".join(base64.b64encode(bytes(_BYTES)).decode() for _ in range(2))
)


def account_line(name: str, role: Role, password: str) -> str:
    """Return the line of an accounts file."""
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"NAME must be 1 to 64 letters, digits, dots, @, - or _, got {name!r}"
        )
    if len(password) < SHORTEST_PASSWORD:
        raise ConfigurationError(
            f"password must have at least {SHORTEST_PASSWORD} characters, got {len(password)}"
        )
    salt = secrets.token_bytes(16)
    return f"{name}:{role}:scrypt${_text(salt)}${_text(_scrypt(password, salt))}"


def is_password(password: str, account: Account) -> bool:
    """Whether it is the account's; takes some 0.2 s and 32 MiB, whatever the answer."""
    _, salt, stored = account.hashed.split("$")
    found = _scrypt(password, base64.b64decode(salt))
    return hmac.compare_digest(found, base64.b64decode(stored)) and account is not NOBODY


class Accounts:
    """The accounts of a file, which is read again when it has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed_ns = -1
        self._by_name: dict[str, Account] = {}
        self.get("")

    def get(self, name: str) -> Account | None:
        """Return somebody's account, None where there is none.

        Raises `ConfigurationError` with every faulty line.
        """
        try:
            changed_ns = self._path.stat().st_mtime_ns
            if changed_ns != self._changed_ns:
                self._by_name = _parsed(self._path.read_text(encoding="utf-8"), self._path)
                self._changed_ns = changed_ns
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"STREAMER_CONSOLE_ACCOUNTS_FILE must be readable, got {type(error).__name__}"
            ) from error
        return self._by_name.get(name)


def _parsed(text: str, path: Path) -> dict[str, Account]:
    found: dict[str, Account] = {}
    faults = []
    for n_line, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        account = _account(line.strip())
        if account is None or account.name in found:
            faults.append(
                f"line {n_line} of {path} must be NAME:ROLE:HASH as `streamer console account NAME` "
                f"prints it, each name once"
            )
        else:
            found[account.name] = account
    if faults or not found:
        raise ConfigurationError("\n".join(faults) or f"{path} must have an account, got none")
    return found


def _account(line: str) -> Account | None:
    name, _, rest = line.partition(":")
    role, _, hashed = rest.partition(":")
    if not _NAME.fullmatch(name) or role not in ROLES:
        return None
    try:
        kind, salt, stored = hashed.split("$")
        is_hash = kind == "scrypt" and len(base64.b64decode(salt, validate=True)) >= 16
        is_hash = is_hash and len(base64.b64decode(stored, validate=True)) == _BYTES
    except ValueError:
        return None
    return Account(name, role, hashed) if is_hash else None


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        password.encode(), salt=salt, n=_N, r=_R, p=_P, maxmem=_MEMORY_BYTES, dklen=_BYTES
    )


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
