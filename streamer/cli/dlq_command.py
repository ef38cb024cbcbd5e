"""``streamer dlq``: what could not be scored and why, and sending it again once that is mended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import click

from streamer.cli.operator import audited, now_ms, seen
from streamer.cli.options import as_json
from streamer.contract.card_numbers import without_card_numbers
from streamer.display.dlq_display import marked_lines, printable, text_of
from streamer.display.intake_display import described
from streamer.display.output import print_json, readable_errors
from streamer.errors import ConfigurationError, UnavailableError
from streamer.intake.by_name import load_declaration
from streamer.intake.judged_cards import judged
from streamer.intake.judged_times import timely
from streamer.settings import Settings, load_settings

if TYPE_CHECKING:
    from streamer.cli.dlq_replay import Plan
    from streamer.cli.dlq_selection import Selection
    from streamer.intake import Intake

__all__ = ["dlq"]

_PLACE: Final = re.compile(r"(\d{1,9})[/-](\d{1,18})")


@click.group()
def dlq() -> None:
    """Look at dead letters, and send them again.

    Dead letters of payments, unless --topic fraud-feedback-dlq asks for those of verdicts.
    docs/dead-letters.md has the cause of every reason and what to do.

    \b
    streamer dlq list
    streamer dlq show 0/17
    streamer dlq replay --reason timestamp_without_offset --intake intake.toml --dry-run
    """


_topic = click.option(
    "--topic",
    metavar="NAME",
    help="Topic of the dead letters.  [default: that of STREAMER_DEAD_LETTERS_TOPIC]",
)
_intake = click.option(
    "--intake", "intake_name", metavar="PRESET|FILE.toml", help="Read messages by this declaration."
)


def _selecting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that select dead letters, as one ``selection``."""

    @click.option(
        "--reason", "reasons", multiple=True, help="Only dead letters with this reason. Repeatable."
    )
    @click.option(
        "--since", metavar="TIME", help="Only those first seen at this time (RFC 3339) or later."
    )
    @click.option("--until", metavar="TIME", help="Only those first seen before this time.")
    @click.option(
        "--partition",
        type=click.IntRange(0),
        help="Only those from this partition of their source topic.",
    )
    @wraps(command)
    def selecting(
        reasons: tuple[str, ...],
        since: str | None,
        until: str | None,
        partition: int | None,
        **others: Any,
    ) -> None:
        from streamer.cli.dlq_selection import Selection, moment_ms

        since_ms, until_ms = moment_ms(since, "--since"), moment_ms(until, "--until")
        selection = Selection(frozenset(reasons), since_ms, until_ms, partition)
        command(selection=selection, **others)

    return selecting


@dlq.command("list")
@_topic
@as_json
@readable_errors
@_selecting
def list_(topic: str | None, as_json: bool, selection: Selection) -> None:
    """Count the dead letters by source, reason and path.

    Each line names one of them, for `streamer dlq show`. Letters stay until the topic's retention is
    over, also those that were sent again: how many of a line are these is said, and --since shows
    what has come after a time.
    """
    from streamer.cli.dlq_replay import sent_again
    from streamer.cli.dlq_selection import counted, shown_ms
    from streamer.stream.publishing.dead_letter_topic import dead_letters, topic_identity

    settings = load_settings()
    topic = topic or settings.dead_letters_topic
    topic_id, n_partitions = topic_identity(settings, topic)
    letters = dead_letters(settings, topic, n_partitions)
    sent: dict[int, set[int]] = {}
    try:
        sent = sent_again(settings, topic, topic_id, n_partitions)
    except UnavailableError as error:
        click.echo(f"what was sent again is not known: {error}", err=True)
    groups = counted((letter for letter in letters if selection.holds(letter)), sent)
    for group in groups:
        group["first_seen"] = shown_ms(group.pop("first_seen_ms"))
        group["last_seen"] = shown_ms(group.pop("last_seen_ms"))
        group["path"] = without_card_numbers(group["path"])
    n = sum(group["count"] for group in groups)
    if as_json:
        print_json({"topic": topic, "count": n, "groups": groups})
        return
    n_sent = sum(group["sent_again"] for group in groups)
    again = f", {n_sent:,} of them sent again and {n - n_sent:,} open" if n_sent else ""
    click.echo(f"{_letters(n)} on {topic}{again}")
    for group in groups:
        source = f"{group['source_topic']}/{group['partition']}"
        times = f"{group['first_seen']} to {group['last_seen']}"
        click.echo(
            f"{group['count']:>10,}  {group['reason']} at {printable(group['path'])}, from {source}, "
            f"{times}, such as {group['example']}"
            + (f"; {group['sent_again']:,} sent again" if group["sent_again"] else "")
        )


@dlq.command()
@click.argument("place", metavar="PARTITION/OFFSET")
@_topic
@_intake
@click.option("--raw", is_flag=True, help="Print card numbers unmasked.")
@readable_errors
def show(place: str, topic: str | None, intake_name: str | None, raw: bool) -> None:
    """Print one dead letter with the faulty field marked.

    And what the intake makes of it now:

    --intake, else STREAMER_INTAKE, else the one that needs no declaration.
    """
    from streamer.cli.dlq_selection import shown_ms, without_what
    from streamer.starting.card_keys_in_use import card_rule_of
    from streamer.starting.wiring import believable_times
    from streamer.stream.publishing.dead_letter_topic import dead_letter_at

    found = _PLACE.fullmatch(place)
    if found is None:
        raise ConfigurationError(f"PARTITION/OFFSET must be two numbers, such as 0/17, got {place}")
    settings = load_settings()
    letter = dead_letter_at(
        settings, topic or settings.dead_letters_topic, int(found[1]), int(found[2])
    )

    subject = "dead letter", f"{letter.topic}/{letter.place}"
    seen(settings, "view dead letters", subject, {"masked": "no" if raw else "yes"})

    def told(text: str) -> str:
        return printable(text if raw else without_card_numbers(text))

    key = "none" if letter.key is None else text_of(letter.key, is_raw=raw)
    lines = [
        f"{letter.reason} at {letter.path}",
        letter.detail,
        *([f"hint: {letter.hint}"] if letter.hint else []),
        f"from {letter.source}, first seen {shown_ms(letter.first_seen_ms)}, key {key}",
    ]
    for line in lines:
        click.echo(told(line))
    if letter.is_shortened:
        click.echo("the message was cut when it was written")
    if letter.masked:
        click.echo(without_what(letter.masked))
    click.echo("")
    for line in marked_lines(letter.value, letter.path, letter.reason, is_raw=raw):
        click.echo(line)
    if letter.source_topic == settings.feedback_topic:
        return
    name = intake_name or settings.intake
    click.echo(f"\nby {name or 'no declaration'}:")
    intake, cards = _intake_of(name, settings), card_rule_of(settings)
    believable = believable_times(settings)
    for reading in intake.read(
        letter.value, position=letter.place, arrived_ms=letter.first_seen_ms
    ):
        now = timely(judged(reading, cards, intake.card_path), believable, now_ms())
        for name, value in described(now).items():
            if value not in (None, {}):
                click.echo(told(f"    {name:<16}{value}"))


@dlq.command()
@_topic
@_intake
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@readable_errors
@_selecting
def replay(
    topic: str | None, intake_name: str | None, dry_run: bool, yes: bool, selection: Selection
) -> None:
    """Send dead letters to the topic that they came from, each once.

    A record keeps its bytes, key and partition; with --intake its payments are sent as the contract
    has them. What was sent is remembered in Redis: a second run sends nothing again, and an
    interrupted one goes on. If a payment was scored already, the worker recognises it by card and
    transaction id. Where the record has no transaction id and its place stands for one, use
    --intake, which keeps it.
    """
    from streamer.cli.dlq_replay import plan_replay, run_replay

    settings = load_settings()
    topic = topic or settings.dead_letters_topic
    plan = plan_replay(
        settings,
        topic,
        selection,
        None if intake_name is None else _intake_of(intake_name, settings),
    )
    for line in _sentences(plan):
        click.echo(line)
    if dry_run or not plan.n_messages:
        return
    if not yes:
        click.confirm("Send them?", abort=True)
    details = {"letters": str(plan.n_selected), "messages": str(plan.n_messages)}
    with audited(settings, "replay dead letters", ("topic", topic), details) as came:
        n_sent = run_replay(settings, plan)
        came["sent"] = str(n_sent)
        click.echo(f"{n_sent:,} {'message' if n_sent == 1 else 'messages'} sent", err=True)


def _sentences(plan: Plan) -> Iterator[str]:
    n = plan.n_selected
    yield f"{_letters(n)} of {plan.topic} {'is' if n == 1 else 'are'} selected."
    for (topic, reason), n in sorted(plan.to_send.items()):
        yield f"{n:,} {'is' if n == 1 else 'are'} sent to {topic} again: {reason}"
    for why, n in sorted(plan.left.items()):
        yield f"{n:,} {'is' if n == 1 else 'are'} not: {why}"


def _letters(n: int) -> str:
    return "1 dead letter" if n == 1 else f"{n:,} dead letters"


def _intake_of(name: str | None, settings: Settings) -> Intake:
    from streamer.stream.kafka.known_schemas import intake_that_asks

    return intake_that_asks(load_declaration(name), settings)
