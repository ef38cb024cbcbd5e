"""``streamer gate``: whether a version may take over."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from streamer.cli.files import PAYMENTS, Reading, reads_payments
from streamer.cli.label_options import LabelsOf, teaches_by_labels
from streamer.cli.operator import with_store
from streamer.cli.options import as_json
from streamer.cli.passes import pass_config, sums_in
from streamer.display.output import EXIT_FAILED, print_json, readable_errors
from streamer.display.progress_bars import Bars
from streamer.settings import Settings, load_settings

if TYPE_CHECKING:
    from streamer.evaluation import LabelPlan
    from streamer.gating import Candidate

__all__ = ["gate"]

_PIPED_COLUMNS = 140


@click.command()
@click.argument("version")
@click.option(
    "--payments",
    "file",
    type=PAYMENTS,
    required=True,
    metavar="FILE",
    help="Past payments, with labels where there are any.",
)
@click.option(
    "--against",
    default="head",
    show_default=True,
    metavar="VERSION",
    help="The version in use: an id or its beginning, `head`, or a file.",
)
@click.option(
    "--policy",
    "policy_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="GATE.toml",
    help="The limits; those that it does not name are the default ones (ops/gate.toml).",
)
@teaches_by_labels
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of intervals and chargebacks."
)
@reads_payments
@as_json
@readable_errors
def gate(
    version: str,
    file: Path,
    against: str,
    policy_path: Path | None,
    labels: LabelsOf,
    seed: int,
    reading: Reading,
    as_json: bool,
) -> None:
    """Decide by figures whether VERSION may take over from the one in use.

    VERSION is an id or its beginning, `head`, or a file that `streamer fit` or `streamer model export`
    wrote. Both versions pass over FILE as a worker would that had started with them; each rule of the
    policy is told with its figure. Exit code 0 when none fails, else 1.

    \b
    streamer gate model.safetensors --payments last-week.parquet
    streamer gate 4f1c --payments last-week.parquet --policy ops/gate.toml --json
    """
    from streamer.display.gate_display import gate_report, render_gate
    from streamer.gating import (
        GatePolicy,
        judge,
        judge_state,
        load_policy,
        measure_facts,
        not_finite,
    )

    policy = GatePolicy() if policy_path is None else load_policy(policy_path)
    settings, plan = load_settings(), labels.plan(seed)
    base, candidate = (_candidate(name, settings, plan) for name in (against, version))
    state = judge_state(not_finite(candidate.sums))
    rulings = [state]
    if state.outcome == "pass":
        with reading.report(file) as report, Bars() as bars:
            facts = measure_facts(
                base,
                candidate,
                report,
                least_group=policy.min_group_payments,
                batch_size=settings.batch_max_records,
                seed=seed,
                now_ms=time.time_ns() // 1_000_000,
                on_progress=bars.advance,
            )
        rulings = judge(facts, policy)
    told = gate_report(candidate.id, base.id, rulings)
    if as_json:
        print_json(told)
    else:
        console = Console()
        console.width = console.width if console.is_terminal else _PIPED_COLUMNS
        console.print(render_gate(told), highlight=False)
    if not told["passed"]:
        raise SystemExit(EXIT_FAILED)


def _candidate(name: str, settings: Settings, labels: LabelPlan) -> Candidate:
    """Return a version in a file, or else in the store."""
    from streamer.gating import Candidate
    from streamer.model.codec import state_id

    path = Path(name)
    if path.is_file():
        sums = sums_in(path, settings)
        return Candidate(state_id(sums), sums, pass_config(settings, labels, sums))
    _, stored = with_store(lambda store: store.version(name), settings)
    return Candidate(stored.id, stored.sums, pass_config(settings, labels, stored.sums))
