"""The command line: ``streamer demo``, ``worker``, ``replay``, ``evaluate`` and the others."""

from __future__ import annotations

from typing import Final

import click

from streamer import __version__
from streamer.cli.lazy import LazyGroup
from streamer.core_dumps import leave_no_core

__all__ = ["main"]


# By name: the module, and what a list of commands says, which is the first sentence of its help.
_COMMANDS: Final = {
    "audit": (
        "streamer.cli.audit_command",
        "Show who changed what and who saw which card.",
    ),
    "backtest": (
        "streamer.cli.backtest_command",
        "Compare FILE's alerts with and without a change.",
    ),
    "challenger": (
        "streamer.cli.challenger_command",
        "Try models on live traffic beside the one in use.",
    ),
    "check-config": (
        "streamer.cli.config_command",
        "Print every setting, its value and where it comes from.",
    ),
    "console": (
        "streamer.cli.console_command",
        "Let reviewers judge alerts in a browser until stopped.",
    ),
    "demo": (
        "streamer.cli.demo_command",
        "Watch alerts come, and verdicts make them better.",
    ),
    "dev": (
        "streamer.cli.dev_command",
        "Run a whole stack on this machine until Ctrl-C.",
    ),
    "dlq": (
        "streamer.cli.dlq_command",
        "Look at dead letters, and send them again.",
    ),
    "drift": (
        "streamer.cli.drift_command",
        "Show how far traffic has moved from a model version.",
    ),
    "evaluate": (
        "streamer.cli.evaluate_command",
        "Measure how well FILE's frauds are ranked.",
    ),
    "explain": (
        "streamer.cli.explain_command",
        "Explain the alert ALERT_ID: every part of its score.",
    ),
    "fairness": (
        "streamer.cli.fairness_command",
        "Show how differently groups of payments are treated.",
    ),
    "features": (
        "streamer.cli.features_command",
        "Write the features of FILE's payments to a Parquet file.",
    ),
    "fit": (
        "streamer.cli.fit_command",
        "Choose the number of clusters and fit a model to FILES.",
    ),
    "gate": (
        "streamer.cli.gate_command",
        "Decide by figures whether VERSION may replace the head.",
    ),
    "impact": (
        "streamer.cli.impact_command",
        "Show in money what FILE's alerts would cost and save.",
    ),
    "intake": (
        "streamer.cli.intake_command",
        "Check how messages are read, and draft a declaration.",
    ),
    "model": (
        "streamer.cli.model_command",
        "Look after the model versions in Redis.",
    ),
    "partition": (
        "streamer.cli.partition_command",
        "Look after the partitions whose state is in Redis.",
    ),
    "policy": (
        "streamer.cli.policy_command",
        "Show and change the alert budget and other live settings.",
    ),
    "privacy": (
        "streamer.cli.privacy_command",
        "Show what is stored of a card, or forget a card.",
    ),
    "replay": (
        "streamer.cli.replay_command",
        "Score the payments of FILE without Kafka or Redis.",
    ),
    "retrain": (
        "streamer.cli.retrain_command",
        "Fit a challenger to recent payments, if the gate passes.",
    ),
    "serve": (
        "streamer.cli.serve_command",
        "Answer requests for the score of a payment until stopped.",
    ),
    "simulate": (
        "streamer.cli.simulate_command",
        "Make up payments: habits, five kinds of fraud, drift.",
    ),
    "skew": (
        "streamer.cli.skew_command",
        "Compare the answers of `streamer serve` with the stream.",
    ),
    "status": (
        "streamer.cli.status_command",
        "Show workers, partitions, model and what is wrong.",
    ),
    "users": (
        "streamer.cli.users_command",
        "Look after the people who log in to the console.",
    ),
    "worker": (
        "streamer.cli.worker_command",
        "Score the transactions topic until stopped.",
    ),
}


@click.group(
    cls=LazyGroup,
    commands_in=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="streamer")
def main() -> None:
    """Score card payments for fraud as they stream through Kafka.

    Start with `streamer demo`: it needs no Kafka and no Redis of yours. For the real thing, set
    STREAMER_KAFKA_BOOTSTRAP_SERVERS and STREAMER_REDIS_URL, look at `streamer check-config`, and run
    `streamer worker`, as many as the transactions topic has partitions.

    Exit codes: 0 done, 1 failed, 2 wrong settings or arguments.
    """
    leave_no_core()
