"""``streamer console``: where reviewers work, and the accounts they log in with."""

from __future__ import annotations

import click

from streamer.display.output import readable_errors
from streamer.extra import require
from streamer.settings import load_settings

__all__ = ["console"]


@click.group(invoke_without_command=True)
@click.pass_context
@readable_errors
def console(context: click.Context) -> None:
    """Let reviewers judge alerts in a browser until stopped.

    Alerts are read from STREAMER_ALERTS_TOPIC and kept in Redis until they are judged; verdicts go to
    STREAMER_FEEDBACK_TOPIC, every action to STREAMER_AUDIT_TOPIC. STREAMER_CONSOLE_ACCOUNTS_FILE says
    who may log in, on STREAMER_CONSOLE_PORT.

    \b
    streamer console account mona --role lead >> accounts
    STREAMER_CONSOLE_ACCOUNTS_FILE=accounts streamer console
    """
    if context.invoked_subcommand is not None:
        return
    settings = load_settings()
    require("starlette", "uvicorn", "jinja2")
    from streamer.console.console_process import run_console

    run_console(settings)


@console.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["reviewer", "lead"]),
    default="reviewer",
    show_default=True,
    help="A lead may also take an alert from who has it.",
)
@readable_errors
def account(name: str, role: str) -> None:
    """Print the line of the accounts file for NAME; the password is in it only as a hash."""
    from streamer.console.people.accounts import account_line

    # Standard output is for the file.
    password: str = click.prompt(
        "Password", hide_input=True, confirmation_prompt=True, err=True, type=str
    )
    click.echo(account_line(name, "lead" if role == "lead" else "reviewer", password))
