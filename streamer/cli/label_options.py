"""Options that say whose labels teach, and when: one object for the commands that have them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import click

from streamer.cli.evaluate_options import ChargebacksOf, Duration
from streamer.errors import ConfigurationError

if TYPE_CHECKING:
    from streamer.evaluation import Chargebacks, LabelPlan

__all__ = ["LabelsOf", "teaches_by_labels"]

_LABELS: Final = ("all", "selective", "none")


@dataclass(frozen=True, slots=True)
class LabelsOf:
    """What the options say; nothing is checked before `plan` is called."""

    which: str
    delay_ms: int
    judged_after_ms: int
    chargebacks: Chargebacks | None

    def plan(self, seed: int) -> LabelPlan:
        """Return who judges what, and when; ``seed`` draws which frauds come back."""
        from streamer.evaluation import LabelPlan

        if self.chargebacks is not None and self.which != "selective":
            raise ConfigurationError(
                f"--labels must be selective with --chargebacks, got {self.which}"
            )
        of_time = self.delay_ms, self.judged_after_ms, self.chargebacks, seed
        return LabelPlan(self.which, *of_time)  # type: ignore[arg-type]  # click has checked it


_OPTIONS: Final = (
    click.option(
        "--labels",
        "which",
        type=click.Choice(_LABELS),
        default="all",
        show_default=True,
        help="Which labels the model learns from: all, selective (those that an operator would get) "
        "or none. All of them are used to measure.",
    ),
    click.option(
        "--label-delay",
        "delay_ms",
        type=Duration(),
        default="7d",
        show_default=True,
        metavar="DURATION",
        help="With --labels all: how long after a payment its label is known.",
    ),
    click.option(
        "--judged-after",
        "judged_after_ms",
        type=Duration(),
        default="1d",
        show_default=True,
        metavar="DURATION",
        help="With --labels selective: how long after a payment its alert is judged.",
    ),
    click.option(
        "--chargebacks",
        type=ChargebacksOf(),
        metavar="SHARE:DAYS-DAYS",
        help="With --labels selective: the share of frauds without an alert that are charged back, "
        "and after how many days, such as 60%:30-120d. [default: none]",
    ),
)


def teaches_by_labels(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as one `LabelsOf` named ``labels``."""

    @wraps(command)
    def run(
        which: str,
        delay_ms: int,
        judged_after_ms: int,
        chargebacks: Chargebacks | None,
        **others: Any,
    ) -> Any:
        return command(labels=LabelsOf(which, delay_ms, judged_after_ms, chargebacks), **others)

    decorated: Callable[..., Any] = run
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
