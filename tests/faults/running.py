"""Runs faults one after the other, and the table of what they cost."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TextIO

from streamer.embedded import EmbeddedKafka
from tests.faults.checker import Figures
from tests.faults.site import Broker, BrokerKind, Fault, NotHereError, Site
from tests.faults.traffic import Mix
from tests.rig.apache_kafka import ApacheKafka

__all__ = ["Row", "run_all", "run_fault", "table"]

_BROKER_NAMES: dict[BrokerKind, str] = {"kafka": "Apache Kafka", "embedded": "embedded"}
_FIRST_FEW = 4
_COLUMNS = (
    "fault", "broker", "Redis", "sent", "lost", "declared lost", "learned twice",
    "alerted twice", "states differing", "other", "recovered s",
)  # fmt: skip


@dataclass(slots=True)
class Row:
    """What one fault cost; ``figures`` is None where it could not be brought about or counted."""

    fault: Fault
    broker: BrokerKind
    figures: Figures | None = None
    recovered_s: float | None = None
    took_s: float = 0.0
    failure: str | None = None
    skipped: str | None = None
    findings: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        if self.skipped is not None:
            return True
        has_recovered = self.failure is None and self.recovered_s is not None
        return has_recovered and self.figures is not None and self.figures.is_clean

    @property
    def recovered(self) -> str:
        """Seconds from the fault's end to the first payment scored."""
        return "never" if self.recovered_s is None else f"{self.recovered_s:.1f}"

    def cells(self) -> list[str]:
        """Return the row's texts, one per column."""
        head = [self.fault.name, _BROKER_NAMES[self.broker], self.fault.redis]
        if self.figures is None:
            why = f"not here: {self.skipped}" if self.skipped else f"failed: {self.failure}"
            return [*head, why, *[""] * (len(_COLUMNS) - 4)]
        f = self.figures
        counts = (
            f.sent, f.lost, f.declared_lost, f.learned_twice, f.alerted_twice,
            f.states_differing, f.others,
        )  # fmt: skip
        return [*head, *(f"{n:,}" for n in counts), self.recovered]


def run_all(chosen: Iterable[tuple[Fault, BrokerKind]], seed: int, progress: TextIO) -> list[Row]:
    """Run each fault on its broker, and say after each what came of it."""
    rows = []
    with ExitStack() as ends:
        shared: dict[BrokerKind, Broker] = {}
        for fault, kind in chosen:
            if kind not in shared:
                server: Broker = ApacheKafka() if kind == "kafka" else EmbeddedKafka()
                shared[kind] = ends.enter_context(server)
            row = run_fault(fault, kind, shared[kind], seed)
            rows.append(row)
            mark = "ok " if row.is_clean else "BAD"
            said = row.skipped or row.failure or str(row.figures)
            print(f"{mark} {fault.name} [{kind}] {row.took_s:.0f} s: {said}", file=progress)
            print(f"      recovered s: {row.recovered}", file=progress)
            for finding in row.findings:
                print(f"      {finding}", file=progress)
            progress.flush()
    return rows


def run_fault(
    fault: Fault, kind: BrokerKind, shared: Broker, seed: int, mix: Mix | None = None
) -> Row:
    """Bring one fault about and count."""
    row, started = Row(fault, kind), time.monotonic()
    with Site(kind, shared, seed, mix or Mix()) as site:
        try:
            report = fault.run(site)
            row.figures = report.figures
            row.findings = [*report.findings, *report.excused[:_FIRST_FEW]]
        except NotHereError as error:
            row.skipped = str(error)
        except Exception as error:
            row.failure = f"{type(error).__name__}: {str(error)[:300]}"
            row.findings = traceback.format_exc().splitlines()[-6:]
        for stand in site.stands:
            row.recovered_s = stand.recovered_s
            row.findings = [*row.findings, *stand.notes]
            if not row.is_clean:
                row.findings += stand.last_words()
    row.took_s = time.monotonic() - started
    return row


def table(rows: Sequence[Row], *, markdown: bool) -> str:
    """Return the rows as text, in columns or in Markdown."""
    cells = [list(_COLUMNS), *(row.cells() for row in rows)]
    if markdown:
        cells.insert(1, ["---"] * len(_COLUMNS))
        return "\n".join(f"| {' | '.join(texts)} |" for texts in cells)
    # A long reason for a missing count is not to widen the whole column.
    widths = [max(min(len(row[i]), 70) for row in cells) for i in range(len(_COLUMNS))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(texts, widths, strict=True)).rstrip()
        for texts in cells
    )
