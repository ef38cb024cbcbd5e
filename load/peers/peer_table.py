"""Medians over rounds, ratios within them, the bars, and the Markdown table; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from load.figures import Spread, summarise
from load.peers.entrants import ENTRANTS, PIPELINE, STREAMER
from load.peers.peer_runs import PeerRun

__all__ = ["AS_WRITTEN", "BY_HAND", "PeerFigures", "bars", "figures_of", "markdown"]

Round = dict[str, PeerRun]
"""By entrant, what was measured within minutes of each other."""

AS_WRITTEN: Final = ("quix-river", "bytewax-river", "loop-river")
"""With the k-means that a library has."""
BY_HAND: Final = (*AS_WRITTEN, "quix-plain", "bytewax-plain")
"""With arithmetic written for these five features too, and cards in a dict."""


@dataclass(frozen=True, slots=True)
class PeerFigures:
    """One entrant over the rounds; ``times`` is how many times its rate streamer's is, by round."""

    title: str
    per_second: Spread
    cpu_us: Spread
    times: Spread
    times_cpu: Spread
    alerted: float


def figures_of(rounds: Sequence[Round]) -> dict[str, PeerFigures]:
    """Return figures by entrant, in the usual order."""
    found = {}
    for entrant in ENTRANTS:
        runs = [(each[entrant.name], each[STREAMER]) for each in rounds if entrant.name in each]
        if not runs:
            continue
        spreads = summarise(
            {
                "per_second": [run.window.per_second for run, _ in runs],
                "cpu_us": [run.window.cpu_us_per_record for run, _ in runs],
                "times": [ours.window.per_second / run.window.per_second for run, ours in runs],
                "times_cpu": [
                    run.window.cpu_us_per_record / ours.window.cpu_us_per_record
                    for run, ours in runs
                ],
            }
        )
        alerted = sum(run.n_alerts for run, _ in runs) / sum(run.n_done for run, _ in runs)
        found[entrant.name] = PeerFigures(entrant.title, **spreads, alerted=alerted)
    return found


def bars(rounds: Sequence[Round]) -> dict[str, Spread]:
    """Return what the aims are about, each over the rounds in which all it needs was measured."""
    wanted = {
        "streamer / best of Quix, Bytewax and loop with river": AS_WRITTEN,
        "streamer / best of Quix, Bytewax (by hand too) and loop with river": BY_HAND,
        "streamer / Faust per event with streamer's pipeline": (PIPELINE,),
    }
    ratios = {
        name: [_beside_best(each, peers) for each in rounds if set(peers) <= each.keys()]
        for name, peers in wanted.items()
    }
    return summarise({name: values for name, values in ratios.items() if values})


def _beside_best(measured: Round, peers: Sequence[str]) -> float:
    best = max(measured[name].window.per_second for name in peers)
    return measured[STREAMER].window.per_second / best


def markdown(figures: dict[str, PeerFigures]) -> str:
    """Return the table: rates, CPU time, and by how many times both are apart from streamer's."""
    lines = [
        "| | payments/s, median | least to most | streamer / it | CPU µs per payment "
        "| its CPU / streamer's | alerted |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for each in figures.values():
        rate, alerted = each.per_second, f"{each.alerted:.2%}" if each.alerted else ""
        lines.append(
            f"| {each.title} | {rate.median:,.0f} | {rate.low:,.0f} to {rate.high:,.0f} "
            f"| {each.times.median:.2f} | {each.cpu_us.median:,.1f} "
            f"| {each.times_cpu.median:.2f} | {alerted} |"
        )
    return "\n".join(lines)
