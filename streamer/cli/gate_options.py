"""Options of the commands that put a version through the gate, and the gate as one object."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console

from streamer.cli.files import PAYMENTS, Reading, reads_payments
from streamer.cli.label_options import LabelsOf, teaches_by_labels
from streamer.cli.operator import with_store
from streamer.cli.passes import pass_config, sums_in
from streamer.display.progress_bars import Bars
from streamer.settings import Settings, load_settings
from streamer.starting.wiring import settings_in_force

if TYPE_CHECKING:
    from streamer.backtesting import Side
    from streamer.evaluation import LabelPlan
    from streamer.gating import GatePolicy

__all__ = ["Gate", "asks_the_gate", "show_gate"]

_PIPED_COLUMNS: Final = 140


@dataclass(frozen=True, slots=True)
class Gate:
    """What a version is put through, as the options say; nothing is read before `run` is called."""

    file: Path | None
    policy_path: Path | None
    labels: LabelsOf
    seed: int
    reading: Reading

    @property
    def policy(self) -> GatePolicy:
        """What the policy's file says, or the default limits."""
        from streamer.gating import GatePolicy, load_policy

        return GatePolicy() if self.policy_path is None else load_policy(self.policy_path)

    def run(self, version: str, against: str) -> dict[str, Any]:
        """Return every rule's verdict on ``version``; both are an id's beginning, `head`, or a file."""
        from streamer.display.gate_display import gate_report
        from streamer.gating import judge, judge_state, measure_facts, not_finite

        assert self.file is not None  # noqa: S101 - who has no payments runs no gate
        policy, settings, plan = self.policy, load_settings(), self.labels.plan(self.seed)
        if not all(Path(name).is_file() for name in (version, against)):
            # Who has the store knows what workers go by.
            own = settings
            settings = with_store(lambda store: settings_in_force(store, own), own)
        base, candidate = (_side(name, settings, plan) for name in (against, version))
        rulings = [judge_state(not_finite(candidate.sums))]
        if rulings[0].outcome == "pass":
            with self.reading.report(self.file) as report, Bars() as bars:
                bars.begin(
                    f"{report.file.name}: {report.file.n_rows:,} rows, scored by "
                    f"{candidate.name[:12]} and {base.name[:12]}"
                )
                facts = measure_facts(
                    base,
                    candidate,
                    report,
                    least_group=policy.min_group_payments,
                    batch_size=settings.batch_max_records,
                    seed=self.seed,
                    now_ms=time.time_ns() // 1_000_000,
                    on_progress=bars.advance,
                )
            rulings = judge(facts, policy)
        return gate_report(candidate.name, base.name, rulings)


def show_gate(report: dict[str, Any], *, on_stderr: bool = False) -> None:
    """Print a line for each rule, and the verdict."""
    from streamer.display.gate_display import render_gate

    console = Console(stderr=on_stderr)
    console.width = console.width if console.is_terminal else _PIPED_COLUMNS
    console.print(render_gate(report), highlight=False)


def asks_the_gate(*, is_required: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options to a command, which gets them as one `Gate` named ``gate``."""
    options = (
        click.option(
            "--payments",
            "file",
            type=PAYMENTS,
            required=is_required,
            metavar="FILE",
            help="Past payments for the gate, with labels if there are any.",
        ),
        click.option(
            "--policy",
            "policy_path",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="GATE.toml",
            help="The gate's limits; those left out have their defaults (ops/gate.toml).",
        ),
        teaches_by_labels,
        click.option(
            "--seed",
            type=int,
            default=0,
            show_default=True,
            help="Seed for intervals and for drawing chargebacks.",
        ),
        reads_payments,
    )

    def added(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def run(
            file: Path | None,
            policy_path: Path | None,
            labels: LabelsOf,
            seed: int,
            reading: Reading,
            **others: Any,
        ) -> Any:
            return command(gate=Gate(file, policy_path, labels, seed, reading), **others)

        decorated: Callable[..., Any] = run
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return added


def _side(name: str, settings: Settings, labels: LabelPlan) -> Side:
    """Return a version in a file, or else in the store."""
    from streamer.backtesting import Side
    from streamer.model.codec import state_id

    path = Path(name)
    if path.is_file():
        sums = sums_in(path, settings)
        return Side(state_id(sums), pass_config(settings, labels, sums))
    _, stored = with_store(lambda store: store.version(name), settings)
    return Side(stored.id, pass_config(settings, labels, stored.sums))
