"""What a registered version tells of itself: tags, and figures for MLflow's charts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamer.model import Sums
from streamer.model.codec import VersionHeader

__all__ = ["figures_of", "tags_of"]


def tags_of(
    version_id: str, sums: Sums, header: VersionHeader, gate: Mapping[str, Any] | None
) -> dict[str, str]:
    """Return the lineage of a version and what the ``gate`` said, where it was asked."""
    made_of = header.made_of
    told = {
        "version": version_id,
        "parent": header.parent,
        "reason": header.reason,
        "created_at": header.created_at,
        "config_hash": header.config_hash,
        "transactions_seen": str(sums.transactions_seen),
        "verdicts_learned": str(sums.verdicts_learned),
        "offsets": " ".join(f"{name}={at}" for name, at in sorted(header.offsets.items())),
    }
    if made_of is not None:
        told |= {
            "data_hash": made_of.data_hash,
            "data": " ".join(f"{name}={digest}" for name, digest in made_of.data)[:4_000],
            "fit_config_hash": made_of.configuration,
            "intake_hash": made_of.intake,
            "code": made_of.code,
            "shards": str(made_of.shards),
        }
    if gate is not None:
        told["gate"] = "passed" if gate["passed"] else "failed"
        told["gate_against"] = str(gate.get("against", ""))
    return {f"streamer.{name}": value for name, value in told.items() if value}


def figures_of(sums: Sums, gate: Mapping[str, Any] | None) -> dict[str, float]:
    """Return the numbers of a version, and those of the ``gate``'s rules that have one."""
    figures = {
        "transactions_seen": float(sums.transactions_seen),
        "transactions_taught": float(sums.transactions_taught),
        "verdicts_learned": float(sums.verdicts_learned),
        "n_clusters": float(len(sums.cluster_weights)),
    }
    for rule in () if gate is None else gate["rules"]:
        if isinstance(rule.get("figure"), int | float):
            figures[f"gate.{rule['rule']}"] = float(rule["figure"])
    return figures
