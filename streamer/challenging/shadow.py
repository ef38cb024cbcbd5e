"""One challenger on one partition: scores what the main line has scored, decides, learns, counts.

It meets the same features, and decides as `streamer.pipeline.deciding` does: by its own ranks, at a
pace of its own, with the same draws.  So one that differs in nothing, and began with the main line, is
the main line to the last bit, as long as there are no verdicts.

Left out is what only alerts need: reasons, waves, the fuse.  What is on a topic already from before a
crash is none of its business: it decides anew, from the checkpoint's state, as it did before.

Verdicts teach it what they teach the main line (`streamer.verdicts.overheard`), each payment with the
distance and the ranks that its own version gives at that time, since nothing of it waits for a label.

Invariants:
* It writes to nothing but itself.
* What it has counted and learned since the last `take` is in the partition's next checkpoint, or done
  again with it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np

from streamer.arrays import Flags, Floats, Integers
from streamer.challenging.found_alerts import Found, FoundAlerts
from streamer.challenging.standing import Contender, Taken
from streamer.challenging.tally import Tally, who_of
from streamer.features import History
from streamer.indexing import fingerprints
from streamer.intake.decoding import Decoded
from streamer.model import (
    MAIN,
    RESERVE,
    SAMPLE,
    Counted,
    Scored,
    Scorer,
    Sums,
    count_judged,
    learn,
    learn_verdicts,
    learn_warming,
)
from streamer.model.scores import score_batch
from streamer.pipeline.deciding import Decision, decide_rows
from streamer.pipeline.pacing import alerts_due
from streamer.pipeline.told_cards import forget_card, no_cards, packed, unpacked
from streamer.verdicts import N_BESIDE, Overheard
from streamer.verdicts.overheard import OverheardLesson, OverheardRuling

__all__ = ["Shadow"]

_PACE: Final = struct.Struct("<dq")
_NO_TIMES: Final = np.zeros(0, dtype=np.int64)
_NEVER: Final = -1
# Of every fourth batch every fourth payment: a twentieth of thousands is known well enough.
_RANKS_EVERY: Final = 4


class Shadow:
    """What one partition remembers of a challenger, between batches and between checkpoints."""

    def __init__(self, contender: Contender) -> None:
        self.run = contender.run
        self._config = contender.version.config
        self.delta = Sums.zero(self._config)
        self.tally = Tally()
        self.found = FoundAlerts()
        self.debt = 0.0
        self.told = no_cards()
        self._n_batches = 0

    def follow(
        self,
        contender: Contender,
        decoded: Decoded,
        history: History,
        scored: Scored | None,
        decision: Decision,
    ) -> None:
        """Score a batch, learn from it and compare it with what the main line made of it.

        ``scored`` is None while the main line is warming.
        """
        version, columns = contender.version, decoded.columns
        X, currencies, times_ms = history.X, columns.currencies, columns.times_ms
        if contender.left_out:
            X = X.copy()
            X[:, contender.left_out] = np.nan
        if version.is_warming:
            learn_warming(self.delta, X, currencies, times_ms)
            return
        own = version.score(X, currencies, history.V, times_ms)
        line = self._decide(version, decoded, history, own)
        reference = version.sums.reference_currency_means
        learn(
            self.delta,
            own,
            line.teaching,
            line.above,
            X[:, 0],
            currencies,
            times_ms,
            line.recent_draws,
            asked=line.shares,
            counted=Counted(X, reference, version.spread_floors),
        )
        if scored is not None:
            self._compare(decoded, scored, decision, own, line)

    def teach(self, contender: Contender, overheard: Overheard) -> None:
        """Learn what verdicts taught the main line, and count whose alerts they were on."""
        version = contender.version
        for ruling in overheard.rulings:
            self._count(ruling)
        if contender.challenge.distance_only or version.is_warming:
            return
        if (lesson := overheard.lesson) is not None:
            self._learn(contender, lesson)
        for judged in overheard.judged:
            # What its lanes yield is not known: the reserve goes by what the main line's does.
            count_judged(self.delta, *judged)

    def take(self, contender: Contender) -> Taken:
        """Return what a checkpoint is to hold, which is begun anew."""
        known = contender.version.id, contender.version.sums
        taken = Taken(self.run, self.delta, self.tally, *known)
        self.delta, self.tally = Sums.zero(self._config), Tally()
        return taken

    def erase(self, card: int, payments: Iterable[int]) -> None:
        """Let go of a card, and of its payments, by what stands for them."""
        self.found.erase(payments)
        forget_card(self.told, card)

    def take_changed(self, name: str) -> dict[str, bytes]:
        """Return the fields of the partition that differ since the last call."""
        since_ms = _NEVER if self.found.since_ms is None else self.found.since_ms
        told = np.array(packed(self.told), np.int64).tobytes()
        state = b"\0".join([self.run.encode(), _PACE.pack(self.debt, since_ms) + told])
        found = {f"{name}:{key}": value for key, value in self.found.take_changed().items()}
        return {name: state} | found

    def take_removed(self, name: str) -> list[str]:
        """Return the fields of the partition that have gone since the last call."""
        return [f"{name}:{key}" for key in self.found.take_removed()]

    def names(self, name: str) -> list[str]:
        """Return all fields that it may have."""
        return [name, *(f"{name}:{key}" for key in self.found.names())]

    @classmethod
    def load(cls, name: str, contender: Contender, stored: Mapping[str, bytes]) -> Shadow | None:
        """Return what `take_changed` returned of the same run; None where there is none."""
        run, _, state = stored.get(name, b"").partition(b"\0")
        if run.decode(errors="replace") != contender.run or len(state) < _PACE.size:
            return None
        shadow = cls(contender)
        shadow.debt, since_ms = _PACE.unpack_from(state)
        shadow.told = unpacked(np.frombuffer(state, np.int64, offset=_PACE.size).tolist())
        prefix = f"{name}:"
        shadow.found.load(
            {key.removeprefix(prefix): v for key, v in stored.items() if key.startswith(prefix)}
        )
        shadow.found.since_ms = None if since_ms == _NEVER else since_ms
        return shadow

    def _decide(self, version: Scorer, decoded: Decoded, history: History, own: Scored) -> _Line:
        n, split = len(decoded), version.split
        line = _Line.of(n)
        self.debt, _ = decide_rows(
            self.debt,
            decoded.offsets,
            own.scores,
            own.distance_ranks,
            own.odds_ranks,
            own.asked,
            own.due,
            own.alerted,
            history.card_payments_1d,
            alerts_due(version.asked.target),
            split.main,
            split.reserve,
            split.sample,
            version.config.card_daily_lessons,
            decoded.columns.cards,
            decoded.times_ms,
            self.told,
            own.log_losses,
            version.lines.least_log_loss,
            *line,
        )
        return line

    def _compare(
        self, decoded: Decoded, scored: Scored, decision: Decision, own: Scored, line: _Line
    ) -> None:
        # Few of a batch: all else about them is told by these rows.
        at = np.flatnonzero(decision.above | line.above)
        is_main, is_own = _above(decision.lanes[at]), _above(line.lanes[at])
        self.tally.add_alerts(len(decoded), is_main, is_own)
        if self._n_batches % _RANKS_EVERY == 0:
            self.tally.add_ranks(scored.scores[::_RANKS_EVERY], own.scores[::_RANKS_EVERY])
        self._n_batches += 1
        times_ms = decoded.times_ms
        if self.found.since_ms is None:
            self.found.since_ms = int(times_ms.min())
        is_drawn = decision.lanes[at] == SAMPLE
        kept = is_main | is_own | is_drawn
        if not kept.any():
            return
        weights = np.where(is_drawn, decision.weights[at], is_main)[kept]
        at, is_main, is_own = at[kept], is_main[kept], is_own[kept]
        self.found.put(decoded.payments.ids[at], times_ms[at], weights, is_main, is_own)

    def _count(self, ruling: OverheardRuling) -> None:
        """Count a verdict by who had alerted its payment, and take back the one before it."""
        (key,) = fingerprints([ruling.transaction_id]).tolist()
        found = self.found.get(key)
        if found is None:
            since_ms = self.found.since_ms
            if ruling.time_ms is None or since_ms is None or ruling.time_ms < since_ms:
                return
            found = Found(ruling.time_ms, 0.0, is_main=False, is_own=False)
        who = who_of(found.is_main, found.is_own)
        if ruling.was_fraud is not None:
            self.tally.add_judged(who, ruling.was_fraud, found.weight, -1.0)
        self.tally.add_judged(who, ruling.is_fraud, found.weight, 1.0)

    def _learn(self, contender: Contender, lesson: OverheardLesson) -> None:
        """Learn from judged payments, measured again by this version."""
        version, config = contender.version, contender.version.config
        n, d = len(lesson.vectors), config.n_features
        inputs = lesson.vectors[:, : config.n_inputs].astype(np.float64)
        inputs[:, contender.left_out] = np.nan
        room, currencies = version.room(n), np.zeros(n, np.int64)
        # Their amounts are relative already to what is usual in their currencies.
        features, of_currencies, *rest = version.scored_by
        known = np.ascontiguousarray(inputs[:, :d]), currencies
        context = np.ascontiguousarray(inputs[:, d:-1])
        nothing_usual = np.zeros_like(of_currencies)
        score_batch(*room, *known, context, _NO_TIMES, features, nothing_usual, *rest)
        has_odds, by_odds = version.odds is not None, version.lines.by_odds
        own = Scored.of(room, has_odds=has_odds, by_odds=by_odds, has_loss=version.has_loss)
        vectors = np.empty_like(lesson.vectors)
        vectors[:, : config.n_inputs] = own.inputs
        vectors[:, config.n_inputs : config.n_inputs + 2] = own.ranks
        known_as = lesson.frauds, lesson.weights
        learn_verdicts(
            self.delta, version, vectors, np.arange(n), *known_as, n_learned=lesson.n_learned
        )


class _Line(NamedTuple):
    """What `decide_rows` writes, in its order."""

    lanes: Integers
    weights: Floats
    shares: Floats
    draws: Floats
    recent_draws: Floats
    above: Flags
    teaching: Flags
    beside: Floats

    @classmethod
    def of(cls, n: int) -> _Line:
        numbers = (np.empty(n), np.empty(n), np.empty(n))
        flags = np.empty(n, np.bool_), np.empty(n, np.bool_)
        return cls(np.zeros(n, np.int64), np.zeros(n), *numbers, *flags, np.empty((n, N_BESIDE)))


def _above(lanes: Integers) -> Flags:
    above: Flags = (lanes == MAIN) | (lanes == RESERVE)
    return above
