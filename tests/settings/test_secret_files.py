"""Secrets in files are taken up while a process runs; a file that is of no use changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from structlog.testing import capture_logs

from streamer.access.secret_file import SecretFile
from streamer.cancelling import cancel_and_wait
from streamer.serving.serving import Serving
from streamer.settings import Settings, load_settings
from streamer.settings.card_keys import CardKeysFile
from streamer.settings.redis_url import RedisUrl
from streamer.settings.secret_files import admin_token, api_keys, redis_url, secret_files
from streamer.starting.card_keys_in_use import CardKeysInUse
from streamer.starting.secret_readings import secret_readings
from streamer.stream.health.endpoints import Endpoints
from tests.rig.swapped import SwappedFolder, renamed_over

OLD, NEW = "redis://user:old-canary@host:6379/0", "redis://other:new-canary@host:6379/0"
KEYS = "first-key-0123456", "second-key-012345"


def loaded(folder: Path, **environ: str) -> Settings:
    return load_settings({"STREAMER_SECRETS_DIR": str(folder), **environ})


@pytest.fixture(params=["link", "rename"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str, str], None]:
    """Writes a file as Kubernetes does, or as Vault Agent does."""
    if request.param == "rename":
        return lambda name, text: renamed_over(tmp_path / name, text)
    folder = SwappedFolder(tmp_path, {})
    return lambda name, text: folder.swap(**{name: text})


def test_user_and_password_of_redis_are_those_of_the_file_now(
    written: Callable[[str, str], None], tmp_path: Path
) -> None:
    written("redis_url", f"{OLD}\n")
    settings = loaded(tmp_path)
    file = redis_url(settings)
    assert file is not None
    assert file.get().text == OLD
    written("redis_url", NEW)
    with capture_logs() as logs:
        assert file.get().text == NEW
        assert file.get().text == NEW
        assert logs == []
        # By each of the clients that it has.
        file.tried(file.get(), "")
        file.tried(file.get(), "")
    assert logs == [{"event": "secret taken up", "log_level": "info", "setting": "redis_url"}]
    # Copies of the settings have the same file, and what is in the settings stays.
    assert redis_url(settings.model_copy(update={"redis_timeout_s": 1.0})) is file
    assert settings.redis_url.get_secret_value() == OLD


def test_a_secret_that_is_not_from_the_directory_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "redis_url").write_text(NEW)
    told = {"STREAMER_SERVE_API_KEYS": KEYS[0], "STREAMER_ADMIN_TOKEN": KEYS[1]}
    settings = loaded(tmp_path, STREAMER_REDIS_URL=OLD, **told)
    assert redis_url(settings) is None
    assert api_keys(settings) is None
    assert admin_token(settings) is None
    assert secret_files(settings) == {}


# The fault, how it comes about, and the file that was good before.
FAULTS = {
    "must not be empty": lambda path: renamed_over(path, " \n"),
    "No such file or directory": lambda path: path.unlink(),
    "must be text": lambda path: path.write_bytes(b"\xff\xfe"),
    # Half of it: what follows the password is missing.
    "must be redis://": lambda path: renamed_over(path, OLD[:20]),
    "must lead where it led": lambda path: renamed_over(path, OLD.replace("@host", "@elsewhere")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_of_no_use_leaves_the_last_good_secret_and_is_told_once(
    tmp_path: Path, fault: str
) -> None:
    path = tmp_path / "redis_url"
    path.write_text(OLD)
    settings = loaded(tmp_path)
    file = redis_url(settings)
    assert file is not None
    file.get()
    FAULTS[fault](path)
    with capture_logs() as logs:
        assert file.get().text == OLD
        assert file.get().text == OLD
    [told] = logs
    assert (told["event"], told["setting"]) == ("secret not taken up", "redis_url")
    assert told["fault"].startswith(fault)
    assert "canary" not in str(logs)
    assert secret_readings(settings, None).faulted == {"redis_url": 1.0}
    renamed_over(path, NEW)
    assert file.get().text == NEW
    readings = secret_readings(settings, None)
    # Redis has not been asked yet whether it takes it.
    assert (readings.faulted, readings.taken_up) == ({"redis_url": 0.0}, {"redis_url": 0.0})
    file.tried(file.get(), "refused")
    assert secret_readings(settings, None).faulted == {"redis_url": 1.0}
    text = path.read_text()
    path.unlink()
    file.tried(file.get(), "refused")
    assert file.fault.startswith("No such file")
    file.tried(file.get(), "")
    assert file.fault.startswith("No such file")
    path.write_text(text)
    file.tried(file.get(), "refused")
    assert file.fault == "refused"
    file.tried(file.get(), "")
    readings = secret_readings(settings, None)
    assert (readings.faulted, readings.taken_up) == ({"redis_url": 0.0}, {"redis_url": 1.0})


def test_keys_of_serve_are_old_and_new_while_both_are_listed(tmp_path: Path) -> None:
    old, new = KEYS
    path = tmp_path / "serve_api_keys"
    path.write_text(old)
    file = api_keys(loaded(tmp_path))
    assert file is not None
    assert file.get() == (old.encode(),)
    renamed_over(path, f"{old}, {new}")
    assert file.get() == (old.encode(), new.encode())
    # Half of the second one.
    renamed_over(path, f"{old},{new[:5]}")
    assert file.get() == (old.encode(), new.encode())
    renamed_over(path, new)
    assert file.get() == (new.encode(),)


def test_the_admin_token_is_that_of_the_file_now(tmp_path: Path) -> None:
    path = tmp_path / "admin_token"
    path.write_text(KEYS[0])
    file = admin_token(loaded(tmp_path))
    assert file is not None
    renamed_over(path, KEYS[1])
    assert file.get() == KEYS[1].encode()
    renamed_over(path, "short")
    assert file.get() == KEYS[1].encode()


def test_keys_that_were_not_there_at_the_start_close_the_door_when_they_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamer.serving.serving._REFRESH_S", 0.001)
    settings = loaded(tmp_path)
    path = tmp_path / "serve_api_keys"

    async def work() -> None:
        serving = Serving(settings)
        following = asyncio.create_task(serving._follow_secrets())

        async def until(is_so: Callable[[], bool]) -> None:
            async with asyncio.timeout(30.0):
                while not is_so():  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            assert not following.done()

        assert serving.keys == ()
        # Nothing is missing where nothing was set.
        assert secret_readings(settings, None).faulted == {"serve_api_keys": 0.0}
        renamed_over(path, "short")
        await until(lambda: secret_readings(settings, None).faulted["serve_api_keys"] == 1.0)
        assert serving.keys == ()
        renamed_over(path, KEYS[0])
        await until(lambda: serving.keys == (KEYS[0].encode(),))
        assert secret_readings(settings, None).taken_up == {"serve_api_keys": 1.0}
        # It is not opened again.
        path.unlink()
        await until(lambda: secret_readings(settings, None).faulted["serve_api_keys"] == 1.0)
        assert serving.keys == (KEYS[0].encode(),)
        await cancel_and_wait([following])

    asyncio.run(work())


def test_an_admin_token_that_comes_later_is_asked_for_from_then_on(tmp_path: Path) -> None:
    async def work(settings: Settings, told: str) -> int:
        kit: Any = SimpleNamespace(
            clock=None, metrics=SimpleNamespace(exposition=None), settings=settings
        )
        endpoints = Endpoints(kit, *[cast(Any, None)] * 3)

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response()

        request = make_mocked_request("GET", "/model", {"Authorization": told})
        return (await endpoints._ask_token(request, answer)).status

    settings = loaded(tmp_path)
    assert asyncio.run(work(settings, "")) == 200
    (tmp_path / "admin_token").write_text(KEYS[0])
    assert asyncio.run(work(settings, "")) == 401
    assert asyncio.run(work(settings, f"Bearer {KEYS[0]}")) == 200
    (tmp_path / "admin_token").unlink()
    assert asyncio.run(work(settings, "")) == 401
    # From elsewhere, or for nobody.
    of_environment = loaded(tmp_path, STREAMER_ADMIN_TOKEN=KEYS[1])
    assert asyncio.run(work(of_environment, "")) == 401
    assert asyncio.run(work(of_environment, f"Bearer {KEYS[1]}")) == 200
    assert asyncio.run(work(Settings(), "")) == 200


def test_a_secret_that_never_was_good_is_an_error(tmp_path: Path) -> None:
    file = SecretFile("opa_token_file", tmp_path / "token", str)
    with pytest.raises(FileNotFoundError):
        file.get()
    (tmp_path / "token").write_text("\n")
    with pytest.raises(ValueError, match="must not be empty"):
        file.get()
    (tmp_path / "token").write_text("good\n")
    assert file.get() == "good"
    # The first is taken for granted.
    assert file.n_taken_up == 0
    (tmp_path / "token").unlink()
    assert file.get() == "good"


def test_keys_of_pseudonyms_and_other_files_are_among_the_readings(tmp_path: Path) -> None:
    keys, secret = tmp_path / "keys", tmp_path / "secret"
    keys.write_text(f"a:{KEYS[0]}")
    secret.write_text("s")
    in_use = CardKeysInUse(CardKeysFile(keys))
    renamed_over(keys, f"b:{KEYS[1]}\na:{KEYS[0]}")
    in_use.refresh()
    renamed_over(keys, "b")
    in_use.refresh()
    file = SecretFile("oidc_client_secret_file", secret, str)
    told = secret_readings(Settings(), in_use, [file])
    assert told.faulted == {"oidc_client_secret_file": 0.0, "alert_card_keys_file": 1.0}
    assert told.taken_up == {"oidc_client_secret_file": 0.0, "alert_card_keys_file": 1.0}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("redis://host:1/2", "redis://host:1/2"),
        ("redis://u:p@host:1/2", "redis://host:1/2"),
        ("redis://:p%40@host", "redis://host"),
        ("rediss://h?password=a&ssl_cert_reqs=none&username=b", "rediss://h?ssl_cert_reqs=none"),
        ("unix:///run/redis.sock?password=a", "unix:///run/redis.sock"),
        ("redis+sentinel://u:p@a:1,b:2/name/3", "redis+sentinel://a:1,b:2/name/3"),
    ],
)
def test_a_place_is_a_url_without_who_asks(text: str, place: str) -> None:
    assert RedisUrl.parse(text).place == place
