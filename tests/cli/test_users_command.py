"""``streamer users``: the file is whole at any time, its owner's alone, and has no password."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streamer.audit.audit_reading import Period, read_entries
from streamer.cli import main
from streamer.cli.users_command import asked_password
from streamer.console.people import passwords
from streamer.console.people.accounts import Account, Accounts, account_in, account_line
from streamer.console.people.accounts_editing import changed_account
from streamer.embedded import EmbeddedKafka
from streamer.errors import ConfigurationError
from streamer.settings import load_settings
from tests.cli.test_commands import audited_by

PASSWORD = "correct horse battery"
OLD = "lea:lead:scrypt$" + "A" * 24 + "$" + "A" * 43 + "="


def users(
    path: Path, *arguments: str, secret: str = PASSWORD, why: str = "a test", **variables: str
) -> Result:
    unaudited = ("--unaudited", why) if why and arguments[0] != "list" else ()
    command = ["users", *arguments, "--file", str(path), *unaudited]
    env = {f"STREAMER_{name.upper()}": value for name, value in variables.items()}
    return CliRunner(env=env).invoke(main, command, input=f"{secret}\n")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "accounts"
    told = users(path, "add", "mona", "--role", "lead", "--role", "reviewer")
    assert (told.exit_code, told.stdout) == (0, f"mona was added to {path}.\n")
    assert told.stderr == "streamer: no audit entry was written: a test\n"
    return path


def test_the_list_of_a_file_that_is_not_there_says_how_it_is_made(tmp_path: Path) -> None:
    told = users(tmp_path / "accounts", "list")
    assert told.exit_code == 2
    assert "accounts file must exist" in told.stderr
    assert "streamer users add NAME --file" in told.stderr


def test_an_account_is_added_listed_disabled_enabled_and_given_other_roles(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in path.read_text()
    account = Accounts(path).get("mona")
    assert account is not None
    assert account.roles == ("reviewer", "lead")
    assert passwords.is_right(PASSWORD, account.hashed)
    assert users(path, "disable", "mona").exit_code == 0
    assert Accounts(path).get("mona") is None
    assert "disabled" in users(path, "list").output
    assert users(path, "enable", "mona").exit_code == 0
    assert users(path, "role", "mona", "--role", "auditor").exit_code == 0
    listed = json.loads(users(path, "list", "--json").stdout)
    assert listed == [{"name": "mona", "roles": "auditor", "state": "may log in"}]
    again = Accounts(path).get("mona")
    assert again is not None
    assert (again.hashed, again.roles) == (account.hashed, ("auditor",))


def test_a_change_is_on_the_audit_topic_or_is_made_with_a_reason_why_not(
    path: Path, redis_url: str, kafka: EmbeddedKafka
) -> None:
    before = path.read_text()
    refused = users(path, "disable", "mona", why="")
    assert (refused.exit_code, "--unaudited REASON makes a change" in refused.stderr) == (2, True)
    assert path.read_text() == before
    unique = uuid.uuid4().hex[:10]
    here = audited_by(kafka) | {
        "redis_url": redis_url,
        "namespace": f"users-{unique}",
        "audit_topic": f"a-{unique}",
        "console_accounts_file": str(path.parent / "not-yet"),
    }
    assert users(path, "role", "mona", "--role", "auditor", why="", **here).exit_code == 0
    assert users(path, "disable", "nobody", why="", **here).exit_code == 2
    away = here | {"kafka_bootstrap_servers": "127.0.0.1:1", "audit_timeout_s": "0.3"}
    lost = users(path, "disable", "mona", why="", **away)
    assert (lost.exit_code, "nothing was changed" in lost.stderr) == (1, True)
    assert Accounts(path).get("mona") is not None
    shut = users(path, "disable", "mona", why="", **here, command_roles="x=operator")
    assert (shut.exit_code, "Only an operator may add and disable" in shut.stderr) == (1, True)
    settings = load_settings(
        {
            f"STREAMER_{name.upper()}": text
            for name, text in here.items()
            if name != "console_accounts_file"
        }
    )
    found = [json.loads(each.stored.value) for each in read_entries(settings, Period())]
    told = [(each["action"], each.get("outcome", "granted")) for each in found]
    assert sorted(told) == [
        ("denied", "refused"),
        ("user disabled", "failed"),
        ("user disabled", "granted"),
        ("user role", "done"),
        ("user role", "granted"),
    ]
    role = next(each for each in found if each["action"] == "user role")
    assert role["subject"] == {"kind": "user", "id": "mona"}
    assert role["details"] == {"file": "accounts", "roles": "auditor"}


def test_another_password_ends_the_sessions_of_the_old_one(path: Path) -> None:
    accounts = Accounts(path)
    before = accounts.get("mona")
    assert users(path, "password", "mona", secret="another long password").exit_code == 0
    after = accounts.get("mona")
    assert before is not None
    assert after is not None
    assert before.mark != after.mark
    assert after.roles == before.roles
    assert passwords.is_right("another long password", after.hashed)
    assert not passwords.is_right(PASSWORD, after.hashed)


def test_comments_and_other_lines_stay_and_a_hash_of_before_is_told_of(path: Path) -> None:
    path.write_text(f"# ours\n{OLD}\n{path.read_text()}")
    with pytest.raises(
        ConfigurationError, match=r"line 2 of .* streamer users password lea --file"
    ):
        Accounts(path)
    assert "needs a new password" in users(path, "list").output
    assert users(path, "disable", "lea").exit_code == 2
    assert users(path, "password", "lea").exit_code == 0
    lea = Accounts(path).get("lea")
    assert lea is not None
    assert lea.roles == ("lead",)
    assert path.read_text().startswith("# ours\nlea:$argon2id$")


@pytest.mark.parametrize(
    ("arguments", "secret", "what"),
    [
        (("add", "mona", "--role", "lead"), PASSWORD, "must be new"),
        (("add", "a:b", "--role", "lead"), PASSWORD, "NAME must be 1 to 64 letters"),
        (("add", "noor", "--role", "boss"), PASSWORD, "'boss' is not one of"),
        (("add", "noor"), PASSWORD, "Missing option '--role'"),
        (("add", "noor", "--role", "lead"), "short", "password must have 12 to 1,024"),
        (("password", "noor"), PASSWORD, "noor must be in"),
        (("role", "noor", "--role", "lead"), PASSWORD, "noor must be in"),
    ],
)
def test_what_cannot_be_is_said_and_the_file_stays(
    path: Path, arguments: tuple[str, ...], secret: str, what: str
) -> None:
    before = path.read_text()
    told = users(path, *arguments, secret=secret)
    assert (told.exit_code, what in told.output) == (2, True), told.output
    assert path.read_text() == before
    assert secret not in told.output
    assert [each.name for each in path.parent.iterdir()] == ["accounts"]


def test_a_link_is_a_secret_that_is_changed_where_it_is_kept(path: Path) -> None:
    link = path.parent / "link"
    link.symlink_to(path)
    told = users(link, "disable", "mona")
    assert (told.exit_code, "must be a file of its own, got a link" in told.output) == (2, True)
    missing = users(path.parent / "no" / "file", "disable", "mona")
    assert (missing.exit_code, "must be writable" in missing.output) == (2, True)


def test_those_who_add_somebody_at_once_have_both(tmp_path: Path) -> None:
    path = tmp_path / "accounts"
    made = account_in(account_line("x", ("reviewer",), PASSWORD))
    assert made is not None

    def add(n: int) -> None:
        account = Account(f"n{n}", ("reviewer",), made.hashed)
        changed_account(path, account.name, lambda _: account)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(40)))
    accounts = Accounts(path)
    assert all(accounts.get(f"n{n}") is not None for n in range(40))


def test_a_file_that_is_not_written_to_the_end_is_not_there(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_text()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    told = users(path, "disable", "mona")
    assert (told.exit_code, "No space left on device" in told.output) == (2, True)
    assert path.read_text() == before
    assert [each.name for each in path.parent.iterdir()] == ["accounts"]


def test_a_password_is_the_first_line_of_what_is_no_terminal() -> None:
    code = "from streamer.cli.users_command import asked_password; print(repr(asked_password()))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input="a b:c \r\nnext\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout == "'a b:c '\n"
    assert callable(asked_password)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("$argon2id$v=19$m=19456,t=2,p=1$" + "A" * 22 + "$" + "A" * 43, True),
        ("$argon2id$v=19$m=47104,t=1,p=1$" + "A" * 22 + "$" + "A" * 43, True),
        ("$argon2id$v=19$m=65536,t=3,p=4$" + "A" * 22 + "$" + "A" * 43, True),
        ("$argon2id$v=19$m=19456,t=1,p=1$" + "A" * 22 + "$" + "A" * 43, False),
        ("$argon2i$v=19$m=19456,t=2,p=1$" + "A" * 22 + "$" + "A" * 43, False),
        ("$argon2id$v=19$m=4194304,t=2,p=1$" + "A" * 22 + "$" + "A" * 43, False),
        ("$argon2id$v=19$m=19456,t=2000,p=1$" + "A" * 22 + "$" + "A" * 43, False),
        ("scrypt$AAAA$BBBB", False),
        ("", False),
    ],
)
def test_a_hash_costs_what_owasp_asks_and_no_more_than_a_login_may(text: str, is_one: bool) -> None:
    assert passwords.is_hash(text) == is_one
    line = f"mona:{text}:reviewer"
    assert (account_in(line) is not None) == is_one


def test_no_password_is_nobodys() -> None:
    """Whatever is tried for a name that is nobody's, the same work is done, and it is wrong."""
    assert not passwords.is_right(PASSWORD, None)
    assert not passwords.is_right("", None)
    assert passwords.is_hash(passwords._OF_NOBODY)
