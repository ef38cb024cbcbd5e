"""``streamer users``: the local accounts that people log in to the console with."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import click

from streamer.access.roles import ROLES, Role, ordered, roles_text
from streamer.cli.command_permission import permitted
from streamer.cli.operator import audited
from streamer.display.output import print_json, readable_errors, table_console
from streamer.errors import ConfigurationError
from streamer.extra import require
from streamer.settings import load_changed_settings
from streamer.starting.wiring import open_review_store

if TYPE_CHECKING:
    from streamer.audit.audit_entry import Action
    from streamer.console.people.accounts import Account

__all__ = ["asked_password", "role_option", "users"]

Command = TypeVar("Command", bound=Callable[..., Any])

_FILE: Final = click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="STREAMER_CONSOLE_ACCOUNTS_FILE",
    required=True,
    help="The accounts file; set by STREAMER_CONSOLE_ACCOUNTS_FILE where not given.",
)


_UNAUDITED: Final = click.option(
    "--unaudited",
    default="",
    metavar="REASON",
    help="Change it without an entry on the audit topic, for example before there is a Kafka.",
)


def role_option(**more: Any) -> Callable[[Command], Command]:
    """Return the option of one or several roles."""
    return click.option(
        "--role",
        "roles",
        type=click.Choice(list(ROLES)),
        multiple=True,
        help="Repeatable.",
        **more,
    )


def _of_account(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command a name, the file it is in, and how the change is known; it tells its errors."""
    return click.argument("name")(_FILE(_UNAUDITED(readable_errors(command))))


@click.group()
def users() -> None:
    """Look after the people who log in to the console.

    A change is written to STREAMER_AUDIT_TOPIC before it is made; --unaudited REASON makes it
    without. It takes effect with the next page that is requested: a person who is disabled or has a
    new password is logged out. Passwords are asked for, or read as a line of standard input.

    \b
    streamer users add mona --role reviewer --file accounts --unaudited "no Kafka yet"
    STREAMER_CONSOLE_ACCOUNTS_FILE=accounts streamer console
    """


@users.command()
@role_option(required=True)
@_of_account
def add(name: str, roles: tuple[str, ...], path: Path, unaudited: str) -> None:
    """Add NAME, with a password that is asked for."""
    require("argon2")
    from streamer.console.people.accounts import account_in, account_line

    _check_free(name)
    made = account_in(account_line(name, _roles(roles), asked_password()))

    def change(line: str | None) -> Account:
        if line is not None or made is None:
            raise ConfigurationError(f"{name} must be new, got a line of that name in {path}")
        return made

    told: tuple[str, Action] = "was added to", "user added"
    _changed(path, name, change, told, unaudited, roles=roles_text(roles))


@users.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@_FILE
@readable_errors
def list_users(path: Path, as_json: bool) -> None:
    """List who is in the file."""
    require("argon2")
    from streamer.console.people.accounts import account_in
    from streamer.console.people.accounts_editing import lines_in

    if not path.exists():
        raise ConfigurationError(
            f"accounts file must exist, got {path}; `streamer users add NAME --file {path}` makes it"
        )
    rows = []
    for line in lines_in(path):
        if line.strip() and not line.startswith("#"):
            account = account_in(line)
            name = line.partition(":")[0]
            state = "needs a new password" if account is None else "may log in"
            if account is not None and account.is_disabled:
                state = "disabled"
            rows.append((name, "" if account is None else account.role, state))
    if as_json:
        print_json([dict(zip(("name", "roles", "state"), row, strict=True)) for row in rows])
        return
    from rich.table import Table

    table = Table("name", "roles", "state", box=None)
    for row in rows:
        table.add_row(*row)
    table_console().print(table)


@users.command()
@_of_account
def disable(name: str, path: Path, unaudited: str) -> None:
    """Stop NAME from logging in, and end their sessions."""
    told: tuple[str, Action] = "is disabled in", "user disabled"
    _altered(path, name, told, unaudited, is_disabled=True)


@users.command()
@_of_account
def enable(name: str, path: Path, unaudited: str) -> None:
    """Let NAME log in again, with the password they had."""
    told: tuple[str, Action] = "may log in again by", "user enabled"
    _altered(path, name, told, unaudited, is_disabled=False)


@users.command()
@role_option(required=True)
@_of_account
def role(name: str, roles: tuple[str, ...], path: Path, unaudited: str) -> None:
    """Give NAME these roles and no others."""
    told: tuple[str, Action] = f"is {roles_text(roles)} in", "user role"
    _altered(path, name, told, unaudited, roles=_roles(roles))


@users.command()
@_of_account
def password(name: str, path: Path, unaudited: str) -> None:
    """Give NAME a new password, and end their sessions."""
    require("argon2")
    from dataclasses import replace

    from streamer.console.people.accounts import Account, account_in, is_of_an_earlier_release
    from streamer.console.people.passwords import hashed

    secret = hashed(asked_password())

    def change(line: str | None) -> Account:
        account = account_in(line or "")
        if account is not None:
            return replace(account, hashed=secret)
        if line is not None and is_of_an_earlier_release(line):
            return Account(name, _roles((line.split(":")[1],)), secret)
        raise ConfigurationError(_nobody(name, path))

    _changed(path, name, change, ("has another password in", "user password"), unaudited)


def asked_password() -> str:
    """Return the password that is asked for twice, or the first line of what is not a terminal."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    # Standard output may be a file.
    return cast(
        str, click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True, type=str)
    )


def _altered(
    path: Path, name: str, told: tuple[str, Action], unaudited: str, **changes: Any
) -> None:
    require("argon2")
    from dataclasses import replace

    from streamer.console.people.accounts import account_in

    def change(line: str | None) -> Account:
        account = account_in(line or "")
        if account is None:
            raise ConfigurationError(_nobody(name, path))
        return replace(account, **changes)

    roles = {"roles": roles_text(changes["roles"])} if "roles" in changes else {}
    _changed(path, name, change, told, unaudited, **roles)


def _changed(
    path: Path, name: str, change: Any, told: tuple[str, Action], unaudited: str, **details: str
) -> None:
    """Change a line, once it is on the audit topic that it is about to be."""
    from streamer.console.people.accounts_editing import changed_account

    with _recorded(told[1], name, {"file": path.name, **details}, unaudited):
        changed_account(path, name, change)
    click.echo(f"{name} {told[0]} {path}.")


def _check_free(name: str) -> None:
    """Refuse a name that is somebody's whom a provider lets in, where there is a Redis to say so."""
    settings = load_changed_settings({"console_accounts_file": ""})
    if "redis_url" not in settings.model_fields_set:
        return

    async def is_bound() -> bool:
        store = open_review_store(settings)
        try:
            return await store.bound_names.has(name)
        finally:
            await store.close()

    if asyncio.run(is_bound()):
        raise ConfigurationError(
            f"NAME must be nobody's whom STREAMER_OIDC_ISSUER lets in, got {name}; take another name"
        )


@contextmanager
def _recorded(action: Action, name: str, details: dict[str, str], unaudited: str) -> Iterator[None]:
    # The file need not be there yet.
    settings = load_changed_settings({"console_accounts_file": ""})
    decision_id = permitted(settings, "manage_users")
    if unaudited:
        yield
        click.echo(f"streamer: no audit entry was written: {unaudited}", err=True)
        return
    if "kafka_bootstrap_servers" not in settings.model_fields_set:
        raise ConfigurationError(
            "STREAMER_KAFKA_BOOTSTRAP_SERVERS must be set, so that the audit topic has who changed an "
            "account, got nothing; --unaudited REASON makes a change that nobody records"
        )
    with audited(settings, action, ("user", name[:64]), details, decision_id=decision_id):
        yield


def _roles(roles: tuple[str, ...]) -> tuple[Role, ...]:
    return ordered(set(roles))


def _nobody(name: str, path: Path) -> str:
    return f"{name} must be in {path} with a password of this release; see: streamer users list"
