"""A comparison of groups as plain values: ``--json`` prints them, text and page are made of them."""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

from streamer.fairness.disparity import MEASURES, Compared, Group, Limits, compare_groups
from streamer.fairness.observed import NOT_KNOWN, Observed

__all__ = ["CONVENTION", "CUT", "METHODS", "fairness_findings", "headline", "told_lines"]

METHODS: Final = {
    False: "Every payment of the file is known. Shares have Wilson's interval (1927) for as many "
    "payments as they are worth, those of a card or a merchant being alike (Korn and Graubard 1998; "
    "Cameron, Gelbach and Miller 2011); ratios to the rest are put together from these (MOVER, Zou and "
    "Donner 2008).",
    True: "What did not alert is estimated from the random sample below the threshold, each payment "
    "weighted by 1 over the probability of its draw (Horvitz and Thompson 1952), verdicts within "
    "alerts and within the sample standing for what is not judged. Intervals are those of weighted "
    "counts (Fay and Feuer 1997; Tiwari, Clegg and Zou 2006), payments of a card or a merchant being "
    "alike, put together by MOVER (Zou and Donner 2008).",
}
"""How intervals are made, by whether a sample stands for the rest."""
CUT: Final = "More was written than is read at once: the first of these days are not in it."
"""What is told where a topic has more records than a report takes."""
CONVENTION: Final = (
    "Four fifths is a convention of US guidelines on hiring (29 CFR 1607.4 D): a ratio below 0.8, or "
    "here above 1.25, is worth a look. It is no test, and neither does a ratio within it show that "
    "groups are treated alike, nor one beyond it that they are treated wrongly: groups that have more "
    "fraud have more alerts."
)
"""What the four-fifths convention is, and is not."""
_WORDS: Final = {
    "alert_rate": "alerts",
    "precision": "has frauds among its judged alerts",
    "recall": "has its frauds alerted",
    "false_alarm_rate": "has its legitimate payments alerted",
    "honest_alarmed": "has its honest cards alarmed",
}


def fairness_findings(observed: Observed, limits: Limits, source: str) -> dict[str, Any]:
    """Return all that is told of ``observed``; ``source`` says in words where it is from."""
    groups = compare_groups(observed, limits)
    judged = observed.judged
    return {
        "source": source,
        "payments": _number(float(observed.weights.sum())),
        "observed": len(observed),
        "cards": observed.n_cards,
        "alerts": int(observed.alerted.sum()),
        "held_back": observed.n_held if observed.is_sample else None,
        "sampled": int((~observed.alerted).sum()) if observed.is_sample else None,
        "judged": int(judged.sum()),
        "frauds": int((observed.labels == 1).sum()),
        "is_estimated": observed.is_sample,
        "least": {
            "payments": limits.payments,
            "alerts": limits.alerts,
            "frauds": limits.frauds,
            "cards": limits.cards,
            "drawn": limits.drawn,
            "drawn_frauds": limits.drawn_frauds,
        },
        "method": METHODS[observed.is_sample],
        "convention": CONVENTION,
        "dimensions": {
            name: _dimension(observed, name, found, limits) for name, found in groups.items()
        },
        "findings": _findings(groups),
    }


def told_lines(found: dict[str, Any]) -> list[str]:
    """Return what was found as lines for a terminal."""
    lines = [headline(found), ""]
    lines += [f"  {sentence}" for sentence in found["findings"]]
    for name, dimension in found["dimensions"].items():
        lines += ["", f"{name}: {dimension['told']}"]
        for group in dimension["groups"]:
            lines.append(f"  {group['name']}: {group['payments']:,.0f} payments")
            lines += [f"    {_line(each)}" for each in group["compared"]]
    cut = [CUT] if found.get("is_cut") else []
    return [*lines, "", *cut, found["method"], found["convention"]]


def headline(found: dict[str, Any]) -> str:
    """Return in a sentence what was compared, and how much of it differs."""
    n = len(found["findings"])
    differs = "no difference" if not n else "1 difference" if n == 1 else f"{n} differences"
    estimated = "an estimated " if found["is_estimated"] else ""
    labelled = "judged" if found["is_estimated"] else "labelled"
    held = f" ({found['held_back']:,} of them held back by the fuse)" if found["held_back"] else ""
    return (
        f"{found['source']}: {estimated}{found['payments']:,.0f} payments, {found['cards']:,} cards, "
        f"{found['alerts']:,} alerts{held}, {found['judged']:,} {labelled}, {found['frauds']:,} of "
        f"them frauds; {differs} beyond chance."
    )


def _sentence(group: Group, compared: Compared) -> str:
    """Return a difference in words."""
    ratio, wide = compared.ratio, compared.adjusted
    four_fifths = "within" if compared.four_fifths == "within" else "beyond"
    own, rest = _share(compared.share.value), _share(compared.rest.value)
    return (
        f"{group.dimension} {group.name} {_WORDS[compared.measure]} {ratio.value:.2f} times as often "
        f"as the rest ({own} against {rest}; 95% interval {ratio.low:.2f} to {ratio.high:.2f}, "
        f"{wide.low:.2f} to {wide.high:.2f} among all that were compared; {four_fifths} four fifths)"
    )


def _findings(groups: dict[str, list[Group]]) -> list[str]:
    found = [
        (_distance(compared), _sentence(group, compared))
        for of_dimension in groups.values()
        for group in of_dimension
        for compared in group.compared
        if compared.is_finding and not compared.is_mirror
    ]
    return [sentence for _, sentence in sorted(found, key=lambda each: -each[0])]


def _distance(compared: Compared) -> float:
    """Return how far the nearer end of the wide interval is from 1, in ratios either way."""
    low, high = compared.adjusted.low, compared.adjusted.high
    return low if low > 1.0 else 1.0 / high if high > 0.0 else float("inf")


def _dimension(observed: Observed, name: str, shown: list[Group], limits: Limits) -> dict[str, Any]:
    grouping = observed.groupings[name]
    known = grouping.codes != NOT_KNOWN
    total = float(observed.weights[known].sum())
    unknown = float(observed.weights[~known].sum())
    n_groups = len(set(grouping.codes[known].tolist()))
    left = max(total - sum(group.payments for group in shown), 0.0)
    n_small = n_groups - len(shown)
    if not n_groups:
        told = "no payment names one"
    elif n_groups == 1:
        only = grouping.names[int(grouping.codes[known][0])]
        told = f"all payments are of one ({only}): nothing to compare"
    else:
        told = f"{len(shown)} of {n_groups} groups have at least {limits.payments:,} payments"
        if n_small:
            smaller = "smaller one" if n_small == 1 else f"{n_small} smaller ones"
            told += f"; the {smaller}, {left:,.0f} payments, in the rest and not told"
    if n_groups and unknown:
        told += f"; {unknown:,.0f} payments name none"
    return {
        "told": told,
        "groups": [
            {
                "name": group.name,
                "payments": _number(group.payments),
                "observed": group.n_rows,
                "compared": [_compared(group, each) for each in group.compared],
            }
            for group in shown
        ],
        "smaller_groups": n_small,
        "payments_in_smaller_groups": _number(left),
        "payments_without": _number(unknown),
    }


def _compared(group: Group, compared: Compared) -> dict[str, Any]:
    share, rest = compared.share, compared.rest
    return {
        "measure": compared.measure,
        "share": _number(share.value),
        "interval": [_number(share.low), _number(share.high)],
        "n": compared.n,
        "of": _number(share.of),
        "rest": _number(rest.value),
        "rest_interval": [_number(rest.low), _number(rest.high)],
        "ratio": _number(compared.ratio.value),
        "ratio_interval": [_number(compared.ratio.low), _number(compared.ratio.high)],
        "adjusted_interval": [_number(compared.adjusted.low), _number(compared.adjusted.high)],
        "four_fifths": compared.four_fifths,
        "is_finding": compared.is_finding,
        "sentence": _sentence(group, compared) if compared.is_finding else None,
    }


def _line(each: dict[str, Any]) -> str:
    low, high = each["ratio_interval"]
    ratio = "beyond" if each["ratio"] is None else f"{each['ratio']:.2f}"
    ends = f"{low:.2f} to {'any' if high is None else f'{high:.2f}'}"
    mark = "  differs" if each["is_finding"] else ""
    return (
        f"{_share(each['share'])} ({_share(each['interval'][0])} to {_share(each['interval'][1])}) of "
        f"{MEASURES[each['measure']]}, {ratio} ({ends}) of the rest{mark}"
    )


def _share(value: float | None) -> str:
    """Return a share with three figures.

    >>> _share(0.00512), _share(0.8)
    ('0.512%', '80%')
    """
    return "not known" if value is None else f"{100 * value:.3g}%"


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if isfinite(value) else None
