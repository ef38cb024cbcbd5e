"""``streamer challenger``: models that score beside the one in use and alert nobody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamer.cli.evaluate_options import ChangeOf
from streamer.cli.operator import audited, now_ms, who, with_store
from streamer.cli.options import as_json
from streamer.cli.passes import sums_in
from streamer.display.output import print_json, readable_errors
from streamer.errors import ConfigurationError
from streamer.settings import POLICY_SETTINGS, Settings, load_changed_settings, load_settings
from streamer.store import Store

if TYPE_CHECKING:
    from streamer.challenging.challenge import Challenge
    from streamer.model import Sums

__all__ = ["challenger"]


@click.group()
def challenger() -> None:
    """Try models on live traffic beside the one in use.

    Challengers are kept in Redis (STREAMER_REDIS_URL, STREAMER_NAMESPACE). A challenger scores
    every batch on the same histories as the model in use, learns sums of its own and has its own
    threshold on the same budget. It raises no alert and changes nothing else. At most three run at
    a time, each for about a seventh of a worker's CPU on top.

    This is how two numbers of clusters, or two half-lives, are compared on live traffic. Traffic is
    not split for it: that would split a card's history.
    """


@challenger.command()
@click.argument("name")
@click.option(
    "--change",
    "changes",
    type=ChangeOf(),
    multiple=True,
    metavar="NAME=VALUE",
    help="Another value for a setting of the model, such as n_clusters=8. Repeatable.",
)
@click.option(
    "--version",
    "begins_with",
    metavar="VERSION",
    help="Begin with this version: an id or its beginning, `head`, or a file. [default: a model "
    "that has learned nothing]",
)
@click.option(
    "--only-features", metavar="NAMES", help="Use only these features, separated by commas: a,b,c."
)
@click.option("--distance-only", is_flag=True, help="Learn nothing from verdicts: no odds.")
@readable_errors
def start(
    name: str,
    changes: tuple[tuple[str, str], ...],
    begins_with: str | None,
    only_features: str | None,
    distance_only: bool,
) -> None:
    """Start a challenger called NAME.

    Workers take it up with their next checkpoint.

    The alert budget stays that of the head, so that alerts can be compared. These may be changed:
    n_clusters, half_life_transactions, score_half_life_transactions, warmup_transactions,
    alert_hours, reserve_share, rank_by and random_seed.

    \b
    streamer challenger start k8 --change n_clusters=8
    streamer challenger start slow --version head --change half_life_transactions=800000
    streamer challenger start fitted --version model.safetensors
    streamer challenger start plain --version head --distance-only
    """
    from streamer.challenging.challenge import check_name, without_odds
    from streamer.model import Sums
    from streamer.starting.wiring import model_config, settings_in_force

    check_name(name)
    own, changed = load_settings(), load_changed_settings(dict(changes))
    settings = with_store(lambda store: settings_in_force(store, own), own)
    main = model_config(settings)
    challenge = _challenge(settings, changed, dict(changes), only_features, distance_only)
    if begins_with is None and challenge.told() == "nothing":
        raise ConfigurationError(
            "--change, --version, --only-features or --distance-only must be given, and alter something"
        )
    config = challenge.config(main)
    version, sums = "", Sums.zero(config)
    if begins_with is not None:
        version, sums = _begun(begins_with, changed)
    sums = without_odds(sums) if distance_only else sums
    challenge = challenge.beginning_with(version)

    async def work(store: Store) -> str:
        # Workers end when they meet a head of other settings, and these are theirs.
        await store.head()
        begun = await store.challengers.start(name, challenge, sums, who(), now_ms(), main)
        return f"{name} started, which differs in: {begun.challenge.told()}"

    details = {"differs": challenge.told()}
    with audited(settings, "challenger started", ("challenger", name), details):
        told = with_store(work, settings)
    click.echo(told, err=True)


@challenger.command()
@click.argument("name")
@readable_errors
def stop(name: str) -> None:
    """Stop the challenger NAME; what it has learned is lost.

    Workers let go of it with their next checkpoint.
    """
    settings = load_settings()
    with audited(settings, "challenger stopped", ("challenger", name), {}):
        ended = with_store(lambda store: store.challengers.stop(name), settings)
    click.echo(f"{name} stopped, after {ended.transactions_seen:,} transactions", err=True)


@challenger.command("list")
@as_json
@readable_errors
def list_challengers(as_json: bool) -> None:
    """List the challengers that run, by name."""
    import msgspec

    from streamer.display.challenger_display import print_challengers

    standings = with_store(lambda store: store.challengers.standings())
    if as_json:
        rows: list[dict[str, Any]] = msgspec.to_builtins(standings)
        for row in rows:
            del row["numbers"]
        print_json(rows)
        return
    print_challengers(standings)


@challenger.command()
@click.argument("name", required=False)
@click.option(
    "--plot",
    "plot_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="OUT.png",
    help="Draw alerts and frauds, by who raised and found them.",
)
@as_json
@readable_errors
def compare(name: str | None, plot_path: Path | None, as_json: bool) -> None:
    """Compare one challenger, or all, with the model in use.

    It shows the alerts of both and of either alone, the frauds among them by verdicts, how far
    scores have moved, and what the challenger costs. A fraud that only the challenger would have
    alerted on is known in two cases: the sample below the line drew it (STREAMER_SAMPLE_SHARE), and
    then it counts for as many as it stands for; or a chargeback reported it.

    --plot needs the extra `evaluation`.
    """
    from streamer.challenging.compared import compared
    from streamer.display.challenger_display import as_rows, print_compared
    from streamer.extra import require

    if plot_path is not None:
        require("matplotlib")
        if not plot_path.parent.is_dir():
            raise ConfigurationError(f"directory of --plot must exist, got {plot_path.parent}")
    standings = with_store(lambda store: store.challengers.standings())
    found = [compared(each) for each in standings if name in (None, each.name)]
    if name is not None and not found:
        names = ", ".join(each.name for each in standings)
        raise ConfigurationError(
            f"challenger must be one that runs ({names or 'there is none'}), got {name}"
        )
    if plot_path is not None:
        from streamer.challenging.challenger_plot import draw_challengers

        draw_challengers(found, plot_path)
    if as_json:
        print_json(as_rows(found))
        return
    print_compared(found)


def _challenge(
    settings: Settings,
    changed: Settings,
    changes: dict[str, str],
    only_features: str | None,
    distance_only: bool,
) -> Challenge:
    """Return what the options ask for; ConfigurationError where a challenger must not differ in it."""
    from streamer.challenging.challenge import Challenge
    from streamer.starting.wiring import MODEL_SETTINGS, model_config

    of_settings = {setting: field for field, setting in MODEL_SETTINGS.items()}
    of_settings |= {name: name for name in POLICY_SETTINGS}
    if others := sorted(changes.keys() - of_settings.keys()):
        raise ConfigurationError(
            f"--change of a challenger must be of the model's settings, got {', '.join(others)}"
        )
    main, other = model_config(settings), model_config(changed)
    altered = {
        of_settings[setting]: getattr(other, of_settings[setting])
        for setting in changes
        if getattr(other, of_settings[setting]) != getattr(main, of_settings[setting])
    }
    names = None
    if only_features is not None:
        names = tuple(name.strip() for name in only_features.split(",") if name.strip())
    return Challenge(altered, names, distance_only).checked(main)


def _begun(wanted: str, changed: Settings) -> tuple[str, Sums]:
    """Return id and state of the version to begin with, which must fit the challenger's settings."""
    from streamer.model.codec import state_id

    path = Path(wanted)
    if path.is_file():
        sums = sums_in(path, changed)
        return state_id(sums), sums
    _, version = with_store(lambda store: store.version(wanted), changed)
    return version.id, version.sums
