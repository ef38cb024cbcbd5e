"""How well frauds are ranked: a detector over payments whose labels are known, and come late.

It is the prequential protocol of ``streamer evaluate`` (`streamer.evaluation`), in memory: the same
pass, the same rows, the same figures.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from streamer.datafiles import FileBatch
from streamer.datafiles.label_words import LabelTally, labels_of
from streamer.errors import ConfigurationError
from streamer.evaluation import LabelPlan, PassConfig, Request, RowRange, judged, run_pass
from streamer.evaluation.label_plan import LABELS, Which
from streamer.intake import Intake
from streamer.intake.by_name import load_declaration
from streamer.intake.decoding import Decoded
from streamer.library.frame_rows import values_of
from streamer.library.given_payments import Payments, messages_of
from streamer.library.given_settings import settings_of
from streamer.library.measured import Evaluation
from streamer.library.python_hints import refused_of
from streamer.library.results import Refused
from streamer.model.codec import decode_version
from streamer.settings import Settings
from streamer.starting.wiring import pipeline_config

__all__ = ["Labels", "evaluate"]

Labels = Any
"""A list, an iterator, an array or a column of a frame: 1 or true for a fraud, 0 or false for none."""
_MS: timedelta = timedelta(milliseconds=1)


def evaluate(
    payments: Payments,
    labels: Labels,
    *,
    patterns: Labels | None = None,
    taught: Which = "all",
    label_delay: timedelta = timedelta(days=7),
    judged_after: timedelta = timedelta(days=1),
    measured: range | None = None,
    start: str | Path | None = None,
    seed: int = 0,
    n_resamples: int = 200,
    clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    **settings: object,
) -> Evaluation:
    """Run a `Detector` over ``payments`` and return how well it ranked the frauds among them.

    Each payment is scored before it, or its label, has taught anything.  ``payments`` and ``settings``
    are as `Detector` takes them.  ``labels`` (n,), one for each payment, say which are frauds; None,
    NaN or an empty text is one that nobody knows, and neither teaches nor counts.  ``patterns`` (n,)
    name the kinds of fraud, for figures of each.

    ``taught``: "all" labels teach, each ``label_delay`` after its payment; "selective", those of the
    detector's own alerts do, ``judged_after`` it; or "none".  ``measured`` are the rows that count,
    by default all after the first quarter.  ``start`` is a file of `Detector.save` or
    ``streamer fit`` to go on from.  ``seed`` is that of the intervals, from ``n_resamples`` draws
    of cards.

    Raises `ConfigurationError` where there are not as many labels as payments, where a label is
    neither, and where nothing that was measured is a fraud, or nothing is legitimate.

    >>> from streamer.simulator import Simulator, SimulatorConfig
    >>> rows = Simulator(SimulatorConfig(seed=3)).generate(8_000).rows()
    >>> found = evaluate(rows, [row["label"] for row in rows], warmup_transactions=1_000)
    >>> found.n_measured, found.n_frauds
    (6000, 3)
    """
    asked = settings_of(settings)
    if taught not in LABELS:
        raise ConfigurationError(f"taught must be one of {', '.join(LABELS)}, got {taught!r}")
    plan = LabelPlan(taught, label_delay // _MS, judged_after // _MS, seed=seed)
    request = _request(asked, plan, start, measured, seed, n_resamples)
    sides = _sides(labels, patterns)
    has_zone = load_declaration(asked.intake).timestamp.zone is not None
    counts = _Counts()
    passed = run_pass(
        _batches(payments, sides, asked.batch_max_records, measured, has_zone=has_zone),
        len(sides) if measured is None else min(len(sides), measured.stop),
        request.passing,
        now_ms=clock(),
        on_progress=lambda _: None,
        on_decoded=counts.add,
    )
    if not passed.rows.is_valid.any():
        first = counts.refused[0] if counts.refused else None
        told = "" if first is None else f"; row {first.row}: {first.detail}"
        if first is not None and first.hint:
            told += f"; {first.hint}"
        raise ConfigurationError(
            f"payments must hold some that can be scored, got none of {len(passed.rows):,}{told}"
        )
    found = judged(request, passed, elapsed_s={}, on_progress=lambda *_: None)
    return Evaluation(found, tuple(counts.refused), dict(counts.passed_over))


class _Counts:
    """What was no payment, as it is decoded."""

    def __init__(self) -> None:
        self.refused: list[Refused] = []
        self.passed_over: Counter[str] = Counter()

    def add(self, _: FileBatch, __: int, decoded: Decoded) -> None:
        self.refused += [refused_of(each, each.record.offset) for each in decoded.dead_letters]
        self.passed_over.update(decoded.passed_over)


def _request(
    settings: Settings,
    plan: LabelPlan,
    start: str | Path | None,
    measured: range | None,
    seed: int,
    n_resamples: int,
) -> Request:
    config = pipeline_config(settings)
    config = replace(config, intake=Intake(load_declaration(settings.intake)))
    passing = PassConfig(
        pipeline=config,
        cards_capacity=settings.cards_capacity,
        merchants_capacity=settings.merchants_capacity,
        checkpoint_max_transactions=settings.checkpoint_max_transactions,
        labels=plan,
        start=None if start is None else decode_version(Path(start).read_bytes(), config.model)[0],
    )
    if measured is not None and (measured.step != 1 or not 0 <= measured.start < measured.stop):
        raise ConfigurationError(
            f"measured must be rows from 0 on, such as range(450_000, 700_000), got {measured}"
        )
    return Request(
        protocol="prequential",
        passing=passing,
        seed=seed,
        n_resamples=n_resamples,
        span=None if measured is None else RowRange(measured.start, measured.stop),
        rivals=(),
    )


def _sides(labels: Labels, patterns: Labels | None) -> list[str | None]:
    """Return of each payment what `FileBatch` says of it."""
    flags = values_of(labels)
    kinds = None if patterns is None else values_of(patterns)
    if kinds is not None and len(kinds) != len(flags):
        raise ConfigurationError(
            f"patterns must be as many as labels, got {len(kinds):,} for {len(flags):,}"
        )
    try:
        LabelTally().add(flags, [()] * len(flags), 0, "labels")
    except ConfigurationError as error:
        # The hint that follows is one for a command.
        raise ConfigurationError(
            f"{str(error).partition(';')[0]}; kinds of fraud are given as patterns"
        ) from None
    return labels_of(flags, kinds) or []


def _batches(
    payments: Payments,
    sides: list[str | None],
    n_at_most: int,
    measured: range | None,
    *,
    has_zone: bool,
) -> Iterator[FileBatch]:
    last = None if measured is None else measured.stop
    first = 0
    for messages in messages_of(payments, n_at_most, has_zone=has_zone):
        own = sides[first : first + len(messages)]
        if len(own) < len(messages):
            raise ConfigurationError(
                f"labels must be as many as payments, got {len(sides):,}, and more payments"
            )
        n = len(messages) if last is None else min(len(messages), last - first)
        if n:
            yield FileBatch(messages[:n], [None] * n, own[:n], [])
        first += len(messages)
        if last is not None and first >= last:
            return
    if first != len(sides):
        raise ConfigurationError(
            f"labels must be as many as payments, got {len(sides):,} for {first:,}"
        )
