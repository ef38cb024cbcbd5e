"""``streamer console``: where reviewers work, and the accounts they log in with."""

from __future__ import annotations

import click

from streamer.access.roles import ordered
from streamer.cli.users_command import asked_password, role_option
from streamer.display.output import readable_errors
from streamer.extra import require
from streamer.settings import load_settings
from streamer.settings.tenants import load_tenants

__all__ = ["console"]


@click.group(invoke_without_command=True)
@click.pass_context
@readable_errors
def console(context: click.Context) -> None:
    """Let reviewers judge alerts in a browser until stopped.

    Alerts are read from STREAMER_ALERTS_TOPIC and kept in Redis until they are judged; verdicts go
    to STREAMER_FEEDBACK_TOPIC, every action to STREAMER_AUDIT_TOPIC. It answers on
    STREAMER_CONSOLE_PORT; STREAMER_CONSOLE_ACCOUNTS_FILE says who may log in. With
    STREAMER_TENANTS_DIR it is the console of several tenants, each at the host of its own
    STREAMER_CONSOLE_URL.

    \b
    streamer users add mona --role reviewer --role lead --file accounts --unaudited "no Kafka yet"
    STREAMER_CONSOLE_ACCOUNTS_FILE=accounts streamer console
    """
    if context.invoked_subcommand is not None:
        return
    settings = load_settings()
    tenants = load_tenants(settings, needed=("console_url",))
    require("starlette", "uvicorn", "jinja2", "argon2", "joserfc", extra="console")
    from streamer.console.console_process import run_console

    run_console(settings, tenants)


@console.command()
@click.argument("name")
@role_option(default=("reviewer",), show_default=True)
@readable_errors
def account(name: str, roles: tuple[str, ...]) -> None:
    """Print the line for NAME of an accounts file.

    For an accounts file that is a secret kept elsewhere.

    The password is asked for, or read as a line of standard input; the line has it only as a hash. A
    file on this machine is changed by `streamer users`.
    """
    require("argon2")
    from streamer.console.people.accounts import account_line

    click.echo(account_line(name, ordered(set(roles)), asked_password()))
