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
        "Look at who changed what and who saw which card (STREAMER_AUDIT_TOPIC).",
    ),
    "backtest": (
        "streamer.cli.backtest_command",
        "Compare the alerts that FILE's payments would have given with and without a change.",
    ),
    "challenger": (
        "streamer.cli.challenger_command",
        "Try models on live traffic beside the one in use (STREAMER_REDIS_URL, STREAMER_NAMESPACE).",
    ),
    "check-config": (
        "streamer.cli.config_command",
        "Print every setting with its value and where it comes from; exit 2 with all faults at once.",
    ),
    "console": (
        "streamer.cli.console_command",
        "Let reviewers judge alerts in a browser until stopped.",
    ),
    "demo": (
        "streamer.cli.demo_command",
        "Stream payments through a real broker and watch the alerts.",
    ),
    "dev": (
        "streamer.cli.dev_command",
        "Run broker, Redis, workers, payments and verdicts on this machine until Ctrl-C.",
    ),
    "dlq": (
        "streamer.cli.dlq_command",
        "Look at dead letters, and send them again.",
    ),
    "drift": (
        "streamer.cli.drift_command",
        "Look at how far traffic has moved from what a version was made for.",
    ),
    "evaluate": (
        "streamer.cli.evaluate_command",
        "Measure how well FILE's frauds are ranked, and how well other detectors rank them.",
    ),
    "explain": (
        "streamer.cli.explain_command",
        "Explain the alert ALERT_ID: every part of its score, what was expected, and what would "
        "change it.",
    ),
    "fairness": (
        "streamer.cli.fairness_command",
        "Look at how differently groups of payments are treated, beyond chance.",
    ),
    "features": (
        "streamer.cli.features_command",
        "Write the features of FILE's payments as they would be scored, with point-in-time columns.",
    ),
    "fit": (
        "streamer.cli.fit_command",
        "Choose the number of clusters for FILES' payments and write a model that workers start from.",
    ),
    "gate": (
        "streamer.cli.gate_command",
        "Decide by figures whether VERSION may take over from the one in use.",
    ),
    "impact": (
        "streamer.cli.impact_command",
        "Tell in money what FILE's alerts would have cost and saved a day, and what other budgets "
        "would.",
    ),
    "intake": (
        "streamer.cli.intake_command",
        "Look at what messages or rows are read as, and find the lines that declare them.",
    ),
    "model": (
        "streamer.cli.model_command",
        "Look after the model versions in Redis (STREAMER_REDIS_URL, STREAMER_NAMESPACE).",
    ),
    "partition": (
        "streamer.cli.partition_command",
        "Look after the partitions whose state is in Redis (STREAMER_REDIS_URL, STREAMER_NAMESPACE).",
    ),
    "policy": (
        "streamer.cli.policy_command",
        "Look at the alert budget, sample, reserve and ranking in force, and change them.",
    ),
    "privacy": (
        "streamer.cli.privacy_command",
        "Say what is stored of a card, and forget a card (docs/privacy.md).",
    ),
    "replay": (
        "streamer.cli.replay_command",
        "Score the payments of FILE without Kafka or Redis.",
    ),
    "retrain": (
        "streamer.cli.retrain_command",
        "Fit a version to recent payments, gate it against the head and let it challenge that.",
    ),
    "serve": (
        "streamer.cli.serve_command",
        "Answer requests for the score of a payment until stopped.",
    ),
    "simulate": (
        "streamer.cli.simulate_command",
        "Make up payments: customers with habits, five kinds of fraud, slow drift.",
    ),
    "skew": (
        "streamer.cli.skew_command",
        "Hold the answers of `streamer serve` against the scores that the stream then gave.",
    ),
    "status": (
        "streamer.cli.status_command",
        "Show workers, partitions, model, budget and what is wrong, with the runbook for it.",
    ),
    "users": (
        "streamer.cli.users_command",
        "Add people who log in to the console, disable them and change their roles.",
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
