"""The secrets of the secrets directory that are taken up while a process runs.

All others of that directory are read at the start: a process takes them up when it starts again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from streamer.access.secret_file import SecretFile
from streamer.settings.redis_url import RedisUrl
from streamer.settings.secret_checks import bearer_keys, long_text
from streamer.settings.settings import Fields

__all__ = ["admin_token", "api_keys", "redis_url", "secret_files"]

_T = TypeVar("_T")


def redis_url(settings: Fields) -> SecretFile[RedisUrl] | None:
    """Return the followed URL of Redis; None where it is from elsewhere.

    User and password may change.  Another server is another store, which a process does not go over to.
    """
    first = RedisUrl.parse(settings.redis_url.get_secret_value())

    def made(text: str) -> RedisUrl:
        found = RedisUrl.parse(text)
        if found.place != first.place:
            raise ValueError("must lead where it led at the start, but for user and password")
        return found

    return _followed(settings, "redis_url", made, is_tried=True)


def api_keys(settings: Fields) -> SecretFile[tuple[bytes, ...]] | None:
    """Return the followed keys of ``streamer serve``; None where they are from elsewhere.

    Where there are none the path is followed: a file that comes closes the door.
    """
    return _followed(settings, "serve_api_keys", bearer_keys)


def admin_token(settings: Fields) -> SecretFile[bytes] | None:
    """Return the followed token of the admin address, likewise; None where it is from elsewhere."""
    return _followed(settings, "admin_token", lambda text: long_text(text).encode())


def secret_files(settings: Fields) -> Mapping[str, SecretFile[Any]]:
    """Return what this process follows, by the names of the settings."""
    return dict(settings._secret_files)


def _followed(
    settings: Fields, name: str, made: Callable[[str], _T], *, is_tried: bool = False
) -> SecretFile[_T] | None:
    """Return the one file of a setting, whoever asks for it first, also by way of a copy."""
    told = getattr(settings, name)
    is_there = settings._origins.get(name) == "secrets directory"
    if settings.secrets_dir is None or not (is_there or told is None):
        return None
    found: SecretFile[_T] | None = settings._secret_files.get(name)
    if found is None:
        first = None if told is None else made(told.get_secret_value())
        path = settings.secrets_dir / name
        found = SecretFile(name, path, made, first, is_tried=is_tried, may_come=told is None)
        settings._secret_files[name] = found
    return found
