"""Passwords as argon2id hashes: 19 MiB, two passes, one lane.

That is the least that OWASP's Password Storage Cheat Sheet has for argon2id, equal there to 46 MiB and
one pass, 12 MiB and three, 9 MiB and four, 7 MiB and five: the product is 35,840 KiB or more in each.
https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
"""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import Argon2Error, InvalidHashError

from streamer.errors import ConfigurationError

__all__ = ["LONGEST_PASSWORD", "SHORTEST_PASSWORD", "hashed", "is_hash", "is_right"]

SHORTEST_PASSWORD: Final = 12
"""Characters of a password, at least."""

LONGEST_PASSWORD: Final = 1_024
"""Characters that are looked at when somebody logs in, and that one may have."""

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
_LEAST_WORK_KIB: Final = 35_840
# A login takes no more memory than that, whatever somebody has pasted into the file.
_MOST_MEMORY_KIB: Final = 262_144
_MOST_WORK_KIB: Final = 1_048_576
# Of a random text that was thrown away: a name that is nobody's takes as long to refuse.
_OF_NOBODY: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZWJvZHllbHNlcw$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)


def hashed(password: str) -> str:
    """Return the hash of a password in PHC's form; `ConfigurationError` where it is no good one."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise ConfigurationError(
            f"password must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD:,} characters, "
            f"got {len(password):,}"
        )
    return _HASHER.hash(password)


def is_right(password: str, of_account: str | None) -> bool:
    """Whether it is the password of a hash; as slow where there is no hash, and then it never is."""
    try:
        is_same = _HASHER.verify(of_account or _OF_NOBODY, password)
    except Argon2Error:
        return False
    return is_same and bool(of_account)


def is_hash(text: str) -> bool:
    """Whether it is an argon2id hash that costs enough to guess, and not too much to check."""
    try:
        told = extract_parameters(text)
    except (InvalidHashError, ValueError):
        return False
    work = told.memory_cost * told.time_cost
    is_strong = told.type is Type.ID and work >= _LEAST_WORK_KIB and told.hash_len >= 16
    return is_strong and told.memory_cost <= _MOST_MEMORY_KIB and work <= _MOST_WORK_KIB
