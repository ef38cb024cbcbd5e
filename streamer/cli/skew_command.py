"""``streamer skew``: what was answered on request, held against what the stream then gave."""

from __future__ import annotations

import time

import click

from streamer.cli.options import as_json
from streamer.display.output import EXIT_FAILED, print_json, readable_errors
from streamer.settings import load_settings

__all__ = ["skew"]


@click.command()
@click.option(
    "--since-h",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="How many hours of answers to read.",
)
@click.option(
    "--within-s",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    show_default=True,
    help="Seconds that an answer waits for the score of the stream.",
)
@click.option(
    "--follow",
    "is_following",
    is_flag=True,
    help="Go on until stopped, with metrics on STREAMER_WEB_PORT; one such process is enough.",
)
@as_json
@readable_errors
def skew(since_h: float, within_s: float, is_following: bool, as_json: bool) -> None:
    """Compare the answers of `streamer serve` with the stream.

    Reads STREAMER_SERVE_DECISIONS_TOPIC, the scores and the features. For each answer it tells
    whether the stream then had the same features, version and score, and what explains a
    difference. Exit code 1 when a difference is unexplained.
    """
    settings = load_settings()
    from streamer.skew.skew_process import follow, once

    if is_following:
        follow(settings, within_s)
        return
    since_ms = round((time.time() - since_h * 3600) * 1000)
    tally, n_waiting = once(settings, since_ms, within_s)
    if as_json:
        print_json(tally.told(n_waiting))
    else:
        click.echo(tally.words(n_waiting))
    if tally.counts["unexplained"]:
        raise SystemExit(EXIT_FAILED)
