"""One scenario, one worker: ``python -m load.scenario load/scenarios/burst.toml --broker embedded``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import msgspec

from load.brokers import BROKERS, running
from load.machine import describe_machine
from load.open_stage import PROJECT, staged
from load.scenario_figures import ScenarioFigures, scenario_lines
from load.scenario_file import Scenario, read_scenario
from streamer.contract.ledger import Ledger
from streamer.errors import ConfigurationError

__all__ = ["main", "run_scenario"]

# Half of Prometheus' shortest usual interval, so that a lag of a second is seen.
_SAMPLED_EVERY_S: Final = 0.5


@click.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--broker", type=click.Choice(BROKERS), default="apache", show_default=True)
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path))
def main(path: Path, broker: str, json_path: Path | None) -> None:
    """Run the scenario in the file PATH and print what came of it."""
    try:
        scenario = read_scenario(path)
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    about = describe_machine() | {
        "date": datetime.now(UTC).date().isoformat(),
        "broker": broker,
        "scenario": path.name,
        "seed": str(scenario.seed),
    }
    with running(broker) as bootstrap_servers:
        figures, ledger = run_scenario(bootstrap_servers, scenario, "scenario")
    about["load"] = f"{os.getloadavg()[0]:.0f}"
    if json_path is not None:
        written = {
            "about": about,
            "scenario": msgspec.to_builtins(scenario),
            "figures": msgspec.to_builtins(figures),
            "ledger": msgspec.to_builtins(ledger),
        }
        json_path.write_text(json.dumps(written, indent=2) + "\n", "utf-8")
    for line in scenario_lines(figures, ledger, about):
        click.echo(line)


def run_scenario(
    bootstrap_servers: str,
    scenario: Scenario,
    name: str,
    tree: Path = PROJECT,
    further: Mapping[str, str] | None = None,
) -> tuple[ScenarioFigures, Ledger]:
    """Run a scenario against a worker of ``tree``; ``name`` and ``further`` as `staged` has them."""
    with staged(bootstrap_servers, scenario, name, scenario.warm, tree, further) as (stage, _):
        n_before = stage.n_sent
        run = stage.offer(scenario.profile, _SAMPLED_EVERY_S)
        ledger = stage.end()
    return ScenarioFigures.of(run, n_before), ledger


if __name__ == "__main__":
    main()
