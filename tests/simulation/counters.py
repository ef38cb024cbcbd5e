"""A model that counts, and histories that add up: what small worlds score with.

The protocol does not depend on what is learned, only that each payment is, once, and that a later
version decides otherwise than an earlier one.  So a version is two counters, the state of a card or a
merchant the sums of three numbers, and whether a payment alerts a hash of its id and of what the
version has seen.

Everything around that is the product's: decoding, repeats, ledger, decision and fuse, entity tables
with their eviction and merging, and all that `README.md` calls real but the model.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from streamer.contract.messages import Mode
from streamer.explaining.alerts import AlertContext
from streamer.features import Columns, EntityTable, Tables
from streamer.intake.payment_columns import ID
from streamer.model import NEVER_WORTH, WHOLE, ModelConfig, Scorer, Split, Sums
from streamer.model.codec import VersionHeader
from streamer.pipeline import Outcome, Prepared, processing
from streamer.pipeline.deciding import decide
from streamer.pipeline.partition_state import PartitionState, PipelineConfig
from streamer.store import merging, promotions, versions
from streamer.stream.checkpoints import checkpointing
from streamer.stream.scoring import held, scoring, watched
from streamer.watching import Counts

__all__ = ["Counters", "Unmeasured", "counting", "decoded_version", "observe", "print_of"]

_TIME_MS: Final = 1_700_000_000_000
_ALERTING_SHARE: Final = 0.25
_UNMOVED: Final = SimpleNamespace(is_settled=False, psi=(0.0,), worst=0)


@dataclass(slots=True)
class Counters:
    """Passes for `Sums`."""

    warmup: int
    transactions_seen: int = 0
    n_scored: int = 0
    prints: int = 0
    """The sum of what stands for each payment learned: which ones they were, whatever their order."""
    revivals: int = 0
    n_bytes: int = 0

    @property
    def teaches(self) -> bool:
        return self.transactions_seen > 0

    @property
    def is_warming(self) -> bool:
        return self.transactions_seen < self.warmup


@dataclass(frozen=True, slots=True)
class _Version:
    """Passes for `Scorer`."""

    id: str
    sums: Counters
    config: ModelConfig
    ranks_by_odds: bool = False
    split: Split = WHOLE

    @property
    def is_warming(self) -> bool:
        return self.sums.is_warming

    @property
    def asked(self) -> Any:
        return SimpleNamespace(target=0.01)

    @property
    def lines(self) -> Any:
        return SimpleNamespace(least_log_loss=NEVER_WORTH)

    def alerting(self, ids: Sequence[str]) -> NDArray[np.bool_]:
        """Return which payments are above the threshold that there is not."""
        seen = self.sums.transactions_seen
        drawn = [crc32(f"{name} {seen}".encode()) / 2**32 for name in ids]
        return np.array([share < _ALERTING_SHARE for share in drawn])


class Unmeasured:
    """Passes for `Metrics`, and for whatever it is asked for."""

    def __getattr__(self, _: str) -> Unmeasured:
        return self

    def __call__(self, *_: Any) -> Unmeasured:
        return self


@contextmanager
def counting(is_flooded: Any) -> Iterator[None]:
    """Have the model count, for as long as a seed takes; ``is_flooded`` says whether all alert."""
    with ExitStack() as stack:
        for place, name, stand_in in (
            (Sums, "zero", lambda config: Counters(config.warmup)),
            (Scorer, "of", _Version),
            (merging, "advance", _advance),
            (merging, "state_id", _state_id),
            (versions, "state_id", _state_id),
            (merging, "drift_of", lambda *_: _UNMOVED),
            (held, "drift_of", lambda *_: _UNMOVED),
            (versions, "encode_version", _encoded),
            (merging, "encode_version", _encoded),
            (promotions, "encode_version", _encoded),
            (promotions, "state_id", _state_id),
            (promotions, "refrozen", lambda sums: sums),
            (versions, "decode_version", decoded_version),
            (scoring, "process_in_steps", _scoring(is_flooded)),
            (checkpointing, "tell_checkpoint", lambda *_: None),
            (scoring.Scoring, "_count", lambda *_: None),
            (watched, "_counts", lambda ledger, *_: Counts(payments=ledger.scored)),
        ):
            stack.enter_context(patch.object(place, name, stand_in))
        yield


def observe(columns: Columns, tables: Tables) -> None:
    """Add payments to the entities that they are of; ``tables`` is IN/OUT."""
    addends = np.ones((len(columns), 3))
    addends[:, 1] = np.rint(100 * columns.amounts)
    addends[:, 2] = addends[:, 1] ** 2
    _add(tables.cards, columns.cards, addends)
    # Those without a merchant are of one that is like any other here.
    _add(tables.merchants, np.maximum(columns.tills, 0), addends)


def decoded_version(blob: bytes, _: ModelConfig) -> tuple[Counters, VersionHeader]:
    """Return what `_encoded` has made of a version."""
    sums, header = json.loads(blob)
    return Counters(**sums), VersionHeader(**header)


def _encoded(sums: Counters, header: VersionHeader, _: Any) -> bytes:
    return json.dumps([asdict(sums), asdict(header)]).encode()


def print_of(payment: str) -> int:
    """Return what stands for a payment in a sum of them."""
    return crc32(payment.encode())


def _state_id(sums: Counters) -> str:
    return f"{sums.transactions_seen:032x}{sums.prints:032x}"


def _advance(sums: Counters, delta: Counters, _: ModelConfig) -> Counters:
    return Counters(
        sums.warmup,
        sums.transactions_seen + delta.transactions_seen,
        sums.n_scored + delta.n_scored,
        sums.prints + delta.prints,
    )


def _add(table: EntityTable, keys: NDArray[np.int64], addends: NDArray[np.float64]) -> None:
    rows = table.rows(keys, to_change=True)
    np.add.at(table.records["sums"][:, : addends.shape[1]], rows, addends)
    table.times_ms[rows] = _TIME_MS


def _scoring(is_flooded: Any) -> Any:
    """Return what stands in for `streamer.pipeline.processing.process_in_steps`."""

    def process_in_steps(
        prepared: Prepared,
        state: PartitionState,
        version: Any,
        config: PipelineConfig,
        *,
        mode: Mode = "normal",
        **_: Any,
    ) -> Generator[None, None, Outcome]:
        decoded, scored = prepared.decoded, None
        n = len(decoded)
        if prepared.columns is not None:
            observe(prepared.columns, state.tables)
        if n and not version.is_warming:
            alerting = version.alerting(decoded.payments.names.column(ID).strings())
            if is_flooded():
                alerting[:] = True
            # Either above all that was ever seen or below it, so that no pace changes anything.
            scored = SimpleNamespace(
                alerted=alerting,
                values=np.zeros(n),
                distance_ranks=alerting.astype(float),
                scores=alerting.astype(float),
                odds_ranks=np.zeros(0),
                log_losses=np.zeros(0),
                asked=np.full(n, 0.01),
                due=np.full(n, 0.01),
            )
        decision = decide(decoded, state, version, scored, np.zeros(n))  # type: ignore[arg-type]
        state.delta.transactions_seen += n
        state.delta.n_scored += n  # type: ignore[attr-defined]
        if n:
            names = decoded.payments.names.column(ID).strings()
            state.delta.prints += sum(map(print_of, names))  # type: ignore[attr-defined]
        made: Any = ([], [])
        if scored is not None:
            context = _context(decoded.batch.topic, decoded.batch.partition, state.epoch)
            made = yield from processing._alerts(context, decoded, decision)
        first_place = state.ledger.scored
        ledger = processing._ledger(prepared, state, decision, is_warming=version.is_warming)
        processing._advance(state, prepared, ledger, decision)
        places = {
            decoded.offsets.item(i): first_place + i
            for i in np.flatnonzero(decision.above).tolist()
        }
        nothing: Mapping[Any, int] = {}
        return Outcome(
            *made,
            places,
            decoded.dead_letters,
            [],
            ledger,
            decoded.n_key_mismatches,
            0,
            int(decision.is_out.sum()),
            nothing,
            nothing,
            np.zeros(0),
            [],
        )

    return process_in_steps


def _context(topic: str, partition: int, epoch: int) -> AlertContext:
    """Return as much of a context as an alert without its words is made of."""
    context: Any = SimpleNamespace(topic=topic, partition=partition, epoch=epoch)
    found: AlertContext = context
    return found
