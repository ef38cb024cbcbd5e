"""How the budget is divided, and what verdicts say is missed, for a person."""

from __future__ import annotations

from typing import Any

from streamer.model import Census, Scorer, Sums, estimate

__all__ = ["census_in", "describe_census", "describe_estimate", "estimates_of", "told_of"]


def census_in(sums: Sums) -> Census:
    """Return what verdicts have taught of what alerts find and miss."""
    return Census(sums.census, float(sums.census_sq))


def describe_census(version: Scorer) -> dict[str, Any]:
    """Return lanes and estimates as a JSON object; their counts decay with the judged alerts.

    Recall is that of the alerts among all frauds that verdicts would find, with its 95% interval.
    """
    sums = version.sums
    lanes, judged = version.split._asdict().items(), sums.lane_verdicts.tolist()
    return {
        "lanes": {
            name: {"share": share, "legitimate": legitimate, "fraud": frauds}
            for (name, share), (legitimate, frauds) in zip(lanes, judged, strict=True)
        },
        **describe_estimate(census_in(sums)),
    }


def describe_estimate(census: Census) -> dict[str, Any]:
    """Return what verdicts say as a JSON object."""
    told = estimate(census)
    return {
        "recall": told.recall,
        "recall_interval": told.recall_interval,
        "precision": told.precision,
        "precision_interval": told.precision_interval,
        "alerts_judged": told.n_judged,
        "sampled_judged": told.n_sampled,
        "sampled_frauds": told.n_found,
        "frauds_missed": told.missed,
    }


def told_of(described: dict[str, Any]) -> dict[str, str]:
    """Return in words, by name, what `describe_census` found; what nobody knows yet is left out."""
    lanes = described["lanes"].items()
    told = {"budget": ", ".join(f"{name} {lane['share']:.1%}" for name, lane in lanes)}
    return told | {name: " ".join(words) for name, words in estimates_of(described).items()}


def estimates_of(described: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return by name what `describe_estimate` found, and of what it is, as far as it is known.

    Where no fraud was sampled, recall is told by its lower end alone: the estimate of 1 says nothing.
    """
    told = {}
    for name, of, n in (
        ("recall", "of all frauds alerted", f"{described['sampled_judged']:,.0f} sampled"),
        ("precision", "of alerts are frauds", f"{described['alerts_judged']:,.0f} alerts"),
    ):
        interval = described[f"{name}_interval"]
        if described[name] is not None and interval is not None:
            low, high = interval
            said = f"{of} ({low:.1%} to {high:.1%}), by {n} judged"
            told[name] = f"{described[name]:.1%}", said
    if "recall" in told and not described["sampled_frauds"]:
        least, n = described["recall_interval"][0], described["sampled_judged"]
        said = (
            f"of all frauds alerted; {n:,.0f} drawn below the threshold were judged, none a fraud"
        )
        told["recall"] = f"at least {least:.1%}", said
    return told
