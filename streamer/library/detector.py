"""A worker's whole work in memory: score each payment, learn from it, alert within the budget.

It is one partition that nobody else reads (`streamer.offline`), so the same payments give the same
scores as a worker's and as ``streamer replay``; how they are cut into calls changes nothing.

Invariants:
* A payment is scored by a model that did not know it, and then learned from, once.
* Nothing is read from the environment: what is not given has its default.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.ledger import Ledger
from streamer.contract.messages import Alert
from streamer.explaining.explanation import Explanation, explain_by_parameters
from streamer.intake import Intake
from streamer.intake.by_name import load_declaration
from streamer.library.given_payments import Payments, messages_of
from streamer.library.given_settings import settings_of
from streamer.library.given_verdicts import Verdicts, feedback_of
from streamer.library.python_hints import refused_of, warn_where_all_are_refused
from streamer.library.results import Results
from streamer.model import Sums
from streamer.model.codec import VersionHeader, decode_version, encode_version
from streamer.offline.offline_partition import OfflinePartition, ScoredPart
from streamer.pipeline import Outcome
from streamer.reports.version_report import describe_version
from streamer.starting.wiring import pipeline_config

__all__ = ["Detector"]

_TOPIC: Final = "payments"


class Detector:
    """Online k-means over payments, with thresholds by an alert budget, reasons and verdicts.

    ``settings`` are those of a worker, in lower case and without ``STREAMER_``: ``alert_budget``,
    ``n_clusters``, ``half_life_transactions``, ``warmup_transactions``, ``intake`` and so on; see
    ops/SETTINGS.md.  ``with_features`` keeps each payment's features in the results.  ``clock`` returns
    milliseconds since 1970: what alerts are stamped with, and against which times ahead are held.

    Raises `ConfigurationError`, with a line for each fault, where a setting is none or cannot be.

    >>> detector = Detector(alert_budget=0.01, warmup_transactions=500)
    >>> payment = {"transaction_id": "t1", "card_id": "c1", "amount": 42.5, "currency": "EUR",
    ...            "timestamp": "2026-11-28T05:58:00Z"}
    >>> detector.process([payment]).columns()["status"].tolist()
    ['warming']
    """

    def __init__(
        self,
        *,
        with_features: bool = False,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        **settings: object,
    ) -> None:
        self._clock = clock
        self._settings = settings_of(settings)
        declaration = load_declaration(self._settings.intake)
        self._has_zone = declaration.timestamp.zone is not None
        intake = Intake(declaration)
        config = pipeline_config(self._settings)
        self._config = replace(config, with_scores=True, with_features=with_features, intake=intake)
        self._partition = self._beginning_with(None)
        self._next_offset = 0

    @property
    def version_id(self) -> str:
        """The content address of the model that scores the next payment, 64 hexadecimal digits."""
        return self._partition.version.id

    @property
    def is_warming(self) -> bool:
        """Whether there are no centers yet, and so neither scores nor alerts."""
        return self._partition.version.is_warming

    @property
    def ledger(self) -> Ledger:
        """What became of all payments that were ever given."""
        return self._partition.state.ledger

    def process(self, payments: Payments, *, learn: bool = True) -> Results:
        """Score each payment, learn from it, and return what came of all of them.

        ``payments``: dicts or JSON objects in any order that time allows (a card's own must be in
        order), an iterator of them, or a data frame of pandas, polars or pyarrow.  What cannot be
        scored is in ``refused``, and stops nothing; where all of it is, for one reason, there is a
        `RefusedWarning`.

        Without ``learn`` the model stays as it is, centers, scale and thresholds: what a model that is
        never fitted again would say.  Cards and merchants go on having a history.
        """
        first, n_repeated, passed_over, found = self._next_offset, 0, Counter[str](), Results()
        begun: list[bytes] = []
        n_at_most = self._settings.batch_max_records
        for messages in messages_of(payments, n_at_most, has_zone=self._has_zone):
            begun = begun or messages
            for part in self._run(messages, learn=learn):
                _add(found, part.outcome, first)
                passed_over.update(part.outcome.passed_over)
                n_repeated += part.outcome.ledger.repeated
        n = self._next_offset - first
        warn_where_all_are_refused(found.refused, n, begun)
        return replace(found, n=n, passed_over=dict(passed_over), n_repeated=n_repeated)

    def teach(self, verdicts: Verdicts) -> None:
        """Learn from verdicts on payments that were given before; the next version knows of them.

        A version follows after a tenth more payments than there were, and at least a thousand.

        They are dicts or the rows of a data frame.  Each has ``transaction_id``, ``verdict`` ("fraud"
        or "legitimate"), ``origin`` ("reviewer" or "chargeback") and ``decided_at`` (RFC 3339 text or a
        datetime with a time zone), and may have ``card_id`` and ``merchant_id``.  Raises
        `ConfigurationError` before any has been learned, naming the verdict by its place from 0 on.
        """
        self._partition.teach(feedback_of(verdicts))

    def explain(self, alert: Alert) -> Explanation:
        """Return every part of an alert's score, computed again from what the alert carries.

        ``print`` shows it as sentences, a notebook as a table.
        """
        return explain_by_parameters(alert)

    def describe(self) -> dict[str, Any]:
        """Return the model that scores the next payment, as ``streamer model show --json`` prints it.

        ``centers`` are in the units of payments, ``drift`` says which features have moved.
        """
        return describe_version(self._partition.version, None)

    def save(self, path: str | Path) -> None:
        """Write the model as ``streamer fit`` does: a worker imports it, and `load` reads it.

        It holds what was learned of all traffic, and nothing of any card: whoever starts from it knows
        no card's past.
        """
        if self._partition.state.delta.transactions_seen:
            self._partition.renew()
        sums, model = self._partition.sums, self._config.model
        at = datetime.fromtimestamp(self._clock() / 1000, UTC).isoformat(timespec="seconds")
        header = VersionHeader("", at, "fit", model.hash)
        Path(path).write_bytes(encode_version(sums, header, model.feature_names))

    @classmethod
    def load(cls, path: str | Path, **settings: Any) -> Detector:
        """Return a detector that goes on from a version of `save`, ``fit`` or ``model export``.

        ``settings`` are those of the constructor.  Raises `ConfigurationError` where the file is no
        version, or one of other features or another number of clusters.
        """
        made = cls(**settings)
        sums, _ = decode_version(Path(path).read_bytes(), made._config.model)
        made._partition = made._beginning_with(sums)
        return made

    def _beginning_with(self, start: Sums | None) -> OfflinePartition:
        settings = self._settings
        return OfflinePartition(
            self._config,
            settings.cards_capacity,
            settings.merchants_capacity,
            settings.checkpoint_max_transactions,
            start=start,
        )

    def _run(self, messages: list[bytes], *, learn: bool) -> Iterable[ScoredPart]:
        now_ms = self._clock()
        records = [
            StoredRecord(offset, now_ms, None, message)
            for offset, message in enumerate(messages, self._next_offset)
        ]
        batch = Batch(_TOPIC, 0, records, now_ms)
        yield from self._partition.run(batch, now_ms=now_ms, learns=learn)
        self._next_offset += len(records)


def _add(found: Results, outcome: Outcome, first: int) -> None:
    """Add what came of a part to ``found`` (IN/OUT); row 0 is the offset ``first``."""
    found.scores.update({score.source.offset - first: score for score in outcome.scores})
    found.features.update({row.source.offset - first: row for row in outcome.features})
    found.alerts.extend(outcome.alerts)
    found.overflow.extend(outcome.overflow)
    found.refused.extend(
        refused_of(each, each.record.offset - first) for each in outcome.dead_letters
    )
